"""What each command does, and what it answers to the shell. Each imports what it needs when it runs, so that --help is quick."""

from __future__ import annotations

from collections.abc import Sequence

COMPLETE, BAD_INPUT, ERRORS_REMAIN, INTERRUPTED = 0, 2, 3, 130


def pairs(values: Sequence[str], option: str) -> dict[str, set[str]]:
    """`judge=a,judge=b,arm=none` as {"judge": {"a", "b"}, "arm": {"none"}}; a bare value continues its field."""
    from evaluators.errors import UserError

    values_by_field: dict[str, set[str]] = {}
    field = ""
    for part in (p.strip() for value in values for p in value.split(",")):
        name, equals, after_equals = part.partition("=")
        field = name if equals else field
        value = after_equals if equals else name
        if not field or not value:
            raise UserError(
                f"{option} {part}: give FIELD=VALUE, such as {option} {'status=unparsed' if option == '--redo' else 'judge=qwen'}"
            )
        values_by_field.setdefault(field, set()).add(value)
    return values_by_field
