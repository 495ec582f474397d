"""Scores of an evaluation, from its stored answers alone: no model, no lake, no torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from instructions.render import parse
from schemas.audit import Family
from schemas.evaluation import Average, EvaluatedTask, ExerciseScore, MetricScore, Scores, TaskScore
from transforms import score_metrics as metrics
from transforms import score_truth
from transforms.audit_figures import family
from transforms.score_store import Run

HELD_OUT: Final = 9
"""Unseen tasks with pictures that the paper averages over."""

HELD_OUT_TEXT: Final = 20
"""Unseen tasks of Natural Instructions that the paper averages over."""

RESAMPLES: Final = 1_000
"""Draws of the bootstrap."""

INTERVAL: Final = (2.5, 97.5)
"""Percentiles of a 95 % interval."""

_MAIN: Final = {"rouge_l": "rouge_l", "accuracy": "accuracy", "iou_accuracy": "region_accuracy", "iou": "iou"}

Floats = npt.NDArray[np.float64]
Groups = Mapping[str, npt.NDArray[np.int64]]
"""Places of the rows of each exercise; of all rows, under one name, where they are no exercises."""


def scores(run: Run) -> Scores:
    """The scores of all instructions that are finished."""
    tasks = [_task(run, name) for name in run.evaluation.tasks]
    unseen = [task for task in tasks if task.role == "eval"]
    pictured = [task for task in unseen if task.pictured and not run.evaluation.tasks[task.task].extra]
    texts = [task for task in unseen if not task.pictured]
    black = ["black pictures"] if run.evaluation.blind else []
    of_pictures = _remark(pictured, HELD_OUT, "with pictures", black)
    of_texts = _remark(texts, HELD_OUT_TEXT, "of text alone", [])
    return Scores(
        evaluation=run.evaluation,
        tasks=tasks,
        multimodal=_average(pictured, of_pictures),
        text_only=_average(texts, of_texts),
        together=_average([*pictured, *texts], "; ".join(filter(None, (of_pictures, of_texts)))),
        sensitivity=_sensitivity(pictured, of_pictures),
        families=_families(tasks),
    )


def row_scores(
    asked: EvaluatedTask, answer: str, chosen: str | None, right: Mapping[str, Any]
) -> dict[str, float]:
    """All metrics of one answer, by name.

    Args:
        answer, chosen: as in `schemas.evaluation.PREDICTIONS`.
        right: a row of `schemas.evaluation.ANSWERS`. Of an exercise with several right outputs the one that
            is nearest to the answer counts, as in the evaluation of Natural Instructions.
    """
    target, options = right["target"], right["options"]
    exercise = right["exercise"] is not None
    targets = right["accepted"] if exercise and right["accepted"] else [target]
    found: dict[str, float] = {}
    if "accuracy" in asked.metrics:
        found["accuracy"] = max(metrics.accuracy(answer, one) for one in targets)
        found["prefix_accuracy"] = max(metrics.prefix_accuracy(answer, one) for one in targets)
    if "rouge_l" in asked.metrics:
        found["rouge_l"] = max(metrics.rouge_l(answer, one) for one in targets)
    if "iou_accuracy" in asked.metrics:
        found["region_accuracy"] = metrics.region_accuracy(answer, target, options)
    if "iou" in asked.metrics and asked.output == "regions":
        found["iou"] = metrics.matching_f1(answer, target)
    elif "iou" in asked.metrics:
        found["iou"] = metrics.region_iou(answer, target)
        found["found_at_0.5"] = float(found["iou"] >= metrics.ENOUGH_OVERLAP)
    if right["accepted"] and not exercise:
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


def interval(by_row: Floats, seed: int, groups: Groups | None = None) -> tuple[float, float]:
    """95 % interval of the mean of rows, by drawing them with replacement `RESAMPLES` times.

    Args:
        by_row: (rows,), at least one.
        groups: the mean is that over these of the mean of each, from which as many rows are drawn as it has.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    parts = [by_row] if groups is None else [by_row[places] for places in groups.values()]
    means = [
        np.mean([part[generator.integers(len(part), size=len(part))].mean() for part in parts])
        for _ in range(RESAMPLES)
    ]
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
    groups = _groups(right)
    values = dict(_by_metric(finished))
    found = {metric: _metric(rows, run.evaluation.seed, groups) for metric, rows in values.items()}
    main = main_metric(asked)
    variation = sensitivity(found[main].by_instruction) if main in found else None
    return TaskScore(
        task=name,
        rows=asked.rows,
        available=asked.available,
        role=asked.role,
        pictured=asked.pictured,
        family=_family(asked, right),
        main=main,
        metrics=found,
        sensitivity=None if variation is None else 100 * variation,
        truthfulness=score_truth.of_rows(
            name, [text for said in answers for text in said], right * len(answers)
        ),
        exercises=_exercises(values[main], groups) if main in values else [],
        unfinished=unfinished,
    )


