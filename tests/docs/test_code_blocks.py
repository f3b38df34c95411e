"""Every code block of README.md and docs/ is run as a reader would run it, or says what it needs and is checked without.

What is done with which kind of block is said once, in CONTRIBUTING.md under "Code blocks".
"""

from __future__ import annotations

import csv
import json
import re
import shlex
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from evaluators.errors import UserError
from evaluators.testing.mock_server import MockServer
from harness_plugins.cli.parser import build_parser
from tests.conftest import ROOT, read_jsonl
from tests.docs import configs
from tests.docs.client import check_make, check_pip
from tests.docs.markdown import Block, blocks
from tests.docs.page import HERE, Reader

PAGES = ["README.md", *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md"))]
NEEDS = {"gpu", "hub", "account", "cluster", "lmms-eval"}
HAVE = frozenset({"lmms-eval"} if find_spec("lmms_eval") else ())
"""Of them, what is here: in the environment of `make test-lmms`."""
LANGUAGES = {"bash", "yaml", "python", "json", "jsonl", "csv", "toml", "text", "tree"}
MARKED = {"gpu": 12, "hub": 9, "account": 1, "lmms-eval": 4}
"""How many blocks of docs/ need what; a block that is marked or unmarked changes a number here."""


@pytest.fixture(scope="module")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("starter") / "socket"
    process = subprocess.Popen([sys.executable, str(HERE / "starter.py"), str(place)], cwd=ROOT)
    until = time.monotonic() + 30
    while not place.exists() and time.monotonic() < until:
        time.sleep(0.02)
    yield place
    process.kill()
    process.wait()


@pytest.mark.parametrize(
    "page",
    [p for p in PAGES if blocks(ROOT, p)],
)
def test_the_blocks_of_a_page_do_what_it_says(page: str, tmp_path: Path, starter: Path) -> None:
    failed = failures(blocks(ROOT, page), tmp_path, starter)
    assert not failed, "\n\n".join(failed)


def failures(every: list[Block], folder: Path, starter: Path) -> list[str]:
    """What is wrong with the blocks of a page, one after the other in one folder; what goes wrong does not end it."""
    result = []
    with MockServer(reads=True).running() as endpoint:
        reader = Reader(folder, starter, endpoint.port, every)
        printed: str | None = None
        try:
            for block in every:
                try:
                    printed = (check if block.needs - HAVE else run)(block, reader, printed)
                except (AssertionError, UserError, ValueError, subprocess.TimeoutExpired) as e:
                    result.append(f"{block}: {e}")
        finally:
            reader.close()
    return result


def run(block: Block, reader: Reader, printed: str | None) -> str | None:
    """Do with a block what its reader would: what the last command printed.

    Args:
        printed: by the command before it, or None where that one was not run.
    """
    assert block.language in LANGUAGES, f"a block says its language, one of {', '.join(sorted(LANGUAGES))}"
    path = reader.write(block) if block.title else None
    match block.language:
        case "bash":
            return reader.shell(block)
        case "text" if not block.title:
            if printed is not None:
                in_order(block, printed)
        case "text" | "tree":
            return printed
        case "python":
            return reader.command(block, "python", str(path or reader.write(titled(block, "block.py"))))
        case "yaml":
            load(block, path or reader.write(titled(block, "block.yaml")), reader)
        case _:
            parse(block)
    return printed


def titled(block: Block, name: str) -> Block:
    return Block(block.page, block.line, block.language, block.text, name, block.needs)


def load(block: Block, path: Path, reader: Reader) -> None:
    reader.command(block, "python", str(HERE / "configs.py"), str(path))
    if configs.is_complete(path):
        reader.command(block, "rubric-harness", "run", str(path), "--dry-run")


def parse(block: Block) -> None:
    match block.language:
        case "json" | "jsonl":
            try:
                json.loads(block.text)
            except ValueError:
                assert [json.loads(line) for line in block.text.splitlines()], str(block)
        case "csv":
            rows = list(csv.reader(block.text.splitlines()))
            assert len({len(row) for row in rows}) == 1, f"{block}: rows of one length"
        case "toml":
            tomllib.loads(re.sub("(?m)^   ", "", block.text))


def in_order(block: Block, printed: str) -> None:
    """Each line of a block is among what was printed, one after the other; a line of three dots stands for any."""
    lines = iter(line.rstrip() for line in printed.splitlines())
    for wanted in (line.rstrip() for line in block.text.splitlines()):
        if wanted.strip() not in ("", "..."):
            assert any(line == wanted for line in lines), f"not printed: {wanted!r}"


# What needs more than a test has.
def check(block: Block, reader: Reader, printed: str | None) -> None:
    """Look at what can be seen of a block without what it needs; nothing is printed."""
    path = reader.write(titled(block, block.title or f"block.{block.language}"))
    match block.language:
        case "bash":
            for words in commands(block.text):
                check_command(words, reader)
        case "yaml":
            reader.command(block, "python", str(HERE / "configs.py"), str(path))
        case "python":
            compile(block.text, str(block), "exec")
        case _:
            parse(block)


def commands(text: str) -> Iterator[list[str]]:
    """The words of each command of a shell block."""
    for line in re.sub(r"\\\n", " ", text).splitlines():
        words = shlex.shlex(line, posix=True, punctuation_chars=True)
        words.whitespace_split = True
        command: list[str] = []
        for word in words:
            if word in {"&&", "|", ";", "&", ">"}:  # a file follows the last, and no command of ours
                yield from [command] if command else []
                command = []
            else:
                command.append(word)
        yield from [command] if command else []


def check_command(words: list[str], reader: Reader) -> None:
    words = words[next((n for n, w in enumerate(words) if "=" not in w), 0) :]  # VARIABLE=value before a command
    ours = words.index("harness_plugins") if "harness_plugins" in words else 0 if words[0] == "rubric-harness" else None
    if ours is not None:
        check_ours(words[ours + 1 :])
    elif words[0] == "pip":
        assert check_pip(words[1:]) == 0, shlex.join(words)
    elif words[0] == "make":
        assert check_make(words[1:]) == 0, shlex.join(words)
    for n, word in enumerate(words):
        if word.startswith("examples/"):
            path = reader.checkout / word
            assert path.exists(), f"{word} is not there"
            check_script(path, words[n + 1 :])


def check_ours(arguments: list[str]) -> None:
    parser = build_parser()
    try:
        parser.check_names(arguments)
        parser.parse_known_args(arguments)
    except SystemExit as e:
        if e.code:
            raise ValueError(f"rubric-harness does not take: {shlex.join(arguments)}") from None


def check_script(path: Path, arguments: list[str]) -> None:
    """Whether a recipe, or a module beside it, knows the options that it gets."""
    texts = "".join(p.read_text(encoding="utf-8") for p in path.parent.glob("*.py"))
    for option in (a.partition("=")[0] for a in arguments if a.startswith("--") and path.suffix == ".py"):
        assert f'"{option}"' in texts, f"{path.name} has no {option}"


def test_what_a_block_needs_is_counted() -> None:
    every = [b for page in PAGES for b in blocks(ROOT, page)]
    assert {need for b in every for need in b.needs} <= NEEDS
    of_docs = [b for b in every if b.page != "README.md"]
    counts = Counter(need for b in of_docs for need in b.needs)
    print(f"{len(every)} blocks, of which {sum(bool(b.needs) for b in every)} need {dict(counts)}")
    assert counts == MARKED, "a block was marked or unmarked: is that meant?"


@pytest.mark.parametrize(
    ("page", "why"),
    [
        ("<!-- needs: gpu -->\n```bash\nrubric-harness run a.yaml --pricess b.yaml\n```", "does not take"),
        (
            "<!-- needs: hub -->\n```bash\nCUDA_VISIBLE_DEVICES=0 python examples/train_sft.py --olden\n```",
            "has no --olden",
        ),
        ("<!-- needs: hub -->\n```bash\npip install '.[dataset]'\n```", "pip install"),
        ("<!-- needs: hub -->\n```yaml\njudges: [longer]\n```", "longest"),
        ("```bash\nfalse | true\n```", "ends with 1"),
        ("```bash\necho 1\n```\n\n```text\n2\n```", "not printed: '2'"),
        ("```json\n{'a': 1}\n```", "double quotes"),
        ("```\nanything\n```", "says its language"),
    ],
)
def test_a_block_that_is_wrong_is_named(page: str, why: str, tmp_path: Path, starter: Path) -> None:
    (tmp_path / "page.md").write_text(page, encoding="utf-8")
    failed = failures(blocks(tmp_path, "page.md"), tmp_path, starter)
    assert len(failed) == 1 and re.match(r"page\.md:\d+: ", failed[0]) and why in failed[0]


def test_blocks_of_a_page_share_folder_environment_and_servers(tmp_path: Path, starter: Path) -> None:
    """A server that a page starts gets a port of its own, however many pages say 8765; what is exported stays."""
    (tmp_path / "page.md").write_text(
        "```bash\npython -m evaluators.testing.mock_server --port 8765 --answer 2 &\nexport OUT=results/runs/two\n```\n"
        '```yaml title="two.yaml"\nbenchmarks: [{name: demo, limit: 2}]\narms: [none]\n'
        "judges: [{name: two, backend: openai, model: m, base_url: 'http://127.0.0.1:8765/v1'}]\nout: results/runs/two\n```\n"
        "```bash\nrubric-harness run two.yaml && rubric-harness check $OUT\n```\n",
        encoding="utf-8",
    )
    assert failures(blocks(tmp_path, "page.md"), tmp_path, starter) == []
    rows = read_jsonl(tmp_path / "checkout" / "results" / "runs" / "two" / "verdicts.jsonl")
    assert [row["choice"] for row in rows] == [2, 2, 2, 2]


def test_make_demo_is_run(tmp_path: Path, starter: Path) -> None:
    (tmp_path / "page.md").write_text("```bash\nmake demo | grep careful > shown.txt\n```\n", encoding="utf-8")
    assert failures(blocks(tmp_path, "page.md"), tmp_path, starter) == []
    assert "careful" in (tmp_path / "checkout" / "shown.txt").read_text(encoding="utf-8")
