"""One renderer a format. They know tables, and nothing of what these are about."""
