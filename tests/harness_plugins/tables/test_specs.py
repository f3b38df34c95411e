"""Paper tables: our rows beside the published ones, what each cell says of itself, and what is bold."""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from evaluators.errors import UserError
from harness_plugins.benchmarks import bundled
from harness_plugins.cli import main
from harness_plugins.tables.paper import PaperTable, paper_table
from harness_plugins.tables.paper.bold import embolden
from harness_plugins.tables.paper.formats import FORMATS
from harness_plugins.tables.paper.rows import Number, Row
from harness_plugins.tables.paper.spec import load_table_spec, spec_names
from tests.conftest import ROOT, write_jsonl
from tests.harness_plugins.experiment.test_transfer import reader
from tests.harness_plugins.tables.spec_runs import HOSTILE, TEN, row, table_of, text_run, texts

pytestmark = pytest.mark.xdist_group("specs")


def test_the_specs_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert spec_names() == TEN
    for name in TEN:
        assert load_table_spec(name).spec == name
    assert main(["table", "--specs"]) == 0
    listed = capsys.readouterr().out
    assert [line.split()[0] for line in listed.splitlines()] == TEN
    assert main(["tasks"]) == 0 and listed in capsys.readouterr().out


def test_position_bias_by_hand(runs: dict[str, Path]) -> None:
    table = table_of("arr_position_bias", runs)
    assert texts(row(table, "qwen", "none")) == ["100.0 (24/24)", "50.0 (12/24)", "75.0 (18/24)", "50.0 (n 24)"]
    assert texts(row(table, "qwen", "transferred", rubrics=1)) == [
        "100.0 (24/24)",
        "54.2 (13/24)",
        "77.1 (18.5/24)",
        "45.8 (n 24)",
    ]
    five = row(table, "qwen", "transferred", rubrics=5)
    assert texts(five) == ["100.0 (24/24)", "95.8 (23/24)", "97.9 (23.5/24)", "4.2 (n 24)"]
    assert (five.relation, five.apart) == ("same_family", True)
    assert (row(table, "qwen", "transferred", rubrics=1).relation, five.writer) == ("unseen", "five")
    assert (
        row(table, "first", "none").cells["difference"].text == "100.0 (n 24)"
        and row(table, "first", "none").method == "baseline"
    )
    assert not [r for r in table.rows if r.arm in ("leak", "anti")], "probes stand in no paper's table"
    published = [r for r in table.rows if r.origin == "published"]
    assert len(published) == 9 and table.rows[:9] == published and {r.origin for r in table.rows[9:]} == {"measured"}


def test_an_incomplete_cell_has_no_number(runs: dict[str, Path]) -> None:
    cell = row(table_of("arr_cardinality", runs), "broken", "transferred", rubrics=5).cell("hpdv3")
    assert (cell.state, cell.text, cell.value, cell.k) == ("incomplete", "incomplete: 46/48 answered", None, None)
    assert [r.rubrics for r in table_of("arr_cardinality", runs).rows if r.model == "qwen"] == [None, 1, 5]


def test_bold_of_ours_is_best_and_significant(runs: dict[str, Path]) -> None:
    """K = 5 is best and far from none; K = 1 is best of the rows that are no kin, by a single row: never bold."""
    table = table_of("arr_cardinality", runs)
    bold = {r.rubrics: r.cell("hpdv3").bold for r in table.rows if r.model == "qwen"}
    assert bold == {None: False, 1: False, 5: True}
    (gain,) = (r.cell("hpdv3").gain for r in table.rows if r.model == "qwen" and r.rubrics == 1)
    assert gain is not None and gain.value > 0 and not gain.clear
    assert not any(
        c.bold
        for r in table.rows
        if r.arm == "none" or r.model == "broken"
        for c in r.cells.values()
        if not r.apart and r.arm == "none"
    )
    assert any("24 items" in note and "2.8 standard errors" in note for note in table.notes)
    assert any("24 of 14,400 rows" in note for note in table.notes)


