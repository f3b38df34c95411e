"""Who writes rubrics, and how."""
