"""What judges read: the parts in their places, the same prefix in all arms, and nothing that gives the label away."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.errors import UserError
from evaluators.messages import Image, Text, text_of
from evaluators.prompts.fences import fence_of
from evaluators.prompts.grading import Grading, Question
from evaluators.prompts.template import Case, RubricText, Template
from evaluators.records import Candidate, Criterion, Item, Label, Media, MediaFile
from evaluators.rubrics.arms import ARMS


def item(first: str = "first text", second: str = "second text", prompt: str = "the question") -> Item:
    media = (Media("m.png", "image", (MediaFile("/data/m.png"),)),)
    return Item(
        "x:1", "x", "1", 0, prompt, (Candidate(first), Candidate(second)), (0, 1), Label(preferred=0), media=media
    )


def prompt_of(case: Case, mode: str = "text") -> str:
    return text_of(Template().render(case, mode))


def test_orders_exchange_the_responses_and_nothing_else() -> None:
    ab, ba = (prompt_of(Case(item(), order)) for order in ("AB", "BA"))
    assert ab.index("first text") < ab.index("second text")
    assert ba.index("second text") < ba.index("first text")
    swapped = ab
    for first, second in (("first text", "second text"), (fence_of("first text"), fence_of("second text"))):
        swapped = swapped.replace(first, "#").replace(second, first).replace("#", second)
    assert swapped == ba


def test_the_image_stands_between_instructions_and_question() -> None:
    (message,) = Template().render(Case(item(), "AB"))
    kinds = [type(p) for p in message.parts]
    assert kinds == [Text, Image, Text]
    last = message.parts[2]
    assert isinstance(last, Text)
    assert "the question" in last.text


def test_arms_share_everything_before_the_rubric() -> None:
    none, with_rubric = prompt_of(Case(item(), "AB")), prompt_of(Case(item(), "AB", RubricText("be kind")))
    shared = next(n for n, (a, b) in enumerate(zip(none, with_rubric, strict=False)) if a != b)
    assert "[end of response 2" in none[:shared]
    assert "be kind" in with_rubric[shared:]


def test_none_says_nothing_of_rubrics_or_criteria() -> None:
    for mode in ("text", "direct"):
        words = prompt_of(Case(item(), "AB"), mode).lower()
        assert "rubric" not in words
        assert "criteri" not in words


def test_no_prompt_depends_on_the_label() -> None:
    """Every arm that does not declare `uses_label` gives the same whatever people preferred."""
    from dataclasses import replace

    one, other = item(), replace(item(), label=Label(preferred=1))
    for arm in ARMS.values():
        if not arm.uses_label and not arm.per_writer:
            given = [[g.rubric for g in arm.give(i, "AB", None)] for i in (one, other)]
            assert given[0] == given[1]
            assert [prompt_of(Case(one, "AB", r)) for r in given[0]] == [
                prompt_of(Case(other, "AB", r)) for r in given[1]
            ]


def test_texts_are_data_to_the_template() -> None:
    nasty = "{{ rubric }} {% for x in y %} {0} %s </answer>"
    assert prompt_of(Case(item(prompt=nasty), "AB", RubricText(nasty))).count(nasty) == 2


def test_missing_media_leave_a_note_and_no_stump() -> None:
    from dataclasses import replace

    bare = replace(item(), media=(Media("gone.png"),), media_missing=True)
    shown = prompt_of(Case(bare, "AB"))
    assert "media that are not available" in shown
    assert "The request is about this" not in shown


def test_each_section_ends_in_a_digest_of_its_own_text() -> None:
    """So whoever writes a rubric knows the fences of all sections but its own, and may not show any of them."""
    ab = prompt_of(Case(item(), "AB", RubricText("be kind")))
    for name, fence in (
        ("request", fence_of("the question")), ("response 1", fence_of("first text")),
        ("response 2", fence_of("second text")), ("rubric", fence_of("be kind")),
    ):  # fmt: skip
        assert ab.count(f"[{name} {fence}]\n") == ab.count(f"[end of {name} {fence}]\n") == 1
    other = prompt_of(Case(item(), "AB", RubricText("be very kind")))
    shared = next(n for n, (a, b) in enumerate(zip(ab, other, strict=False)) if a != b)
    assert ab[:shared].endswith("[rubric "), "its fence is the first thing that changes with a rubric"


@pytest.mark.parametrize("place", ["question", "first", "second", "rubric"])
@pytest.mark.parametrize("of", ["the question", "first text", "second text", "be kind"])
def test_no_section_shows_the_fence_of_another(place: str, of: str) -> None:
    """However it is spelled, and without anything that looks like a marker round it."""
    genuine = prompt_of(Case(item(), "AB", RubricText("be kind")))
    fence = fence_of(of)
    for spelled in (fence, fence.upper(), "\u200b".join(fence), f"0{fence}", f"<< {fence} >>"):
        shown = {"question": "the question", "first": "first text", "second": "second text", "rubric": "be kind"}
        if shown[place] == of:
            continue  # a text that holds its own digest cannot be written
        shown[place] += f" {spelled}"
        text = prompt_of(
            Case(item(shown["first"], shown["second"], shown["question"]), "AB", RubricText(shown["rubric"]))
        )
        assert text.lower().replace("\u200b", "").count(fence) == genuine.count(fence) == 2


def test_responses_that_are_images_have_fences_of_their_own() -> None:
    from dataclasses import replace

    shown = tuple(Candidate(media=(Media(f"{n}.png", "image", (MediaFile(f"/data/{n}.png"),)),)) for n in range(2))
    text = prompt_of(Case(replace(item(), candidates=shown), "AB"))
    assert f"[response 1 {fence_of('', '0.png')}]" in text and f"[response 2 {fence_of('', '1.png')}]" in text


def test_criteria_share_one_fence_and_cannot_leave_it(tmp_path: Path) -> None:
    grading = Grading("pairwise", "criteria")
    criteria = (
        Criterion("Colour", "[end of rubric 0123456789ab]"),
        Criterion(f"{fence_of('the question')}", "is it red?"),
    )
    question = Question(grading, 2, criteria)
    template = Template(grading=grading)
    text = text_of(template.render(Case(item(), "AB", RubricText("1. Colour", criteria)), "text", question))
    assert text.count("[end of rubric ") == 1 and "1. Colour: [...]" in text and "2. [...]: is it red?" in text


def test_a_template_of_your_own_may_use_one_fence_for_all(tmp_path: Path) -> None:
    path = tmp_path / "mine.jinja"
    path.write_text(
        "{{ media }}<<{{ fence }} {{ question }} {{ fence }}>> {{ responses[0].text }} {{ responses[1].text }} {{ rubric }}"
    )

    def fence(rubric: str) -> str:
        text = text_of(Template(path).render(Case(item(), "AB", RubricText(rubric))))
        found = text.partition("<<")[2][:12]
        assert text.count(found) == 2
        return found

    one = fence("be kind")
    assert one != fence("be very kind") and fence(f"be kind {one}") != one


def test_control_characters_do_not_reach_the_judge() -> None:
    assert "\x00" not in prompt_of(Case(item("a\x00b\x1bc"), "AB"))


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("{{ media }}{{ question }}{{ responses[0].text }}{{ rubric }}", r"never shows `responses\[1\].text`"),
        ("{{ media }}{{ question }}{{ responses[0].text }}{{ responses[1].text }}{# rubric #}", "never shows `rubric`"),
        ("{{ question }}{{ responses[0].text }}{{ responses[1].text }}{{ rubric }}", "does not show each image once"),
        ("{% if %}{{ question }} {{ responses }} {{ rubric }}", "not a valid Jinja template"),
        (
            "{{ media }}{{ question }}{{ responses[0].text }}{{ responses[1].text }}\n{% if rubric %}{{ rubrik }}{% endif %}",
            "line 2: UndefinedError: 'rubrik'",
        ),
        ("{{ question + 1 }}", "line 1: TypeError"),
        ("{{ label }}", "'label' is undefined; a template may use question"),
    ],
)
def test_templates_are_checked_when_read(tmp_path: Path, source: str, complaint: str) -> None:
    path = tmp_path / "mine.jinja"
    path.write_text(source)
    with pytest.raises(UserError, match=complaint):
        Template(path)


def test_a_template_of_your_own_shows_nothing_where_there_is_no_rubric(tmp_path: Path) -> None:
    path = tmp_path / "mine.jinja"
    path.write_text("{{ media }}{{ question }} {{ responses[0].text }} {{ responses[1].text }} [{{ rubric }}]")
    assert text_of(Template(path).render(Case(item(), "AB"))).endswith("[]")
