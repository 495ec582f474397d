"""The flow `evaluate-ofa`: one Prefect task for each task of the dataset and each of its instructions.

It is the command `evaluate` in Prefect's hands. What is answered already is skipped by the run itself, so
that a flow run, a worker and a plain call go on with each other's work.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from pydantic import Field

from flows import evaluations
from schemas.evaluation import EvaluationSettings, Scores
from schemas.instance import Split
from transforms import score_ask, score_store

if TYPE_CHECKING:
    from ofa.predict import Predictions

NAME = "evaluate-ofa"

LAKE = Path(os.environ.get("MULTIINSTRUCT_LAKE", "lake"))
"""A worker evaluates on its own lake unless a run names another."""


class _Models:
    """The model of the flow run in this process: its tasks share it."""

    def __init__(self) -> None:
        self._key: tuple[EvaluationSettings, str] | None = None
        self._model: Predictions | None = None

    def of(self, settings: EvaluationSettings, run: score_store.Run) -> Predictions:
        """The model that a run asks."""
        key = (settings, run.evaluation.model)
        if self._model is None or self._key != key:
            # The old one is let go of first: a device may not hold both.
            self._model = None
            self._key, self._model = key, evaluations.predictor(settings)
        return self._model


_models = _Models()


@task(
    task_run_name="answer {task_name}, instruction {number}",
    cache_policy=NO_CACHE,
    persist_result=False,
)
def answer(settings: EvaluationSettings, run_name: str, task_name: str, number: int) -> int:
    """Asks all rows of a task with one instruction, counted from 1, and returns how many they are."""
    run = score_store.opened(settings.lake, run_name)
    score_ask.ask_with(settings.lake, run, _models.of(settings, run), task_name, number - 1)
    return run.evaluation.tasks[task_name].rows


@task(task_run_name="score {run_name}", cache_policy=NO_CACHE, persist_result=False)
def score(lake: Path, run_name: str) -> dict[str, Any]:
    """Scores what is stored and writes the report; then shows the scores among the artifacts of Prefect."""
    found = evaluations.end(lake, score_store.opened(lake, run_name))
    _show(found)
    return {
        "evaluation": run_name,
        "lake": str(lake),
        "tasks": {one.task: one.metrics[one.main].mean for one in found.tasks if one.main in one.metrics},
        "multimodal": found.multimodal.value,
        "text_only": found.text_only.value,
    }


@flow(name=NAME, persist_result=False)
def evaluate_ofa(
    checkpoint: Annotated[Path, Field(description="Weights of OFA, or the folder of a training run.")],
    lake: Annotated[Path, Field(description="Lake whose current build is evaluated on.")] = LAKE,
    name: Annotated[str | None, Field(description="Of the run; the same goes on where it stopped.")] = None,
    tasks: Annotated[tuple[str, ...], Field(description="Only these; else the held-out tasks.")] = (),
    split: Annotated[Split | None, Field(description="Whose rows; else test, or validation.")] = None,
    rows: Annotated[int | None, Field(ge=1, description="Most rows of a task.")] = None,
    beams: Annotated[int, Field(ge=1, description="Beams of the search; 1 is greedy.")] = 5,
    batch_size: Annotated[int, Field(ge=1, description="Rows at a time.")] = 8,
    device: Annotated[str | None, Field(description="Such as cpu or cuda:1.")] = None,
    blind: Annotated[bool, Field(description="Show black pictures only.")] = False,
    seed: Annotated[int, Field(ge=0, description="Of the draw of rows.")] = 0,
) -> dict[str, Any]:
    """Asks a checkpoint of OFA rows of the current build, and scores and reports what it answers."""
    settings = EvaluationSettings(
        lake=lake,
        checkpoint=checkpoint,
        name=name,
        tasks=tasks,
        split=split,
        rows=rows,
        beams=beams,
        batch_size=batch_size,
        device=device,
        blind=blind,
        seed=seed,
    )
    run = evaluations.begin(settings)
    for task_name, instruction in list(run.unfinished()):
        count = answer(settings, run.evaluation.name, task_name, instruction + 1)
        get_run_logger().info("%s, instruction %d: %d rows answered", task_name, instruction + 1, count)
    return score(settings.lake, run.evaluation.name)


def _show(found: Scores) -> None:
    run = found.evaluation
    lines = [f"{run.name}: {run.model}; build {run.build}; {run.search}"]
    lines += [remark for remark in (found.multimodal.remark, found.text_only.remark) if remark]
    served = os.environ.get("MULTIINSTRUCT_REPORTS_URL")
    if served:
        lines.append(f"[The whole report]({served}/evaluations/{run.name}/)")
    rows = [
        {
            "task": one.task,
            "metric": f"{name} *" if name == one.main else name,
            "mean": round(100 * metric.mean, 2),
            "best": round(100 * metric.best, 2),
            "deviation": round(100 * metric.deviation, 2),
            "from": round(100 * metric.low, 2),
            "to": round(100 * metric.high, 2),
            "rows": one.rows,
        }
        for one in found.tasks
        for name, metric in one.metrics.items()
    ]
    create_table_artifact(rows, key="evaluation-scores", description="\n\n".join(lines))
