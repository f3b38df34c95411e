"""vLLM in this process: continuous batching, prefix cache, LoRA adapters, exact probabilities.

    {name: qwen, backend: vllm, model: Qwen/Qwen2.5-VL-7B-Instruct, model_args: {max_model_len: 16384}}

The asynchronous engine takes each request as it comes and returns each answer as it ends, so the journal grows as it
does with a server. Prompts go through the processor's own chat template. Use vLLM's server (`backend: openai`) where
several programs share the model or it is on another machine; this backend saves the base64 and the second process.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from concurrent.futures import ThreadPoolExecutor
from textwrap import shorten
from typing import Any

from evaluators import stop_messages
from evaluators.capabilities import Capabilities
from evaluators.errors import BackendError, UserError
from evaluators.images.media import MediaWindow
from evaluators.images.pictures import open_image
from evaluators.messages import ChatRequest, Image, Message, Text
from evaluators.records import Answer
from evaluators.replies.digits import NO_PROBABILITY, digit_of
from evaluators.specs import ModelSpec

EXTRA = "vllm"
_OWN = ("adapter", "adapter_rank")

TRANSPORT_ARGS = frozenset(
    {
        *("hf_token", "token", "download_dir"),
        *("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size", "distributed_executor_backend"),
        *("gpu_memory_utilization", "swap_space", "cpu_offload_gb", "kv_cache_memory_bytes", "num_gpu_blocks_override"),
        *("max_num_seqs", "max_num_batched_tokens", "limit_mm_per_prompt", "max_parallel_loading_workers"),
        *("enable_prefix_caching", "enable_chunked_prefill", "mm_processor_cache_gb", "enforce_eager"),
        *("disable_log_stats", "disable_log_requests", "enable_log_requests", "disable_custom_all_reduce"),
    }
)
"""Arguments that say where a model runs, how fast, and what is too much for it. Every other one may change an answer, and is in
the key."""


CAPABILITIES = Capabilities(concurrency=256, seeds=True, fields=("model_args",))


class VLLMBackend:
    name = "vllm"
    in_process = True

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec
        self._numbers = itertools.count()
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="prompt")

    async def open(self, media: MediaWindow) -> None:
        await asyncio.get_running_loop().run_in_executor(self._threads, self._load)
        if self._adapter is not None:
            try:
                await self._engine.add_lora(self._adapter)  # now: with the first request it would take the engine down
            except Exception as e:
                raise UserError(
                    shorten(
                        f"judge {self._spec.name!r}: the adapter {self._adapter.lora_path} cannot be loaded: {e}", 600
                    )
                ) from None

    def _load(self) -> None:
        import vllm
        from transformers import AutoProcessor
        from vllm import AsyncEngineArgs
        from vllm.lora.request import LoRARequest
        from vllm.v1.engine.async_llm import AsyncLLM

        # Newer versions give the probabilities of tokens that are named, however unlikely. Older ones give the
        # likeliest alone.
        self._exact = hasattr(vllm.SamplingParams(), "logprob_token_ids")
        spec, model_args = self._spec, dict(self._spec.model_args)
        adapter, rank = (model_args.pop(k, None) for k in _OWN)
        # All arms of an item share their prompt up to the rubric (docs/design/prefix-order.md).
        arguments: dict[str, Any] = {"enable_prefix_caching": True, "disable_log_stats": True, **model_args}
        if adapter:
            # vLLM's own default, 16, refuses adapters of a higher rank.
            arguments |= {"enable_lora": True, "max_lora_rank": int(rank or 64)}
        self._adapter = LoRARequest("adapter", 1, str(adapter)) if adapter else None
        try:
            self._sampling({"temperature": 0.0, "max_tokens": 1}, 0)  # extra_body is checked before the model is loaded
            where = {k: model_args[k] for k in ("trust_remote_code", "revision") if k in model_args}
            self._processor = AutoProcessor.from_pretrained(model_args.get("tokenizer", spec.model), **where)
            self._tokenizer = getattr(self._processor, "tokenizer", self._processor)
            self._templated = next(
                (t for t in (self._processor, self._tokenizer) if getattr(t, "chat_template", None)), None
            )
            if self._templated is None:
                raise ValueError("it has no chat template")
            self._strings = _takes_strings(self._templated)
            self._engine = AsyncLLM.from_engine_args(AsyncEngineArgs(model=spec.model, **arguments))
        except Exception as e:  # whatever loading raises, it is about what the config says
            raise UserError(
                shorten(f"judge {spec.name!r}: vLLM cannot load {spec.model}: {type(e).__name__}: {e}", 600)
            ) from None
        tokenizer = self._tokenizer
        tokens = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
        self._tokens = [str(t) for t in tokens]
        self._digits = [i for i, token in enumerate(self._tokens) if digit_of(token)]
        self._version = f"vllm {vllm.__version__}"

    async def close(self) -> None:
        engine = self.__dict__.pop("_engine", None)
        if engine is not None:
            handler = getattr(engine, "output_handler", None)
            if handler is not None:
                handler.cancel()  # else it reports the end of the engine as its death
            await asyncio.get_running_loop().run_in_executor(self._threads, engine.shutdown)
        self._threads.shutdown()

    async def chat(self, request: ChatRequest) -> Answer:
        prompt = await asyncio.get_running_loop().run_in_executor(self._threads, self._prompt, request)
        sampling = self._sampling(request.sampling, request.top_logprobs)
        sampling.seed = request.seed if request.seed is not None else sampling.seed
        started = time.perf_counter()
        name = f"{self._spec.name}-{next(self._numbers)}"
        result = None
        try:
            async for output in self._engine.generate(prompt, sampling, name, lora_request=self._adapter):
                result = output
        except Exception as e:
            if type(e).__name__ == "EngineDeadError":
                raise stop_messages.engine_died(self._spec.name) from None
            # vLLM's words for a prompt that is too long or holds too many images; its type has changed between versions.
            if isinstance(e, ValueError) or type(e).__name__ == "VLLMValidationError":
                raise BackendError("too_long", " ".join(str(e).split())[:300]) from None
            raise
        if result is None or not result.outputs:
            raise BackendError("backend", "vLLM gave no output")
        return self._answer(result, request, time.perf_counter() - started)

    def _prompt(self, request: ChatRequest) -> dict[str, Any]:
        """The prompt's tokens with the model's own image marks, and the images beside them."""
        template_options = {"continue_final_message": True} if request.continues else {"add_generation_prompt": True}
        text = self._rendered(request, template_options)
        bos = getattr(self._tokenizer, "bos_token", None)
        # A template that writes the start itself must not get a second one.
        ids = self._tokenizer(text, add_special_tokens=not (bos and text.startswith(bos)))["input_ids"]
        images = [
            open_image(p.file.path, p.max_pixels) for m in request.messages for p in m.parts if isinstance(p, Image)
        ]
        return {"prompt_token_ids": ids, **({"multi_modal_data": {"image": images}} if images else {})}

    def _rendered(self, request: ChatRequest, template_options: dict[str, Any]) -> str:
        """By the chat template, which may take content as a list of parts or, for models of text alone, as a string."""
        apply = self._templated.apply_chat_template  # type: ignore[union-attr]

        def content(m: Message) -> list[dict[str, str]]:
            return [{"type": "text", "text": p.text} if isinstance(p, Text) else {"type": "image"} for p in m.parts]

        def joined(m: Message) -> str:
            return "".join(p.text for p in m.parts if isinstance(p, Text))

        plain = self._strings and all(isinstance(p, Text) for m in request.messages for p in m.parts)
        conversation = [{"role": m.role, "content": joined(m) if plain else content(m)} for m in request.messages]
        text: str = apply(conversation, tokenize=False, **template_options)
        return text

    def _sampling(self, sampling: dict[str, Any], top_logprobs: int) -> Any:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

        fields = {k: v for k, v in sampling.items() if k != "max_completion_tokens" and v is not None}
        fields |= self._spec.extra_body
        if "max_completion_tokens" in sampling:
            fields["max_tokens"] = sampling["max_completion_tokens"]
        try:
            if isinstance(fields.get("structured_outputs"), dict):  # as its server takes them
                fields["structured_outputs"] = StructuredOutputsParams(**fields["structured_outputs"])
            params = SamplingParams(**fields, output_kind=RequestOutputKind.FINAL_ONLY)
        except (TypeError, ValueError) as e:
            raise UserError(f"judge {self._spec.name!r}: extra_body: {e}") from None
        if top_logprobs:
            params.temperature = 0.0
            if self._exact:  # the tokens that read as a digit, however unlikely: a grammar would hide the rest
                params.logprob_token_ids = self._digits
                params.structured_outputs = None
            else:
                params.logprobs = top_logprobs
        return params

    def _answer(self, result: Any, request: ChatRequest, seconds: float) -> Answer:
        output = result.outputs[0]
        if output.finish_reason == "abort":
            raise BackendError("backend", "vLLM aborted the request")
        usage = {"prompt_tokens": len(result.prompt_token_ids or ()), "completion_tokens": len(output.token_ids)}
        if result.num_cached_tokens is not None:
            usage["cached_tokens"] = result.num_cached_tokens
        tops = None
        if request.top_logprobs:
            first = output.logprobs[0] if output.logprobs else {}
            # A model's vocabulary may be padded beyond its tokenizer's, and such tokens have no text.
            pairs = (
                (self._tokens[i], max(float(logprob.logprob), NO_PROBABILITY))
                for i, logprob in first.items()
                if i < len(self._tokens)
            )
            tops = tuple(sorted(pairs, key=lambda p: -p[1]))
        return Answer(
            text=output.text,
            answer_format=request.answer_format,
            finish_reason=output.finish_reason,
            top_logprobs=tops,
            masked=bool(tops) and not self._exact and "structured_outputs" in self._spec.extra_body,
            usage=usage,
            latency_s=round(seconds, 4),
            model=self._spec.model,
            backend=self.name,
            backend_version=self._version,
            sampling=request.sampling,
        )


def _takes_strings(templated: Any) -> bool:
    """Whether a chat template is one of a text model, which takes content as a string and shows a list as such.

    Told by a probe of ours: what others wrote must not decide it.
    """
    probe = [{"role": "user", "content": [{"type": "text", "text": "probe"}]}]
    try:
        return "'type'" in templated.apply_chat_template(probe, tokenize=False, add_generation_prompt=True)
    except Exception:  # whatever a template raises, it does not take lists
        return True


def check(spec: ModelSpec) -> None:
    if not spec.model:
        raise ValueError("`model` is missing: a folder, or a name on the Hub")
    if spec.base_url:
        raise ValueError("base_url belongs to backend openai; vllm loads the model into this process")


def create(spec: ModelSpec) -> VLLMBackend:
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")  # else its log writes over the progress line
    import vllm  # noqa: F401  # so that a missing extra is said before anything is asked

    return VLLMBackend(spec)
