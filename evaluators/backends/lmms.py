"""Any model that lmms-eval can load as a judge: `backend: lmms, model: qwen2_5_vl, model_args: pretrained=...`.

Requests that are out together go to the model in one call, so that it can batch them. lmms-eval returns text and token
counts alone: finish reason and log-probabilities stay unknown, and `direct` is refused.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from evaluators.backends._gathering import Gathering
from evaluators.backends._harnesses import SERVED_ARGS
from evaluators.capabilities import Capabilities
from evaluators.errors import BackendError, UserError
from evaluators.extras import failed_import, install
from evaluators.images.media import MediaWindow
from evaluators.images.pictures import open_image
from evaluators.messages import ChatRequest, Image, Message, Text
from evaluators.records import Answer
from evaluators.specs import ModelSpec
from evaluators.usage import read_usage

EXTRA = "lmms-eval"
_TASK, _SPLIT = "rubric_harness", "test"
TRANSPORT_ARGS = frozenset(
    {
        # endpoints
        *("base_url", "api_url", "server_url", "nim_base_url", "reasoner_server_url", "host", "port", "azure_openai"),
        *("api_key", "token", "reasoner_api_key_env", "httpx_trust_env", "project", "location"),
        *("timeout", "request_timeout", "max_retries", "retry_backoff_s", "poll_interval", "max_polls"),
        *("num_concurrent", "num_cpus", "num_processes", "threads", "parallel"),
        *("adaptive_concurrency", "adaptive_min_concurrency", "adaptive_max_concurrency", "adaptive_target_latency_s"),
        *("adaptive_increase_step", "adaptive_decrease_factor", "adaptive_failure_threshold"),
        *("prefix_aware_queue", "prefix_hash_chars"),
        # models in this process
        *("batch_size", "device", "device_map", "infer_auto_device_map", "low_cpu_mem_usage", "use_cache"),
        *("cache_dir", "download_dir", "local_files_only", "max_memory", "offload_folder"),
        *(
            "worker_gpus",
            "worker_count",
            "num_gpus",
            "stage_0_devices",
            "stage_init_timeout",
            "log_interval",
            "verbose",
        ),
        # what its vLLM and SGLang models pass on to their engines
        *("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size", "tp_size", "tp", "sp_size"),
        *("gpu_memory_utilization", "mem_fraction_static", "swap_space", "cpu_offload_gb", "chunked_prefill_size"),
        *("max_num_seqs", "max_num_batched_tokens", "limit_mm_per_prompt", "skip_mm_profiling"),
        *("enable_prefix_caching", "enforce_eager", "disable_log_stats", "disable_log_requests"),
    }
)
"""Arguments that say where a model runs, how fast, and what is too much for it. Every other one may change an answer, and is in
the key."""
CAPABILITIES = Capabilities(greedy=True, fields=("model_args",), served_args=SERVED_ARGS)

REQUEST_FAILED = "[LMMS_EVAL_REQUEST_FAILED]"
# Without the last bracket: some of lmms-eval's models write `[LMMS_EVAL_REQUEST_FAILED after 3 attempts]`.
_FAILED = (REQUEST_FAILED.removesuffix("]"), "[LMMS_EVAL_BUDGET_EXCEEDED")


def failure_in(text: str) -> BackendError | None:
    """Why a request was not answered, which lmms-eval's models say as its text; None of an answer."""
    if text.startswith(_FAILED):
        return BackendError("server", text[:300])
    if not text.strip():
        return BackendError("empty", "the reply has no content")
    return None


