"""Donors of the shuffled arm: a permutation, inside categories, of other questions, balanced over label position."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from evaluators.records import Candidate, Item, Label, Media, MediaFile
from evaluators.shuffle import BLOCK, donors


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


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 4), st.integers(0, 1), st.integers(1, 500)), max_size=40)
)
def test_each_rubric_is_used_once_and_never_on_its_like(facts: list[tuple[str, int, int, int]]) -> None:
    items = [item(n, c, f"g{g}", preferred=p) for n, (c, g, p, _) in enumerate(facts)]
    lengths = {i.uid: f[3] for i, f in zip(items, facts, strict=True)}
    found = donors(items, lengths)
    by_uid = {i.uid: i for i in items}
    assert len(set(found.values())) == len(found)
    for recipient, donor in found.items():
        assert by_uid[recipient].category == by_uid[donor].category
        assert by_uid[recipient].group != by_uid[donor].group


def test_half_of_the_donors_have_the_recipients_label_position() -> None:
    items = [item(n, preferred=n % 2) for n in range(200)]
    found = donors(items, {i.uid: 100 + i.row for i in items})
    label = {i.uid: i.label.preferred for i in items}
    equal = Counter(label[r] == label[d] for r, d in found.items())
    assert len(found) == 200
    assert abs(equal[True] - equal[False]) <= 2


def test_donors_are_of_like_length() -> None:
    items = [item(n, preferred=n % 2) for n in range(100)]
    lengths = {i.uid: 10 * (1 + i.row) for i in items}
    found = donors(items, lengths)
    gap = sum(abs(lengths[r] - lengths[d]) for r, d in found.items()) / len(found)
    assert gap <= 20, "neighbours in length, not a random permutation (whose mean gap is 333)"


def test_items_with_the_same_question_never_exchange_rubrics() -> None:
    items = [item(n, prompt="Describe  THIS image!" if n % 2 else "describe this image") for n in range(4)] + [item(9)]
    found = donors(items, {i.uid: 5 for i in items})
    prompts = {i.uid: i.prompt.lower().replace("!", "").split() for i in items}
    assert all(prompts[r] != prompts[d] for r, d in found.items())


def test_further_shuffles_differ() -> None:
    items = [item(n, preferred=n % 2) for n in range(60)]
    lengths = {i.uid: 50 for i in items}
    first = donors(items, lengths, 0)
    second = donors(items, lengths, 1, [first])
    assert not any(first[r] == d for r, d in second.items())


def test_a_shared_question_costs_no_partner_that_exists() -> None:
    """700 of 1,400 items ask the same: each of them can read a rubric of the other 700, and the other way round."""
    items = [item(n, prompt="describe" if n % 2 else None) for n in range(1400)]
    assert len(donors(items, {i.uid: 10 + i.row for i in items})) == 1400
    by_length = [item(n, prompt=f"question {n // 300}") for n in range(600)]
    assert len(donors(by_length, {i.uid: i.row for i in by_length})) == 600


def test_items_that_share_one_of_several_media_never_exchange_rubrics() -> None:
    from dataclasses import replace

    def medium(name: str) -> Media:
        return Media(name, "image", (MediaFile(f"/{name}"),))

    items = [replace(item(n), media=(medium("shared"), medium(str(n)))) for n in range(2)]
    assert donors(items, {i.uid: 5 for i in items}) == {}


def test_large_categories_are_cut_into_blocks() -> None:
    items = [item(n, preferred=n % 2) for n in range(2 * BLOCK + 7)]
    assert len(donors(items, {i.uid: i.row for i in items})) == len(items)
