"""RPO's reward: both orders, tournaments and rankings, masks, and images of every kind."""

from __future__ import annotations

import asyncio
import base64
import io
import math
import re
import tempfile
import threading
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from evaluators.errors import BackendError, UserError
from evaluators.messages import ChatRequest
from evaluators.messages import Image as Shown
from evaluators.prompts.template import Case
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockJudge, mock_chat_judge
from evaluators.testing.mock_server import MockServer
from harness_plugins.folder.artefacts import FORM, rubric_hash
from harness_plugins.rewards import Group, RPOReward, Score
from harness_plugins.rewards.diffusion import flow_grpo_reward, rpo_reward
from harness_plugins.rewards.images import BadImage, ImageFiles
from tests.conftest import png

SPEC = JudgeSpec(name="judge", backend="openai", model="m", base_url="http://unused.invalid/v1", retries=0)
RANKS = SPEC.model_copy(update={"grading": "listwise"})


def red(level: int) -> Image.Image:
    return Image.new("RGB", (2, 2), (level, 0, 0))


def redness(case: Case, position: int) -> int:
    """What a judge with eyes sees: the files are there while it looks."""
    with Image.open(case.shown()[position].media[0].files[0].path) as image:
        return image.convert("RGB").getpixel((0, 0))[0]  # type: ignore[index,return-value]


def redder(case: Case) -> str:
    return "1" if redness(case, 0) > redness(case, 1) else "2"


def ranked(case: Case) -> str:
    best_first = sorted(range(len(case.shown())), key=lambda n: -redness(case, n))
    return f"<ranking>{' > '.join(str(n + 1) for n in best_first)}</ranking>"


def scored(says: Callable[[Case], Any], *levels: int, spec: JudgeSpec = SPEC, **how: Any) -> list[Score]:
    async def one() -> list[Score]:
        async with RPOReward(MockJudge(spec, says), **how) as reward:
            return (await reward.score([Group("a red square", [red(n) for n in levels])]))[0]

    return asyncio.run(one())


def values(scores: list[Score]) -> list[float | None]:
    return [None if s.value is None else round(s.value, 9) for s in scores]


def test_the_winner_of_both_orders_earns_one() -> None:
    assert values(scored(redder, 10, 200)) == [-0.1, 1.0]
    assert values(scored(redder, 200, 10, win=2, lose=0)) == [2.0, 0.0]


@pytest.mark.parametrize(("spec", "says"), [(SPEC, redder), (RANKS, ranked)])
@pytest.mark.parametrize("levels", list(permutations((10, 60, 120, 240))))
def test_more_candidates_earn_by_rank(spec: JudgeSpec, says: Any, levels: tuple[int, ...]) -> None:
    """The paper's 1 - 1.1 (rank - 1) / (N - 1), by a tournament as by rankings."""
    expected = [1 - 1.1 * sorted(levels, reverse=True).index(v) / 3 for v in levels]
    assert values(scored(says, *levels, spec=spec)) == pytest.approx(expected)


def test_orders_that_disagree_are_masked_or_halved() -> None:
    """The reference showed the first candidate first, always, and a third of its verdicts were the order's."""
    always_first = scored(lambda case: "1", 10, 200)
    assert values(always_first) == [None, None] and [s.pairs for s in always_first] == [("disagree",)] * 2
    assert values(scored(lambda case: "1", 10, 200, disagreement="half")) == [0.45, 0.45]


def test_a_pair_in_doubt_leaves_the_others_their_rank() -> None:
    def unsure(case: Case) -> str:
        return "1" if {redness(case, 0), redness(case, 1)} == {100, 110} else redder(case)

    scores = scored(unsure, 10, 100, 110)
    assert values(scores) == [-0.1, 1.0, 1.0], "by the pair that is decided"
    assert scores[1].pairs == ("won", "disagree")
    assert values(scored(unsure, 10, 100, 110, disagreement="half")) == pytest.approx([-0.1, 0.725, 0.725])


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        ("I like both", "undecided"),
        ("<answer>3</answer>", "undecided"),
        (BackendError("server", "down", http=500), "error"),
    ],
)
@pytest.mark.parametrize("disagreement", ["mask", "half"])
def test_what_was_never_decided_is_masked_and_counted(reply: Any, outcome: str, disagreement: str) -> None:
    async def one() -> tuple[list[Score], dict[str, int]]:
        says = lambda case: reply if case.order == "BA" else redder(case)  # noqa: E731
        async with RPOReward(MockJudge(SPEC, says), disagreement=disagreement) as reward:  # type: ignore[arg-type]
            return (await reward.score([Group("p", [red(1), red(9)])]))[0], dict(reward.outcomes)

    scores, outcomes = asyncio.run(one())
    assert values(scores) == [None, None], "one order is no verdict"
    assert [s.pairs for s in scores] == [(outcome,)] * 2 and outcomes == {outcome: 1}
    assert (scores[0].error is not None) == (outcome == "error")


