"""What the command `evaluate` and the flow `evaluate-ofa` share: how a run begins, who answers, its end."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import BuildError, ExitCode
from schemas.evaluation import RUN_NAME, EvaluationSettings, Scores
from shards.format import stored_file
from transforms import catalogue, score_ask, score_report, score_store
from transforms.lake import whole

if TYPE_CHECKING:
    from ofa.predict import Predictions


def begin(settings: EvaluationSettings) -> score_store.Run:
    """The run that these settings mean: begun now, or gone on with.

    Raises:
        BuildError: there is no such checkpoint, nothing to ask, or a run of this name asks something else.
    """
    from ofa.weights import WEIGHTS, file_of

    weights = file_of(settings.checkpoint)
    if not weights.is_file():
        raise BuildError("no such checkpoint", where=weights, exit_code=ExitCode.USAGE)
    beams = f"{settings.beams} beams, log-probabilities not divided by length"
    label = weights.absolute().parent.name if weights.name == WEIGHTS else weights.stem
    asked = score_ask.asked(
        settings.lake,
        _name(settings, label),
        f"{label} sha256:{stored_file(weights).sha256}",
        "greedy" if settings.beams == 1 else beams,
        settings.tasks,
        settings.rows,
        split=settings.split,
        blind=settings.blind,
        seed=settings.seed,
    )
    return score_store.begun(settings.lake, asked)


def _name(settings: EvaluationSettings, label: str) -> str:
    if settings.name is None:
        parts = (
            re.sub(r"[^A-Za-z0-9_.-]+|^[^A-Za-z0-9]+", "-", label).strip("-")[:60] or "checkpoint",
            settings.split,
            str(settings.rows or "all"),
            f"beam{settings.beams}",
            "blind" if settings.blind else None,
        )
        return "-".join(filter(None, parts))
    if not re.fullmatch(RUN_NAME, settings.name):
        raise BuildError(
            "an evaluation cannot have this name",
            got=settings.name,
            expected="letters, digits, dots, hyphens and underscores, a letter or digit first",
            exit_code=ExitCode.USAGE,
        )
    return settings.name


def predictor(settings: EvaluationSettings) -> Predictions:
    """The model of the checkpoint, ready to answer.

    Raises:
        BuildError: the checkpoint cannot be read, or is of another vocabulary than the shards.
    """
    from ofa.predict import PUBLISHED, Predictions
    from ofa.weights import load

    _, folder = score_ask.folder_of(settings.lake)
    return Predictions(
        load(settings.checkpoint),
        folder,
        replace(PUBLISHED, beams=settings.beams),
        settings.batch_size,
        settings.device,
        settings.blind,
    )


def end(lake: Path, run: score_store.Run) -> Scores:
    """Scores a run, writes its report, and shows its answers in the catalogue."""
    found = score_report.finish(lake, run)
    catalogue.refresh(lake, whole(lake))
    return found
