"""The flow `finetune-ofa`: the command `finetune` in Prefect's hands.

What is trained already is not trained again: a flow run, a worker and a plain call go on with each other's
work. The processes of a run on several GPUs are started by `torchrun`, not by Prefect.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact, create_progress_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.events import emit_event
from pydantic import Field

from flows import finetuning
from flows.finetuning import Asked
from schemas.training import Training, Update, Validated
from transforms.training_report import PAGE
from transforms.training_store import FOLDER, Run, opened

NAME = "finetune-ofa"

ENDED_EVENT = "multiinstruct.training.ended"
"""Sent when a run has ended, with its folder: the deployment `evaluate-ofa` may wait for it."""

LAKE = Path(os.environ.get("MULTIINSTRUCT_LAKE", "lake"))
"""A worker trains on its own lake unless a run names another."""

_TELL_SECONDS = 10.0
"""How often a run says how far it is."""


@task(task_run_name="train {training.name}", cache_policy=NO_CACHE, persist_result=False)
def train(asked: Asked, training: Training) -> str:
    """Trains, or goes on training, and returns the name of the run."""
    return finetuning.finetune(asked, training, _Progress(training).told).training.name


@flow(name=NAME, persist_result=False)
def finetune_ofa(
    recipe: Annotated[str, Field(description="Name of a recipe, or path of a file.")],
    lake: Annotated[Path, Field(description="Lake whose current build is trained on.")] = LAKE,
    name: Annotated[str | None, Field(description="Of the run; the same goes on where it stopped.")] = None,
    checkpoint: Annotated[Path | None, Field(description="Weights; else those in the lake.")] = None,
    shards: Annotated[str | None, Field(description="Address of a build whose shards are fetched.")] = None,
    mixture: Annotated[str | None, Field(description="Train on this one, not the recipe's.")] = None,
    blind: Annotated[bool, Field(description="Show black pictures only.")] = False,
    seed: Annotated[int, Field(ge=0, description="Decides every draw.")] = 0,
    processes: Annotated[int, Field(ge=1, description="That train together, one a GPU.")] = 1,
    device: Annotated[str | None, Field(description="Such as cpu or cuda.")] = None,
    rows_at_once: Annotated[int, Field(ge=1, description="Rows in memory together.")] = 16,
    workers: Annotated[int, Field(ge=0, description="Processes that prepare batches.")] = 0,
) -> dict[str, Any]:
    """Fine-tunes OFA on the training rows of the current build."""
    asked = Asked(
        lake, recipe, name, checkpoint, shards, mixture, blind, seed, processes, device, rows_at_once, workers
    )
    training = finetuning.prepared(asked)
    run = opened(lake, train(asked, training))
    _show(run)
    emit_event(
        ENDED_EVENT,
        resource={"prefect.resource.id": f"multiinstruct.training.{training.name}"},
        payload={"lake": str(lake.resolve()), "folder": str(run.folder.resolve())},
    )
    return {"training": training.name, "lake": str(lake), "updates": training.updates}


class _Progress:
    """Says in Prefect how far a run is: a bar, and a line of the log now and then."""

    def __init__(self, training: Training) -> None:
        self._training = training
        self._log = get_run_logger()
        self._bar: UUID | None = None
        self._told = time.monotonic()

    def told(self, line: Update | Validated) -> None:
        """Takes a line of metrics."""
        if isinstance(line, Validated):
            self._log.info("%s, epoch %d: validation %.3f nats", line.stage, line.epoch, line.nll)
            return
        if self._bar is None:
            self._bar = create_progress_artifact(0.0, key="finetuning-progress")  # type: ignore[assignment]
        if time.monotonic() - self._told < _TELL_SECONDS and line.update < self._training.updates:
            return
        self._told = time.monotonic()
        update_progress_artifact(self._bar, 100 * line.update / self._training.updates)  # type: ignore[arg-type]
        self._log.info(
            "update %d of %d: %.3f nats, %.1f rows/s",
            line.update,
            self._training.updates,
            line.nll,
            line.rows / max(line.seconds, 1e-9),
        )


def _show(run: Run) -> None:
    """Shows what came of a run among the artifacts of Prefect, with a link to its curves."""
    trained, looks = run.trained, [line for line in run.lines() if isinstance(line, Validated)]
    lines = [f"# {run.training.name}", run.training.recipe.summary]
    if trained is not None:
        lines.append(f"{trained.updates:,} updates on {trained.processes} × {trained.device}")
    lines += [f"- {look.stage}, epoch {look.epoch}: {look.nll:.4f} nats of a target id" for look in looks]
    served = os.environ.get("MULTIINSTRUCT_REPORTS_URL")
    page = f"{served}/{FOLDER}/{run.training.name}/" if served else run.folder / PAGE
    lines.append(f"Curves: {page}")
    create_markdown_artifact("\n\n".join(lines), key="finetuning")
