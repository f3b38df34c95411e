"""What `rubric-harness tasks` prints: benchmarks, settings (arms), protocols, judges, and where the files are; or one benchmark."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from evaluators.rubrics.arms import ARMS
from evaluators.specs import BACKENDS, capabilities
from evaluators.writers.base import METHODS
from harness_plugins.benchmarks.folders import benchmarks_in, task_folders
from harness_plugins.benchmarks.spec import BenchmarkSpec, ProtocolSpec, load_spec, names
from harness_plugins.hosts import SETTINGS
from harness_plugins.hosts.yamls import tasks_of
from harness_plugins.scoring.protocols import STRICT
from harness_plugins.tables.paper import listed


def listing() -> str:
    lines: list[str] = []
    for folder in task_folders():
        lines += [f"{chr(10) if lines else ''}Benchmarks ({folder})"]
        for name in benchmarks_in(folder):
            spec = load_spec(name)
            facts = (spec.title, _rows(spec), _where(spec), spec.paper)
            lines.append(f"  {name:24} {'; '.join(fact for fact in facts if fact)}")
    lines.append("\nSettings (arms)")
    lines += [f"  {a.name:24} {a.about}{' (per writer)' if a.per_writer else ''}" for a in ARMS.values()]
    lines.append(
        "\nIn lmms-eval and lm-eval (rt_<benchmark> is all settings; rt_reward_bench, rt_transfer: all that the Hub gives everyone)"
    )
    lines += [f"  {f'rt_<benchmark>_{setting}':24} arm {arm}" for setting, arm in SETTINGS.items()]
    lines.append(f"  {'rt_<benchmark>_grm':24} lmms-eval alone: the model writes a rubric and decides by it")
    lines.append(f"  {'rt_<benchmark>_arr':24} lmms-eval alone: the model writes a rubric from the request alone")
    lines.append("  --grading pointwise, listwise, pairwise,criteria ...: how the model is asked, in every setting")
    lines.append(
        "\nProtocols (score --protocol NAME; `official` and `metric` alone mean each benchmark's own, `official-proxy_grm` each\n"
        "benchmark's official:<benchmark>-proxy_grm)"
    )
    lines.append(f"  {'strict':24} {STRICT.about}")
    lines += [f"  {p}\n  {'':24} {s.about}" for n in names() for p, s in load_spec(n).protocols.items()]
    lines.append("\nRubric writers (method: in a config)")
    lines += [f"  {name:24} {METHODS.about(name)}" for name in METHODS.names()]
    lines += ["\nPaper tables (table --spec NAME)", *listed()]
    lines.append("\nJudges (backend: in a config)")
    models = {name: capabilities(name).models for name in BACKENDS.names()}
    lines += [f"  {name}" + (f": {', '.join(names)}" if names else "") for name, names in models.items()]
    return "\n".join(lines) + "\n"


def _rows(spec: BenchmarkSpec) -> str:
    if spec.dataset.rows:
        return f"{spec.dataset.rows:,} rows"
    return "" if spec.paper else "your rows"


def _where(spec: BenchmarkSpec) -> str:
    """Where a benchmark's rows come from, in a few words."""
    if not spec.dataset.id:
        return "bundled" if spec.dataset.files else "path: in the config"
    config = f" ({spec.dataset.config})" if spec.dataset.config else ""
    access = ", gated" if spec.dataset.gated else "" if spec.dataset.fetch else ", path: in the config"
    return f"{spec.dataset.id}{config}{access}"


WIDTH = 80


