"""What people hand in: files, YAML and its errors, names that were mistyped."""
