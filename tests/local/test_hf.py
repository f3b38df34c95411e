"""The transformers backend on real (tiny, random) models on CPU: batches, probabilities, limits, memory, adapters."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs torch and transformers; `make test-all` runs this")
pytest.importorskip("transformers")

from evaluators.errors import BackendError, UserError  # noqa: E402
from evaluators.messages import ChatRequest, Image, Message, Text  # noqa: E402
from evaluators.records import Answer  # noqa: E402
from evaluators.replies.parsing import parse  # noqa: E402
from evaluators.specs import JudgeSpec  # noqa: E402
from harness_plugins import run, score  # noqa: E402
from tests.conftest import MakePairs  # noqa: E402
from tests.local import tiny  # noqa: E402
from tests.local.asking import answered, ask, requests_of  # noqa: E402


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.llava(tmp_path_factory.mktemp("llava"))


@pytest.fixture(scope="module", params=["llava", "qwen", "qwen3", "internvl"])
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One model of each family. All processors but LLaVA's need torchvision, which one environment's CPU torch has not."""
    if request.param != "llava":
        pytest.importorskip("torchvision")
    made: Path = getattr(tiny, request.param)(tmp_path_factory.mktemp(request.param))
    return made


def spec_of(model: Path, **more: Any) -> JudgeSpec:
    arguments = {"dtype": "float32", **more.pop("model_args", {})}
    return JudgeSpec(name="tiny", backend="hf", model=str(model), model_args=arguments, **more)


def test_a_batch_answers_as_one_by_one(family: Path, tmp_path: Path) -> None:
    requests = requests_of(tmp_path, 24)
    single = answered(ask(spec_of(family, verdict="direct", model_args={"batch_size": 1}), requests))
    shuffled = list(range(24))
    random.Random(2).shuffle(shuffled)
    batched = answered(
        ask(spec_of(family, verdict="direct", model_args={"batch_size": 8}), [requests[n] for n in shuffled])
    )
    for place, n in enumerate(shuffled):
        one, many = parse(single[n]), parse(batched[place])
        assert one.choice == many.choice and one.p is not None and many.p is not None
        assert abs(one.p.first - many.p.first) < 1e-4 and abs(one.p.mass - many.p.mass) < 1e-4
    texts = requests_of(tmp_path, 12, top_logprobs=0, most=12)
    alone = answered(ask(spec_of(family, model_args={"batch_size": 1}), texts))
    together = answered(ask(spec_of(family, model_args={"batch_size": 5}), texts))
    assert [a.text for a in alone] == [a.text for a in together]
    assert [a.usage for a in alone] == [a.usage for a in together]


def test_p_is_that_of_a_direct_computation(model: Path, tmp_path: Path) -> None:
    from transformers import AutoProcessor, LlavaForConditionalGeneration

    requests = requests_of(tmp_path, 6)
    found = answered(ask(spec_of(model, verdict="direct"), requests))
    processor = AutoProcessor.from_pretrained(model)
    network = LlavaForConditionalGeneration.from_pretrained(model, dtype=torch.float32)
    ones = {c: processor.tokenizer.convert_tokens_to_ids(c) for c in "12"}
    for request, answer in zip(requests, found, strict=True):
        from PIL import Image as Pillow

        parts = request.messages[0].parts
        text = "user: " + "".join("<image>" if isinstance(p, Image) else p.text for p in parts) + "\nassistant: "
        images = [Pillow.open(p.file.path).convert("RGB") for p in parts if isinstance(p, Image)]
        inputs = processor(text=[text], images=images or None, return_tensors="pt")
        with torch.inference_mode():
            chances = network(**inputs).logits[0, -1].float().softmax(-1)
        one, two = float(chances[ones["1"]]), float(chances[ones["2"]])
        p = parse(answer).p
        assert p is not None
        assert math.isclose(p.first, one / (one + two), abs_tol=1e-5) and math.isclose(p.mass, one + two, abs_tol=1e-5)


def test_what_does_not_fit_is_an_error_with_its_reason_and_the_rest_goes_on(tmp_path: Path) -> None:
    small = tiny.llava(tmp_path / "small", context=256)
    requests = requests_of(tmp_path, 12)
    found = ask(spec_of(small, verdict="direct"), requests)
    failed = [f for f in found if isinstance(f, BackendError)]
    assert failed and len(failed) < 12 and all(isinstance(f, Answer | BackendError) for f in found)
    assert all(
        f.kind == "too_long" and f.permanent and "takes 256" in f.message and "images" in f.message for f in failed
    )


