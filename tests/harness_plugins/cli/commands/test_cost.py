"""`cost`: tokens, and money where prices are known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness_plugins.cli.exit_codes import BAD_INPUT, COMPLETE
from tests.conftest import MakePairs
from tests.harness_plugins.cli.conftest import Typed
from tests.harness_plugins.scoring.test_costs import Meter, good, write_config
from tests.harness_plugins.scoring.test_costs import judged as metered

pytestmark = pytest.mark.xdist_group("cli")


def test_money_is_counted_by_a_price_file(make_pairs: MakePairs, tmp_path: Path, typed: Typed) -> None:
    make_pairs(3, images=False)
    meter = Meter(good)
    out = metered(write_config(tmp_path, "none"), meter)
    done = typed("cost", out)
    assert done.code == COMPLETE and "--prices FILE" in done.out
    other = tmp_path / "other.yaml"
    other.write_text("currency: USD\nmodels: {another-model: {read: 1, written: 1}}\n")
    assert "No price for judge-model: add" in typed("cost", out, "--prices", other).out
    (paid,) = json.loads(typed("cost", out, "--prices", tmp_path / "prices.yaml", "--format", "json").out)
    full = meter.total("prompt_tokens") - 0.75 * meter.total("cached_tokens") + 4 * meter.total("completion_tokens")
    assert paid["money"] == pytest.approx(full / 1e6) and paid["currency"] == "EUR"
    objects = json.loads(typed("score", out, "--json", "--prices", tmp_path / "prices.yaml").out)
    (cost,) = [o for o in objects if o["metric"] == "cost_money"]
    assert cost["value"] == pytest.approx((meter.total("prompt_tokens") + 4 * meter.total("completion_tokens")) / 3e6)


def test_baselines_cost_nothing(judged: Path, typed: Typed) -> None:
    done = typed("cost", judged)
    assert done.code == COMPLETE and f"{judged}: no model was asked" in done.out
    assert json.loads(typed("cost", judged, judged, "--format", "json").out) == []


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [(["images"], "images: no run folder"), (["out", "--prices", "gone.yaml"], "gone.yaml: cannot be read")],
)
def test_a_mistake_is_told(
    argv: list[str], complaint: str, judged: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(judged.parent)
    done = typed("cost", *argv)
    assert done.code == BAD_INPUT and complaint in done.err
