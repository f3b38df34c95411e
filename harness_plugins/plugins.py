"""What other packages may add here, beside backends and writers: see `evaluators.plugins`."""

from evaluators.plugins import Plugins

IMPORTS = Plugins("imports", "harness_plugins.imports")
EXPORTS = Plugins("exports", "harness_plugins.training_data.exports")
METRICS = Plugins("metrics", "")
SOURCES = Plugins("sources", "harness_plugins.training_data.sources")
TABLES = Plugins("tables", "harness_plugins.tables.run_tables")
