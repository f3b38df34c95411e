"""Any image-text model of transformers in this process: real batches, exact probabilities, PEFT adapters.

    {name: qwen, backend: hf, model: Qwen/Qwen2.5-VL-7B-Instruct, model_args: {dtype: bfloat16, device_map: auto}}

Requests that wait go to the model in batches of like size, padded on the left, through the processor's own chat
template. For `direct` the full distribution of the first token is looked at, so P counts every token that reads as a digit.
A batch that does not fit in memory is halved, and so are those after it.
"""

from __future__ import annotations

import gc
import inspect
import logging
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from textwrap import shorten
from typing import Any

from evaluators import stop_messages
from evaluators.backends._gathering import Gathering
from evaluators.capabilities import Capabilities
from evaluators.errors import BackendError, UserError
from evaluators.images.media import MediaWindow
from evaluators.images.pictures import open_image
from evaluators.messages import ChatRequest, Image, Text
from evaluators.records import Answer, TopLogprobs
from evaluators.replies.digits import NO_PROBABILITY, digit_of
from evaluators.specs import ModelSpec

EXTRA = "hf"
BATCH = 8
_NEUTRAL = {"top_p": 1.0, "top_k": 0, "repetition_penalty": 1.0}
_HUB = ("trust_remote_code", "revision", "token", "cache_dir", "local_files_only")
"""Arguments that are about where the files come from, and so the processor's as well as the model's."""
SAMPLING = ("top_p", "top_k", "min_p", "repetition_penalty")
"""Fields of `extra_body` that transformers knows under the same name."""
_LENGTHS = ("max_tokens", "max_completion_tokens")

TRANSPORT_ARGS = frozenset(
    {
        *("token", "cache_dir", "local_files_only", "force_download", "proxies", "use_safetensors"),
        *("batch_size", "device_map", "max_memory", "low_cpu_mem_usage", "tp_plan", "tp_size"),
        *("offload_folder", "offload_state_dict", "offload_buffers"),
    }
)
"""Arguments that say where a model runs, how fast, and what is too much for it. Every other one may change an answer, and is in
the key."""

CAPABILITIES = Capabilities(concurrency=64, greedy=True, fields=("model_args",))

log = logging.getLogger("rubric_harness")


