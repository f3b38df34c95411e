"""The tables of a scored run, a module each: `tables(report)` gives those that the run has something for.

`tables.run.RUN_TABLES` has them in order. Another package adds its own by an entry point (`harness_plugins.plugins.TABLES`).
"""
