"""What the folder says of itself: the dataset card, the contamination report, and the lists behind their counts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, get_args

from harness_plugins.tables.model import Table, names, numbers, words
from harness_plugins.training_data.config import PART_FACTS, PARTS, SIGNALS, DataConfig, Part
from harness_plugins.training_data.overlap import Contaminated
from harness_plugins.training_data.parts import Member
from harness_plugins.training_data.reading import REASONS, Dropped, Pair
from harness_plugins.training_data.teaching import Outcome, Taught

SHOWN = 5
"""Examples of a benchmark's hits in the report."""


_PATHS = {
    "store": "Image paths in the files are relative to this folder, so that it can be moved as a whole, to the Hub and back too. "
    "`harness_plugins.training_data.exports.trl.load(file)` finds them; ms-swift does where ROOT_IMAGE_DIR is this folder, the reward "
    "in verl where `reward_kwargs.data_root` is.",
    "in_place": "Image paths in the files are absolute, since the images were left where they are (`images: in_place`): the folder "
    "is for this machine.",
}


def sources_table(facts: Mapping[str, Mapping[str, Any]], pairs: Sequence[Pair]) -> Table:
    count = Counter(p.source for p in pairs)
    columns = [
        *names("source"),
        *words("layout", "from", "revision", "licence"),
        *numbers("rows", "pairs", "kept"),
        *words("rows sha256"),
    ]
    table = Table("sources", "Sources", columns)
    for name, f in facts.items():
        about = [f["layout"], str(f["source"]), str(f["revision"] or "")[:12], f["licence"]]
        sizes = [f"{f['rows']:,}", f"{f['pairs']:,}", f"{count[name]:,}"]
        table.add(name, *about, *sizes, f["rows_sha256"][:12])
    table.notes.append(
        "pairs: rows that fit their layout and prefer one of two. kept: those that the teacher was asked about."
    )
    return table


def dropped_table(dropped: Sequence[Dropped]) -> Table:
    columns = [*names("why"), *numbers("rows"), *words("for example", "meaning")]
    table = Table("dropped", "Left out", columns)
    by: dict[str, list[Dropped]] = defaultdict(list)
    for d in dropped:
        by[d.why].append(d)
    for why in REASONS:
        if by[why]:
            first = by[why][0]
            example = f"{first.place}{f' ({first.detail})' if first.detail else ''}"
            table.add(why, f"{len(by[why]):,}", example[:120], REASONS[why])
    table.notes.append("Each row is counted once, under the first reason; dropped.jsonl has them all.")
    return table


def teacher_table(config: DataConfig, taught: Collection[Taught]) -> Table:
    """What came of the teacher's answers, by source."""
    spec = config.teacher
    name = f"{spec.name} ({spec.model})" if spec else "none"
    present = {t.outcome for t in taught}
    kinds = [o for o in get_args(Outcome) if o != "unasked" and (o != "spare" or o in present)]
    columns = [*names("source"), *numbers("pairs", *kinds, "preferred shown first")]
    table = Table("teacher", "Teacher's answers", columns)
    for source in [*dict.fromkeys(t.pair.source for t in taught), "all"]:
        of_source = [t for t in taught if source in (t.pair.source, "all")]
        count = Counter(t.outcome for t in of_source)
        orders = [o for t in of_source for o in t.rubrics]
        firsts = sum((t.pair.item.label.preferred == 0) == (o == "AB") for t in of_source for o in t.rubrics)
        share = f"{100 * firsts / len(orders):.1f} % ({firsts:,}/{len(orders):,})" if orders else ""
        table.add(source, f"{len(of_source):,}", *(f"{count[kind]:,}" for kind in kinds), share)
    if "spare" in present:
        table.notes.append("spare: the parts were full before its turn came, so the teacher was not asked.")
    distil = config.distil
    faults = Counter(f for t in taught for f in t.faults)
    table.notes.append(
        f"Teacher: {name}, {'both orders, right in both' if distil.orders == 'both' else 'one order a pair'}. "
        f"Malformed answers: {distil.malformed}. Rubrics that leak their verdict: {distil.leaks}."
        + (f" Faults: {', '.join(f'{n} {c:,}' for n, c in faults.most_common(6))}." if faults else "")
    )
    return table


