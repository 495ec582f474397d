"""Scores of an evaluation, from its stored answers alone: no model, no lake, no torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, get_args

import numpy as np
import numpy.typing as npt

from schemas.evaluation import Average, EvaluatedTask, Family, MetricScore, Scores, TaskScore
from transforms import score_metrics as metrics
from transforms import score_truth
from transforms.score_store import Run

HELD_OUT: Final = 9
"""Unseen tasks with pictures that the paper averages over."""

HELD_OUT_TEXT: Final = 20
"""Unseen tasks of Natural Instructions that the paper averages over."""

RESAMPLES: Final = 1_000
"""Draws of the bootstrap."""

INTERVAL: Final = (2.5, 97.5)
"""Percentiles of a 95 % interval."""

CONVERSATIONS: Final = frozenset({"visual_dialogue"})

_MAIN: Final = {"rouge_l": "rouge_l", "accuracy": "accuracy", "iou_accuracy": "region_accuracy", "iou": "iou"}

Floats = npt.NDArray[np.float64]


def scores(run: Run) -> Scores:
    """The scores of all instructions that are finished."""
    tasks = [_task(run, name) for name in run.evaluation.tasks]
    unseen = [task for task in tasks if task.role == "eval" and not run.evaluation.tasks[task.task].extra]
    pictured = [task for task in unseen if task.pictured]
    texts = [task for task in unseen if not task.pictured]
    return Scores(
        evaluation=run.evaluation,
        tasks=tasks,
        multimodal=_average(pictured, _remark(pictured, HELD_OUT, "with pictures")),
        text_only=_average(texts, _remark(texts, HELD_OUT_TEXT, "of text alone")),
        together=_average(
            unseen,
            _joined(
                _remark(pictured, HELD_OUT, "with pictures"), _remark(texts, HELD_OUT_TEXT, "of text alone")
            ),
        ),
        sensitivity=_sensitivity(pictured),
        families={
            family: _average([task for task in tasks if task.family == family]) for family in get_args(Family)
        },
    )


def row_scores(
    asked: EvaluatedTask, answer: str, chosen: str | None, right: Mapping[str, Any]
) -> dict[str, float]:
    """All metrics of one answer, by name.

    Args:
        answer, chosen: as in `schemas.evaluation.PREDICTIONS`.
        right: a row of `schemas.evaluation.ANSWERS`.
    """
    target, options = right["target"], right["options"]
    found: dict[str, float] = {}
    if "accuracy" in asked.metrics:
        found["accuracy"] = metrics.accuracy(answer, target)
        found["prefix_accuracy"] = metrics.prefix_accuracy(answer, target)
    if "rouge_l" in asked.metrics:
        found["rouge_l"] = metrics.rouge_l(answer, target)
    if "iou_accuracy" in asked.metrics:
        found["region_accuracy"] = metrics.region_accuracy(answer, target, options)
    if "iou" in asked.metrics and asked.output == "regions":
        found["iou"] = metrics.matching_f1(answer, target)
    elif "iou" in asked.metrics:
        found["iou"] = metrics.region_iou(answer, target)
        found["found_at_0.5"] = float(found["iou"] >= metrics.ENOUGH_OVERLAP)
    if right["accepted"]:
        found["vqa_accuracy"] = metrics.vqa_accuracy(answer, right["accepted"])
    if chosen is not None:
        found["option_accuracy"] = float(chosen == target)
    return found


def sensitivity(by_instruction: Sequence[float], sample: bool = False) -> float | None:
    """Standard deviation / mean of the scores of a task over its instructions (MultiInstruct), not times 100.

    Args:
        by_instruction: the score of the task under each instruction.
        sample: divide by one less than the number of instructions. The paper does not say; reports here
            divide by their number.

    Returns:
        None where the mean is 0, for then it is undefined, and for fewer than two instructions.
    """
    if len(by_instruction) < 2 or not any(by_instruction):
        return None
    return float(np.std(by_instruction, ddof=int(sample)) / np.mean(by_instruction))


def interval(by_row: Floats, seed: int) -> tuple[float, float]:
    """95 % interval of the mean of rows, by drawing them with replacement `RESAMPLES` times.

    Args:
        by_row: (rows,), at least one.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    means = [by_row[generator.integers(len(by_row), size=len(by_row))].mean() for _ in range(RESAMPLES)]
    low, high = np.percentile(means, INTERVAL)
    return float(low), float(high)


