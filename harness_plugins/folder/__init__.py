"""Run folders: what is in them, read in one way for scoring, `show`, the report and the next run."""