def test_what_copying_the_writer_is_worth_competes_for_bold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rubrics help in 16 of 40 pairs, far beyond chance; the writer's own verdict, voted with the judge's, is right in 30."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = text_run(
        tmp_path / "vl", "vl_rewardbench", reply=lambda c: reader(c) if c.item.row < 16 else "1", pairs=40
    )
    table = paper_table("proxy_grm_transfer", [folder])
    table.rows = [
        r for r in table.rows if r.model == "reader"
    ]  # without the writer and `shortest`, which are as good here
    embolden(table)
    found = {a: row(table, "reader", a).cell("vl_rewardbench") for a in ("transferred", "writer_plus_none")}
    assert [c.text for c in found.values()] == ["70.00 (28/40)", "75.00 (30/40)"]
    gain = found["transferred"].gain
    assert gain is not None and gain.clear and not any(c.bold for c in found.values())


def cells(*found: tuple[str, dict[str, Any]], flags: tuple[int, ...] = ()) -> list[bool]:
    """The bold ones of published cells in a column of HPDv3."""
    rows = []
    for n, (value, said) in enumerate(found):
        known = {"dataset_rows": 10, "aggregate": "micro", "order": "both", "unparsed": "wrong"} | said
        cell = Number("published", value, float(value), flags=("wrong",) if n in flags else (), conventions=known)
        rows.append(Row("published", f"m{n}", cells={"hpdv3": cell}))
    embolden(PaperTable(load_table_spec("arr_cardinality"), rows))
    return [r.cell("hpdv3").bold for r in rows]


def test_bold_of_published_numbers() -> None:
    assert cells(("70", {}), ("71", {})) == [False, True]
    assert cells(("71", {})) == [False], "the best of one is no best"
    assert cells(("70", {}), ("71", {}), flags=(1,)) == [False, False], "a flagged number competes and is never bold"
    assert cells(("70", {}), ("71", {"order": "stored"})) == [False, False]
    assert cells(("70", {}), ("90", {"unparsed": "unknown"}), ("69", {})) == [True, False, False]
    assert cells(("70", {}), ("71", {"dataset_rows": "unknown"}), ("60", {"aggregate": "unknown"})) == [False] * 3
    assert cells(("70", {}), ("60", {"order": "none", "unparsed": "none"})) == [True, False], "a scorer has no order"


def test_published_rows_alone() -> None:
    table = paper_table("arr_preference")
    bold = {(r.label, k) for r in table.rows for k, c in r.cells.items() if c.bold}
    best = "Gemini 3.1 Pro, ARR, Gemini 3.1 Pro, K=5"
    assert bold == {(best, "mmrb2_t2i"), (best, "mmrb2_edit"), (best, "editreward_bench")}, (
        "HPDv3's best is printed twice unlike"
    )
    assert row(table, "GPT-5", method="ARR").cell("hpdv3").text == "76.1 ± .2 (+3.7)"
    flagged = row(table, "Gemini 3.1 Pro", method="ARR").cell("hpdv3")
    assert "79.2 in arr_cross_model" in flagged.flags[0] and not flagged.bold
    assert row(table, "CLIPScore").cell("mmrb2_edit").state == "unavailable"
    main_table = paper_table("proxy_grm_main")
    assert not {r.model for r in main_table.rows} & {"R1-Reward-7B"}, "joined with R1-Reward"
    assert len({c.sources for c in row(main_table, "Claude-3.7-Sonnet").cells.values()}) == 3
    assert "82.43" not in FORMATS["md"](main_table), "what circulates and is not to be used stays out"
    for name in ("proxy_grm_aggregation", "proxy_grm_transfer"):
        assert not paper_table(name).rows


