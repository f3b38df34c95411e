"""The reward server: what it answers, and what it refuses."""

from __future__ import annotations

import asyncio
import base64
import io
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PIL import Image

from evaluators.errors import UserError
from evaluators.records import Media, MediaFile
from evaluators.specs import JudgeSpec
from evaluators.testing.mock_server import MockServer
from harness_plugins.rewards import Completions, Group, ProxyReward, RPOReward, Sample
from tests.conftest import png
from tests.serving import RIGHT, TOKEN, config, get, posted, sample, serving, serving_in_thread, through

pytest.importorskip("fastapi", reason="needs the extra `server`")


def looks(body: dict[str, Any]) -> str:
    """A backend that sees: the redder of the last two images; without images, the first."""
    parts = body["messages"][0]["content"]
    urls = [p["image_url"]["url"] for p in parts if not isinstance(p, str) and p["type"] == "image_url"]
    if len(urls) < 2:
        return "<answer>1</answer>"
    reds = []
    for url in urls[-2:]:
        with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as image:
            reds.append(image.convert("RGB").getpixel((0, 0))[0])
    return f"<answer>{1 if reds[0] > reds[1] else 2}</answer>"


@pytest.fixture(scope="module")
def backend() -> Iterator[MockServer]:
    with MockServer(answer=looks, keep=True).running() as server:
        yield server


