"""The engine: which calls are due (`plan`), asking them (`runner`), pacing (`pacing`), and keeping them (`journal`)."""
