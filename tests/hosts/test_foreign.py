"""Tasks that are not ours, answered by `rubric_judge`: images untouched to the pixel, a journal, typed failures."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
from lmms_eval.api.instance import Instance
from PIL import Image

from evaluators.backends.endpoint.chat import OpenAIBackend
from evaluators.images.picture_folders import PREFIX
from evaluators.messages import ChatRequest
from evaluators.records import Answer
from evaluators.testing.mock_server import MockServer
from harness_plugins.hosts.judge import make_spec
from harness_plugins.hosts.lmms_eval import foreign
from tests.conftest import read_jsonl
from tests.hosts.conftest import Cli, Done

TASK = """
task: other
dataset_path: json
dataset_kwargs: {data_files: {test: rows.jsonl}}
test_split: test
output_type: generate_until
doc_to_visual: !function other.visual
doc_to_text: "text"
doc_to_target: "gold"
process_results: !function other.score
generation_kwargs: {max_new_tokens: 16, temperature: 0, until: ["STOP"]}
metric_list: [{metric: right, aggregation: mean, higher_is_better: true}]
"""
CODE = """
from PIL import Image
def visual(doc):
    return [Image.new("RGB", (64, 48), (doc["shade"], 10, 200 - doc["shade"]))]
def score(doc, results):
    return {"right": float(results[0] == "yes")}
"""


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    folder = tmp_path / "tasks"
    folder.mkdir()
    (folder / "other.yaml").write_text(TASK)
    (folder / "other.py").write_text(CODE)
    rows = (f'{{"text": "question {n}", "gold": "yes", "shade": {n}}}\n' for n in range(24))
    (folder / "rows.jsonl").write_text("".join(rows))
    return folder


def ask(cli: Cli, server: MockServer, tasks: Path, model_args: str = "") -> Done:
    args = f"model=m,base_url={server.url},concurrency=8{model_args}"
    return cli.lmms("other", "rubric_judge", args, "--include_path", str(tasks))


def test_answers_are_journalled_and_not_asked_again(cli: Cli, tasks: Path) -> None:
    with MockServer(answer=lambda body: "yes", keep=True).running() as server:
        done = ask(cli, server, tasks)
        assert done.code == 0 and server.asked == 24, done.out
        assert done.results()["results"]["other"]["right,none"] == 1.0
        body = server.bodies[0]
        assert (body["max_tokens"], body["temperature"], body["stop"]) == (16, 0.0, ["STOP"])
        shade = int(str(body["messages"][0]["content"][1]["text"]).split()[1])
        data = body["messages"][0]["content"][0]["image_url"]["url"].partition("base64,")[2]
        image = Image.open(io.BytesIO(base64.b64decode(data)))
        assert (image.size, image.getpixel((3, 3))) == ((64, 48), (shade, 10, 200 - shade)), "lossless"
        journal = read_jsonl(done.folder / "answers-0.jsonl")
        assert len({r["key"] for r in journal}) == 24 and journal[0]["answer"]["finish_reason"] == "stop"
        assert ask(cli, server, tasks).code == 0 and server.asked == 24, "a second run asks nothing"
        (tasks / "other.py").write_text(CODE.replace("10, 200", "11, 200"))
        assert ask(cli, server, tasks).code == 0 and server.asked == 48, "other pixels are another question"


def test_failures_are_typed_and_asked_again(cli: Cli, tasks: Path) -> None:
    with MockServer(answer=lambda body: "yes", fail=0.5, faults=["server_error"], seed=3).running() as server:
        done = ask(cli, server, tasks, ",retries=0")
        kinds = [r["error"]["kind"] for r in read_jsonl(done.folder / "answers-0.jsonl") if r["error"]]
        assert done.code == 0 and 4 < len(kinds) < 20 and set(kinds) == {"server"}, done.out
        server.fail = 0.0
        again = ask(cli, server, tasks, ",retries=0")
        assert again.results()["results"]["other"]["right,none"] == 1.0
        assert server.asked == 24 + len(kinds), "only what failed"


def test_a_dead_server_ends_it_with_one_line(cli: Cli, server: MockServer, tasks: Path) -> None:
    done = cli.lmms("other", "rubric_judge", "model=m,base_url=http://127.0.0.1:9/v1", "--include_path", str(tasks))
    assert done.code != 0 and "stopped: judge 'm'" in done.out and "Traceback" not in done.out, done.out
    baseline = cli.lmms("other", "rubric_judge", "backend=baseline,model=longest", "--include_path", str(tasks))
    assert baseline.code != 0 and "decides between pairs and cannot answer other tasks" in baseline.out


def test_repeats_are_draws_of_their_own(cli: Cli, server: MockServer, tasks: Path) -> None:
    args = f"model=m,base_url={server.url}"
    done = cli.lmms("other", "rubric_judge", args, "--include_path", str(tasks), "-n", "2", "--limit", "5")
    assert done.code == 0 and server.asked == 10, done.out
    assert len({r["key"] for r in read_jsonl(done.folder / "answers-0.jsonl")}) == 10


def test_a_fault_of_the_backend_costs_its_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it raises: the others are answered, and the next call asks for that one alone."""
    chat = OpenAIBackend.chat

    async def faulty(self: OpenAIBackend, request: ChatRequest) -> Answer:
        if "row 3" in str(request.messages):
            raise ZeroDivisionError("a fault of its own")
        return await chat(self, request)

    def messages(doc: str) -> list[dict[str, object]]:
        return [{"role": "user", "content": [{"type": "text", "text": doc}]}]

    docs = {"other": {"test": [f"row {n}" for n in range(6)]}}
    requests = [
        Instance("generate_until", ("", messages, {"max_new_tokens": 8}, n, "other", "test"), 0,
                 metadata={"task": "other", "doc_id": n, "repeats": 1}) for n in range(6)
    ]  # fmt: skip
    with MockServer(answer=lambda body: "yes").running() as server:
        spec = make_spec({"name": "m", "backend": "openai", "model": "m", "base_url": server.url, "retries": 0})
        with monkeypatch.context() as broken:
            broken.setattr(OpenAIBackend, "chat", faulty)
            replies = foreign.answer(requests, lambda _: spec, docs, tmp_path, 0)
        assert [r.text for r in replies if r.text == "yes"] == ["yes"] * 5
        assert replies[3].text == "[LMMS_EVAL_REQUEST_FAILED] backend: ZeroDivisionError: a fault of its own"
        assert server.asked == 5
        again = foreign.answer(requests, lambda _: spec, docs, tmp_path, 0)
        assert [r.text for r in again] == ["yes"] * 6 and server.asked == 6


def test_pictures_of_a_killed_command_go_at_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left = tmp_path / f"{PREFIX}of-the-dead"
    left.mkdir()
    shown: list[str] = []

    def messages(doc: str) -> list[dict[str, object]]:
        return [{"role": "user", "content": [{"type": "image", "url": Image.new("RGB", (8, 8))}]}]

    def answer(body: object) -> str:
        shown.extend(p.name for folder in tmp_path.glob(PREFIX + "*") for p in folder.iterdir())
        return "yes"

    request = Instance("generate_until", ("", messages, {}, 0, "other", "test"), 0,
                       metadata={"task": "other", "doc_id": 0, "repeats": 1})  # fmt: skip
    with MockServer(answer=answer).running() as server:
        spec = make_spec({"name": "m", "backend": "openai", "model": "m", "base_url": server.url})
        foreign.answer([request], lambda _: spec, {"other": {"test": ["row"]}}, tmp_path / "run", 0)
    assert len(shown) == 1 and not list(tmp_path.glob(PREFIX + "*"))
