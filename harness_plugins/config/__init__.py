"""What a config file holds: a run, and what models cost."""
