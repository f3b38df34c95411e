"""What no linter checks: `python tools/house.py`, part of `make lint`.

- Names: locals and parameters that say how a thing came about (`found`, `kept`) and not what it is, at most `MOST` a function.
- Privacy: no module uses a name of another that begins with `_`.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PACKAGES = ("evaluators", "harness_plugins")
VAGUE = frozenset(["found", "one", "kept", "told", "given", "held", "rest", "some", "same", "made", "wanted", "whole"])
MOST = 0.05


class Problem(NamedTuple):
    path: Path
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}: {self.what}"


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))


def vague_names(path: Path, tree: ast.AST) -> Iterator[Problem]:
    """Each name once a function that binds it."""
    for function in functions(tree):
        bound = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        bound |= {n.arg for n in ast.walk(function) if isinstance(n, ast.arg)}
        for name in sorted(bound & VAGUE):
            yield Problem(path, function.lineno, f"{function.name}: `{name}` does not say what it holds")


def private_names(path: Path, tree: ast.AST, modules: frozenset[str]) -> Iterator[Problem]:
    """Names of another module that begin with `_`: imported, or read through the module."""
    imported: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in PACKAGES:
            for alias in node.names:
                if f"{node.module}.{alias.name}" in modules:
                    imported.add(alias.asname or alias.name)
                elif alias.name.startswith("_") and not alias.name.startswith("__"):
                    yield Problem(path, node.lineno, f"`{alias.name}` is private to {node.module}")
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=module), attr=name) if module in imported and name.startswith("_"):
                if not name.startswith("__"):
                    yield Problem(path, node.lineno, f"`{name}` is private to {module}")


def main() -> int:
    paths = [p for package in PACKAGES for p in sorted((ROOT / package).rglob("*.py"))]
    modules = frozenset(".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for p in paths)
    count = 0
    vague: list[Problem] = []
    private: list[Problem] = []
    for path in paths:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        count += sum(1 for _ in functions(tree))
        vague += vague_names(path, tree)
        private += private_names(path, tree, modules)
    share = len(vague) / count
    problems = [*private, *(vague if share > MOST else ())]
    for problem in problems:
        print(problem)
    print(
        f"house: {len(vague)} vague names in {count:,} functions ({share:.3f}, at most {MOST}), {len(private)} private names"
    )
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
