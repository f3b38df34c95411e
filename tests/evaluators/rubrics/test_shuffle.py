"""Donors of the shuffled arm: a permutation, inside categories, balanced over label position."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluators.records import Candidate, Item, Label, Media, MediaFile
from evaluators.rubrics.shuffle import BLOCK, donors


def item(n: int, category: str = "c", group: str | None = None, prompt: str | None = None, preferred: int = 0) -> Item:
    pair = (Candidate(f"a{n}"), Candidate(f"b{n}"))
    return Item(
        f"x:{n}",
        "x",
        str(n),
        n,
        prompt or f"q{n}",
        pair,
        (0, 1),
        Label(preferred=preferred),
        category=category,
        group=group,
    )


def rubrics(items: Iterable[Item], length: Callable[[Item], int] = lambda i: 50) -> dict[str, str]:
    """A rubric of its own for each item, of so many characters."""
    return {i.uid: f"{i.row:04d}".ljust(length(i), ".") for i in items}


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 4), st.integers(0, 1), st.integers(1, 500)), max_size=40)
)
def test_each_rubric_is_used_once_and_never_on_its_like(facts: list[tuple[str, int, int, int]]) -> None:
    items = [item(n, c, f"g{g}", preferred=p) for n, (c, g, p, _) in enumerate(facts)]
    found = donors(items, rubrics(items, lambda i: facts[i.row][3]))
    by_uid = {i.uid: i for i in items}
    assert len(set(found.values())) == len(found)
    for recipient, donor in found.items():
        assert by_uid[recipient].category == by_uid[donor].category
        assert by_uid[recipient].group != by_uid[donor].group


def test_half_of_the_donors_have_the_recipients_label_position() -> None:
    items = [item(n, preferred=n % 2) for n in range(200)]
    found = donors(items, rubrics(items, lambda i: 100 + i.row))
    label = {i.uid: i.label.preferred for i in items}
    equal = Counter(label[r] == label[d] for r, d in found.items())
    assert len(found) == 200
    assert abs(equal[True] - equal[False]) <= 2


def test_donors_are_of_like_length() -> None:
    items = [item(n, preferred=n % 2) for n in range(100)]
    lengths = {i.uid: 10 * (1 + i.row) for i in items}
    found = donors(items, rubrics(items, lambda i: lengths[i.uid]))
    gap = sum(abs(lengths[r] - lengths[d]) for r, d in found.items()) / len(found)
    assert gap <= 20, "neighbours in length, not a random permutation (whose mean gap is 333)"


def picture(n: int, **about: Any) -> Item:
    return replace(item(n, **about), media=(Media(f"{n}", "image", (MediaFile(f"/{n}.png"),)),))


@pytest.mark.parametrize("make", [picture, item], ids=["about another picture", "with other responses"])
def test_the_same_question_may_donate(make: Callable[..., Item]) -> None:
    """Benchmarks ask thousands of pictures the same thing, and show many pairs of responses to one question."""
    items = [make(n, prompt="Describe this.") for n in range(10)]
    assert len(donors(items, rubrics(items))) == 10


def test_what_shares_both_responses_or_the_rubrics_text_never_exchanges_rubrics() -> None:
    twins = [replace(picture(n), candidates=(Candidate("Yes."), Candidate("no"))) for n in range(2)]
    turned = replace(picture(2), candidates=(Candidate("No!"), Candidate("yes")))
    assert donors([*twins, turned], rubrics([*twins, turned])) == {}
    half = replace(picture(3), candidates=(Candidate("yes"), Candidate("perhaps")))
    assert len(donors([twins[0], half], rubrics([twins[0], half]))) == 2
    assert donors([picture(n) for n in range(4)], dict.fromkeys((f"x:{n}" for n in range(4)), "the same")) == {}


def test_pairs_that_a_folder_names_stand_and_only_new_rubrics_are_given_out() -> None:
    items = [picture(n, preferred=n % 2) for n in range(12)]
    first = donors(items[:6], rubrics(items[:6]))
    planned = {r: d for r, d in first.items() if r != "x:0"}  # x:0 was left without one
    settled = {i.uid for i in items[:6]}
    assert donors(items, rubrics(items[:6]), planned=planned, settled=settled) == planned
    grown = donors(items, rubrics(items), planned=planned, settled=settled)
    assert {r: grown[r] for r in planned} == planned
    assert "x:0" not in grown
    assert set(grown) - set(planned) == {i.uid for i in items[6:]}
    assert len(set(grown.values())) == len(grown)


def test_further_shuffles_differ() -> None:
    items = [item(n, preferred=n % 2) for n in range(60)]
    first = donors(items, rubrics(items), 0)
    second = donors(items, rubrics(items), 1, [first])
    assert not any(first[r] == d for r, d in second.items())


def test_a_small_category_has_donors_in_every_shuffle() -> None:
    """Two items can only exchange, however often that was done before; their pair cost more than no pair from the ninth on."""
    items = [item(1), item(2)]
    shuffles: list[dict[str, str]] = []
    for seed in range(20):
        shuffles.append(donors(items, rubrics(items), seed, shuffles))
    assert all(len(shuffle) == 2 for shuffle in shuffles)


def test_shared_responses_cost_no_partner_that_exists() -> None:
    """700 of 1,400 items have the same responses: each of them can read a rubric of the other 700, and the other way round."""
    alike = (Candidate("yes"), Candidate("no"))

    def answered(n: int, like: bool) -> Item:
        return replace(item(n), candidates=alike) if like else item(n)

    items = [answered(n, n % 2 == 1) for n in range(1400)]
    assert len(donors(items, rubrics(items, lambda i: 10 + i.row))) == 1400
    by_length = [answered(n, n < 300) for n in range(600)]
    assert len(donors(by_length, rubrics(by_length, lambda i: i.row))) == 600


def test_items_that_share_one_of_several_media_never_exchange_rubrics() -> None:
    def medium(name: str) -> Media:
        return Media(name, "image", (MediaFile(f"/{name}"),))

    items = [replace(item(n), media=(medium("shared"), medium(str(n)))) for n in range(2)]
    assert donors(items, rubrics(items)) == {}


def test_large_categories_are_cut_into_blocks() -> None:
    items = [item(n, preferred=n % 2) for n in range(2 * BLOCK + 7)]
    assert len(donors(items, rubrics(items, lambda i: i.row))) == len(items)
