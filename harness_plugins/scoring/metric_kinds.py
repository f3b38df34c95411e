"""Every metric once: its name, the header of its column, its unit, which end is better, and what it is.

`score --json` prints nothing under `metric` that is not here. Tables, hosts and docs/metrics.md read it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import chain
from types import ModuleType
from typing import Any, Literal

from evaluators.errors import UserError
from evaluators.inputs.names import unknown
from harness_plugins.plugins import METRICS as PLUGINS

Better = Literal["higher", "lower", "nearer_zero", "neither"]

Unit = Literal["share", "points", "coefficient", "number", "count", "tokens", "compute", "money", "text"]
"""share: 0 to 1, printed in per cent. points: a difference of shares, -1 to 1, printed in points. coefficient: -1 to 1, printed as it
is, with two digits. number: printed as it is. compute: billions of parameters times tokens. text: a sentence, whose number (if any)
says how often."""


@dataclass(frozen=True)
class MetricKind:
    """What is known of a metric before it is measured.

    Example:
        >>> metric_kind("accuracy[colour]").better
        'higher'
        >>> header("accuracy[colour]")
        'colour'
    """

    name: str
    """As `score --json` has it. Of a family with a field for each part that varies: `vote@{k}`."""
    header: str
    """Of its column in a table; may name the fields of `name`."""
    unit: Unit
    better: Better
    """Which end is the better one; `neither` for bounds, descriptions, and rates of which no end is."""
    about: str
    """One sentence."""
    of_means: bool = False
    """Whether it is a mean of other numbers: then its n counts these, and k is their sum."""

    @property
    def family(self) -> bool:
        """Whether it stands for many names."""
        return "{" in self.name

    def fields(self, name: str) -> dict[str, str] | None:
        """What stands for each field in a name of this kind; None where the name is of another."""
        match = self._pattern.fullmatch(name)
        return match.groupdict() if match else None

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        texts = re.split(r"\{(\w+)\}", self.name)  # literal, field, literal, ...
        return re.compile("".join(f"(?P<{t}>.+)" if n % 2 else re.escape(t) for n, t in enumerate(texts)), re.DOTALL)


# One line for the facts, one for the sentence.
# fmt: off
SECTIONS: dict[str, tuple[MetricKind, ...]] = {
    "Accuracy": (
        MetricKind("accuracy", "accuracy", "share", "higher",
            "Items right under the protocol, the mean over an item's orders, samples and replicates."),
        MetricKind("accuracy[{category}]", "{category}", "share", "higher",
            "Accuracy in one category."),
        MetricKind("forward", "forward", "share", "higher",
            "Accuracy in the order AB."),
        MetricKind("reverse", "reverse", "share", "higher",
            "Accuracy in the order BA."),
        MetricKind("strict_both", "both", "share", "higher",
            "Items right in every order."),
        MetricKind("consistency", "consist.", "share", "higher",
            "Items with the same candidate picked in every order, right or wrong."),
        MetricKind("accuracy_preferred_longer", "preferred longer", "share", "higher",
            "Accuracy where the preferred candidate has the most characters."),
        MetricKind("accuracy_preferred_shorter", "preferred shorter", "share", "higher",
            "Accuracy where another candidate has the most characters."),
        MetricKind("accuracy_aggregated", "aggregated", "share", "higher",
            "Items whose mean log-odds over both orders favour the preferred candidate, zero counting half."),
        MetricKind("accuracy_with_rubric", "with a rubric", "share", "higher",
            "Accuracy on the items for which the writer has a rubric."),
        MetricKind("vote@{k}", "vote@{k}", "share", "higher",
            "Accuracy of the majority of k samples, half in each order, over all choices of k of them; a split vote counts half."),
        MetricKind("vote_share", "majority's share", "share", "neither",
            "Share of an order's samples that the majority holds."),
        MetricKind("pair_accuracy", "pairs", "share", "higher",
            "Of the pairs of candidates that the label orders, those that the judge's ranking orders likewise."),
        MetricKind("kendall_tau", "tau", "coefficient", "higher",
            "Concordant minus discordant pairs of candidates, by those that the label orders; of items with three or more."),
    ),
    "Rates of answers": (
        MetricKind("first_position_rate", "1st picked", "share", "neither",
            "Of the trials with a pick, those in which the candidate that is shown first was picked."),
        MetricKind("longer_pick_rate", "longer picked", "share", "neither",
            "Of the trials with a pick, those in which the candidate with the most characters was picked."),
        MetricKind("parsed", "parsed", "share", "higher",
            "Answers that hold a verdict that can count (a tie where labels may be ties)."),
        MetricKind("tie", "tie", "share", "neither",
            "Answers that are a tie."),
        MetricKind("unparsed", "unparsed", "share", "lower",
            "Answers without a verdict."),
        MetricKind("refused", "refused", "share", "lower",
            "Answers that refuse."),
        MetricKind("truncated", "truncated", "share", "lower",
            "Answers that were cut off before a verdict."),
        MetricKind("low_mass", "low mass", "share", "lower",
            "One-token answers of which the model would have written none that was offered."),
        MetricKind("answered", "answered", "share", "higher",
            "Trials with an answer, whatever it holds."),
        MetricKind("mass", "mass (median)", "share", "higher",
            "Median probability of all offered answers together, over one-token answers."),
        MetricKind("several_forms", "several forms", "share", "lower",
            "Text answers that hold several different forms of a verdict."),
    ),
    "Position": (
        MetricKind("accuracy_label_first", "label first", "share", "higher",
            "Accuracy in the order that shows the preferred candidate first."),
        MetricKind("accuracy_label_last", "label last", "share", "higher",
            "Accuracy in the order that shows the preferred candidate last."),
        MetricKind("position_bias", "first minus last", "points", "nearer_zero",
            "accuracy_label_first minus accuracy_label_last."),
        MetricKind("flip_rate", "flips", "share", "lower",
            "Items with another candidate picked in another order."),
        MetricKind("primacy_flips", "to the first", "share", "lower",
            "Items with the first shown picked in every order."),
        MetricKind("recency_flips", "to the last", "share", "lower",
            "Items with the last shown picked in every order."),
        MetricKind("debiased_accuracy", "debiased", "share", "higher",
            "Items right in every order, a flip counting as a pick at random."),
    ),
    "Means and groups": (
        MetricKind("macro", "macro", "share", "higher",
            "Mean of the categories' accuracies.", of_means=True),
        MetricKind("macro_with_all", "macro with all", "share", "higher",
            "Mean of the categories' accuracies and the accuracy over all items.", of_means=True),
        MetricKind("macro[{criterion}]", "macro {criterion}", "share", "higher",
            "Mean of the categories' accuracies over the items of one criterion (EditScore).", of_means=True),
        MetricKind("acc_plus_expected", "Acc+ exp.", "share", "higher",
            "Groups with every item right, each order equally likely: the product of the items' scores."),
        MetricKind("acc_plus_strict", "Acc+ strict", "share", "higher",
            "Groups with every item right in every order that was judged."),
        MetricKind("acc_plus[{category}]", "Acc+ {category}", "share", "higher",
            "Groups of one category with every item right in every order that was judged."),
        MetricKind("pacc", "PAcc", "share", "higher",
            "Prompts with every criterion right (Multi-Crit)."),
        MetricKind("tos", "TOS", "share", "higher",
            "Of the prompts on which people's criteria disagree, those on which the judge's do so too (Multi-Crit)."),
        MetricKind("cmr", "CMR", "share", "higher",
            "Of the pairs of criteria on which people disagree, those with both right (Multi-Crit)."),
    ),
    "What an arm changed": (
        MetricKind("gain_over_{reference}", "minus {reference}", "points", "higher",
            "Accuracy of the arm minus that of a reference arm, item by item."),
        MetricKind("gain_over_judge_{judge}", "difference", "points", "higher",
            "Accuracy minus that of the same model asked as another judge is, item by item."),
        MetricKind("transitions_from_none", "under none", "count", "neither",
            "Pairs by what they were without a rubric and what they are under the arm."),
        MetricKind("recovery", "recovery", "share", "higher",
            "Of the trials that are wrong without a rubric, those that are right with it."),
        MetricKind("harm", "harm", "share", "lower",
            "Of the trials that are right without a rubric, those that are not right with it."),
        MetricKind("net_recovery", "net", "points", "higher",
            "Trials that became right minus those that ceased to be, by those with a pick without a rubric."),
        MetricKind("agreement_with_writer", "agrees with W", "share", "neither",
            "Trials in which the judge picks what the writer preferred."),
        MetricKind("sycophancy", "sycophancy", "points", "lower",
            "Where the writer is wrong, how much more often the judge picks what the writer preferred with the rubric than without."),
        MetricKind("uptake", "uptake", "points", "higher",
            "Where the writer is right, how much more often the judge picks what the writer preferred with the rubric than without."),
        MetricKind("pull", "pull", "share", "neither",
            "Of the trials that differ from the writer's verdict without a rubric, those that follow it with the rubric."),
        MetricKind("pull_{arm}", "of {arm}", "share", "neither",
            "The same under another arm, which shows nothing of this writer's verdict: the scale of pull."),
        MetricKind("verifier_precision", "W right if judge right", "share", "higher",
            "Of the trials that the judge has right, those in which the writer is right."),
        MetricKind("verifier_recall", "judge right if W right", "share", "higher",
            "Of the trials in which the writer is right, those that the judge has right."),
    ),
    "What rubrics carry over": (
        MetricKind("a_{written}_{judged}", "{written}, {judged}", "share", "higher",
            "Accuracy of rubrics that were written in one order and read in one order."),
        MetricKind("same", "same", "share", "higher",
            "Accuracy of rubrics that are read in the order that they were written in."),
        MetricKind("cross", "cross", "share", "higher",
            "Accuracy of rubrics that are read in the other order."),
        MetricKind("headline", "headline", "share", "higher",
            "Mean of the cells of written and judged orders."),
        MetricKind("leak", "position leak", "points", "nearer_zero",
            "same minus cross: what a rubric gives away by positions."),
        MetricKind("writer", "writer alone", "share", "higher",
            "Accuracy of the writer's own verdicts."),
        MetricKind("none", "none", "share", "higher",
            "Accuracy of the judge without a rubric."),
        MetricKind("writer_plus_none", "writer + none", "share", "higher",
            "Accuracy of the writer's verdicts and the judge's own, voted; a split vote counts half."),
        MetricKind("transferred", "transferred", "share", "higher",
            "Accuracy of the judge with the writer's rubric."),
        MetricKind("advice", "advice", "share", "higher",
            "Accuracy of the judge with one line that says the writer's verdict."),
        MetricKind("content_gain", "content gain", "points", "higher",
            "transferred minus advice, item by item."),
        MetricKind("gain_leak_free", "gain, leak-free", "points", "higher",
            "transferred minus none, on the items none of whose rubrics gives the answer away by its words."),
    ),
    "Over judges and writers": (
        MetricKind("conclusion", "conclusion", "points", "higher",
            "What may be said of a writer's rubrics, with their gain over none, the mean over unseen judges."),
        MetricKind("mean_gain_over_{reference}", "gain over {reference}", "points", "higher",
            "transferred minus a reference arm, the mean over unseen judges."),
        MetricKind("mean_lead_over_{control}", "lead over {control}", "points", "higher",
            "transferred minus a control, the mean over unseen judges."),
        MetricKind("mean_{arm}_minus_none", "{arm} minus none", "points", "neither",
            "A control, the writer's bare verdict or the same question asked again, minus none: the mean over unseen judges."),
        MetricKind("majority_vote", "majority", "share", "higher",
            "Accuracy of what most judges pick in a trial; a split vote is not right."),
        MetricKind("krippendorff_alpha", "alpha", "coefficient", "neither",
            "Krippendorff's alpha, nominal, over all judges of an arm."),
        MetricKind("cohen_kappa", "kappa", "coefficient", "neither",
            "Cohen's kappa of two judges, over the trials in which both picked."),
        MetricKind("matrix_writer_margin", "margin", "points", "higher",
            "A writer's mean contrast over the judges that are unseen to it."),
        MetricKind("matrix_judge_margin", "margin", "points", "higher",
            "A judge's mean contrast over the writers to which it is unseen."),
        MetricKind("matrix_writer_ranking", "margin, same judges", "points", "higher",
            "A writer's mean contrast over the judges that are unseen to every writer."),
        MetricKind("matrix_judge_ranking", "margin, same writers", "points", "higher",
            "A judge's mean contrast over the writers to which every judge is unseen."),
        MetricKind("matrix_writer_lead_over_{writer}", "lead over {writer}", "points", "higher",
            "The first writer of the ranking minus the next."),
        MetricKind("matrix_judge_lead_over_{judge}", "lead over {judge}", "points", "higher",
            "The first judge of the ranking minus the next."),
        MetricKind("matrix_gain_over_writer_{writer}", "minus {writer}", "points", "higher",
            "A writer minus the reference writer, the mean over the judges that are unseen to both."),
        MetricKind("gain_over_writer_{writer}", "minus {writer}", "points", "higher",
            "A writer minus the reference writer with one judge, item by item."),
    ),
    "Calibration": (
        MetricKind("calibration_brier[{order}]", "Brier", "number", "lower",
            "Mean of (p - y)^2; 0.25 is what 1/2 everywhere gets."),
        MetricKind("calibration_auroc[{order}]", "AUROC", "number", "higher",
            "P(p of an item whose candidate 0 is preferred > p of another), ties half."),
        MetricKind("calibration_auroc_confidence[{order}]", "AUROC of confidence", "number", "higher",
            "P(confidence of a right item > that of a wrong one), ties half."),
        MetricKind("calibration_selective@{percent}[{order}]", "acc. @ {percent} %", "share", "higher",
            "Accuracy of the most confident per cent of the items."),
        MetricKind("calibration_ece[{order}]", "ECE", "number", "lower",
            "Expected calibration error over ten bins of equal mass; read it beside its floor."),
        MetricKind("calibration_ece_floor_mean[{order}]", "its floor", "number", "neither",
            "Mean ECE of a perfectly calibrated judge with these confidences at this n."),
        MetricKind("calibration_ece_floor_95[{order}]", "its floor, 95 %", "number", "neither",
            "95th percentile of the ECE of a perfectly calibrated judge with these confidences at this n."),
    ),
    "Costs": (
        MetricKind("cost_money", "cost", "money", "lower",
            "What a decision costs, an item, the writer's share included, in the currency of the price file."),
        MetricKind("cost_compute", "cost", "compute", "lower",
            "What a decision costs, an item, the writer's share included: billions of parameters times tokens."),
        MetricKind("cost_tokens", "cost", "tokens", "lower",
            "What a decision costs, an item, the writer's share included: tokens read and written."),
        MetricKind("cost_money[vote@{k}]", "cost of vote@{k}", "money", "lower",
            "cost_money of a vote of k samples."),
        MetricKind("cost_compute[vote@{k}]", "cost of vote@{k}", "compute", "lower",
            "cost_compute of a vote of k samples."),
        MetricKind("cost_tokens[vote@{k}]", "cost of vote@{k}", "tokens", "lower",
            "cost_tokens of a vote of k samples."),
    ),
    "Sentences": (
        MetricKind("caveat", "caveat", "text", "lower",
            "What spoils numbers, in a sentence, with the share of the trials or items that it is about."),
        MetricKind("note", "note", "text", "neither",
            "What else to know about how the folder was scored, in a sentence."),
    ),
}
# fmt: on
"""All metrics, by what they are about, in the order of docs/metrics.md."""

METRICS = tuple(chain.from_iterable(SECTIONS.values()))
_OURS = {kind.name: kind for kind in METRICS if not kind.family}


@dataclass(frozen=True)
class Extension:
    """A metric of another package."""

    kind: MetricKind
    package: str
    """As pip names it."""
    scores: Callable[..., Any]
    """What computes it: see `harness_plugins.scoring.package_metrics`."""


@cache
def extensions() -> tuple[Extension, ...]:
    """The metrics of other packages, in alphabetical order.

    Raises:
        UserError: one does not load, takes a name of ours, or lacks what a metric must have.
    """
    return tuple(_extension(name, PLUGINS.module(name), PLUGINS.distribution(name)) for name in PLUGINS.names())


def _extension(name: str, module: ModuleType, package: str) -> Extension:
    kind, scores = getattr(module, "METRIC", None), getattr(module, "scores", None)
    if _ours(name) is not None:
        problem = "that name is taken by a metric of ours; it needs another one"
    elif not re.fullmatch("[a-z][a-z0-9_]*", name):
        problem = "a name has lower-case letters, digits and underscores, and begins with a letter"
    elif not isinstance(kind, MetricKind) or not callable(scores):
        problem = f"{module.__name__} must hold `METRIC`, a MetricKind, and the function `scores`"
    elif kind.name != name:
        problem = f"its METRIC is named {kind.name!r}; the entry point and METRIC must have one name"
    else:
        return Extension(kind, package, scores)
    raise UserError(f"the metric {name!r} of the package {package}: {problem}")


def metric_kind(name: str) -> MetricKind:
    """What is known of the metric of a name, or of the family that it is of.

    Raises:
        KeyError: no metric has such a name.
        UserError: as `extensions`.
    """
    kind = _ours(name) or next((e.kind for e in extensions() if e.kind.name == name), None)
    if kind is None:
        raise KeyError(unknown("metric", name, [k.name for k in (*METRICS, *(e.kind for e in extensions()))]))
    return kind


def header(name: str) -> str:
    """The header of a metric's column in a table.

    Raises:
        KeyError: no metric has such a name.
    """
    kind = metric_kind(name)
    return kind.header.format(**(kind.fields(name) or {})) if kind.family else kind.header


@cache
def _ours(name: str) -> MetricKind | None:
    if name in _OURS:
        return _OURS[name]
    kinds = [kind for kind in METRICS if kind.family and kind.fields(name) is not None]
    # `gain_over_judge_x` is of the family that says so, not a gain over an arm `judge_x`.
    return max(kinds, key=lambda kind: len(kind.name.partition("{")[0]), default=None)
