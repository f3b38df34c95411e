"""The study of `examples/what_rewards_pay.py`: what it shows, and that docs/rewards.md says so."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import ROOT


@pytest.fixture(scope="module")
def printed() -> str:
    command = [sys.executable, ROOT / "examples" / "what_rewards_pay.py"]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout


pytestmark = pytest.mark.xdist_group("what rewards pay")


def test_the_papers_reward_pays_who_announces_and_crossing_does_not(printed: str) -> None:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in printed.splitlines()[2:]]
    paid = {name: [float(v) for v in values] for name, *values in rows}
    announces, names, criteria = paid["as in the paper"]
    assert announces >= criteria and names >= criteria
    announces, names, criteria = paid["crossed: both"]
    assert announces <= criteria - 0.5 and names >= criteria, "crossing takes positions, not content"
    announces, names, criteria = paid["both, penalty, lexical"]
    assert max(announces, names) <= criteria - 0.5


def test_the_docs_say_what_it_prints(printed: str) -> None:
    assert printed in (ROOT / "docs" / "rewards.md").read_text()