@pytest.fixture(scope="module")
def url(backend: MockServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(config(tmp_path_factory.mktemp("open"), backend)) as (found, _):
        yield found


def test_rewards_are_those_of_a_judge_of_ones_own(url: str, backend: MockServer, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(5))
    media = (Media("a.png", "image", (MediaFile(str(tmp_path / "a.png")),)),)
    completions = [RIGHT, RIGHT.replace("<answer>1", "<answer>2"), "no rubric", RIGHT + " and more"]
    samples = [Sample(sample(n, c, media).item, saw, c) for n, c in enumerate(completions) for saw in ("AB", "BA")]
    spec = JudgeSpec(name="j", backend="openai", model="m", base_url=backend.url)

    async def own() -> list[Any]:
        async with ProxyReward(spec) as reward:
            return await reward.score(samples)

    assert through(url, samples) == asyncio.run(own())
    sent = backend.bodies[-1]["messages"][0]["content"]
    assert base64.b64encode(png(5)).decode() in str(sent), "the very bytes"


def test_groups_are_compared_as_by_a_judge_of_ones_own(url: str, backend: MockServer) -> None:
    reds = [Image.new("RGB", (4, 4), (n, 0, 0)) for n in (9, 200, 90)]
    groups = [
        Group("a red square", reds),
        Group("make it red", reds[:2], source=reds[2], rubric="1. Is it red?"),
        Group("a red square", reds[:2], replies=True),
        Completions("Which?", ["one", "two"], replies=True),
    ]
    spec = JudgeSpec(name="j", backend="openai", model="m", base_url=backend.url)

    async def own() -> list[Any]:
        async with RPOReward(spec) as reward:
            return await reward.score(groups)

    found = through(url, groups)
    assert found == asyncio.run(own())
    assert [round(s.value, 6) for s in found[0]] == [-0.1, 1.0, 0.45]


def test_completions_are_ranked_as_by_a_judge_of_ones_own(url: str, backend: MockServer) -> None:
    photo = png(7)
    groups = [Completions("What is it?", ["a cup", "a red cup", "no idea"], [photo]), Completions("p", ["a", "b"])]
    spec = JudgeSpec(name="j", backend="openai", model="m", base_url=backend.url)

    async def own() -> list[Any]:
        async with RPOReward(spec) as reward:
            return await reward.score(groups)

    assert through(url, groups) == asyncio.run(own())
    assert any(base64.b64encode(photo).decode() in str(b) and "a red cup" in str(b) for b in backend.bodies)


def test_a_group_holds_images_or_texts(url: str) -> None:
    picture = base64.b64encode(png(1)).decode()
    for group, words in [
        ({"prompt": "p"}, "two or more `images`, or two or more `texts`"),
        ({"prompt": "p", "texts": ["a"]}, "two or more"),
        ({"prompt": "p", "texts": ["a", "b"], "images": [picture] * 2}, "two or more"),
        ({"prompt": "p", "texts": ["a", "b"], "source": picture}, "`source` goes with `images`"),
    ]:
        status, reply, _ = asyncio.run(posted(f"{url}/v1/rpo", {"groups": [group]}))
        assert status == 422 and words in reply["error"]["message"]


def bomb() -> bytes:
    """A PNG of 100 bytes that would unfold to ten gigabytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "picture",
    ["/etc/passwd", "file:///etc/passwd", "http://127.0.0.1/a.png", "", base64.b64encode(bomb()).decode(), "aGVsbG8="],
)
def test_a_picture_that_is_none_is_a_typed_failure(url: str, picture: str) -> None:
    good = {"question": "q", "responses": [{"text": "a"}, {"text": "b"}], "answer": 1, "completion": RIGHT}
    body = {"samples": [good, {**good, "images": [picture]}]}
    status, reply, _ = asyncio.run(posted(f"{url}/v1/proxy_grm", body))
    assert status == 200 and reply["results"][0]["value"] == 2.5
    assert reply["results"][1]["value"] is None and reply["results"][1]["error"]["kind"] == "image"
    images = [base64.b64encode(png(n)).decode() for n in (1, 2)]
    body = {"groups": [{"prompt": "p", "images": [*images, picture]}]}
    status, reply, _ = asyncio.run(posted(f"{url}/v1/rpo", body))
    scores = reply["results"][0]["scores"]
    assert status == 200 and scores[2]["value"] is None and scores[2]["error"]["kind"] == "image"
    assert scores[0]["pairs"][0] in ("won", "lost", "disagree")


def nested(depth: int) -> list[Any]:
    return [nested(depth - 1)] if depth else []


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/v1/rpo", {"groups": []}, 422, "groups"),
        ("/v1/rpo", {"groups": [{"prompt": "p", "images": ["a"]}]}, 422, "groups.0: give two or more"),
        ("/v1/rpo", {"groups": [{"prompt": "p", "images": ["a"] * 17}]}, 413, "17 candidates; the limit is 16"),
        (
            "/v1/rpo",
            {"groups": [{"prompt": "p", "images": ["a"] * 13}] * 5},
            413,
            "65 images in one request; the limit is 64 .limits.images.$",
        ),
        ("/v1/rpo", {"groups": [{"prompt": "p", "images": ["a"] * 3, "path": "/x"}]}, 422, "unknown key 'path'"),
        ("/v1/proxy_grm", {"samples": [{"question": "q"}]}, 422, "samples.0"),
        ("/v1/proxy_grm", [1], 422, ""),
        ("/v1/proxy_grm", {"samples": [{"question": nested(900)}]}, 422, "samples.0.question: must be a text"),
        ("/v1/proxy_grm", {"samples": "x" * 1_000_000}, 422, "^.{,200}$"),
    ],
)
def test_what_cannot_be_answered_is_refused(url: str, path: str, body: Any, status: int, said: str) -> None:
    found, reply, _ = asyncio.run(posted(url + path, body))
    assert found == status and reply["error"]["kind"] == "rejected" and re.search(said, reply["error"]["message"])


def test_limits_are_looked_at_before_a_body_is_read(url: str, backend: MockServer, tmp_path: Path) -> None:
    limits = "limits: {body_mb: 1, image_mb: 0.001, images: 2}\nqueue: 3"
    big = base64.b64encode(b"\0" * 2000).decode()
    with serving_in_thread(config(tmp_path, backend, limits)) as small:
        group = {"prompt": "p", "images": [base64.b64encode(png(1)).decode()] * 2}
        for body, said in (
            ({"groups": [{**group, "prompt": "p" * 2_000_000}]}, "larger than 1 MB"),
            ({"groups": [{**group, "images": [big, big]}]}, "an image is larger"),
            ({"groups": [group, group]}, "4 images"),
        ):
            status, reply, _ = asyncio.run(posted(f"{small}/v1/rpo", body))
            assert status == 413 and said in reply["error"]["message"]
        assert asyncio.run(posted(f"{small}/v1/rpo", {"groups": [group]}))[0] == 200
    large = {"question": "q" * 12_000_000, "responses": [{}, {}], "answer": 1, "completion": "no rubric"}
    assert asyncio.run(posted(f"{url}/v1/proxy_grm", {"samples": [large]}))[0] == 200, "12 MB are no trouble"


def test_no_web_page_can_post(url: str) -> None:
    async def plain() -> int:
        kind = {"content-type": "text/plain"}
        async with aiohttp.ClientSession() as http, http.post(f"{url}/v1/rpo", data="{}", headers=kind) as response:
            return response.status

    assert asyncio.run(plain()) == 415


def test_a_token_is_asked_for(backend: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(config(tmp_path, backend), "--token-env", "REWARD_TOKEN") as (found, _):
        body = {"samples": [{"question": "q", "responses": [{}, {}], "answer": 1, "completion": ""}]}
        for given in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
            status, reply, headers = asyncio.run(posted(f"{found}/v1/proxy_grm", body, **given))
            assert status == 401 and reply["error"]["kind"] == "auth" and headers["WWW-Authenticate"] == "Bearer"
        right = {"Authorization": f"Bearer {TOKEN}", "Host": "judges:8765"}
        assert asyncio.run(posted(f"{found}/v1/proxy_grm", body, **right))[0] == 200, "whatever name it is reached by"
        assert get(f"{found}/health").startswith('200 {"status":"ok"') and get(f"{found}/metrics").startswith("401")
        monkeypatch.setenv("MINE", TOKEN)
        assert through(found, [sample(1)], token_env="MINE")[0].value == 2.5
        monkeypatch.setenv("MINE", "another")
        with pytest.raises(UserError, match=r"refused \(HTTP 401\): set token_env"):
            through(found, [sample(1)], token_env="MINE")


def test_a_failing_backend_is_masked_and_counted(tmp_path: Path) -> None:
    with (
        MockServer(fail=1.0, faults=("server_error",)).running() as broken,
        serving_in_thread(config(tmp_path, broken, how="retries: 0")) as found,
    ):
        rewards = through(found, [sample(n) for n in range(5)])
        scores = through(found, [Group("p", [png(1), png(2)])])[0]
        counted = get(f"{found}/metrics")
    assert {(r.value, r.proxy, r.answer, r.error.kind) for r in rewards} == {(None, "error", "correct", "server")}
    assert {(s.value, s.pairs, s.error.kind) for s in scores} == {(None, ("error",), "server")}
    for line in (
        'requests_total{route="/v1/proxy_grm",status="200"} 5.0',
        'outcomes_total{outcome="error",reward="proxy_grm"} 5.0',
        'masked_total{reason="server",reward="proxy_grm"} 5.0',
        'masked_total{reason="server",reward="rpo"} 2.0',
        'judge_failures_total{kind="server",reward="rpo"} 2.0',
        'request_seconds_count{route="/v1/rpo"} 1.0',
    ):
        assert f"rubric_harness_reward_{line}\n" in counted


def test_images_are_encoded_once_and_leave_nothing(
    backend: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came as bytes is not read back from its file; files go with their request, the folder with the reward."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("evaluators.images.media._encode_all", lambda wanted: pytest.fail(f"read again: {wanted}"))
    spec = JudgeSpec(name="j", backend="openai", model="m", base_url=backend.url)
    groups = [Group("p", [png(n), png(n + 1)]) for n in range(3)]

    async def asked() -> None:
        async with RPOReward(spec) as reward:
            scores = await reward.score([*groups, groups[0]])
            assert scores[0] == scores[3] and all(s.value is not None for group in scores for s in group)
            (folder,) = tmp_path.iterdir()
            assert not list(folder.iterdir())

    asyncio.run(asked())
    assert not list(tmp_path.iterdir())