def test_three_benchmarks_of_two_runs_are_one_row(runs: dict[str, Path]) -> None:
    table = table_of("proxy_grm_main", runs)
    assert texts(row(table, "reader", "transferred")) == ["100.00 (8/8)", "100.00 (mean of 7)", "100.00 (4/4)"]
    assert texts(row(table, "reader", "none")) == ["50.00 (4/8)", "50.00 (mean of 7)", "50.00 (2/4)"]
    grm = row(table, "grm", "grm")
    assert texts(grm) == ["75.00 (6/8)", "71.43 (mean of 7)", "75.00 (3/4)"], "wrong on every fourth pair"
    assert texts(row(table, "longest", "none")) == ["0.00 (0/8)", "0.00 (mean of 7)", "0.00 (0/4)"]
    bold = {k: c.bold for k, c in row(table, "reader", "transferred").cells.items()}
    assert bold == {"vl_rewardbench": True, "multimodal_rewardbench": False, "mm_rlhf_rewardbench": False}
    assert (
        row(table, "reader", "none").cell("vl_rewardbench").conventions["protocol"]
        == "metric:vl_rewardbench-case_sensitive"
    )


@pytest.mark.parametrize("name", ["proxy_grm_ablation", "proxy_grm_aggregation"])
def test_the_mean_of_three(name: str, runs: dict[str, Path]) -> None:
    grm = row(table_of(name, runs), "grm", "grm")
    assert grm.cell("average").value == pytest.approx((75 + 500 / 7 + 75) / 3)
    assert grm.cell("average").text == "73.81 (mean of 3)" and grm.method == "own verdict, proxy proxy-sft"
    assert row(paper_table(name, [runs["vl"]]), "grm", "grm").cell("average").state == "unavailable", (
        "two parts are not there"
    )


def test_paper_columns_that_nobody_could_get_stay_empty(runs: dict[str, Path]) -> None:
    for name in ("proxy_grm_aggregation", "proxy_grm_transfer"):
        table = table_of(name, runs)
        assert table.rows and all(
            (r.cell("paper").state, r.cell("paper").text) == ("unavailable", "") for r in table.rows
        )
        assert "unavailable: the paper's" in FORMATS["md"](table)
    voted = row(table_of("proxy_grm_transfer", runs), "reader", "writer_plus_none").cell("vl_rewardbench")
    assert (voted.k, voted.n) == (6.0, 8.0), "with a judge that takes the first, the writer decides"


def test_edits_of_two_candidates_and_their_ties(runs: dict[str, Path]) -> None:
    found = row(table_of("arr_preference", runs), "m", "none")
    assert {k: c.text for k, c in found.cells.items()} == {
        "mmrb2_t2i": "87.5 (3.5/4)", "mmrb2_edit": "87.5 (3.5/4)", "editreward_bench": "66.67 (2/3)"}  # fmt: skip


def test_imported_answers_stand_under_their_official_protocol(tmp_path: Path) -> None:
    """Three pairs in two orders, of which one trial has no verdict: it drops out, as MMRB2's own script has it."""
    said = [("A", "A", "A"), ("B", "B", "A"), ("A", "A", None)]
    rows = [{"id": str(n), "chosen": c, "forward": f, "reverse": r} for n, (c, f, r) in enumerate(said)]
    (tmp_path / "mmrb2_t2i").mkdir()
    file = write_jsonl(tmp_path / "mmrb2_t2i" / "gpt.jsonl", rows)
    assert main(["import", "mmrb2", str(file), "--out", str(tmp_path / "out")]) == 0
    table = paper_table("arr_preference", [tmp_path / "out"])
    cell = row(table, "gpt", "none").cell("mmrb2_t2i")
    assert (cell.text, cell.conventions["protocol"]) == ("80.0 (2/2.5)", "official:mmrb2_t2i")
    assert any(note.startswith("Ours, MMRB2 T2I: official:mmrb2_t2i") for note in table.notes)


