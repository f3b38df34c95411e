"""Several processes, as torchrun starts them: the same pairs, pictures and gradient as one alone; one with nothing to learn from."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("diffusers", reason="needs diffusers; `make test-trainers` runs this")
pytest.importorskip("peft", reason="needs peft; `make test-trainers` runs this")

import torch

from harness_plugins.rpo.generators.adapter import trained
from harness_plugins.rpo.judging import digest_of
from harness_plugins.rpo.objective import accumulate, valid_candidates
from harness_plugins.rpo.processes import Processes
from harness_plugins.rpo.prompts import Two
from harness_plugins.rpo.rollouts import batches, roll
from tests.trainers.rpo.toy import moved, recipe, toy

pytestmark = pytest.mark.heavy


def share(folder: Path, name: str, masked: Sequence[int]) -> None:
    """What each process does in a step; the first writes what came of it."""
    processes = Processes.join()
    spec = recipe(folder, updates={"pairs": 32, "batch": 4}, sampling={"steps": 4}, generator={"checkpointing": True})
    if not processes.first:
        processes.wait()
    parts = toy(spec)
    if processes.first:
        processes.wait()
    moved(parts.generator)
    pairs = parts.pairs()
    own = pairs[processes.rank :: processes.count]
    rollouts = [
        roll(parts.generator, chunk, conditions, sampling=spec.sampling, trained=(0, 1, 2), seed=spec.seed)
        for chunk, conditions in batches(own, lambda p: parts.store.load(p.prompt), 4)
    ]
    rewards = {
        p.number: None if p.number in masked else Two(1.0, -0.1) if p.number % 3 else Two(-0.1, 1.0) for p in own
    }
    every: list[Any] = processes.gathered(list(rewards.values()))
    valid = valid_candidates(every)
    accumulate(parts.generator, rollouts, rewards, sampling=spec.sampling, updates=spec.updates, valid=valid)
    weights = trained(parts.generator.network)
    processes.sum_gradients(weights.values())
    shown = {
        pair.number: digest_of(image) for r in rollouts for pair, image in zip(r.pairs, r.images[::2], strict=True)
    }
    everyone = processes.gathered([shown])
    if processes.first:
        gradient = torch.cat([p.grad.flatten() for p in weights.values()])
        torch.save(gradient, folder / f"{name}.pt")
        pictures = {n: d for some in everyone for n, d in some.items()}
        (folder / f"{name}.json").write_text(json.dumps({"valid": valid, "pictures": sorted(pictures.items())}))
    processes.wait()


def started(folder: Path, count: int, name: str, masked: Sequence[int]) -> tuple[Any, Any]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(count)]
    arguments = ["-m", "tests.trainers.rpo.test_processes", str(folder), name, json.dumps(list(masked))]
    done = subprocess.run(
        [*command, *arguments], env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=400
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return torch.load(folder / f"{name}.pt"), json.loads((folder / f"{name}.json").read_text())


@pytest.mark.parametrize(
    "masked",
    [
        pytest.param((), id="all valid", marks=pytest.mark.long),
        pytest.param(tuple(range(1, 32, 2)), id="one process has nothing valid"),
    ],
)
def test_two_processes_do_what_one_does(tmp_path: Path, masked: Sequence[int]) -> None:
    """Of two processes the second has the odd pairs."""
    share(tmp_path, "one", masked)
    alone = torch.load(tmp_path / "one.pt"), json.loads((tmp_path / "one.json").read_text())
    both = started(tmp_path, 2, "two", masked)
    assert both[1]["valid"] == alone[1]["valid"] == 2 * (32 - len(masked))
    assert both[1]["pictures"] == alone[1]["pictures"] and len(alone[1]["pictures"]) == 32
    off = float((both[0] - alone[0]).abs().max() / alone[0].abs().max())
    assert off < 1e-6 and alone[0].abs().max() > 0


if __name__ == "__main__":
    share(Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]))