def parts_table(
    config: DataConfig,
    parts: Mapping[Part, Sequence[Member]],
    by_uid: Mapping[str, Taught],
    clusters: Mapping[str, int],
) -> Table:
    sources = list(dict.fromkeys(t.pair.source for t in by_uid.values()))
    counted = ("wanted", "pairs", "clusters", "preferred first", *sources)
    table = Table("parts", "Parts", [*names("part"), *numbers(*counted), *words("holds")])
    for part in PARTS:
        if part not in parts:
            continue
        members = parts[part]
        count = Counter(by_uid[m.uid].pair.source for m in members)
        firsts = sum(m.preferred_first for m in members)
        sizes = [config.parts[part], len(members), len({clusters[m.uid] for m in members})]
        of_sources = [f"{count[source]:,}" for source in sources]
        first = f"{firsts:,}/{len(members):,}"
        table.add(part, *(f"{size:,}" for size in sizes), first, *of_sources, PART_FACTS[part].about)
    return table


def contamination_tables(contaminated: Contaminated, pairs: int, removing_signals: Sequence[str]) -> list[Table]:
    """How many pairs each benchmark was hit by, and some of them by id."""
    table = Table(
        "contamination", "Contamination", [*names("benchmark"), *numbers("items", "pairs hit", "removed", *SIGNALS)]
    )
    columns = [*names("benchmark", "pair"), *words("from", "item", "its id", "signal", "detail")]
    shown = Table("contamination_examples", "Examples", columns)
    for name, items in contaminated.items.items():
        hits = [h for h in contaminated.hits if h.benchmark == name]
        uids = {h.uid for h in hits}
        by = Counter(h.signal for h in hits)
        sizes = [items, len(uids), len(uids & set(contaminated.removed)), *(by[s] for s in SIGNALS)]
        table.add(name, *(f"{size:,}" for size in sizes))
        for h in hits[:SHOWN]:
            shown.add(name, h.uid, h.place, h.item, h.source_id, h.signal, h.detail)
    table.notes += [
        f"{pairs:,} pairs were looked up; {len(contaminated.removed):,} are left out. Signals that remove: "
        f"{', '.join(removing_signals) or 'none'}.",
        "image: the same bytes. near_image: perceptual hashes within the distance. response, request: the same words (a request "
        "only where no media come with it). ngram: runs of words, looked for where nothing else was found.",
    ]
    return [table, shown] if shown.rows else [table]


def contamination_json(contaminated: Contaminated, pairs: int) -> dict[str, Any]:
    return {
        "pairs": pairs,
        "removed": sorted(contaminated.removed),
        "benchmarks": {
            name: {
                "items": items,
                "pairs_hit": len({h.uid for h in contaminated.hits if h.benchmark == name}),
                "pairs_removed": len(
                    {h.uid for h in contaminated.hits if h.benchmark == name} & set(contaminated.removed)
                ),
                "by_signal": dict(Counter(h.signal for h in contaminated.hits if h.benchmark == name)),
            }
            for name, items in contaminated.items.items()
        },
        "hits": list(contaminated.hits),
    }


def card(config: DataConfig, tables: Sequence[Table], files: Mapping[str, Mapping[str, Any]], largest: int) -> str:
    """The README of the folder; its head lets `load_dataset(folder, "trl_grm_rl")` find a part."""
    from harness_plugins.tables.render.to_markdown import markdown

    listed = Table("files", "Files", [*names("file"), *numbers("examples"), *words("sha256")])
    for name, f in files.items():
        listed.add(name, f"{f['rows']:,}", f["sha256"])
    head = "".join(
        f"- config_name: {name.replace('/', '_').rpartition('.')[0]}\n  data_files:\n  - split: train\n    path: {name}\n"
        for name in files
    )
    return (
        f"---\ntags:\n- reward-model\n- preference\nconfigs:\n{head}---\n\n# Training data for a Proxy-GRM pipeline\n\n"
        "Made by `rubric-harness data` from raw preference data. A pair is in one part at most, and so is everything of its cluster: "
        "pairs that share an image (its bytes, or how it looks), a group, or their request and responses. "
        f"The largest cluster has {largest:,} pairs. Seed: {config.seed}.\n\n"
        f"{markdown([*tables, listed])}\n"
        "The licences of the sources hold for what was made of them, and the terms of the teacher's model for what it wrote. "
        f"{_PATHS[config.images]}\n"
    )
