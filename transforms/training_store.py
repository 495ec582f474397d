"""Fine-tuning runs in a lake: what is trained, on which rows, and how far it has come.

    <lake>/trainings/<run>/training.json    what is trained; written before the first update
                           …                what the run writes, see `ofa.train`
                           index.html       curves, made from these alone

Nothing here knows how a model learns.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import ValidationError

from schemas.errors import BuildError, ExitCode
from schemas.settings import BuildSettings
from schemas.training import (
    LINE,
    METRICS,
    TRAINED,
    TRAINING,
    Recipe,
    Size,
    Trained,
    TrainedStage,
    Training,
    Update,
    Validated,
)
from shards.collection import Collection, Stage, read_collection
from transforms import artifact
from transforms.artifact import write_whole
from transforms.lake import folders
from transforms.score_ask import folder_of
from transforms.steps_tables import raw, raw_steps

FOLDER: Final = "trainings"

_CHECKPOINTS: Final = "ofa_checkpoints"
"""The source of OFA's published weights."""

_ASKED: Final = {"mixture", "recipe", "start", "blind", "seed"}
"""What a person asks for. The build may have been replaced since: a run stays with the rows it began with."""


class Run(NamedTuple):
    """A run and its folder."""

    folder: Path
    training: Training

    @property
    def trained(self) -> Trained | None:
        """How it ended, if it has.

        Raises:
            BuildError: the file is damaged.
        """
        path = self.folder / TRAINED
        try:
            return Trained.model_validate_json(path.read_bytes()) if path.is_file() else None
        except ValidationError as error:
            raise BuildError("a file of a training is damaged", where=path, got=error) from error

    def lines(self) -> list[Update | Validated]:
        """The lines of its metrics; one that a kill has torn is passed over."""
        path = self.folder / METRICS
        if not path.is_file():
            return []
        whole = [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
        try:
            return [LINE.validate_json(line) for line in whole]
        except ValidationError as error:
            raise BuildError("a file of a training is damaged", where=path, got=error) from error


def planned(
    lake: Path,
    name: str,
    recipe: Recipe,
    start: str | None,
    *,
    mixture: str | None = None,
    blind: bool = False,
    seed: int = 0,
) -> Training:
    """What a run on the current build trains: exact rows of each task and updates of each stage.

    Args:
        name: of the run.
        start: see `Training`.
        mixture: that the build must have; the recipe's if None.

    Raises:
        BuildError: the build has no shards, they are of another mixture, or there is nothing to train on.
    """
    build, folder = folder_of(lake)
    collection = read_collection(folder)
    wanted = mixture or recipe.mixture
    if collection.mixture != wanted:
        raise BuildError(
            "the current build has another mixture than is to be trained on",
            where=lake,
            got=collection.mixture,
            expected=wanted,
            next_step=f"multiinstruct build --mixture {wanted}, or say --mixture {collection.mixture} "
            "to train on this one all the same",
            exit_code=ExitCode.USAGE,
        )
    if not collection.stages:
        raise BuildError(
            "there is nothing to train on",
            where=folder,
            got="no task with rows of the split train",
            next_step="build a mixture that takes some",
            exit_code=ExitCode.USAGE,
        )
    return Training(
        name=name,
        build=build.id,
        mixture=collection.mixture,
        collection=folder.relative_to(lake).as_posix(),
        recipe=recipe,
        start=start,
        blind=blind,
        seed=seed,
        stages=tuple(
            _stage(stage, {task: _rows(collection, task) for task in stage.tasks}, recipe)
            for stage in collection.stages
        ),
    )


def _rows(collection: Collection, task: str) -> int:
    return collection.tasks[task].rows["train"]


def _stage(stage: Stage, tasks: Mapping[str, int], recipe: Recipe) -> TrainedStage:
    of_epoch = -(-sum(tasks.values()) // recipe.rows)
    updates = of_epoch * recipe.epochs
    return TrainedStage(name=stage.name, tasks=dict(tasks), updates=updates, blind=stage.blind)


def pretrained(lake: Path, size: Size) -> Path | None:
    """OFA's published weights of a size, if the lake has them; nothing fetches them by itself."""
    wanted = raw(_CHECKPOINTS, size)
    for step in raw_steps(_CHECKPOINTS, BuildSettings(lake=lake)):
        if step.reference == wanted and step.settled:
            found = artifact.find(lake, wanted, step.fingerprint({}))
            if found is not None:
                return next(found.path("").iterdir())
    return None


def begun(lake: Path, training: Training) -> Run:
    """A run that trains this: begun now, or gone on with, on the rows that it was begun with.

    Raises:
        BuildError: a run of this name trains something else.
    """
    path = lake / FOLDER / training.name / TRAINING
    if not path.is_file():
        write_whole(path, (training.model_dump_json(indent=1) + "\n").encode())
    run = opened(lake, training.name)
    there, here = run.training.model_dump(include=_ASKED), training.model_dump(include=_ASKED)
    if there != here:
        raise BuildError(
            "a training of this name trains something else",
            where=run.folder,
            got=f"other {', '.join(name for name in here if here[name] != there[name])} than then",
            next_step="take another --name, or the settings of then to go on",
            exit_code=ExitCode.USAGE,
        )
    if not (lake / run.training.collection).is_dir():
        raise BuildError(
            "the shards that a training was begun with are gone",
            where=lake / run.training.collection,
            next_step="build them again, or begin another training under another --name",
        )
    return run


def opened(lake: Path, name: str) -> Run:
    """A run of a lake.

    Raises:
        BuildError: there is no such run, or its files are damaged.
    """
    known = names(lake)
    if name not in known:
        raise BuildError(
            "no such training",
            where=lake / FOLDER,
            got=name,
            expected=", ".join(known) or "none has been begun; multiinstruct finetune begins one",
            exit_code=ExitCode.USAGE,
        )
    path = lake / FOLDER / name / TRAINING
    try:
        return Run(path.parent, Training.model_validate_json(path.read_bytes()))
    except (OSError, ValidationError) as error:
        raise BuildError("a training cannot be read", where=path, got=error) from error


def names(lake: Path) -> list[str]:
    """All runs of a lake, in order of name."""
    return [folder.name for folder in folders(lake / FOLDER)]
