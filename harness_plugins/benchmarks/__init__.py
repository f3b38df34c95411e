"""Benchmarks: a folder under `tasks/` each, declared in `benchmark.yaml` (`spec`), read from where rows are (`sources`)
and turned into Items (`loader`)."""
