"""One module a method of writing rubrics; `evaluators.writers.base` says what it holds."""
