"""The commands that read files and print; they ask no model."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from evaluators.text import near, say
from harness_plugins.cli.commands import COMPLETE, ERRORS_REMAIN


def _print_tables(runs: Sequence[Path], form: str, protocol: str, prices: Path | None, mass_floor: float) -> None:
    from harness_plugins.config.prices import load_prices
    from harness_plugins.scoring.score import adjust, score
    from harness_plugins.tables.formats import FORMATS
    from harness_plugins.tables.packages import package_tables

    reports = [score(run, protocol, load_prices(prices) if prices else None, mass_floor) for run in runs]
    if len(reports) > 1:
        adjust(reports)  # shown together, tested together
    others = package_tables(reports)
    say(FORMATS[form](reports, others.tables), end="")
    others.check()


def score_command(args: argparse.Namespace) -> int:
    _print_tables([args.run], "json" if args.json else "md", args.protocol, args.prices, args.mass_floor)
    return COMPLETE


def table_command(args: argparse.Namespace) -> int:
    from evaluators.errors import UserError

    if args.specs:
        from harness_plugins.tables.paper import listed

        say("\n".join(listed()))
    elif args.spec is not None:
        if args.protocol is not None:
            raise UserError("--protocol: with --spec each column names its own protocol; leave it out")
        from harness_plugins.tables.paper import paper_table
        from harness_plugins.tables.paper.formats import FORMATS

        say(FORMATS[args.format](paper_table(args.spec, args.runs)), end="")
    elif args.runs:
        _print_tables(args.runs, args.format, args.protocol or "strict", args.prices, args.mass_floor)
    else:
        raise UserError("table: name a RUN_DIR, or a paper's table with --spec NAME (--specs lists them)")
    return COMPLETE


def report_command(args: argparse.Namespace) -> int:
    from evaluators.errors import UserError
    from harness_plugins.report import write_report

    report = write_report(
        args.run,
        args.out,
        figures=args.figures,
        items=args.items,
        protocol=args.protocol,
        prices=args.prices,
        progress=True,
    )
    shown = f"{report.items:,} items" if report.items == report.of else f"{report.items:,} of {report.of:,} items"
    say(f"Report:  {near(report.path)} ({report.size / 1e6:.1f} MB, {shown})")
    if args.figures is not None:
        say(f"Figures: {near(args.figures)} ({len(report.figures)} files)")
    if report.problems:
        raise UserError(*report.problems)
    return COMPLETE


def export_command(args: argparse.Namespace) -> int:
    from evaluators.errors import UserError

    if not args.public:
        raise UserError(
            "export: the only export is a public one: verdicts, hashes and metrics, without the dataset's texts, media, rubrics, "
            "paths and addresses (`rubric-harness export --help` lists it all). Say that you mean it: add --public"
        )
    from harness_plugins.scoring.export import export

    exported = export(args.run, args.out)
    say(f"Export:  {near(exported.out)} ({exported.size / 1e6:.1f} MB)")
    say(
        f"Holds:   {exported.items:,} items, {exported.verdicts:,} verdicts, {exported.rubrics:,} rubrics; no texts, media or paths"
    )
    if exported.left_out:
        say(f"Left out: {exported.left_out} lines that cannot be read")
    say(f"Told in: {near(exported.out)}/about.json (what was removed, what is hashed)")
    say(f"Score:   rubric-harness score {near(exported.out)}")
    return COMPLETE


def cost_command(args: argparse.Namespace) -> int:
    from harness_plugins.tables.cost import costs_of

    say(costs_of(args.runs, args.prices, args.format), end="")
    return COMPLETE


def compare_command(args: argparse.Namespace) -> int:
    from harness_plugins.scoring.compare import compare
    from harness_plugins.tables.compare import FORMATS

    comparison = compare(
        args.run_a,
        args.run_b,
        writer_a=args.writer_a,
        writer_b=args.writer_b,
        arm=args.arm,
        protocol=args.protocol,
    )
    say(FORMATS[args.format](comparison), end="")
    return COMPLETE


def show_command(args: argparse.Namespace) -> int:
    from harness_plugins.tables.show import show

    for block in show(
        args.run, where=args.where, judge=args.judge, writer=args.writer, item=args.item, limit=args.limit
    ):
        say(block)
    return COMPLETE


def check_command(args: argparse.Namespace) -> int:
    from harness_plugins.cli.check import check

    lines, is_whole = check(args.run)
    for line in lines:
        say(line)
    return COMPLETE if is_whole else ERRORS_REMAIN


def items_command(args: argparse.Namespace) -> int:
    from harness_plugins.config.run import load_config
    from harness_plugins.experiment.run import prepare
    from harness_plugins.tables.escaping import plain

    for items in prepare(load_config(args.config), needs_rubrics=False).items.values():
        for i in items:
            say(i.uid, i.benchmark, plain(i.source_id), i.row, plain(i.category), plain(i.prompt)[:60], sep="\t")
    return COMPLETE


def tasks_command(args: argparse.Namespace) -> int:
    from harness_plugins.benchmarks.bundled import data_dir

    if args.path:
        say(data_dir("tasks"))
        return COMPLETE
    from harness_plugins.cli.listing import listing

    say(listing(), end="")
    return COMPLETE


def import_command(args: argparse.Namespace) -> int:
    from harness_plugins.imports import import_results

    summary = import_results(args.format, args.files, args.out, args.benchmark)
    for line in summary.lines:
        say(line)
    if summary.protocol is not None:
        say(f"Score them: rubric-harness score {near(args.out)} --protocol {summary.protocol}")
    else:
        say(f"In tables:  rubric-harness table --spec NAME {near(args.out)} RUN_DIR...")
    return COMPLETE