def test_scores_of_others(runs: dict[str, Path]) -> None:
    table = table_of("arr_generation_t2i", runs)
    found = row(table, HOSTILE, "reported").cell("geneval")
    assert (found.text, found.state, found.sources, found.bold) == (
        "0.93 (n 553)",
        "measured",
        ("reported by our log, 3 May",),
        False,
    )
    assert row(table, "FLUX", "reported").cell("dpg").text == "86.00"
    assert any("overall of dpg_bench fits no column" in note for note in table.notes)
    assert row(table_of("arr_generation_edit", runs), "FLUX", "reported").cell("gedit").value == 7.9


def test_runs_that_disagree_have_rows_of_their_own(runs: dict[str, Path], tmp_path: Path) -> None:
    once, twice = (paper_table("proxy_grm_main", [runs["vl"]] * n) for n in (1, 2))
    assert FORMATS["json"](once) == FORMATS["json"](twice)
    gains = [row(t, "reader", "transferred").cell("vl_rewardbench").gain for t in (once, twice)]
    assert gains[0] is not None and repr(gains[0]) == repr(gains[1]), (
        "one folder is one test, however often it is named"
    )
    again = tmp_path / "again"
    shutil.copytree(runs["vl"], again)
    assert len(paper_table("proxy_grm_main", [runs["vl"], again]).rows) == len(
        paper_table("proxy_grm_main", [again]).rows
    )
    lines = (again / "verdicts.jsonl").read_text().splitlines(keepends=True)
    (again / "verdicts.jsonl").write_text("".join(x for x in lines if '"arm":"none"' not in x or '"order":"AB"' in x))
    table = paper_table("proxy_grm_main", [runs["vl"], again])
    assert {r.run for r in table.rows if (r.model, r.arm) == ("reader", "none")} == {runs["vl"].name, "again"}
    assert any("give one row different numbers" in note for note in table.notes)


