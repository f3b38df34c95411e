"""Benchmarks: a folder under `tasks/` each, declared in `benchmark.yaml` (`spec`), read from where rows lie (`sources`)
and turned into Items (`loader`)."""