class HFBackend:
    name = "hf"
    in_process = True

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec
        arguments = dict(spec.model_args)
        self._batch = int(arguments.pop("batch_size", BATCH))
        self._adapter = arguments.pop("adapter", None)
        self._processor_arguments = dict(arguments.pop("processor", {}))
        self._arguments = arguments
        self._engine = Gathering("hf", self._answers, self._next)

    async def open(self, media: MediaWindow) -> None:
        await self._engine.run(self._load)

    def _load(self) -> None:
        import torch
        from transformers import AutoModelForImageTextToText, AutoProcessor

        spec, arguments = self._spec, self._arguments
        where = {k: arguments[k] for k in _HUB if k in arguments}
        arguments.setdefault("dtype", "auto")
        if torch.cuda.is_available():
            arguments.setdefault("device_map", "auto")
        try:
            self._processor = AutoProcessor.from_pretrained(spec.model, **{**where, **self._processor_arguments})
            model = AutoModelForImageTextToText.from_pretrained(spec.model, **arguments)
            if self._adapter:
                from peft import PeftModel

                model = PeftModel.from_pretrained(model, self._adapter)
            self._settle(model.eval())
        except Exception as e:  # whatever loading raises, it is about what the config names
            raise UserError(
                shorten(f"judge {spec.name!r}: {spec.model} cannot be loaded: {type(e).__name__}: {e}", 600)
            ) from None

    def _settle(self, model: Any) -> None:
        """What is to be known of model and tokenizer."""
        tokenizer = self._processor.tokenizer
        if self._processor.chat_template is None:
            self._processor.chat_template = tokenizer.chat_template
        if self._processor.chat_template is None:
            raise ValueError("it has no chat template")
        # An answer begins where its prompt ends, so no padding may come between them.
        tokenizer.padding_side = "left"
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
        self._model = model
        self._limit: int | None = getattr(model.config.get_text_config(), "max_position_embeddings", None)
        self._tokens = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
        self._digits = [i for i, token in enumerate(self._tokens) if token and digit_of(token)]
        ends = model.generation_config.eos_token_id
        self._ends = {*(ends if isinstance(ends, list) else [ends]), tokenizer.eos_token_id} - {None}

    async def close(self) -> None:
        await self._engine.run(self._unload)
        self._engine.close()

    def _unload(self) -> None:
        import torch

        self.__dict__.pop("_model", None)
        gc.collect()  # a model spread over devices holds itself in cycles
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    async def chat(self, request: ChatRequest) -> Answer:
        return await self._engine.ask(request)

    def _next(self, waiting: Sequence[ChatRequest]) -> list[int]:
        """The request that has waited longest, with those next to it in size: little padding, and none waits for ever."""
        batchable = [n for n in range(len(waiting)) if _kind(waiting[n]) == _kind(waiting[0])]
        batchable.sort(key=lambda n: (_size(waiting[n]), n))
        oldest = batchable.index(0)
        start = max(0, min(oldest - self._batch // 2, len(batchable) - self._batch))
        return batchable[start : start + self._batch]

    def _answers(self, requests: Sequence[ChatRequest]) -> list[Answer | BackendError]:
        """Answers in order. What does not fit the memory is asked in halves, and so is what fails: one bad image, or one
        request too long for the model, is an error of its own and the rest of the batch goes on."""
        import torch

        short, cause = "", None
        try:
            return self._batched(requests)
        except torch.OutOfMemoryError as e:
            short = str(e).split(". ")[0]
        except UserError:
            raise
        except BackendError as e:  # a picture that cannot be shown
            cause = e
        except Exception as e:
            cause = BackendError("backend", f"{type(e).__name__}: {e}"[:300])
            # After such an error nothing works on the GPU any more in this process: halving the batch would fail all of
            # it.
            if "CUDA error" in str(e):
                raise stop_messages.gpu_failed(self._spec.name, cause.message[:200]) from None
        gc.collect()  # not within `except`: its traceback holds the tensors of the batch that failed
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        half = len(requests) // 2
        if not half:
            return [cause or BackendError("too_long", f"out of memory with this request alone ({short})")]
        if cause is None:
            self._batch = min(self._batch, half)
            log.warning(
                "judge %s: out of memory with %d requests at a time; going on with %d",
                self._spec.name,
                len(requests),
                half,
            )
        return [*self._answers(requests[:half]), *self._answers(requests[half:])]

    def _batched(self, requests: Sequence[ChatRequest]) -> list[Answer | BackendError]:
        inputs = self._inputs(requests)
        lengths = inputs["attention_mask"].sum(dim=1).tolist()
        errors = [self._too_long(length, r) for length, r in zip(lengths, requests, strict=True)]
        fitting = [r for r, error in zip(requests, errors, strict=True) if error is None]
        if len(fitting) < len(requests):
            answers = iter(self._batched(fitting) if fitting else ())
            return [error or next(answers) for error in errors]
        return list(self._generate(requests, inputs, lengths))

    def _inputs(self, requests: Sequence[ChatRequest]) -> Any:
        """A batch as the model takes it: token ids and pixels, padded to one length, on its device."""
        conversations = [[_message(m) for m in r.messages] for r in requests]
        continued = requests[0].continues
        template = self._processor.apply_chat_template
        options: dict[str, Any] = {"tokenize": True, "return_dict": True, "return_tensors": "pt"}
        options |= {"continue_final_message": True} if continued else {"add_generation_prompt": True}
        if "processor_kwargs" in inspect.signature(template).parameters:
            options["processor_kwargs"] = {"padding": True}
        else:  # transformers 4
            options["padding"] = True
        inputs = template(conversations, **options)
        if hasattr(self._model, "device"):
            inputs = inputs.to(self._model.device)
        dtype = next((p.dtype for p in self._model.parameters() if p.is_floating_point()), None)
        # transformers casts only floats here: pixels take the model's dtype, token ids stay whole numbers.
        return inputs.to(dtype) if dtype is not None else inputs

    def _too_long(self, length: int, request: ChatRequest) -> BackendError | None:
        if self._limit is None or length < self._limit:
            return None
        images = sum(isinstance(p, Image) for m in request.messages for p in m.parts)
        return BackendError(
            "too_long", f"{length} tokens ({images} images): {self._spec.model} takes {self._limit} with its answer"
        )

    def _room(self, length: int, request: ChatRequest) -> int:
        """How many tokens an answer may have: max_tokens, or what the model's context leaves."""
        # An answer is then cut, as a server cuts it, and not refused: max_tokens may be more than the context leaves.
        return _most(request) if self._limit is None else min(_most(request), self._limit - length)

    def _generate(self, requests: Sequence[ChatRequest], inputs: Any, lengths: Sequence[int]) -> Iterator[Answer]:
        import torch

        first = requests[0]
        rooms = [self._room(length, r) for length, r in zip(lengths, requests, strict=True)]
        started = time.perf_counter()
        with torch.inference_mode():
            out = self._model.generate(
                **inputs,
                **self._sampling(first),
                max_new_tokens=max(rooms),
                return_dict_in_generate=True,
                output_logits=bool(first.top_logprobs),
                pad_token_id=self._processor.tokenizer.pad_token_id,
            )
        seconds = time.perf_counter() - started
        written = out.sequences[:, inputs["input_ids"].shape[1] :].tolist()
        tops = self._tops(out.logits[0], first.top_logprobs) if first.top_logprobs else [None] * len(requests)
        for request, ids, length, room, top in zip(requests, written, lengths, rooms, tops, strict=True):
            # The batch was given the room of its roomiest request, which is more than this one may have.
            ids = ids[:room]
            end = next((n for n, token in enumerate(ids) if token in self._ends), None)
            ids = ids if end is None else ids[:end]
            yield Answer(
                text=self._processor.tokenizer.decode(ids, skip_special_tokens=True),
                answer_format=request.answer_format,
                finish_reason="length" if end is None and not request.top_logprobs else "stop",
                top_logprobs=top,
                usage={"prompt_tokens": length, "completion_tokens": len(ids) + (end is not None)},
                latency_s=round(seconds, 4),
                model=self._spec.model,
                backend=self.name,
                backend_version=f"transformers {version('transformers')}",
                sampling=request.sampling,
            )

    def _sampling(self, request: ChatRequest) -> dict[str, Any]:
        """As the config says, and nothing from the model's generation_config.json: what was asked is in the record."""
        temperature = float(request.sampling.get("temperature") or 0.0)
        penalty = {"repetition_penalty": self._spec.extra_body.get("repetition_penalty", 1.0)}
        if request.top_logprobs:
            return {"do_sample": False, "repetition_penalty": 1.0}
        if temperature == 0.0:
            return {"do_sample": False, **penalty}
        return {"do_sample": True, "temperature": temperature, **_NEUTRAL, **self._spec.extra_body}

    def _tops(self, logits: Any, count: int) -> list[TopLogprobs]:
        """The likeliest first tokens of each row, and every token that reads as a digit however unlikely."""
        import torch

        logs = torch.log_softmax(logits.float(), dim=-1)
        tops = []
        for row in logs:
            ids = dict.fromkeys([*row.topk(min(count, row.shape[0])).indices.tolist(), *self._digits])
            # A model's vocabulary may be padded beyond its tokenizer's.
            pairs = [(str(self._tokens[i]), max(float(row[i]), NO_PROBABILITY)) for i in ids if i < len(self._tokens)]
            tops.append(tuple(sorted(pairs, key=lambda p: -p[1])))
        return tops


def _message(message: Any) -> dict[str, Any]:
    def content(part: Text | Image) -> dict[str, Any]:
        if isinstance(part, Text):
            return {"type": "text", "text": part.text}
        return {"type": "image", "image": open_image(part.file.path, part.max_pixels)}

    return {"role": message.role, "content": [content(p) for p in message.parts]}


def _size(request: ChatRequest) -> int:
    """About how much a request weighs: what is padded to the same length should weigh the same."""
    parts = [p for m in request.messages for p in m.parts]
    return sum(len(p.text) if isinstance(p, Text) else 1000 + p.file.size // 64 for p in parts)


def _kind(request: ChatRequest) -> str:
    """What must be equal within a batch."""
    return repr((sorted(request.sampling.items()), request.top_logprobs, request.continues))


def _most(request: ChatRequest) -> int:
    return int(next((request.sampling[k] for k in _LENGTHS if request.sampling.get(k)), 4096))


def check(spec: ModelSpec) -> None:
    if not spec.model:
        raise ValueError("`model` is missing: a folder, or a name on the Hub")
    if spec.max_tokens_field not in _LENGTHS:
        raise ValueError(f"max_tokens_field: backend hf knows {' and '.join(_LENGTHS)}")
    if spec.base_url:
        raise ValueError("base_url belongs to backend openai; hf loads the model into this process")
    unknown = sorted(set(spec.extra_body) - set(SAMPLING))
    if unknown:
        raise ValueError(f"extra_body: {', '.join(unknown)}: backend hf knows {', '.join(SAMPLING)}")


def create(spec: ModelSpec) -> HFBackend:
    import torch  # noqa: F401  # so that a missing extra is said before anything is asked
    import transformers  # noqa: F401

    return HFBackend(spec)
