"""What `rubric-harness tasks` prints: benchmarks, settings (arms), protocols, judges, and where the files are."""

from __future__ import annotations

from evaluators.rubrics.arms import ARMS
from evaluators.specs import BACKENDS, capabilities
from evaluators.writers.base import METHODS
from harness_plugins.benchmarks.folders import benchmarks_in, task_folders
from harness_plugins.benchmarks.spec import BenchmarkSpec, load_spec, names
from harness_plugins.hosts import SETTINGS
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