def _task(run: Run, name: str) -> TaskScore:
    asked = run.evaluation.tasks[name]
    right = run.answers(name).to_pylist() if run.has_answers(name) else []
    finished, unfinished, answers = [], [], []
    for number in range(len(asked.instructions)):
        predictions = run.predictions(name, number)
        if predictions is None:
            unfinished.append(number)
            continue
        said = predictions["text"].to_pylist()
        answers.append(said)
        rows = zip(said, predictions["chosen"].to_pylist(), right, strict=True)
        finished.append([row_scores(asked, text, chosen, row) for text, chosen, row in rows])
    found = {metric: _metric(values, run.evaluation.seed) for metric, values in _by_metric(finished)}
    main = _main(asked)
    variation = sensitivity(found[main].by_instruction) if main in found else None
    return TaskScore(
        task=name,
        rows=asked.rows,
        available=asked.available,
        role=asked.role,
        pictured=asked.pictured,
        family=_family(name, asked, right),
        main=main,
        metrics=found,
        sensitivity=None if variation is None else 100 * variation,
        truthfulness=score_truth.of_rows(
            name, [text for said in answers for text in said], right * len(answers)
        ),
        unfinished=unfinished,
    )


def _by_metric(finished: Sequence[Sequence[Mapping[str, float]]]) -> Iterator[tuple[str, Floats]]:
    """Each metric that all rows have, as (instructions, rows)."""
    every = [row for rows in finished for row in rows]
    for metric in every[0] if every else ():
        if all(metric in row for row in every):
            yield metric, np.array([[row[metric] for row in rows] for rows in finished])


def _metric(values: Floats, seed: int) -> MetricScore:
    by_instruction = values.mean(axis=1)
    low, high = interval(values.mean(axis=0), seed)
    return MetricScore(
        by_instruction=by_instruction.tolist(),
        mean=float(by_instruction.mean()),
        best=float(by_instruction.max()),
        deviation=float(by_instruction.std()),
        low=low,
        high=high,
    )


def _main(asked: EvaluatedTask) -> str:
    """ROUGE-L where it is reported, and accuracy for tasks for which only accuracy is."""
    return _MAIN["rouge_l" if "rouge_l" in asked.metrics else asked.metrics[0]]


def _family(name: str, asked: EvaluatedTask, right: Iterable[Mapping[str, Any]]) -> Family | None:
    """Which of the families a task belongs to; the first that fits, as the study names no tasks of ours."""
    if name in CONVERSATIONS:
        return "conversation"
    if name in score_truth.CAPTIONS:
        return "caption"
    if asked.category == "commonsense_reasoning":
        return "reasoning"
    choices = {len(row["options"]) for row in right}
    if asked.output in ("option", "region_option") and choices:
        return "binary" if choices == {2} else "multiple_choice"
    return None


def _average(tasks: Sequence[TaskScore], remark: str = "") -> Average:
    scored = {task.task: task.metrics[task.main].mean for task in tasks if task.main in task.metrics}
    return Average(
        value=float(np.mean(list(scored.values()))) if scored else None,
        tasks=list(scored),
        left_out=[task.task for task in tasks if task.task not in scored],
        remark=remark,
    )


def _sensitivity(tasks: Sequence[TaskScore]) -> Average:
    defined = {task.task: task.sensitivity for task in tasks if task.sensitivity is not None}
    return Average(
        value=float(np.mean(list(defined.values()))) if defined else None,
        tasks=list(defined),
        left_out=[task.task for task in tasks if task.task not in defined],
        remark=_remark(tasks, HELD_OUT, "with pictures"),
    )


def _remark(tasks: Sequence[TaskScore], wanted: int, kind: str) -> str:
    """Why a mean over these tasks is not what the paper reports."""
    parts = []
    if len(tasks) != wanted:
        parts.append(f"{len(tasks)} tasks {kind}, the paper has {wanted}")
    if some := [task.task for task in tasks if task.rows < task.available]:
        parts.append(f"not all rows of {', '.join(some)}")
    if some := [task.task for task in tasks if task.unfinished]:
        parts.append(f"not all instructions of {', '.join(some)}")
    return f"not comparable: {'; '.join(parts)}" if parts else ""


def _joined(*remarks: str) -> str:
    return "; ".join(remark for remark in remarks if remark)
