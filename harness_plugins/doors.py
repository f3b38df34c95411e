"""What other packages may add here, beside backends and writers: see `evaluators.doors`."""

from evaluators.doors import Door

IMPORTS = Door("imports", "harness_plugins.imports")
EXPORTS = Door("exports", "harness_plugins.training_data.exports")
METRICS = Door("metrics", "")
SOURCES = Door("sources", "harness_plugins.training_data.sources")
TABLES = Door("tables", "harness_plugins.tables.run_tables")
