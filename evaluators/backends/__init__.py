"""One module a backend. Each gives `check(spec)` (its own rules for a config entry, ValueError) and either
`create(spec) -> ChatBackend` or `create_judge(spec) -> Judge`; its file name is its name in a config."""