def test_a_tie_in_both_orders_is_a_tie() -> None:
    ties = SPEC.model_copy(update={"ties": "allowed"})
    scores = scored(lambda case: "<answer>tie</answer>", 10, 200, spec=ties)
    assert values(scores) == [0.45, 0.45] and scores[0].pairs == ("tie",)


def replies(says: Callable[[Case], Any], *levels: int, spec: JudgeSpec = SPEC, asked: bool = True) -> list[Score]:
    async def one() -> list[Score]:
        async with RPOReward(MockJudge(spec, says)) as reward:
            return (await reward.score([Group("a red square", [red(n) for n in levels], replies=asked)]))[0]

    return asyncio.run(one())


def test_scores_come_with_what_the_judge_wrote_where_it_is_asked_for() -> None:
    """By places in the group, in whatever order it was shown."""
    for score in replies(redder, 10, 200):
        assert [(r.order, r.status, r.preferred) for r in score.replies] == [((0, 1), "ok", 1), ((1, 0), "ok", 1)]
        assert [r.text for r in score.replies] == [f"Because.\n<answer>{n}</answer>" for n in (2, 1)]
    assert [s.replies for s in replies(redder, 10, 200, asked=False)] == [(), ()]


def test_replies_of_a_tournament_and_of_rankings_name_places_in_the_group() -> None:
    tournament = replies(redder, 60, 240, 10)
    assert [len(s.replies) for s in tournament] == [4, 4, 4], "of the pairs that it was in, both orders"
    assert {r.order for r in tournament[2].replies} == {(0, 2), (2, 0), (1, 2), (2, 1)}
    assert all(r.preferred == (1 if 1 in r.order else 0) for s in tournament for r in s.replies)
    ranking = replies(ranked, 60, 240, 10, spec=RANKS)
    assert {r.order for r in ranking[0].replies} == {(0, 1, 2), (1, 2, 0), (2, 0, 1)}
    assert {r.preferred for r in ranking[0].replies} == {1} and ranking[0].replies == ranking[2].replies


def test_replies_that_prefer_nobody_are_there_and_missing_ones_are_not() -> None:
    ties = SPEC.model_copy(update={"ties": "allowed"})
    tied = replies(lambda case: "<answer>tie</answer>", 10, 200, spec=ties)[0].replies
    assert [(r.status, r.preferred) for r in tied] == [("tie", None)] * 2
    unsure = replies(lambda case: "I like both", 10, 200)[0].replies
    assert [(r.preferred, r.text) for r in unsure] == [(None, "I like both")] * 2
    down = BackendError("server", "down", http=500)
    half = replies(lambda case: down if case.order == "BA" else redder(case), 10, 200)[0]
    assert half.value is None and [r.order for r in half.replies] == [(0, 1)]


def test_a_broken_image_costs_its_own_pairs() -> None:
    nan = np.full((2, 2, 3), np.nan, np.float32)

    async def one(*images: Any, source: Any = None) -> list[Score]:
        async with RPOReward(MockJudge(SPEC, redder)) as reward:
            return (await reward.score([Group("p", images, source)]))[0]

    scores = asyncio.run(one(red(10), nan, red(200)))
    assert values(scores) == [-0.1, None, 1.0] and scores[1].error and scores[1].error.kind == "image"
    assert "diverged" in scores[1].error.message
    assert values(asyncio.run(one(red(10), red(20), source=b"not an image"))) == [None, None]


@given(
    st.integers(2, 6).flatmap(
        lambda n: st.tuples(
            st.just(n), st.lists(st.sampled_from(("first", "redder", "silent")), min_size=36, max_size=36)
        )
    )
)
def test_values_are_the_formula_over_decided_pairs(drawn: tuple[int, list[str]]) -> None:
    count, moods = drawn

    def says(case: Case) -> str:
        a, b = sorted((redness(case, 0), redness(case, 1)))
        mood = moods[a * 6 + b]
        return {"first": "1", "silent": "?"}.get(mood, redder(case))

    for n, score in enumerate(scored(says, *range(count))):
        others = [m for m in range(count) if m != n]
        decided = [m for m in others if moods[min(n, m) * 6 + max(n, m)] == "redder"]
        wins = sum(m < n for m in decided)
        expected = -0.1 + 1.1 * wins / len(decided) if decided else None
        assert score.value == (None if expected is None else pytest.approx(expected))


