"""What a folder of training data says of itself."""

from __future__ import annotations

import pytest
import yaml

from tests.harness_plugins.training_data.conftest import Made

pytestmark = pytest.mark.xdist_group("training data")


def test_its_head_lets_each_set_be_loaded_by_name(made: Made) -> None:
    _, head, _ = (made.out / "README.md").read_text().split("---\n", 2)
    configs = {c["config_name"]: c["data_files"][0]["path"] for c in yaml.safe_load(head)["configs"]}
    assert configs["trl_grm_rl"] == "trl/grm_rl.jsonl" and "ms_swift_proxy_sft" in configs
    assert all((made.out / path).exists() for path in configs.values())


def test_it_tells_what_was_left_out_and_why(made: Made) -> None:
    text = (made.out / "README.md").read_text()
    rows = {line.split(" ")[1]: line for line in text.replace("\\", "").splitlines() if line.startswith("| ")}
    for why in ("bad_row", "duplicate", "conflicting_labels", "contaminated"):
        assert "rows.jsonl" in rows[why], "the first of them by its place"
    assert "unused.invalid" not in text, "no address"


def test_parts_are_counted_with_what_they_hold(made: Made) -> None:
    lines = (made.out / "README.md").read_text().replace("\\", "").splitlines()
    for part, count in made.built.parts.items():
        row = next(line for line in lines if line.startswith(f"| {part} "))
        assert f"| {count} " in row
