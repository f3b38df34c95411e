"""What the command line takes: every command with its options, help and examples. `cli` does what they say."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from evaluators.inputs.names import unknown

_EPILOG = """\
start here:
  rubric-harness run CONFIG.yaml --dry-run     what would be asked, and one prompt per arm; asks nothing
  rubric-harness run CONFIG.yaml               judge; stop it at any time, the same command goes on
  rubric-harness rubrics CONFIG.yaml           only have the config's writers write their rubrics
  rubric-harness data CONFIG.yaml              training sets from preference data, by a teacher
  rubric-harness table results/runs/my-run     the tables again, in any format
  rubric-harness cost results/runs/my-run      tokens and, with --prices FILE, money: what was spent so far
  rubric-harness check results/runs/my-run     whether a run folder is whole
  rubric-harness show results/runs/my-run --where 'none=wrong transferred=right'
  rubric-harness report results/runs/my-run    figures, tables and items as one page
  rubric-harness export results/runs/my-run --public --out DIR
                                               a copy to publish, without texts, media and paths

exit codes: 0 complete, 2 bad input, 3 errors remain or --max-cost is used up, 130 interrupted
"""


def _place(text: str) -> Path:
    """Where something is written. An empty text would be the folder one stands in: an unset variable, most likely."""
    if not text.strip():
        raise argparse.ArgumentTypeError("empty: name a place (`.` is the folder that you stand in)")
    return Path(text)


class Parser(argparse.ArgumentParser):
    """One that says what may have been meant by a command or an option that there is not."""

    commands: Mapping[str, argparse.ArgumentParser]

    def check_names(self, argv: Sequence[str]) -> None:
        """Exit where a command or an option is none of ours."""
        at = next(
            (n for n, a in enumerate(argv) if not a.startswith("-") and argv[n - 1 : n] != ["--tasks"]), len(argv)
        )
        _check_options(self, argv[:at])
        if at < len(argv):
            command = self.commands.get(argv[at])
            if command is None:
                self.error(unknown("command", argv[at], self.commands))
            if argv[at] != "lmms-eval":  # what it does not know goes to lmms-eval
                _check_options(command, argv[at + 1 :])


def _check_options(command: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    options = [option for action in command._actions for option in action.option_strings]
    for argument in arguments:
        if argument == "--":
            return
        option = argument.partition("=")[0]
        if option.startswith("--") and not any(o.startswith(option) for o in options):
            command.error(unknown("option", option, options))


def parser() -> Parser:
    top = Parser(
        prog="rubric-harness",
        description="Does this rubric make another judge better?",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="store_true", help="print the version and exit")
    _add_tasks(top, default=[])
    commands = top.add_subparsers(dest="command", metavar="COMMAND", parser_class=argparse.ArgumentParser)
    top.commands = commands.choices
    _add_run(commands)
    _add_rubrics(commands)
    _add_data(commands)

    score = commands.add_parser(
        "score", help="score a run folder", description="Score a run folder from its jsonl files alone."
    )
    score.add_argument("run", type=Path, metavar="RUN_DIR")
    score.add_argument(
        "--protocol", default="strict", help="strict (default), official, metric, or a full name; see `tasks`"
    )
    score.add_argument(
        "--json", action="store_true", help="a JSON array: an object for every benchmark, judge, writer, arm, metric"
    )

    table = _add_table(commands)
    for command in (score, table):
        command.add_argument(
            "--mass-floor",
            type=_share,
            default=0.05,
            metavar="P",
            help="a one-token answer decides nothing where all offered digits together have less than P (0.05); see docs/parsing.md",
        )
    for command in (score, table, _add_report(commands)):
        add_prices(command)
    add_cost(commands)
    _add_export(commands)

    _add_compare(commands)
    _add_show(commands)

    check = commands.add_parser(
        "check",
        help="whether a run folder is whole",
        description="Whether a run folder is whole, in one screen: files, items, rubrics, cells, and what cannot be read or is "
        "gone. Asks nothing and changes nothing. Exit code 0 where all that was asked for is there, 3 where something is missing.",
    )
    check.add_argument("run", type=Path, metavar="RUN_DIR")

    items = commands.add_parser(
        "items",
        help="list the items of a config with their uids",
        description="Tab-separated: uid, benchmark, id, row, category, start of the prompt.",
    )
    items.add_argument("config", type=Path, metavar="CONFIG")

    _add_import(commands)
    _add_lmms(commands)
    _add_reward_server(commands)

    tasks = commands.add_parser("tasks", help="benchmarks, settings (arms), protocols and judges at hand")
    tasks.add_argument(
        "--path", action="store_true", help="print only the folder of our task files: what --include_path wants"
    )
    tasks.add_argument(
        "--write",
        type=_place,
        metavar="DIR",
        help="write the task files of the benchmarks in DIR, by which lmms-eval and lm-eval find them",
    )
    for name, command in commands.choices.items():
        if name != "lmms-eval":  # its own option of that name says which tasks to run; ours stands before the command
            _add_tasks(command, default=argparse.SUPPRESS)
    return top


def _add_tasks(command: argparse.ArgumentParser, default: object) -> None:
    command.add_argument(
        "--tasks",
        type=Path,
        action="append",
        default=default,
        metavar="DIR",
        help="look for benchmarks in this folder too (again for others; RUBRIC_HARNESS_TASKS)",
    )


def _add_export(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    export = commands.add_parser(
        "export",
        help="a copy of a run folder to publish: verdicts, hashes and metrics, no texts, media or paths",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Write a run folder that anybody may have: `score`, `table` and `cost` give its numbers from it.\n"
        "kept:     verdicts with probabilities, scores, tokens and times; uids, labels, categories and hashes; who wrote and who\n"
        "          judged, with what sampling; metrics.json, the metrics as `score --json` prints them\n"
        "removed:  texts of dataset, rubrics and answers, reasons, messages of errors; media and their names; paths, addresses,\n"
        "          templates, secrets\n"
        "hashed:   ids and groups that are no short words; without salt, so that who has the dataset can join its rows",
        epilog="  rubric-harness export results/runs/my-run --public --out my-run-public\n"
        "Read about.json in it before you publish it. Names of judges, writers and categories stay as you gave them.\n"
        "Not in it: official:... protocols, which read answers again; `show` and `report`.",
    )
    export.add_argument("run", type=Path, metavar="RUN_DIR")
    export.add_argument("--public", action="store_true", help="required: leave out all that is not to be published")
    export.add_argument(
        "--out", type=_place, required=True, metavar="DIR", help="a new or empty folder, outside the run"
    )


def _add_run(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    run = commands.add_parser(
        "run",
        help="judge everything that a config asks for",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Judge everything that a config asks for and the run folder does not hold yet, then print the table.\n"
        "Stop it at any time: the same command goes on where it stopped.",
        epilog="a small config:\n"
        "  benchmarks: [demo]              # a name alone, or {name: vl_rewardbench, limit: 100}\n"
        "  judges:\n"
        "    - {name: qwen, backend: openai, model: Qwen/Qwen2.5-VL-7B-Instruct, base_url: 'http://127.0.0.1:8000/v1'}\n"
        "    - longest                     # a baseline by its name: first, random, longest, shortest, lexical\n"
        "  out: results/runs/first\n",
    )
    run.add_argument("config", type=Path, metavar="CONFIG.yaml")
    run.add_argument("--out", type=_place, metavar="DIR", help="the run folder (overrides the config's `out`)")
    run.add_argument("--limit", type=_positive, metavar="N", help="at most N items of each benchmark")
    run.add_argument(
        "--dry-run", action="store_true", help="ask nothing: requests per cell, estimated tokens, one prompt per arm"
    )
    run.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="FIELD=VALUE,...",
        help="a part of the grid: judge=, arm=, writer=, benchmark=; repeat a field for several values",
    )
    run.add_argument(
        "--redo",
        action="append",
        default=[],
        metavar="status=S,...",
        help="ask again where the status is: tie, unparsed, low_mass, refused, truncated, ok",
    )
    run.add_argument("--quiet", action="store_true", help="no progress line")
    run.add_argument(
        "--stop-unreadable",
        action="store_true",
        help="end the run where a judge's first 20 answers all hold no verdict (unparsed or truncated); without it that is only told",
    )
    add_prices(run)
    add_limit(run)


def _add_rubrics(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    rubrics = commands.add_parser(
        "rubrics",
        help="have the config's writers write their rubrics; judges nothing",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Have the `writers:` of a config write a rubric for each item (and order, where they see the\n"
        "responses) into the run folder's rubrics.jsonl.\n"
        "`run` does the same before it judges; stop either at any time, the same command goes on.",
        epilog="a writer in a config:\n"
        "  writers:\n"
        "    - {name: grm, method: proxy_grm, backend: openai, model: my/proxy-grm-7b, base_url: 'http://127.0.0.1:8000/v1',\n"
        "       family: qwen-vl, replicates: 1, blind: false}\n"
        "    - {name: arr, method: arr_zero_shot, criteria: 5, backend: openai, model: ..., base_url: ...}\n",
    )
    rubrics.add_argument("config", type=Path, metavar="CONFIG.yaml")
    rubrics.add_argument("--out", type=_place, metavar="DIR", help="the run folder (overrides the config's `out`)")
    rubrics.add_argument("--limit", type=_positive, metavar="N", help="at most N items of each benchmark")
    rubrics.add_argument(
        "--redo", action="append", default=[], metavar="status=invalid", help="write again what was no rubric"
    )
    rubrics.add_argument("--quiet", action="store_true", help="no progress line")
    add_prices(rubrics)
    add_limit(rubrics)


def _add_table(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    table = commands.add_parser(
        "table",
        help="print the tables of one or more runs, or a paper's table with our rows beside the published ones",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="The tables of one or more runs. With --spec a paper's table: its published rows, and beside them ours from\n"
        "the runs (one benchmark each, or several). Without a run, the published rows alone.",
        epilog="for example:\n"
        "  rubric-harness table results/runs/my-run --format latex > table.tex\n"
        "  rubric-harness table --spec arr_position_bias results/runs/hpdv3\n"
        "  rubric-harness table --spec proxy_grm_main results/runs/vl results/runs/mm-rlhf --format html > main.html\n"
        "  rubric-harness table --specs",
    )
    table.add_argument("runs", type=Path, nargs="*", metavar="RUN_DIR")
    table.add_argument("--spec", metavar="NAME", help="a paper's table by name (or a .yaml file of your own)")
    table.add_argument("--specs", action="store_true", help="list the specs there are")
    _add_format(table, "md", "csv", "json", "latex", "html")
    table.add_argument("--protocol", help="see `score`; with --spec, each column names its own")
    return table


def _add_data(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    data = commands.add_parser(
        "data",
        help="build SFT and RL training sets from raw preference data",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Build the sets that a Proxy-GRM pipeline trains on: read preference data, hold it apart from the benchmarks,\n"
        "have a teacher judge each pair, and draw disjoint parts from what it got right and wrong, in the formats of trainers.\n"
        "Stop it at any time: the same command goes on where it stopped.",
        epilog="a small config (docs/data.md has every key; examples/data.yaml the paper's sizes):\n"
        "  sources:\n"
        "    - {layout: rlaif_v, path: data/RLAIF-V-Dataset}        # without a path: from the Hub\n"
        "    - {layout: pairs, path: mine.jsonl}\n"
        "  against: [{name: vl_rewardbench, path: data/VL-RewardBench}]\n"
        "  teacher: {name: teacher, backend: openai, model: Qwen/Qwen3-VL-8B-Instruct, base_url: 'http://127.0.0.1:8000/v1'}\n"
        "  parts: {proxy_sft: 500, proxy_rl: 1000, grm_sft: 1000, grm_rl: 3500}\n"
        "  formats: [trl, ms_swift, verl]\n"
        "  out: results/data/first\n",
    )
    data.add_argument("config", type=Path, metavar="CONFIG.yaml")
    data.add_argument("--out", type=_place, metavar="DIR", help="the folder (overrides the config's `out`)")
    data.add_argument(
        "--limit", type=_positive, metavar="N", help="at most N rows of each source; parts hold as many as there are"
    )
    data.add_argument(
        "--dry-run", action="store_true", help="ask and write nothing: what is left of the rows, requests, the prompts"
    )
    data.add_argument(
        "--redo",
        action="append",
        default=[],
        metavar="status=invalid",
        help="ask the teacher again where it wrote no rubric",
    )
    data.add_argument("--quiet", action="store_true", help="no progress line")


def _add_show(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    show = commands.add_parser(
        "show",
        help="read items with their prompt, media, rubric and replies",
        description="Items of a run, with prompt, media paths, rubric and the replies in both orders.",
        epilog="--where takes ARM=STATE, by space or comma. States: right, wrong (both orders), first, second (a slot was "
        "picked), mixed (first or second), ok, tie, unparsed, low_mass, refused, truncated, error (in some order), missing.",
    )
    show.add_argument("run", type=Path, metavar="RUN_DIR")
    show.add_argument("--where", default="", metavar="'ARM=STATE ...'", help="only items in these states")
    show.add_argument("--judge", help="only this judge (default: the first one that was run)")
    show.add_argument("--writer", help="only this writer's rubrics")
    show.add_argument("--item", help="only this uid (or the start or end of it)")
    show.add_argument("--limit", type=_positive, default=5, metavar="N", help="at most N items (default 5)")


def _add_report(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    report = commands.add_parser(
        "report",
        help="make one HTML page of a run: figures, tables, and its items with media, rubrics and reasons",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Make one self-contained HTML page of a run folder. It works offline: no server, nothing is loaded from\n"
        "elsewhere. Its items can be filtered by what the rubric fixed and broke, flips with the order, and suspected leaks.\n"
        "Needs matplotlib and Pillow: pip install 'rubric-harness[report]'",
        epilog="for example:\n"
        "  rubric-harness report results/runs/my-run\n"
        "  rubric-harness report results/runs/my-run --out my-run.html --figures figures/\n",
    )
    report.add_argument("run", type=Path, metavar="RUN_DIR")
    report.add_argument("--out", type=_place, metavar="FILE.html", help="the page (default: RUN_DIR/report.html)")
    report.add_argument(
        "--figures", type=_place, metavar="DIR", help="also write the figures alone there, as PNG and SVG"
    )
    report.add_argument(
        "--items",
        type=_positive,
        default=1000,
        metavar="N",
        help="at most N items on the page (default 1000), those with something to see first",
    )
    report.add_argument("--protocol", default="strict", help="see `score`")
    return report


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no probability from 0 to 1")
    return value


_FORMATS = "formats"


class _FormatsHelp(argparse.RawDescriptionHelpFormatter):
    """Asks each format for its own help, when help is asked for: they need not be loaded before."""

    def add_text(self, text: str | None) -> None:
        if text == _FORMATS:
            from harness_plugins.imports import about

            text = f"formats:\n\n{about()}"
        super().add_text(text)


def _add_compare(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "compare",
        help="set two runs side by side: did the new checkpoint write better rubrics?",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Whether the rubrics of run B served the same judges better than those of run A, on the items that both have.\n"
        "The first line is the answer; every difference is B minus A, item by item. Judges that were not asked alike (another\n"
        "model, sampling, grading or template under one name) are listed and left out.",
        epilog="two checkpoints, each judged into a folder of its own, or two writers of one folder:\n"
        "  rubric-harness compare results/runs/step-1000 results/runs/step-2000\n"
        "  rubric-harness compare results/runs/demo results/runs/demo --writer-a vague --writer-b careful\n",
    )
    command.add_argument("run_a", type=Path, metavar="RUN_A")
    command.add_argument("run_b", type=Path, metavar="RUN_B")
    command.add_argument(
        "--writer-a", metavar="NAME", help="whose rubrics in A (default: the same name in both, or the only one)"
    )
    command.add_argument("--writer-b", metavar="NAME", help="whose rubrics in B")
    command.add_argument(
        "--arm", default="transferred", metavar="ARM", help="the arm of the headline (default: transferred)"
    )
    _add_format(command, "md", "csv", "json", "latex")
    command.add_argument("--protocol", default="strict", help="see `score`")


def _import_format(text: str) -> str:
    from harness_plugins.doors import IMPORTS  # asks the installed packages, which takes a while

    return _one_of("format", IMPORTS.names())(text)


def _add_import(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "import",
        help="turn results of other programs into a run folder",
        formatter_class=_FormatsHelp,
        description="Turn results of other programs into records that `score`, `table` and `show` read.\n"
        "A FILE may be a folder. NAME=FILE (or NAME=FOLDER) says what its judge is called; else its file or folder says so.",
        epilog=_FORMATS,
    )
    command.add_argument("format", type=_import_format, metavar="FORMAT", help="one of the formats below")
    command.add_argument("files", type=Path, nargs="+", metavar="[NAME=]FILE")
    command.add_argument("--out", type=_place, required=True, metavar="RUN_DIR", help="the run folder to make")
    command.add_argument("--benchmark", metavar="NAME", help="where the files do not say which benchmark they are of")


def _add_lmms(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    lmms = commands.add_parser(
        "lmms-eval",
        allow_abbrev=False,
        help="run lmms-eval with our tasks (rt_...), real exit codes, and our table at the end",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="lmms-eval's own command with our tasks on its path. Whatever is not listed here goes to lmms-eval as it is.\n"
        "Tasks: rt_<benchmark>_{judge,generic,shuffled,transfer}; rt_<benchmark> is all four; rt_reward_bench, rt_transfer.",
        epilog="a judge behind an endpoint, resumable, many requests at a time:\n"
        "  rubric-harness lmms-eval --rubrics rubrics.jsonl --tasks rt_demo --model rubric_judge \\\n"
        "    --model_args model=Qwen/Qwen2.5-VL-7B-Instruct,base_url=http://127.0.0.1:8000/v1,concurrency=64\n"
        "any model of lmms-eval as the judge:\n"
        "  rubric-harness lmms-eval --rubrics rubrics.jsonl --tasks rt_demo --model qwen2_5_vl \\\n"
        "    --model_args pretrained=Qwen/Qwen2.5-VL-7B-Instruct\n\n"
        "exit codes: 0 complete, 1 lmms-eval failed, 2 bad input, 3 errors remain, 130 interrupted",
    )
    lmms.add_argument(
        "--rubrics", type=Path, metavar="FILE.jsonl", help="one writer's rubrics (RUBRIC_HARNESS_RUBRICS)"
    )
    lmms.add_argument(
        "--rubric-config",
        type=Path,
        metavar="CONFIG.yaml",
        help="a config that says where the data lie; its judges are not used (RUBRIC_HARNESS_CONFIG)",
    )
    lmms.add_argument(
        "--out", type=_place, metavar="DIR", help="the run folder (RUBRIC_HARNESS_OUT; results/runs/hosted)"
    )
    lmms.add_argument(
        "--grading",
        metavar="HOW",
        help="how the model is asked: pairwise (default), listwise or pointwise, with criteria, ties or a scale, such as "
        "'pointwise,1-5' (RUBRIC_HARNESS_GRADING)",
    )
    lmms.add_argument("--judge", metavar="NAME", help="the judge's name in records and tables (RUBRIC_HARNESS_JUDGE)")
    lmms.add_argument(
        "--list", action="store_true", help="show our tasks and the models that can judge, and ask nothing"
    )


def add_prices(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--prices",
        type=Path,
        metavar="FILE",
        help="what models cost, as YAML (examples/prices.yaml); default: as the run had it",
    )


def add_limit(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--max-cost",
        type=_amount,
        metavar="AMOUNT",
        help="spend no more than this on the run folder, in the price file's currency, earlier runs counted; it stops cleanly before "
        "(exit code 3), and a larger amount goes on",
    )


def add_cost(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    cost = commands.add_parser(
        "cost",
        help="what runs took: calls, tokens and money by judge and writer",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="What each judge and writer of a run folder took so far, from its jsonl files alone; also while it runs.\n"
        "Every answer counts once, however many cells share it. `table` shows what single decisions cost, beside how good they are.",
        epilog="a price file, for a million tokens (the numbers are made up):\n"
        "  currency: USD\n"
        "  models:\n"
        "    Qwen/Qwen3-VL-8B-Instruct: {read: 0.2, written: 0.6, cached: 0.05, parameters_b: 8}\n"
        "    my/local-model: {read: 0, written: 0}\n",
    )
    cost.add_argument("runs", type=Path, nargs="+", metavar="RUN_DIR")
    _add_format(cost, "md", "json", "latex")
    add_prices(cost)


def _amount(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("must be an amount above 0, such as 5 or 0.25, without the currency")
    return value


def _add_reward_server(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    server = commands.add_parser(
        "reward-server",
        help="serve Proxy-GRM's and RPO's rewards to trainers",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Serve rewards over HTTP: POST /v1/proxy_grm, POST /v1/rpo, GET /health, GET /metrics. Images come by value.\n"
        "Ctrl-C or SIGTERM finishes what is under way and refuses the rest; a second one leaves at once.",
        epilog="a small config:\n"
        "  proxy_grm:\n"
        "    proxy: {name: proxy, backend: openai, model: my/proxy-7b, base_url: 'http://127.0.0.1:8000/v1', concurrency: 64}\n"
        "  rpo:\n"
        "    judge: {name: judge, backend: openai, model: Qwen/Qwen3-VL-8B-Instruct, base_url: 'http://127.0.0.1:8001/v1'}\n"
        "    rubric: rubric-induced.yaml\n"
        "  queue: 512\n"
        "  limits: {body_mb: 64, bodies_mb: 256, body_s: 30, head_s: 10}  # one body, all in flight, seconds to send it\n"
        "in a trainer: proxy_grm_reward(RewardClient('http://127.0.0.1:8765'))\n",
    )
    server.add_argument("config", type=Path, metavar="CONFIG.yaml")
    server.add_argument("--host", default="127.0.0.1", help="default: 127.0.0.1; any other needs --token-env")
    server.add_argument("--port", type=int, default=8765, help="default: 8765; 0 takes a free one and prints it")
    server.add_argument(
        "--token-env", metavar="NAME", help="the environment variable with the token that clients must show"
    )
    server.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="one more name that a Host header may hold, or *.NAME (again for others). Without a token: localhost, 127.0.0.1, "
        "[::1] and --host; with one: any, unless this option names some",
    )


def _one_of(what: str, names: Sequence[str]) -> Callable[[str], str]:
    """What argparse's `choices` do, with what may have been meant."""

    def check(text: str) -> str:
        if text not in names:
            raise argparse.ArgumentTypeError(unknown(what, text, names))
        return text

    return check


def _add_format(command: argparse.ArgumentParser, *names: str) -> None:
    command.add_argument(
        "--format",
        type=_one_of("format", names),
        default=names[0],
        metavar=f"{{{','.join(names)}}}",
        help=f"default: {names[0]}",
    )


def _positive(text: str) -> int:
    value = int(text) if text.isdigit() else 0
    if value < 1:
        raise argparse.ArgumentTypeError("must be a number from 1 up")
    return value
