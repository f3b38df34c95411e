"""`completion`: scripts that a shell takes, tried in a real bash."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from harness_plugins.benchmarks.spec import names
from harness_plugins.cli.commands.completion import SHELLS
from harness_plugins.cli.exit_codes import COMPLETE
from harness_plugins.cli.parser import build_parser
from tests.harness_plugins.cli.conftest import Typed

pytestmark = pytest.mark.xdist_group("cli")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_knows_every_command_and_benchmark(shell: str, typed: Typed) -> None:
    done = typed("completion", shell)
    assert done.code == COMPLETE and not done.err
    assert all(name in done.out for name in (*build_parser().commands, *names(), "dry-run"))
    if program := shutil.which(shell):
        subprocess.run([program, "-n"], input=done.out, text=True, check=True)


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["rep"], {"report"}),
        (["run", "--dry"], {"--dry-run"}),
        (["run", "--benchmark", "vl_"], {"vl_rewardbench"}),
        (["run", "--judge", "lo"], {"longest"}),
        (["tasks", "demo"], {"demo"}),
        (["table", "run", "--format", "la"], {"latex"}),
        (["completion", "z"], {"zsh"}),
        (["check", "a-f"], {"a-folder"}),
    ],
)
def test_bash_offers_it(words: list[str], offered: set[str], typed: Typed, tmp_path: Path) -> None:
    script = tmp_path / "completion.bash"
    script.write_text(typed("completion", "bash").out)
    (tmp_path / "a-folder").mkdir()
    line = " ".join(words)
    asked = (
        f"source {script}; COMP_WORDS=(rubric-harness {line}); COMP_CWORD={len(words)}; COMP_LINE='rubric-harness {line}'; "
        '$(complete -p rubric-harness | sed -E "s/.*-F ([^ ]+) .*/\\1/") rubric-harness '
        f'{words[-1]} {words[-2] if words[1:] else "rubric-harness"}; printf "%s\\n" "${{COMPREPLY[@]}}"'
    )
    done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert {word.strip() for word in done.stdout.splitlines()} == offered, done.stderr


def test_an_unknown_shell(typed: Typed, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        typed("completion", "fsh")
    assert "unknown shell 'fsh'; did you mean 'fish'?" in capsys.readouterr().err
