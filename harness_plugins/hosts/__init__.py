"""What lmms-eval and lm-eval share: a benchmark under a setting as rows, their metrics, and the records of the run.

No harness is imported here. A *setting* is an arm by the name it has in task names: `rt_<benchmark>_<setting>`.
"""

from __future__ import annotations

CONFIG = "RUBRIC_HARNESS_CONFIG"
"""A native config: where the data are, limits, orders, out. Its judges, arms and rubrics are not used."""
RUBRICS = "RUBRIC_HARNESS_RUBRICS"
"""The rubric file of one writer."""
OUT = "RUBRIC_HARNESS_OUT"
"""The run folder; overrides the config's `out`."""
JUDGE = "RUBRIC_HARNESS_JUDGE"
"""The judge's name in records and tables; by default that of its model."""

GRADING = "RUBRIC_HARNESS_GRADING"
"""How the model is asked, in every setting: `pointwise`, `listwise`, `pairwise,criteria`, ... (`grading.read_grading`)."""

SETTINGS = {"judge": "none", "generic": "generic", "shuffled": "shuffled", "transfer": "transferred"}
"""Setting -> arm."""

GRM = "grm"
"""The setting in which the model writes a rubric and decides by it; in no group."""

ARR = "arr"
"""The setting in which it writes a rubric from the request alone; in no group."""

TASK_CLASSES = {**dict.fromkeys(SETTINGS, "RubricTask"), GRM: "GrmTask", ARR: "ArrTask"}
"""Every setting -> the class of its tasks, by its name in `hosts.task`."""

OUR_MODEL = "rubric_judge"
"""Our judges, as a model of lmms-eval."""

TASK_PREFIX = "rt_"
"""Names that lmms-eval has itself win over ours, so ours get other names."""
