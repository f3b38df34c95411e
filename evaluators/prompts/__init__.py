"""From a case to a prompt, and from an answer to a verdict."""