def test_prompt_source_and_rubric_reach_the_judge(tmp_path: Path) -> None:
    """The bytes of the source, of both candidates in both orders, and the rubric of the artefact."""
    text = "1. Is it red?"
    artefact = tmp_path / "rubric-induced.yaml"
    artefact.write_text(
        f"form: {FORM}\nhash: {rubric_hash(text, ())}\nwriter: {{name: w, method: arr_induced}}\ntext: '{text}'\ncriteria: []\n"
    )
    sent: list[tuple[str, list[bytes]]] = []

    def says(request: ChatRequest) -> str:
        parts = request.messages[0].parts
        files = [Path(p.file.path).read_bytes() for p in parts if isinstance(p, Shown)]
        sent.append(("".join(p.text for p in parts if not isinstance(p, Shown)), files))
        return "1"

    judge = mock_chat_judge(SPEC, says)

    async def one(rubric: Any) -> None:
        async with RPOReward(judge, rubric) as reward:
            await reward.score([Group("make it red", [png(1), png(2)], source=png(3))])

    asyncio.run(one(artefact))
    assert sorted(files for _, files in sent) == sorted([[png(3), png(1), png(2)], [png(3), png(2), png(1)]])
    assert all("make it red" in t and text in t and "edited twice" in t for t, _ in sent)
    sent.clear()
    asyncio.run(one(None))
    assert "rubric" not in sent[0][0]


def encoded(kind: str, mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (3, 2), 7 if mode == "L" else None).save(buffer, kind)
    return buffer.getvalue()


PICTURES = {
    "pil": Image.new("RGB", (3, 2), (51, 102, 255)),
    "palette": Image.new("RGB", (3, 2), (51, 102, 255)).convert("P"),
    "uint8 HWC": np.full((2, 3, 3), (51, 102, 255), np.uint8),
    "float HWC": np.full((2, 3, 3), (0.2, 0.4, 1.004), np.float32),
    "dataset": {"bytes": encoded("JPEG"), "path": None},
    "webp": encoded("WEBP"),
    "grey": np.full((2, 3), 7, np.uint8),
}


@pytest.mark.parametrize("name", PICTURES)
def test_images_of_every_kind(name: str) -> None:
    with ImageFiles() as files:
        media = files.media(PICTURES[name])
        assert files.media(PICTURES[name]) is media and len(files.paths) == 1
        with Image.open(media.files[0].path) as image:
            assert image.size == (3, 2)
            if name in ("pil", "palette", "uint8 HWC", "float HWC"):
                assert image.convert("RGB").getpixel((2, 1)) == (51, 102, 255)
        folder = Path(media.files[0].path).parent
    assert not folder.exists()


@pytest.mark.parametrize(
    ("image", "mend"),
    [
        (np.full((2, 2, 3), -1.0), "denormalise them first"),
        (np.zeros((3, 8, 8), np.uint8), "HWC with 1, 3 or 4 channels"),
        (np.zeros((2, 2, 3), np.int64), "uint8 or floats"),
        ("http://example.com/a.png", "are not fetched"),
        (object(), "must be a PIL image"),
    ],
)
def test_what_is_no_image_is_said(image: Any, mend: str) -> None:
    with ImageFiles() as files, pytest.raises(UserError, match=mend):
        files.media(image)


@pytest.mark.parametrize(
    ("image", "fault"),
    [
        (b"GIF", "not an image"),
        (b"", "empty"),
        ("/no/such.png", "/no/such.png: cannot be read"),
        ("/dev/null", "/dev/null: cannot be read (it is a device"),
        ("data:image/png;base64,!", "not base64"),
        (Image.new("CMYK", (0, 0)), "mode CMYK"),
    ],
)
def test_a_broken_picture_is_a_failure_of_its_candidate(image: Any, fault: str) -> None:
    with ImageFiles() as files, pytest.raises(BadImage, match=re.escape(fault)):
        files.media(image)


def test_pictures_of_more_than_8_bits_are_scaled_and_data_urls_read() -> None:
    with ImageFiles() as files:
        for image in (Image.new("I;16", (2, 2), 32_768), Image.new("F", (2, 2), 0.5)):
            with Image.open(files.media(image).files[0].path) as shown:
                assert shown.mode == "L" and shown.getpixel((0, 0)) in (127, 128)
        url = "data:image/png;base64," + base64.b64encode(png(3)).decode()
        assert Path(files.media(url).files[0].path).read_bytes() == png(3)


def test_a_long_run_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither files nor entries of the window, however many images have passed; a real endpoint gets their bytes."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # others make folders meanwhile

    async def run(url: str) -> RPOReward:
        spec = JudgeSpec(name="j", backend="openai", model="m", base_url=url, concurrency=8)
        async with RPOReward(spec, disagreement="half") as reward:
            for step in range(20):
                groups = [Group("p", [red(10 * step + n) for n in range(3)]) for _ in range(2)]
                assert all(s.value is not None for scores in await reward.score(groups) for s in scores)
            media = reward._judge.media
            assert not media._kept and not media._sha and media._size == 0
            return reward

    with MockServer(keep=True).running() as server:
        reward = asyncio.run(run(server.url))
    assert reward.tally.asked == server.asked == 20 * 2 * 6
    assert "data:image/png;base64," in str(server.bodies[0])
    assert not list(tmp_path.iterdir())


