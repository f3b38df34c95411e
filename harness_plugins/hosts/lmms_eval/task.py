"""Our settings as lmms-eval tasks. The task files name this class; everything else comes from `hosts.base`.

Traps of lmms-eval 0.7.3 that shape it: documents reach scoring with the reasoning cut off (so the raw reply is taken from
the request), scoring runs in threads, `until` defaults to a blank line, and the response cache is keyed on a request's text
and the task's config alone (so the config carries the digests of the data).
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from evaluators.backends.lmms import EXTRA, images_of, to_lmms
from evaluators.errors import UserError
from harness_plugins.hosts import OUR_MODEL
from harness_plugins.hosts.base import HostedTask, importing, plainly
from harness_plugins.hosts.judge import HostModel
from harness_plugins.hosts.writing import HostedRubrics, HostedWriting

with importing("lmms-eval", EXTRA):
    from lmms_eval.api.instance import Instance
    from lmms_eval.api.task import ConfigurableMessagesTask
    from lmms_eval.utils import simple_parse_args_string


class RubricTask(HostedTask, ConfigurableMessagesTask):  # type: ignore[misc]
    """One benchmark under one setting, both orders as rows."""

    harness = "lmms"
    harness_version = f"lmms-eval {version('lmms-eval')}"
    length_argument = "max_new_tokens"

    @plainly
    def __init__(self, config: dict[str, Any], model_name: str | None = None) -> None:
        metadata = self.load(config["metadata"])
        ConfigurableMessagesTask.__init__(
            self,
            config=self.task_config(config["task"], metadata, reasoning_tags="none"),
            model_name=model_name,
        )

    def _prepare_metric_and_aggregation(self) -> None:
        self._metric_fn_list: dict[str, Any] = dict.fromkeys(self.aggregations)
        self._metric_fn_kwargs: dict[str, Any] = {name: {} for name in self.aggregations}
        self._aggregation_list = dict(self.aggregations)
        self._higher_is_better = dict(self.directions)

    def download(self, dataset_kwargs: Any = None, **_: Any) -> None:
        docs = self.docs()
        docs.task = self
        self.dataset = self.dataset_no_image = {"test": docs}

    # What is asked

    def doc_to_text(self, doc: dict[str, Any]) -> str:
        """The prompt's text: what simple models are asked, and what a response is cached under."""
        return self.text(doc["row"])

    @plainly
    def doc_to_visual(self, doc: dict[str, Any]) -> list[Any]:
        return images_of(self.messages(doc["row"]))

    @plainly
    def doc_to_messages(self, doc: dict[str, Any], **_: Any) -> list[dict[str, Any]]:
        """Text and images in their places, as a native judge is shown them."""
        return to_lmms(self.messages(doc["row"]))

    def doc_to_target(self, doc: dict[str, Any]) -> str:
        return self.rows.target(doc["row"])

    def fewshot_context(self, doc: dict[str, Any], *_: Any, **__: Any) -> str:
        return self.doc_to_text(doc)

    @plainly
    def build_all_requests(self, **options: Any) -> None:
        if (self.config.repeats or 1) > 1:
            raise UserError(
                f"{self.config.task}: --repeats keeps only the first of several answers in lmms-eval; "
                "for samples use `rubric-harness run` with the judge option `samples`"
            )
        if self._model_type() == "own" and getattr(getattr(self, "args", None), "use_cache", None):
            raise UserError(
                f"{self.config.task}: rubric_judge resumes from its run folder, verdict by verdict: leave out --use_cache"
            )
        ConfigurableMessagesTask.build_all_requests(self, **options)
        first, limit = options.get("offset") or 0, options.get("limit")
        docs = self.dataset["test"][first : first + int(limit) if limit else None]
        self.expect(docs, ours=self.native and self._model_type() == "own")

    def apply_filters(self) -> Any:
        self.share_replies()
        return ConfigurableMessagesTask.apply_filters(self)

    def construct_requests(self, doc_id: int, ctx: str, **kwargs: Any) -> Any:
        if self._model_type() != "simple":
            return ConfigurableMessagesTask.construct_requests(self, doc_id, ctx, **kwargs)
        if any(c.media for c in self.rows.rows[self.dataset["test"][doc_id]["row"]].item.candidates):
            raise UserError(
                f"{self.config.task}: this model takes images only before the text, so it could not tell whose they are; "
                "use a chat model"
            )
        split = kwargs["metadata"]["split"]
        arguments = (ctx, dict(self.config.generation_kwargs), self.doc_to_visual, doc_id, self.config.task, split)
        return Instance(
            request_type=self.OUTPUT_TYPE,
            arguments=arguments,
            idx=0,
            task_name=self.config.task,
            doc_id=doc_id,
            **kwargs,
        )

    def _model_type(self) -> str:
        from lmms_eval.models import MODEL_REGISTRY_V2

        cli = getattr(self, "args", None)
        if self.asked_by_ours or (cli is not None and cli.model == OUR_MODEL):
            return "own"
        if cli is None:
            return "chat"
        model_type: str = MODEL_REGISTRY_V2.resolve(cli.model, force_simple=bool(cli.force_simple)).model_type
        return model_type

    def command(self) -> HostModel | None:
        cli = getattr(self, "args", None)
        if cli is None:
            return None
        arguments = cli.model_args or {}
        return HostModel(cli.model, simple_parse_args_string(arguments) if isinstance(arguments, str) else arguments)

    # The result

    @plainly
    def process_results(self, doc: dict[str, Any], results: Sequence[Any], full_docs: Any = None) -> dict[str, Any]:
        return self.scored(doc)

    def aggregation(self) -> dict[str, Any]:
        return self._aggregation_list


class GrmTask(HostedWriting, RubricTask):
    """The setting `grm`: the model writes a rubric, applies it and decides; what it wrote is filed for other judges."""


class ArrTask(HostedRubrics, RubricTask):
    """The setting `arr`: the model writes a rubric from the request alone; what it wrote is filed for other judges."""
