"""What one trains on: the shards of a mixture, their instructions, pictures and vocabulary together.

    <lake>/shards/<mixture>/<fingerprint>/data/collection.json

It is written last and names everything relative to its own folder, so a lake may move.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from schemas.errors import BuildError
from schemas.instance import Split

COLLECTION = "collection.json"


class CollectedTask(BaseModel):
    """One task of a collection.

    Attributes:
        shard: folder of its `index.json`.
        instructions: folder of its `instructions.json`.
        rows: instances of each split.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    shard: str
    instructions: str
    rows: dict[Split, int]


class Stage(BaseModel):
    """Tasks whose training rows are shuffled together, after those of the stage before.

    Attributes:
        tasks: names of the tasks, all of which have training rows.
        blind: black pictures are shown in place of theirs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    tasks: tuple[str, ...] = Field(min_length=1)
    blind: bool = False


ONE_STAGE = "all"
"""Name of the only stage of a mixture that has none of its own."""


def stages_of(
    its_stages: Mapping[str, Sequence[str]], names: Sequence[str], blind: Sequence[str] = ()
) -> tuple[Stage, ...]:
    """The stages that hold a task, in order.

    Args:
        its_stages: names of the stages of each task that has training rows.
        names: of all stages, in order.
        blind: which of them show black pictures.
    """
    held = {name: tuple(task for task, its in its_stages.items() if name in its) for name in names}
    return tuple(Stage(name=name, tasks=tasks, blind=name in blind) for name, tasks in held.items() if tasks)


def _one_stage(given: dict[str, Any]) -> tuple[Stage, ...]:
    return stages_of(dict.fromkeys(_trained(given["tasks"]), (ONE_STAGE,)), [ONE_STAGE])


def _trained(tasks: Mapping[str, CollectedTask]) -> list[str]:
    return [name for name, task in tasks.items() if task.rows.get("train")]


class Collection(BaseModel):
    """`collection.json`.

    Attributes:
        mixture: name of the mixture.
        vocabulary: folder of the vocabulary's three files.
        pictures: folder of the picture pack.
        tasks: the tasks, by name.
        stages: what is trained on one after the other: each task that has training rows stands in
            one or more, once in each.
            All of them in a single stage if not given; none where no task has any.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["multiinstruct-collection-1"] = "multiinstruct-collection-1"
    mixture: str
    vocabulary: str
    pictures: str
    tasks: dict[str, CollectedTask]
    stages: tuple[Stage, ...] = Field(default_factory=_one_stage)

    @model_validator(mode="after")
    def _stages_hold_every_training_task(self) -> Collection:
        if {task for stage in self.stages for task in stage.tasks} != set(_trained(self.tasks)):
            raise ValueError("every task with training rows stands in a stage, and no other task does")
        if any(len(set(stage.tasks)) < len(stage.tasks) for stage in self.stages):
            raise ValueError("a task stands twice in one stage")
        if len({stage.name for stage in self.stages}) < len(self.stages):
            raise ValueError("two stages have the same name")
        return self


def read_collection(folder: Path) -> Collection:
    """Reads `collection.json`.

    Raises:
        BuildError: there is none, or it is not of this format.
    """
    path = folder / COLLECTION
    try:
        return Collection.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise BuildError(
            "a collection of shards cannot be opened",
            where=path,
            got=error,
            next_step="build the mixture again",
        ) from error
