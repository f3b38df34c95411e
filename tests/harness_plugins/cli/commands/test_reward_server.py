"""`reward-server`: what it will not serve. `tests/harness_plugins/rewards` has what it answers."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from evaluators.testing.mock_server import MockServer
from harness_plugins.cli.exit_codes import BAD_INPUT
from tests.harness_plugins.cli.conftest import Typed
from tests.serving import TOKEN
from tests.serving import config as reward_config

pytest.importorskip("fastapi", reason="needs the extra `server`")
pytestmark = pytest.mark.xdist_group("cli")


def config_of(folder: Path, more: str = "") -> Path:
    return reward_config(folder, MockServer(), more)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--host", "0.0.0.0"], "give --token-env NAME"),
        (["--port", "99999"], "--port 99999: give a number from 0"),
        (["--token-env", "SHORT"], "at least 16 printable characters"),
        (["--token-env", "UNSET"], "at least 16 printable characters"),
        (["--host", "192.0.2.1", "--token-env", "LONG"], "cannot listen on 192.0.2.1"),
        *(
            (["--allow-host", name], "give a name without scheme and port, such as judges.local or *.local")
            for name in ("http://judges.local", "judges.local:8765", "a*b", "*.*", "")
        ),
    ],
)
def test_what_cannot_be_served_is_told(
    options: list[str], complaint: str, tmp_path: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHORT", "short")
    monkeypatch.setenv("LONG", TOKEN)
    done = typed("reward-server", config_of(tmp_path), *options)
    assert done.code == BAD_INPUT and complaint in done.err


def test_a_body_that_never_fits_is_told(tmp_path: Path, typed: Typed) -> None:
    done = typed("reward-server", config_of(tmp_path, "limits: {body_mb: 512}"))
    assert done.code == BAD_INPUT and "body_mb (512) never fits in bodies_mb (256): raise bodies_mb" in done.err


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("queue: 3", "nothing to serve"),
        ("rpo: {judge: {name: j, backend: baseline, modle: x}}", "line 1: unknown key 'modle'; did you mean 'model'?"),
        (
            "rpo:\n  judge: {name: j, backend: baseline}\n  rubrics: x",
            "line 3: unknown key 'rubrics'; did you mean 'rubric'?",
        ),
        ("rpo:\n  judge: {name: longest, backend: baseline}\n  rubric: gone.yaml", "line 3: rubric: "),
        ("proxy_grm: {aggregation: sum}", "'proxy_grm.proxy' is missing"),
    ],
)
def test_a_config_that_does_not_fit_is_told(text: str, complaint: str, tmp_path: Path, typed: Typed) -> None:
    path = tmp_path / "reward.yaml"
    path.write_text(text)
    done = typed("reward-server", path)
    assert done.code == BAD_INPUT and complaint in done.err


def test_without_its_packages_it_says_what_to_install(
    tmp_path: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "harness_plugins.rewards.server.limits", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    done = typed("reward-server", tmp_path / "reward.yaml")
    assert (
        done.code == BAD_INPUT and "the reward server needs uvicorn: pip install 'rubric-harness[server]'" in done.err
    )
