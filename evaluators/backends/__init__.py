"""One module a backend; its file name is its name in a config. Each gives
- `check(spec)`: its own rules for a config entry (ValueError),
- either `create(spec) -> ChatBackend` or `create_judge(spec) -> Judge`, and, where the defaults do not fit,
- `CAPABILITIES`: what it can do, and the fields of a config entry that are its own (`evaluators.capabilities`),
- `TRANSPORT_ARGS`: those `model_args` that only say where and how fast, and so are in no key,
- `EXTRA`: the extra of rubric-harness that installs what it needs, and
- `unset(spec)`: a line for each variable of the environment that the spec names and that is not set.

All code that reads records asks for `CAPABILITIES`, so what is slow to import is imported in `create`.
"""
