"""The measurement for a GPU runs to its end on a CPU, with a tiny network."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("diffusers")

import torch

from performance import rpo_speed


def test_it_says_speed_and_that_the_ratio_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    rpo_speed.main(["--small", "--pairs", "2"])
    said = capsys.readouterr().out
    assert re.search(r"2 pairs: pictures [\d.]+ s, waiting for the judge [\d.]+ s, training [\d.]+ s", said)
    assert "largest |ratio - 1| before the update: 0.00e+00" in said


def test_the_real_size_is_that_of_flux_1_dev() -> None:
    flux = rpo_speed.real_flux(torch.device("meta"))
    assert round(sum(p.numel() for p in flux.network.parameters()) / 1e9, 3) == 11.901
    assert (flux.pixels_per_token, flux.channels) == (16, 64)
