"""What no linter checks: `python tools/house.py`, part of `make lint`.

- Names: locals and parameters that say how a thing came about (`found`, `kept`) and not what it is, at most `MOST` a function;
  classes, functions and fields of such a name, none.
- Tests: each module is imported by a test, or has a test file of its name where the module lies.
- Privacy: no module uses a name of another that begins with `_`.
- Size: no function of more than `LINES` lines.
- Signatures: no parameter or result is a tuple of several values; such values have names, in a NamedTuple or a dataclass.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PACKAGES = ("evaluators", "harness_plugins")
VAGUE = frozenset(
    ["found", "one", "kept", "told", "given", "held", "rest", "some", "same", "made", "wanted", "whole", "said"]
)
MOST = 0.05
LINES = 60
UNTESTED: dict[str, str] = {
    "harness_plugins.__main__": "`python -m harness_plugins`, by which the tests start processes",
    "harness_plugins._version": "a number",
    "harness_plugins.hosts.lm_eval": "imported by lm-eval alone, which tests/hosts/test_lm_eval.py starts",
    "harness_plugins.hosts.lmms_eval.cli": "starts lmms-eval: tests/hosts/test_lmms_cli.py",
    "harness_plugins.hosts.lmms_eval.task": "imported by lmms-eval alone, which tests/hosts starts",
}
"""Modules that no test imports, and why."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Problem(NamedTuple):
    path: Path
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}: {self.what}"


def functions(tree: ast.AST) -> Iterator[Function]:
    return (n for n in ast.walk(tree) if isinstance(n, Function))


def vague_names(path: Path, tree: ast.AST) -> Iterator[Problem]:
    """Each name once a function that binds it."""
    for function in functions(tree):
        bound = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        bound |= {n.arg for n in ast.walk(function) if isinstance(n, ast.arg)}
        for name in sorted(bound & VAGUE):
            yield Problem(path, function.lineno, f"{function.name}: `{name}` does not say what it holds")


def vague_definitions(path: Path, tree: ast.AST) -> Iterator[Problem]:
    """Classes, functions and fields."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names = [name]
            case ast.AnnAssign(target=ast.Name(id=name)):
                names = [name]
            case _:
                continue
        for name in names:
            if name.strip("_").lower() in VAGUE:
                yield Problem(path, node.lineno, f"`{name}` does not say what it is")


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


def long_functions(path: Path, tree: ast.AST) -> Iterator[Problem]:
    for function in functions(tree):
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        if lines > LINES:
            yield Problem(path, function.lineno, f"{function.name}: {lines} lines, at most {LINES}")


def bare_tuples(path: Path, tree: ast.AST) -> Iterator[Problem]:
    """Parameters and results, alone or within a list or a mapping."""
    for function in functions(tree):
        every = function.args
        annotations = [function.returns, *(a.annotation for a in (*every.posonlyargs, *every.args, *every.kwonlyargs))]
        for annotation in annotations:
            if annotation is not None and _several(annotation):
                text = ast.unparse(annotation)
                yield Problem(path, function.lineno, f"{function.name}: `{text}` does not say what its values are")


def _several(node: ast.AST) -> bool:
    """Whether a tuple of a fixed number of values is handed over. As a key of a mapping or in a set it is an identity."""
    match node:
        case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=values)):
            if not any(isinstance(v, ast.Constant) and v.value is ... for v in values):
                return True
        case ast.Subscript(value=ast.Name(id="set" | "frozenset")):
            return False
        case ast.Subscript(value=ast.Name(id="dict" | "Mapping"), slice=ast.Tuple(elts=[_, value])):
            return _several(value)
    return any(_several(child) for child in ast.iter_child_nodes(node))


def untested(paths: Sequence[Path]) -> Iterator[Problem]:
    """Modules that no test is about. An `__init__` that defines nothing is none."""
    tests = sorted((ROOT / "tests").rglob("*.py"))
    files = {p.relative_to(ROOT / "tests") for p in tests}
    imported = {name for p in tests for name in imports(ast.parse(p.read_text(encoding="utf-8")))}
    for path in paths:
        module, place = module_name(path), path.relative_to(ROOT)
        own = place.with_name(f"test_{path.stem.strip('_')}.py")
        if module in imported or own in files or module in UNTESTED:
            continue
        if path.name != "__init__.py" or _defines(ast.parse(path.read_text(encoding="utf-8"))):
            yield Problem(path, 1, f"no test imports {module}, and there is no tests/{own}")


def imports(tree: ast.AST) -> Iterator[str]:
    """The modules that are imported, names taken from them among these."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=aliases):
                yield from (alias.name for alias in aliases)
            case ast.ImportFrom(module=str(module), names=aliases, level=0):
                yield module
                yield from (f"{module}.{alias.name}" for alias in aliases)


def _defines(tree: ast.Module) -> bool:
    """Whether a module is more than a docstring."""
    return any(not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)) for n in tree.body)


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def main() -> int:
    paths = [p for package in PACKAGES for p in sorted((ROOT / package).rglob("*.py"))]
    modules = frozenset(map(module_name, paths))
    count = 0
    vague: list[Problem] = []
    problems = list(untested(paths))
    for path in paths:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        count += sum(1 for _ in functions(tree))
        vague += vague_names(path, tree)
        problems += private_names(path, tree, modules)
        if path.name != "records.py":  # its fields are a file format
            problems += vague_definitions(path, tree)
        problems += long_functions(path, tree)
        problems += bare_tuples(path, tree)
    share = len(vague) / count
    problems += vague if share > MOST else ()
    for problem in problems:
        print(problem)
    print(
        f"house: {len(vague)} vague names in {count:,} functions ({share:.3f}, at most {MOST}), {len(problems)} problems"
    )
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