def _by_metric(finished: Sequence[Sequence[Mapping[str, float]]]) -> Iterator[tuple[str, Floats]]:
    """Each metric that all rows have, as (instructions, rows)."""
    every = [row for rows in finished for row in rows]
    for metric in every[0] if every else ():
        if all(metric in row for row in every):
            yield metric, np.array([[row[metric] for row in rows] for rows in finished])


def _groups(right: Iterable[Mapping[str, Any]]) -> Groups:
    found: dict[str, list[int]] = {}
    for place, row in enumerate(right):
        found.setdefault(row["exercise"] or "", []).append(place)
    return {name: np.array(found[name]) for name in sorted(found)}


def _exercises(values: Floats, groups: Groups) -> list[ExerciseScore]:
    """The score of each exercise, of values as (instructions, rows)."""
    return [
        ExerciseScore(exercise=name, rows=len(places), mean=float(values[:, places].mean()))
        for name, places in groups.items()
        if name
    ]


def _metric(values: Floats, seed: int, groups: Groups) -> MetricScore:
    by_instruction = np.mean([values[:, places].mean(axis=1) for places in groups.values()], axis=0)
    low, high = interval(values.mean(axis=0), seed, groups)
    return MetricScore(
        by_instruction=by_instruction.tolist(),
        mean=float(by_instruction.mean()),
        best=float(by_instruction.max()),
        deviation=float(by_instruction.std()),
        low=low,
        high=high,
    )


def main_metric(asked: EvaluatedTask) -> str:
    """ROUGE-L where it is reported, and accuracy for tasks for which only accuracy is."""
    return _MAIN["rouge_l" if "rouge_l" in asked.metrics else asked.metrics[0]]


def _family(asked: EvaluatedTask, right: Iterable[Mapping[str, Any]]) -> Family:
    shown = {name for text in asked.instructions for name in parse(text).slot_names}
    return family(asked, shown, {len(row["options"]) for row in right} - {0})


def _families(tasks: Sequence[TaskScore]) -> dict[Family, Average]:
    kinds = dict.fromkeys(task.family for task in tasks if task.family != "other")
    return {kind: _average([task for task in tasks if task.family == kind]) for kind in kinds}


def _average(tasks: Sequence[TaskScore], remark: str = "") -> Average:
    scored = {
        name: score for task in tasks if task.main in task.metrics for name, score in _counted(task).items()
    }
    return Average(
        value=float(np.mean(list(scored.values()))) if scored else None,
        tasks=list(scored),
        left_out=[task.task for task in tasks if task.main not in task.metrics],
        remark=remark,
    )


def _counted(task: TaskScore) -> dict[str, float]:
    """What counts as a task in a mean, and its score."""
    exercises = {f"{task.task}/{one.exercise}": one.mean for one in task.exercises}
    return exercises or {task.task: task.metrics[task.main].mean}


def _sensitivity(tasks: Sequence[TaskScore], remark: str) -> Average:
    defined = {task.task: task.sensitivity for task in tasks if task.sensitivity is not None}
    return Average(
        value=float(np.mean(list(defined.values()))) if defined else None,
        tasks=list(defined),
        left_out=[task.task for task in tasks if task.task not in defined],
        remark=remark,
    )


def _remark(tasks: Sequence[TaskScore], wanted: int, kind: str, other: Sequence[str]) -> str:
    """Why a mean over these tasks is not what the paper reports; `other` reasons come first."""
    parts = [*other]
    count = sum(len(task.exercises) or 1 for task in tasks)
    if count != wanted:
        parts.append(f"{count} tasks {kind}, the paper has {wanted}")
    if some := [task.task for task in tasks if task.rows < task.available]:
        parts.append(f"not all rows of {', '.join(some)}")
    if some := [task.task for task in tasks if task.unfinished]:
        parts.append(f"not all instructions of {', '.join(some)}")
    return f"not comparable: {'; '.join(parts)}" if parts else ""
