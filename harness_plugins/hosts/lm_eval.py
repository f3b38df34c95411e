"""Our settings as lm-eval tasks, for items that are text alone.

lm-eval 0.4.13 shows one image of a request by default, drops the rest silently, and puts what it shows before the
text: a pair whose images say which response is which would be judged on something else. Such items are refused.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from evaluators.errors import UserError
from harness_plugins.hosts.base import HostedTask, importing, plainly
from harness_plugins.hosts.judge import HostModel

with importing("lm-eval", "lm-eval"):
    from lm_eval.api.task import ConfigurableTask
    from lm_eval.utils import simple_parse_args_string


class RubricTask(HostedTask, ConfigurableTask):  # type: ignore[misc]
    """One benchmark under one setting, both orders as rows."""

    harness = "lm"
    harness_version = f"lm-eval {version('lm-eval')}"
    length_argument = "max_gen_toks"

    @plainly
    def __init__(self, config: dict[str, Any]) -> None:
        metadata = self.load(config["metadata"])
        self._refuse_images(config["task"])
        ConfigurableTask.__init__(
            self,
            config=self.task_config(config["task"], metadata, metric_list=[]),
        )
        self._aggregation_list = dict(self.aggregations)
        self._higher_is_better = dict(self.directions)

    def _refuse_images(self, task: str) -> None:
        shown = [i for i in self.rows.grid.items if i.all_media()]
        if any(f for i in shown for m in i.all_media() for f in m.files):
            raise UserError(
                f"{task}: {len(shown)} of {len(self.rows.grid.items)} items have images, and lm-eval drops or moves images; "
                f"use lmms-eval (`lmms-eval --tasks {task}`) or `rubric-harness run`"
            )

    def download(self, *_: Any, **__: Any) -> None:
        self.dataset = {"test": self.docs()}

    def doc_to_text(self, doc: dict[str, Any], doc_to_text: Any = None) -> str:
        return self.text(doc["row"])

    def doc_to_target(self, doc: Mapping[str, Any], doc_to_target: Any = None) -> str:
        return self.rows.target(doc["row"])

    def fewshot_docs(self) -> None:
        return None

    @plainly
    def build_all_requests(self, **options: Any) -> None:
        ConfigurableTask.build_all_requests(self, **options)
        samples, limit = options.get("samples"), options.get("limit")
        docs = self.dataset["test"]
        self.expect([docs[n] for n in samples] if samples else docs[: int(limit) if limit else None], ours=False)

    def apply_filters(self) -> Any:
        self.share_replies()
        return ConfigurableTask.apply_filters(self)

    def command(self) -> HostModel | None:
        """lm-eval tells its tasks nothing about the model, so it is read from the command line."""
        parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
        parser.add_argument("--model", "-M")
        parser.add_argument("--model_args", "-a", nargs="*", default=[])
        options, _ = parser.parse_known_args(sys.argv[1:])
        if not options.model:
            return None
        arguments: dict[str, Any] = {}
        for text in options.model_args:
            arguments |= simple_parse_args_string(text)
        return HostModel(options.model, arguments)

    @plainly
    def process_results(self, doc: dict[str, Any], results: Sequence[Any]) -> dict[str, Any]:
        return self.scored(doc)

    def aggregation(self) -> dict[str, Any]:
        return self._aggregation_list

    def higher_is_better(self) -> dict[str, Any]:
        return self._higher_is_better
