"""What a package can add to Rubric Harness: each module is one of the things that pyproject.toml names."""
