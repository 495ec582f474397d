"""Published numbers beside ours: OFA-large in Table 1 of InstrAug, read off the figure in its repository.

Means over five instructions, in per cent, over the first 1,000 rows of each task. The paper's own tables of
MultiInstruct were not at hand and are not repeated here. Averages are left out: some that are printed there
do not follow from their rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from schemas.evaluation import Scores, TaskScore

PUBLISHED_ROWS: Final = 1_000
"""Rows of each task that the published numbers are means over."""

_TASKS: Final = (
    ("visual_text_extraction", "rouge_l"),
    ("text_vqa", "rouge_l"),
    ("visual_dialogue", "rouge_l"),
    ("commonsense_vqa", "prefix_accuracy"),
    ("disaster_type_classification", "prefix_accuracy"),
    ("grounded_vqa", "region_accuracy"),
    ("visual_entailment", "prefix_accuracy"),
    ("visual_spatial_relationship", "accuracy"),
    ("natural_language_for_visual_reasoning", "accuracy"),
)
"""Tasks in the order of the table, and our metric that is nearest to the published scorer."""

MODELS: Final[dict[str, tuple[float, ...]]] = {
    "not tuned": (14.97, 10.79, 29.75, 0.64, 4.96, 0.00, 43.65, 52.03, 53.98),
    "59K": (29.44, 20.75, 35.14, 23.24, 49.28, 20.48, 54.22, 56.27, 62.60),
    "59K, augmented": (35.33, 21.52, 35.55, 22.70, 54.94, 20.63, 54.24, 67.48, 69.64),
    "564K": (41.33, 24.49, 36.18, 26.84, 47.68, 49.25, 50.74, 63.96, 54.52),
    "564K, augmented": (45.43, 24.62, 34.98, 29.16, 51.06, 49.64, 52.76, 66.74, 54.70),
    "59K, iterative": (30.11, 20.83, 34.32, 23.16, 51.94, 20.62, 54.12, 67.59, 71.77),
    "59K, temperatures": (31.50, 20.74, 33.30, 23.28, 52.44, 20.38, 54.48, 67.83, 69.36),
    "564K, iterative": (45.63, 23.36, 34.30, 30.02, 53.84, 53.73, 52.18, 66.11, 54.34),
    "564K, temperatures": (51.71, 24.55, 35.08, 27.52, 52.24, 56.12, 53.06, 66.72, 55.74),
}
"""Numbers of each model, in the order of the tasks. The last four are trained with instructions that were
rephrased over and over, and at eleven temperatures."""

WEAK: Final = frozenset(
    {"grounded_vqa", "visual_spatial_relationship", "natural_language_for_visual_reasoning"}
)
"""Tasks whose scorer in the published code divides by the wrong number or sees the answer: weak anchors."""


class Beside(NamedTuple):
    """One task.

    Attributes:
        ours: mean over instructions in per cent; None where the run lacks the metric.
        published: in per cent, in the order of `MODELS`.
        weak: whether the published scorer is known to be faulty.
        caveats: in which ways our number is another one than those beside it.
    """

    task: str
    metric: str
    ours: float | None
    published: tuple[float, ...]
    weak: bool
    caveats: tuple[str, ...]


def beside(found: Scores) -> list[Beside]:
    """The published numbers of the tasks that a run has."""
    tasks = {task.task: task for task in found.tasks}
    lines = []
    for place, (name, metric) in enumerate(_TASKS):
        if name in tasks:
            ours = tasks[name].metrics.get(metric)
            published = tuple(numbers[place] for numbers in MODELS.values())
            caveats = tuple(_caveats(found, tasks[name]))
            mean = 100 * ours.mean if ours else None
            lines.append(Beside(name, metric, mean, published, name in WEAK, caveats))
    return lines


def _caveats(found: Scores, task: TaskScore) -> Iterator[str]:
    if task.task in WEAK:
        yield "the published scorer is faulty"
    if task.task == "commonsense_vqa":
        yield "theirs minds the case of letters"
    if task.rows != PUBLISHED_ROWS:
        yield f"{task.rows:,} rows, theirs are the first {PUBLISHED_ROWS:,}"
    else:
        yield "rows are drawn, theirs are the first"
    if task.unfinished:
        yield "not all instructions"
    if found.evaluation.blind:
        yield "black pictures"