def test_one_bad_request_is_one_error(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file whose head is that of a PNG and whose rest is missing: the others of its batch are answered."""
    monkeypatch.setattr("PIL.ImageFile.LOAD_TRUNCATED_IMAGES", False)  # importing lmms-eval lets broken files pass
    requests = requests_of(tmp_path, 8)
    broken = requests[5].messages[0].parts[0]
    assert isinstance(broken, Image)
    data = Path(broken.file.path).read_bytes()
    Path(broken.file.path).write_bytes(data[: len(data) // 2])
    found = ask(spec_of(model, verdict="direct"), requests)
    ((n, error),) = [(n, f) for n, f in enumerate(found) if isinstance(f, BackendError)]
    assert n == 5 and error.kind == "image" and error.permanent and broken.file.path in error.message


def test_an_answer_has_the_room_that_the_context_leaves(tmp_path: Path) -> None:
    """max_tokens may exceed it: the answer is then cut, as a server cuts it, and not refused."""
    small = tiny.llava(tmp_path / "small", context=512)
    requests = requests_of(tmp_path, 3, top_logprobs=0, most=4096)
    for answer in answered(ask(spec_of(small), requests)):
        assert answer.usage is not None
        assert answer.finish_reason == "length" and sum(answer.usage.values()) == 512


def test_out_of_memory_halves_the_batch_and_goes_on(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from transformers import LlavaForConditionalGeneration

    sizes: list[int] = []
    real = LlavaForConditionalGeneration.generate

    def generate(self: Any, **inputs: Any) -> Any:
        sizes.append(inputs["input_ids"].shape[0])
        if sizes[-1] > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return real(self, **inputs)

    requests = requests_of(tmp_path, 16)
    expected = [parse(a).choice for a in answered(ask(spec_of(model, verdict="direct"), requests))]
    monkeypatch.setattr(LlavaForConditionalGeneration, "generate", generate)
    found = answered(ask(spec_of(model, verdict="direct", model_args={"batch_size": 8}), requests))
    assert [parse(a).choice for a in found] == expected
    assert sizes[:3] == [8, 4, 2] and max(sizes[3:]) <= 4
    assert "going on with 4" in caplog.text and "going on with 2" in caplog.text


def test_an_adapter_changes_the_answers(model: Path, tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    from transformers import LlavaForConditionalGeneration

    base = LlavaForConditionalGeneration.from_pretrained(model)
    adapted = peft.get_peft_model(base, peft.LoraConfig(target_modules=["q_proj", "v_proj"], init_lora_weights=False))
    adapted.save_pretrained(tmp_path / "adapter")
    requests = requests_of(tmp_path, 4)
    plain = answered(ask(spec_of(model, verdict="direct"), requests))
    lora = answered(ask(spec_of(model, verdict="direct", model_args={"adapter": str(tmp_path / "adapter")}), requests))
    assert [a.top_logprobs for a in plain] != [a.top_logprobs for a in lora]
    plain_key, lora_key = spec_of(model).digest, spec_of(model, model_args={"adapter": "x"}).digest
    assert plain_key != lora_key and spec_of(model, model_args={"batch_size": 3}).digest == plain_key


def test_a_run_with_it(model: Path, make_pairs: MakePairs, tmp_path: Path) -> None:
    make_pairs(6)
    config = tmp_path / "run.yaml"
    config.write_text(
        "benchmarks: [{name: pairs, path: rows.jsonl}]\narms: [none, generic]\nout: out\njudges:\n"
        f"  - {{name: tiny, backend: hf, model: {model}, verdict: direct, model_args: {{dtype: float32}}}}\n"
        f"  - {{name: words, backend: hf, model: {model}, max_tokens: 8, model_args: {{dtype: float32}}}}\n"
    )
    result = run(config)
    assert result.complete and result.statuses.total() == 48
    assert score(result.out).cells[0].metrics["low_mass"].value == 1.0, (
        "a random model would write anything but a digit"
    )
    cells = {(c.judge, c.arm): c for c in score(result.out, mass_floor=0).cells}
    assert cells["tiny", "none"].metrics["parsed"].value == 1.0
    assert cells["words", "none"].metrics["truncated"].value == 1.0, "a random model never ends within eight tokens"


def test_a_writer_in_this_process(model: Path, make_pairs: MakePairs, tmp_path: Path) -> None:
    """Loaded, asked and freed before the judge is: a random model writes no rubric, so its items keep `none`."""
    make_pairs(4)
    config = tmp_path / "run.yaml"
    config.write_text(
        "benchmarks: [{name: pairs, path: rows.jsonl}]\narms: [none, transferred, self]\nout: out\n"
        f"writers: [{{name: w, backend: hf, model: {model}, max_tokens: 8, model_args: {{dtype: float32}}}}]\n"
        f"judges: [{{name: tiny, backend: hf, model: {model}, verdict: direct, max_tokens: 8, model_args: {{dtype: float32}}}}]\n"
    )
    result = run(config)
    assert result.complete and result.wrote.statuses == {"invalid": 16}
    cells = {c.arm: c for c in score(result.out).cells if c.judge == "tiny"}
    assert cells["transferred"].metrics["accuracy_with_rubric"].n == 0 and cells["transferred"].complete
    assert cells["transferred"].metrics["accuracy"].value == cells["none"].metrics["accuracy"].value
    written = [json.loads(line) for line in (tmp_path / "out" / "rubrics.jsonl").read_text().splitlines()]
    assert len(written) == 16 and {r["writer"]["name"] for r in written} == {"w", "self:tiny"}
    assert all(r["status"] == "invalid" and "truncated" in r["violations"] for r in written)


def test_a_model_that_cannot_be_loaded_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"judge 'tiny': .*nothing cannot be loaded"):
        ask(spec_of(tmp_path / "nothing"), [])


def test_going_on_from_a_begun_answer(model: Path, tmp_path: Path) -> None:
    """What `reasoned` asks: the probabilities after `<answer>` are those of the model on that very text."""
    from transformers import AutoProcessor, LlavaForConditionalGeneration

    request = requests_of(tmp_path, 1)[0]
    told = Message("assistant", (Text("I looked. <answer>"),))
    going_on = ChatRequest((*request.messages, told), request.sampling, 20, "token", continues=True)
    (answer,) = answered(ask(spec_of(model, verdict="reasoned"), [going_on]))
    processor = AutoProcessor.from_pretrained(model)
    network = LlavaForConditionalGeneration.from_pretrained(model, dtype=torch.float32)
    text = f"user: {request.messages[0].parts[-1].text}\nassistant: I looked. <answer>"  # type: ignore[union-attr]
    with torch.inference_mode():
        chances = network(**processor.tokenizer(text, return_tensors="pt")).logits[0, -1].float().softmax(-1)
    one, two = (float(chances[processor.tokenizer.convert_tokens_to_ids(c)]) for c in "12")
    p = parse(answer).p
    assert p is not None and math.isclose(p.first, one / (one + two), abs_tol=1e-5)