def test_a_flat_batch_from_any_loop() -> None:
    judge = MockJudge(SPEC, redder)
    reward = rpo_reward(judge)
    images, prompts = [red(1), red(50), red(9), red(2), red(7)], ["a", "b", "a", "b", "c"]
    for _ in range(3):  # a new loop each time
        scores = asyncio.run(reward(images, prompts))
        assert values(scores) == [-0.1, 1.0, 1.0, -0.1, None]
    assert scores[4].error and scores[4].error.kind == "alone"
    by_source = asyncio.run(reward(images[:4], ["a"] * 4, sources=[png(1), png(2), png(1), png(2)]))
    assert values(by_source) == [-0.1, 1.0, 1.0, -0.1], "edits of one source are compared with each other"
    with pytest.raises(UserError, match="5 images and 2 prompts"):
        asyncio.run(reward(images, ["a", "b"]))
    with pytest.raises(UserError, match="candidates 0 and 2 are of one group, and they differ in prompt"):
        asyncio.run(reward(images[:3], ["a", "a", "b"], groups=[0, 0, 0]))
    with pytest.raises(UserError, match="they differ in rubric"):
        asyncio.run(reward(images[:2], ["a", "a"], rubrics=["Rate colour.", "Rate form."]))
    with pytest.raises(UserError, match=r"an image must be a PIL image.* not int: 123"):
        asyncio.run(reward(images[:2], ["a", "a"], sources=[123, 123]))


def test_files_that_a_loop_writes_anew_are_read_anew(tmp_path: Path) -> None:
    """Names stay from step to step, pictures do not: what a real endpoint is sent is what lies there now."""

    async def run(url: str) -> None:
        async with RPOReward(JudgeSpec(name="j", backend="openai", model="m", base_url=url)) as reward:
            for levels in ((200, 3), (3, 200)):
                for name, level in zip("ab", levels, strict=True):
                    red(level).save(tmp_path / f"{name}.png")
                await reward.score([Group("p", [tmp_path / "a.png", str(tmp_path / "b.png")])])

    with MockServer(keep=True).running() as server:
        asyncio.run(run(server.url))
    sent = [str(b).index(png_of(200)) < str(b).index(png_of(3)) for b in server.bodies]
    assert sorted(sent[:2]) == sorted(sent[2:]) == [False, True], "both pictures, in both orders, in each step"


def png_of(level: int) -> str:
    buffer = io.BytesIO()
    red(level).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def loops() -> set[threading.Thread]:
    return {t for t in threading.enumerate() if t.name == "rewards"}


def test_flow_grpos_signature() -> None:
    """`_fn(images, prompts, metadata)` gives what its `multi_score` weighs and adds up; called within a running loop too."""
    fn = flow_grpo_reward(MockJudge(SPEC, redder))("cuda")
    batch = np.stack([np.asarray(red(n)) for n in (1, 50, 9)])
    scores, details = fn(batch, ["a", "a", "b"], [{}, {}, {}])
    assert [0.5 * s for s in scores[:2]] == pytest.approx([-0.05, 0.5]) and math.isnan(scores[2])
    assert details["mask"].tolist() == [1, 1, 0] and scores.dtype == np.float32

    async def inside() -> Any:
        return fn(batch, ["a", "a", "b"], None)[0][1]

    assert asyncio.run(inside()) == 1.0
    assert flow_grpo_reward(MockJudge(SPEC, redder), masked_as=0.0)()(batch, ["a", "a", "b"])[0][2] == 0.0
    threads = loops()
    fn.close()
    assert len(threads - loops()) == 1


@pytest.mark.parametrize(
    ("make", "mend"),
    [
        (lambda: RPOReward(SPEC.model_copy(update={"grading": "pointwise"})), "set `grading: pairwise` or `listwise`"),
        (lambda: RPOReward(SPEC, disagreement="drop"), "there are: mask, half"),  # type: ignore[arg-type]
        (lambda: RPOReward(SPEC, win=math.nan), "both are numbers"),
        (lambda: RPOReward(SPEC, win=-1.0), "win is the larger"),
        (lambda: RPOReward(SPEC, "rubric.yaml"), "looks like a file"),
        (lambda: RPOReward(SPEC, Path("no-rubric.yaml")), "no such file"),
        (lambda: scored(redder, 1), "has 1"),
        (lambda: scored(ranked, *range(10), spec=RANKS), "ranks at most 9"),
    ],
)
def test_what_cannot_be_rewarded_is_said(make: Callable[[], Any], mend: str) -> None:
    with pytest.raises(UserError, match=mend):
        make()
