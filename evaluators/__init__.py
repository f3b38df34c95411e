"""Who judges and how: records, chat backends, arms, prompts, parsing, the engine. Knows no harness and no benchmark."""