def test_a_run_without_its_manifest_and_a_metric_that_is_none(runs: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(runs["vl"], tmp_path / "vl")
    (tmp_path / "vl" / "manifest.json").unlink()
    found = row(paper_table("proxy_grm_main", [tmp_path / "vl"]), "reader", "transferred").cell("vl_rewardbench")
    assert (found.text, found.conventions["dataset_rows"]) == ("100.00 (8/8)", 1247)
    column = "{key: a, header: A, benchmark: vl_rewardbench, metric: no_such}"
    text = f"spec: mine\ntitle: T\npaper: P\nstub: {{model: judge}}\ncolumns: [{column}]"
    (tmp_path / "mine.yaml").write_text(text)
    table = paper_table(str(tmp_path / "mine.yaml"), [tmp_path / "vl"])
    assert row(table, "reader", "none").cell("a").state == "unavailable" and any(
        n.startswith("A: vl, strict: unknown metric 'no_such'; there are: accuracy") for n in table.notes
    )


def test_a_run_without_its_rubrics_is_incomplete(
    runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its rubrics made 50 % to 100 %; without the file all items would count as without a rubric, and keep the 50 %."""
    shutil.copytree(runs["vl"], tmp_path / "vl")
    (tmp_path / "vl" / "rubrics.jsonl").unlink()
    for command in (["table", "--spec", "proxy_grm_main"], ["score"]):
        assert main([*command, str(tmp_path / "vl")]) == 0
        out = capsys.readouterr().out
        assert "rubrics of 'grm' that" in out and "incomplete" in out


def test_the_spec_in_the_documents_loads(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "tables.md").read_text()
    spec = re.search(r"```yaml[^\n]*\n(.*?)```", text, re.DOTALL)
    assert spec is not None
    (tmp_path / "my_table.yaml").write_text(spec[1])
    assert paper_table(str(tmp_path / "my_table.yaml")).rows


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("colour: red", "line 6: unknown key 'colour'"),
        ("colums: []", "did you mean 'columns'"),
        ("arms: {leak: x}", "is a probe that sees the label"),
        ("arms: {nonesuch: x}", "unknown arm 'nonesuch'"),
        ("published: [{table: nonesuch}]", "unknown table 'nonesuch'"),
        ("published: [{table: proxy_grm_main, columns: {a: vl}}]", "unknown column 'vl'; there are: vl_rewardbench"),
        (
            "published: [{table: arr_generation_t2i, columns: {a: geneval}}]",
            "'geneval' is in share, 'a' here in percent",
        ),
        ("published: [{table: arr_cardinality, columns: {a: hpdv3}}]", "is of 'hpdv3', 'a' here of 'demo'"),
        ("columns: [{key: a, header: A, benchmark: nonesuch}]", "unknown benchmark 'nonesuch'"),
        ("columns: [{key: a, header: A, benchmark: demo, protocol: metric:hpdv3}]", "is not a protocol of 'demo'"),
        ("columns: [{key: a, header: A}]", "give one of `benchmark`, `mean_of` and `unavailable`"),
        ("columns: [{key: a, header: A, mean_of: [b]}]", "is a mean of 'b', which is not a column"),
        ("spec: other", "spec is 'other'; name it as its file"),
        ("title: [", "not valid YAML"),
    ],
)
def test_a_spec_that_does_not_fit_says_what_to_mend(change: str, message: str, tmp_path: Path) -> None:
    whole = [
        "spec: mine",
        "title: T",
        "paper: P",
        "stub: {model: judge}",
        "columns: [{key: a, header: A, benchmark: demo}]",
    ]
    key = change.split(":")[0] + ":"
    (tmp_path / "mine.yaml").write_text("\n".join([x for x in whole if not x.startswith(key)] + [change]))
    with pytest.raises(UserError, match=re.escape(message)) as raised:
        load_table_spec(str(tmp_path / "mine.yaml"))
    assert str(tmp_path / "mine.yaml") in str(raised.value)


def test_wrong_names_and_folders(runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", "--spec", "arr_positon_bias"]) == 2
    assert "unknown table spec 'arr_positon_bias'; did you mean 'arr_position_bias'?" in capsys.readouterr().err
    assert main(["table"]) == 2 and "--specs lists them" in capsys.readouterr().err
    assert main(["table", "--spec", "arr_preference", "--protocol", "strict"]) == 2
    assert main(["table", "--spec", "arr_cardinality", str(runs["vl"])]) == 2
    assert "nothing for arr_cardinality, whose columns are of hpdv3" in capsys.readouterr().err
    assert main(["table", "--spec", "arr_cardinality", str(tmp_path)]) == 2
    assert main(["table", "--spec", "arr_cardinality", str(runs["hpdv3"]), str(runs["vl"])]) == 0
    write_jsonl(tmp_path / "scores.jsonl", [
        {"model": "m", "benchmark": "geneval", "metric": "score", "value": v, "source": "s"} for v in (0.1, 0.2)])  # fmt: skip
    assert main(["table", "--spec", "arr_generation_t2i", str(tmp_path)]) == 2
    assert "0.1 and 0.2; keep one line" in capsys.readouterr().err


def test_reported_numbers_are_in_the_unit_of_their_column(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for benchmark, value, mend in (("geneval", 78.0, "share, 1 at most"), ("dpg_bench", 860.0, "percent, 100 at most")):
        line = {"model": "m", "benchmark": benchmark, "metric": "score", "value": value, "source": "s"}
        write_jsonl(tmp_path / "scores.jsonl", [line])
        assert main(["table", "--spec", "arr_generation_t2i", str(tmp_path)]) == 2
        assert mend in capsys.readouterr().err
        write_jsonl(tmp_path / "scores.jsonl", [line | {"value": value / 100}])
        assert main(["table", "--spec", "arr_generation_t2i", str(tmp_path)]) == 0


def test_specs_are_found_in_an_installed_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"][
        "force-include"
    ]
    for name, place in ((n, p) for n, p in shared.items() if (ROOT / n).is_dir()):
        shutil.copytree(ROOT / name, tmp_path / Path(place).relative_to("harness_plugins"))
    monkeypatch.setattr(bundled, "_HERE", tmp_path)
    assert spec_names() == TEN and load_table_spec("arr_cardinality").title
