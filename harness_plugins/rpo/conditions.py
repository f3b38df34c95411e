"""Prompts as the network reads them, made once by the text encoders, kept on disk, and loaded a batch at a time.

The encoders are freed before the network is loaded: a run never holds both.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import orjson
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from evaluators.keys import digest
from harness_plugins.rpo.generators.base import Conditions, Encoder, Size
from harness_plugins.rpo.prompts import Prompt
from harness_plugins.rpo.recipe import GeneratorSpec

log = logging.getLogger("rubric_harness")


class ConditionStore:
    """Args:
    folder: of the files, one a prompt.
    spec: decides, with the prompt, what a file holds, and is in its name.
    base: which model it is (`run_folder.base_of`).
    """

    def __init__(self, folder: Path, spec: GeneratorSpec, base: str) -> None:
        self._folder = folder
        settings = spec.model_dump(include={"kind", "dtype", "side", "source_side", "max_tokens", "vae_warm_up"})
        self._digest = digest("conditions", base, settings)

    def encode(self, prompts: Sequence[Prompt], opened: Callable[[], Encoder]) -> int:
        """Make what is missing; returns how many files that was.

        Args:
            opened: loads the encoder; called only where something is missing.
        """
        missing = [p for p in prompts if not self._file(p).exists()]
        if missing:
            encoder = opened()
            for n, prompt in enumerate(missing):
                if n and n % 100 == 0:
                    log.info("encoded %d of %d prompts", n, len(missing))
                self._write(self._file(prompt), encoder.encode(prompt))
            del encoder
            gc.collect()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
        return len(missing)

    def load(self, prompt: Prompt) -> Conditions:
        with safe_open(self._file(prompt), "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no mapping
            sizes = orjson.loads(file.metadata()["sizes"])
        return Conditions(tensors, Size(*sizes[0]), Size(*sizes[1]) if sizes[1] else None)

    def _file(self, prompt: Prompt) -> Path:
        return self._folder / f"{digest(self._digest, prompt.uid, prompt.negative)[:24]}.safetensors"

    def _write(self, file: Path, conditions: Conditions) -> None:
        part = file.with_suffix(".part")
        sizes = orjson.dumps([tuple(conditions.size), conditions.source and tuple(conditions.source)]).decode()
        save_file({n: t.contiguous() for n, t in conditions.tensors.items()}, part, metadata={"sizes": sizes})
        part.replace(file)
