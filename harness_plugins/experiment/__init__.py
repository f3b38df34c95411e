"""A run from its config: rubrics written, judges asked, money counted."""