class LmmsBackend:
    name = "lmms"
    in_process = True

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec
        self._engine = Gathering("lmms", self._generate)

    async def open(self, media: MediaWindow) -> None:
        os.environ.setdefault("TQDM_DISABLE", "1")  # lmms-eval's models draw a bar for every batch
        self._model = await self._engine.run(self._load)

    def _load(self) -> Any:
        try:
            from lmms_eval.models import MODEL_REGISTRY_V2, get_model

            self._simple = MODEL_REGISTRY_V2.resolve(self._spec.model).model_type == "simple"
            return get_model(self._spec.model)(**self._spec.model_args)
        except Exception as e:  # whatever a model's constructor raises, it is about what the config says
            what = f"judge {self._spec.name!r}: lmms-eval cannot load {self._spec.model!r}: {type(e).__name__}: {e}"[
                :600
            ]
            raise UserError(f"{what}: {install(e, EXTRA)}" if failed_import(e) else what) from None

    async def close(self) -> None:
        if hasattr(self, "_model"):
            await self._engine.run(self._unload)
        self._engine.close()

    def _unload(self) -> None:
        clean = getattr(self._model, "clean", None)
        if clean is not None:
            clean()
        del self._model

    async def chat(self, request: ChatRequest) -> Answer:
        return await self._engine.ask(request)

    def _generate(self, requests: list[ChatRequest]) -> list[Answer | BackendError]:
        """One answer or error for each request, in order. A request that fails by itself does not fail the others of its batch."""
        from lmms_eval.api.instance import Instance, unwrap_generation_output

        self._model.task_dict = {_TASK: {_SPLIT: requests}}
        instances = []
        for n, request in enumerate(requests):
            generation_kwargs = _generation({**request.sampling, **self._spec.extra_body})
            if self._simple:
                arguments: tuple[Any, ...] = (_text(request), generation_kwargs, _visuals, n, _TASK, _SPLIT)
            else:
                arguments = (_text(request), _messages, generation_kwargs, n, _TASK, _SPLIT)
            metadata = {"task": _TASK, "doc_id": n, "repeats": 1}
            instances.append(
                Instance(
                    request_type="generate_until",
                    arguments=arguments,
                    idx=0,
                    task_name=_TASK,
                    doc_id=n,
                    metadata=metadata,
                )
            )
        try:
            generated = self._model.generate_until(instances)
        except Exception:
            # lmms-eval does not say which request failed, so each picture is opened once more to find out.
            errors = [_fault(r) for r in requests]
            fine = [r for r, error in zip(requests, errors, strict=True) if error is None]
            if len(fine) == len(requests):
                raise
            answers = iter(self._generate(fine) if fine else ())  # the rest of the batch goes on
            return [error or next(answers) for error in errors]
        outputs = [unwrap_generation_output(o) for o in generated]
        return [self._answer(text, counts, r) for (text, counts), r in zip(outputs, requests, strict=True)]

    def _answer(self, text: Any, counts: Any, request: ChatRequest) -> Answer | BackendError:
        text = str(text or "")
        if error := failure_in(text):
            # Some models catch what a picture raises and make it their reply. Then it is about the picture, and asking
            # again cannot help.
            return (_fault(request) if error.kind == "server" else None) or error
        usage = {"prompt_tokens": counts.input_tokens, "completion_tokens": counts.output_tokens} if counts else None
        return Answer(
            text=text,
            answer_format=request.answer_format,
            usage=read_usage(usage),
            model=self._spec.model,
            backend=self.name,
            backend_version=f"lmms-eval {version('lmms-eval')}",
            sampling=request.sampling,
        )


def _generation(sampling: dict[str, Any]) -> dict[str, Any]:
    """OpenAI-style sampling in lmms-eval's words. Without `until` it would cut at the first blank line."""
    options = {k: v for k, v in sampling.items() if k not in ("max_tokens", "max_completion_tokens", "temperature")}
    length = sampling.get("max_tokens") or sampling.get("max_completion_tokens")
    temperature = float(sampling.get("temperature") or 0.0)
    return {**options, "max_new_tokens": length, "temperature": temperature, "do_sample": temperature > 0, "until": []}


def _fault(request: ChatRequest) -> BackendError | None:
    """Why a request's pictures cannot be shown, if they cannot."""
    try:
        images_of(request.messages)
    except BackendError as e:
        return e
    return None


def _text(request: ChatRequest) -> str:
    return "\n".join(p.text for m in request.messages for p in m.parts if isinstance(p, Text))


def _visuals(request: ChatRequest) -> list[Any]:
    return images_of(request.messages)


def _messages(request: ChatRequest, **_: Any) -> list[dict[str, Any]]:
    return to_lmms(request.messages)


def images_of(messages: Sequence[Message]) -> list[Any]:
    """All images of some messages in order, as PIL images (decoded when a model looks at them)."""
    return [open_image(p.file.path, p.max_pixels) for m in messages for p in m.parts if isinstance(p, Image)]


def to_lmms(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Messages as lmms-eval's chat models take them: text and PIL images in their places."""

    def content(part: Text | Image) -> dict[str, Any]:
        if isinstance(part, Text):
            return {"type": "text", "text": part.text}
        return {"type": "image", "url": open_image(part.file.path, part.max_pixels)}

    return [{"role": m.role, "content": [content(p) for p in m.parts]} for m in messages]


def check(spec: ModelSpec) -> None:
    if not spec.model:
        raise ValueError("`model` is missing: the name of an lmms-eval model (`lmms-eval models` lists them)")
    if spec.probabilities:
        raise ValueError("models of lmms-eval give no log-probabilities: use `verdict: text`, or backend openai")
    if spec.base_url:
        raise ValueError("base_url belongs to backend openai; here it is one of model_args")


def create(spec: ModelSpec) -> LmmsBackend:
    import lmms_eval  # noqa: F401  # so that a missing extra is said before anything is asked

    return LmmsBackend(spec)
