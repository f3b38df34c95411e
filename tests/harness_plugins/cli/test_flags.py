"""Options that stand for parts of a config: what they mean, and what is said of those that mean nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.errors import UserError
from harness_plugins.cli.flags import Flags, benchmark_of, file_of, judge_of
from harness_plugins.config.run import config_of, load_config


def test_a_benchmark_by_its_name_or_by_a_file_of_rows(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("{}\n")
    assert benchmark_of("demo") == {"name": "demo"}
    assert benchmark_of(str(tmp_path / "rows.jsonl")) == {"name": "pairs", "path": str(tmp_path / "rows.jsonl")}
    with pytest.raises(UserError, match=r"gone\.jsonl is not there: give a file of rows, or a benchmark's name"):
        benchmark_of("gone.jsonl")
    with pytest.raises(UserError, match="unknown benchmark 'dmeo'; did you mean 'demo'"):
        benchmark_of("dmeo")


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("longest", "longest"),
        ("openai:m@http://h:1/v1", {"name": "m", "backend": "openai", "model": "m", "base_url": "http://h:1/v1"}),
        ("openai:a/b@2@https://h", {"name": "b-2", "backend": "openai", "model": "a/b@2", "base_url": "https://h"}),
        ("hf:maker/model", {"name": "model", "backend": "hf", "model": "maker/model"}),
        ("vllm:/models/mine/", {"name": "mine", "backend": "vllm", "model": "/models/mine/"}),
    ],
)
def test_a_judge(text: str, entry: object) -> None:
    assert judge_of(text) == entry


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("longst", "--judge longst: unknown baseline 'longst'; did you mean 'longest'?"),
        ("opnai:m@http://h", "unknown backend 'opnai'; did you mean 'openai'?"),
        ("openai:m", "openai:m@http://127.0.0.1:8000/v1"),
        ("openai:m@localhost:8000", "openai:m@http://127.0.0.1:8000/v1"),
    ],
)
def test_no_judge(text: str, complaint: str) -> None:
    with pytest.raises(UserError) as caught:
        judge_of(text)
    assert complaint in str(caught.value)


def test_the_same_model_at_two_addresses_are_two_judges() -> None:
    file = file_of(None, Flags(["openai:m@http://a/v1", "openai:m@http://b/v1", "first"], ["demo"]))
    assert [j.name for j in config_of(file).judges] == ["m", "m-2", "first"]


def test_the_same_config_as_a_file_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rubrics.jsonl").write_text("")
    (tmp_path / "c.yaml").write_text(
        "benchmarks: [demo]\nrubrics: {mine: rubrics.jsonl}\nout: results/runs/demo\norders: AB\n"
        "judges: [{name: m, backend: openai, model: a/m, base_url: 'http://h/v1'}, lexical]\n"
    )
    flags = Flags(["openai:a/m@http://h/v1", "lexical"], ["demo"], ["mine=rubrics.jsonl"], ["orders=AB"])
    assert config_of(file_of(None, flags)) == load_config(tmp_path / "c.yaml")


@pytest.mark.parametrize(
    ("flags", "complaints"),
    [
        (Flags(["openai:m@http://u:p@h"], ["demo"]), ["--judge openai:m@http://u:p@h: ", "`base_url`: it holds a user"]),
        (Flags(["first"], ["demo"], ["gone.jsonl"]), ["--rubrics gone.jsonl: gone: ", "gone.jsonl is missing"]),
        (Flags(["first"], ["demo"], (), ["judges.0=lst"]), ["--set judges.0=lst: judges.0: "]),
        (Flags(["first"], ["demo"], (), ["orders=AC"]), ["--set orders=AC: orders: "]),
        (Flags(["first"], ["demo"], (), ["ordrs=AB"]), ["--set ordrs=AB: unknown key 'ordrs'; did you mean 'orders'?"]),
        (Flags(["first"], ["demo"], (), ["arms=[transferred]"]), ["--set arms=[transferred]: the arms transferred need rubrics"]),
        (Flags(["first", "first"], ["demo"]), ["two judges are named 'first'"]),
        (Flags(["first"]), ["give a config file, or --judge and --benchmark"]),
    ],
)  # fmt: skip
def test_a_mistake_names_the_option(flags: Flags, complaints: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        config_of(file_of(None, flags))
    assert all(c in str(caught.value) for c in complaints), str(caught.value)


def test_what_is_set_over_a_file_is_named_beside_its_line(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("benchmarks: [demo]\njudges:\n- {name: q, backend: openai, model: m, base_url: 'http://h/v1'}\n")
    config = config_of(file_of(path, Flags(changes=["judges.q.model=n", "judges.q.max_tokens=9", "judges.q.model=o"])))
    assert (config.judges[0].model, config.judges[0].max_tokens) == ("o", 9)
    with pytest.raises(UserError) as caught:
        config_of(file_of(path, Flags(changes=["judges.q.max_tokens=none"])))
    assert str(caught.value).startswith("--set judges.q.max_tokens=none: judges.0.max_tokens: ")
    with pytest.raises(UserError) as caught:
        config_of(file_of(path, Flags(changes=["judges.q.top_logprobs=3"])))
    assert str(caught.value).startswith(f"{path}: line 3 with --set judges.q.top_logprobs=3: judges.0: top_logprobs")
    with pytest.raises(UserError, match=r"--judge and a config file .*--set"):
        file_of(path, Flags(["first"]))
