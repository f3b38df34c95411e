"""DuckDB, as our commands use it."""

from __future__ import annotations

from typing import Any


def connect() -> Any:
    """A connection to a database in memory.

    Without DuckDB's progress bar: where it takes a program for a notebook (`python -c`), the bar goes to standard output, into what
    `--format json` prints there.
    """
    import duckdb  # slow to import

    connection = duckdb.connect()
    # Jupyter without ipywidgets: the bar is off, and DuckDB refuses to set what is set already.
    if connection.execute("SELECT current_setting('enable_progress_bar')").fetchall()[0][0]:
        connection.execute("SET enable_progress_bar = false")
    return connection
