"""What a judge is given to read: the arms, rubrics of other items, generic texts; and what leaks through a rubric."""
