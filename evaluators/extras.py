"""What to install where an import failed: the extra that brings the package, or a version of it that fits."""

from __future__ import annotations

import importlib.util
import re
from importlib.metadata import PackageNotFoundError, packages_distributions, requires


def failed_import(error: BaseException) -> ImportError | None:
    """The ImportError at the root of an exception; None where it is about something else."""
    root = error if isinstance(error, ImportError) else None
    while error.__cause__ is not None:
        error = error.__cause__
        root = error if isinstance(error, ImportError) else root
    return root


def install(error: BaseException, extra: str) -> str:
    """The command that fixes a failed import.

    A package that is there, but in a version without what was imported, is named with the range that the extra has for it:

        >>> install(ModuleNotFoundError("No module named 'filelock._api'", name="filelock._api"), "lmms-eval")
        "pip install 'filelock<4.3'"

    Args:
        error: an ImportError, or what was raised from one.
        extra: the extra of rubric-harness that brings the package; "" for the package without one.
    """
    root = failed_import(error)
    package = (root.name if root is not None and root.name else "").partition(".")[0]
    requirement = _requirement(package, extra) if package and _is_installed(package) else None
    return f"pip install '{requirement or (f'rubric-harness[{extra}]' if extra else 'rubric-harness')}'"


def _is_installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ValueError:  # a module without a spec is there
        return True


def _requirement(package: str, extra: str) -> str | None:
    """What the extra says of the distribution that holds a package, such as `filelock<4.3`."""
    try:
        listed = requires("rubric-harness") or []
    except PackageNotFoundError:  # run from a folder that was never installed
        return None
    names = {_normal(n) for n in packages_distributions().get(package, [package])}
    for line in listed:
        requirement, _, marker = line.partition(";")
        if re.fullmatch(rf"\s*extra == ['\"]{extra}['\"]\s*", marker):
            name = re.match(r"[\w.-]+", requirement)
            if name is not None and _normal(name[0]) in names:
                return requirement.strip()
    return None


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
