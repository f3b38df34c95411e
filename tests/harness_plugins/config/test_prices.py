"""Price files: what is wrong with one is a line each, and none is shipped but an example."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.errors import UserError
from harness_plugins.config.prices import ModelPrice, Prices, load_prices, recorded, to_record


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("models: {m: {read: 1, written: 1}}", "line 1: 'currency' is missing"),
        ("currency: USD\nmodels: {}", "line 2: models: may not be empty"),
        ("currency: USD\nmodels:\n  m: {read: 1}", "line 3: models.m: give both `read` and `written`"),
        ("currency: USD\nmodels:\n  m: {parameters_b: 1, cached: 1}", "line 3: models.m: `cached` goes with"),
        ("currency: USD\nmodels:\n  m: {}", "line 3: models.m: give `read` and `written`, or `parameters_b`"),
        ("currency: USD\nmodels:\n  m: {read: -1, written: 1}", "line 3: models.m.read: input should be greater"),
        ("currency: USD\nmodels:\n  m: {read: .nan, written: 1}", "line 3: models.m.read: input should be a finite"),
        ("currency: USD\nmodels:\n  m: {reed: 1, written: 1}", "unknown key 'reed'; did you mean 'read'?"),
        ("currency: [USD]\nmodels: {m: {read: 1, written: 1}}", "line 1: currency: must be a short name such as USD"),
        ("currency: USD\nmodels: {m: {read: 1, written: 1}}\nmodels: {}", "the key 'models' is here twice"),
        ("- 1", "must be a mapping with `currency` and `models`"),
    ],
)
def test_bad_price_files_are_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        load_prices(path)
    assert any(message in line for line in caught.value.lines), caught.value.lines


def test_the_example_is_one() -> None:
    found = load_prices(Path(__file__).parents[3] / "examples" / "prices.yaml")
    assert found.rates("Qwen/Qwen3-VL-8B-Instruct") is not None and found.rates("not listed") is None


def test_cached_tokens_cost_what_the_file_says_or_as_much_as_others() -> None:
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "cached_tokens": 600}
    told, untold = ModelPrice(read=2, written=8, cached=0.5).rates(), ModelPrice(read=2, written=8).rates()
    assert told is not None and told.cost(usage) == pytest.approx((400 * 2 + 600 * 0.5 + 800) / 1e6)
    assert untold is not None and untold.cost(usage) == pytest.approx((1000 * 2 + 800) / 1e6)
    assert untold.cost({"prompt_tokens": 3}) is None is untold.cost(None)


def test_a_manifest_keeps_all_prices_it_was_given() -> None:
    def prices(currency: str, **models: int) -> Prices:
        return Prices.model_validate(
            {"currency": currency, "models": {m: {"read": p, "written": 2} for m, p in models.items()}}
        )

    first = to_record(None, prices("EUR", a=1))
    assert first == {"currency": "EUR", "models": {"a": {"read": 1.0, "written": 2.0}}}
    later = to_record(first, prices("EUR", a=5, b=1))
    assert recorded(later) == prices("EUR", a=5, b=1) and recorded(to_record(later, prices("EUR", a=6))) == prices(
        "EUR", a=6, b=1
    )
    assert to_record(later, None) == later and to_record(None, None) is None
    assert recorded(to_record(later, prices("USD", c=1))) == prices("USD", c=1), "no two currencies in one record"
    with pytest.raises(UserError, match="give --prices FILE"):
        recorded({"currency": 5})
