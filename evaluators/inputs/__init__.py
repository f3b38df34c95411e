"""What people write: files, YAML and its errors, names that were mistyped."""