def described(name: str) -> str:
    """One benchmark: what it holds, how it is scored, what to mind, and lines for a config.

    Raises:
        UserError: there is none of that name; what may have been meant is said.
    """
    spec = load_spec(name)
    title = ", ".join(part for part in (spec.title, spec.paper) if part)
    lines = [*textwrap.wrap(f"{name}: {title}", WIDTH, subsequent_indent="  "), ""]
    facts = [("rows", _all_rows(spec)), ("licence", spec.licence), ("access", _access(spec)), ("a row", _columns(spec))]
    facts += [("to mind", spec.note)]
    for title, text in facts:
        lines += _wrapped(title, " ".join(text.split()))
    lines += ["", "Categories (the first is the default in tables)"]
    kinds = sorted(spec.categories.items(), key=lambda named: named[0] != spec.category)
    for kind, rules in kinds:
        values = list(dict.fromkeys([*(r.category for r in rules.rules), rules.otherwise]))
        lines += _wrapped(kind, f"{rules.about}{': ' if any(values) else ''}{', '.join(v for v in values if v)}")
    lines += ["", "Protocols (score --protocol NAME), beside `strict`"]
    for protocol, how in spec.protocols.items():
        needs = _needs(how)
        text = f"{how.about}{'. Needs ' if needs else ''}{' and '.join(needs)}"
        lines += [f"  {protocol}", *textwrap.wrap(text, WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)]
    lines += ["", "In lmms-eval and lm-eval"]
    lines += textwrap.wrap(", ".join(tasks_of(name)), WIDTH, initial_indent="  ", subsequent_indent="  ")
    path = "" if _has_rows(spec) else " \\\n    --set benchmarks.0.path=rows.jsonl"
    lines += ["", "In a config", *_stanza(spec)]
    lines += ["", "Or without one", f"  rubric-harness run --judge openai:MODEL@URL --benchmark {name}{path}"]
    return "\n".join(lines) + "\n"


def _wrapped(title: str, text: str) -> list[str]:
    """A fact under its title; none where there is nothing to say."""
    if not text:
        return []
    beside = f"  {title:10}  " if len(title) <= 10 else f"  {title}  "
    return textwrap.wrap(text, WIDTH, initial_indent=beside, subsequent_indent=" " * 14, break_on_hyphens=False)


def _has_rows(spec: BenchmarkSpec) -> bool:
    """Whether its rows come by its name alone."""
    return bool(spec.dataset.fetch and (spec.dataset.id or spec.dataset.files))


def _all_rows(spec: BenchmarkSpec) -> str:
    dataset = spec.dataset
    if not dataset.id:
        return f"{_rows(spec)}, {'bundled' if dataset.files else 'in a file that `path:` of the config names'}"
    part = ", ".join([*([dataset.config] if dataset.config else []), f"split {dataset.split}"])
    return f"{_rows(spec) or 'number not known'}; dataset {dataset.id} ({part}) of the Hub"


def _access(spec: BenchmarkSpec) -> str:
    dataset = spec.dataset
    if not dataset.id:
        return ""
    page = f"https://huggingface.co/datasets/{dataset.id}"
    gated = f"accept its terms at {page} and set HF_TOKEN; " if dataset.gated else ""
    if not dataset.fetch:
        return (
            f"{gated}too large to download by itself: download rows and media from {page}, and name them in the config"
        )
    return f"{gated}downloaded when it is first used: pip install 'rubric-harness[datasets]'"


def _columns(spec: BenchmarkSpec) -> str:
    candidates = spec.candidates
    texts, media = bool(candidates.column or candidates.columns), candidates.media_column or candidates.media_columns
    shown = " and ".join(part for part, there in (("texts", texts), (f"{candidates.kind}s", media)) if there)
    most = "2" if candidates.most == 2 else f"2 to {candidates.most}"
    about = f" about {' and '.join(dict.fromkeys(m.kind + 's' for m in spec.media))}" if spec.media else ""
    return f"{most} candidates ({shown}){about}; columns {', '.join([*spec.needed(), *(m.column for m in spec.media)])}"


def _needs(protocol: ProtocolSpec) -> list[str]:
    """What a run must have for a protocol."""
    needs = [f"`samples: {protocol.samples}` of the judge"] if protocol.samples > 1 else []
    if protocol.answer_format:
        needs.append(f"a prompt of your own with `answer_format: {protocol.answer_format}`")
    return needs


def _stanza(spec: BenchmarkSpec) -> Iterator[str]:
    yield "  benchmarks:"
    yield f"    - name: {spec.name}"
    if not _has_rows(spec):
        yield "      path: rows.jsonl          # or .json, .parquet, or a folder of such files"
        yield "      media_root: images/       # where the media are, if not beside the rows"
    yield "      limit: 100                # only the first 100, to try things out"
