"""Which rows of which tasks one trains and evaluates on, and in which order.

A mixture of two stages, of which the first is text alone:

    summary = "Exercises in words first, then those about pictures."
    stages = ["text", "pictures"]

    [[parts]]
    stage = "text"
    tasks = { name = ["natural_instructions"] }
    max_per_task = { train = 0 }
    values = { column = "exercise_task", max_rows = 64 }

    [[parts]]
    stage = "pictures"
    tasks = { role = "train" }
    max_per_task = { train = 10000 }
    total = { train = 200000 }
    weights = "sqrt"
"""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

from schemas.audit import Family
from schemas.instance import Split
from schemas.task import Category

Weights = Literal["proportional", "sqrt", "temperature", "fixed"]

Name = Annotated[str, Field(min_length=1, pattern=r"^[a-z0-9_]+$")]


class Chosen(BaseModel):
    """Tasks of a mixture: those to which all fits that is said here. Where nothing is said, every task.

    Attributes:
        name: their names. A task that reads auxiliary sources is built only where a mixture names it.
        role: `train` or `eval`.
        category: their categories.
        family: their families, see `transforms.families`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: tuple[str, ...] = ()
    role: Literal["train", "eval"] | None = None
    category: tuple[Category, ...] = ()
    family: tuple[Family, ...] = ()


class Values(BaseModel):
    """Bounds on the rows that have the same value in a column of facts.

    Attributes:
        column: a column that every task of the part carries along, such as `exercise_task`.
        max_rows: rows of each value in each split; 0 means all.
        first: how many values, of all tasks of the part together, are taken; 0 means all. Values are in
            natural order: task9 comes before task10.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: Name
    max_rows: int = Field(default=0, ge=0)
    first: int = Field(default=0, ge=0)


class Part(BaseModel):
    """Some tasks, and how many rows of each are taken.

    Attributes:
        tasks: which; a task belongs to the first part of the mixture that fits.
        max_per_task: rows of each task at most, by split; 0 means all. A split that is not named gives none.
        total: rows of all these tasks together, by split. Without it every task gives what it may.
        weights: how a total is divided, where n are the rows that a task may give: in proportion to n, to
            its square root (InstructBLIP, arXiv 2305.06500), to n to the power of 1 / `temperature`, or to
            `shares`. What a task cannot give is divided among the others by the same rule.
        temperature: 1 is as proportional, 2 as the square root; the higher, the more alike.
        shares: of each task by its name, in any unit.
        values: bounds on rows of the same value in a column.
        stage: where its training rows belong, in a mixture of several stages.
        again_in: later stages that train on the same rows once more.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tasks: Chosen
    max_per_task: dict[Split, Annotated[int, Field(ge=0)]] = Field(min_length=1)
    total: dict[Split, PositiveInt] = Field(default_factory=dict)
    weights: Weights | None = None
    temperature: PositiveFloat | None = None
    shares: dict[str, PositiveFloat] = Field(default_factory=dict)
    values: Values | None = None
    stage: Name | None = None
    again_in: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _says_what_belongs_together(self) -> Part:
        if not self.total.keys() <= self.max_per_task.keys():
            raise ValueError("a total is of a split that max_per_task names")
        if bool(self.total) != (self.weights is not None):
            raise ValueError("weights divide a total: give both or neither")
        if (self.weights == "temperature") != (self.temperature is not None):
            raise ValueError('a temperature is given with weights = "temperature", and only then')
        if (self.weights == "fixed") != bool(self.shares):
            raise ValueError('shares are given with weights = "fixed", and only then')
        return self

    @property
    def trains(self) -> bool:
        """Whether it has training rows."""
        return "train" in self.max_per_task

    @property
    def stages(self) -> tuple[str, ...]:
        """All stages that train on its rows, in order; none in a mixture that has no stages."""
        return () if self.stage is None else (self.stage, *self.again_in)


class Mixture(BaseModel):
    """`transforms/mixtures/<name>.toml`.

    Attributes:
        summary: one sentence, what it is for.
        stages: what is trained on one after the other, by name; all at once if there are none.
        blind: stages that show black pictures, in which a model learns to read.
        parts: which tasks, and how many rows of each; a task that fits none of them gives none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    summary: str = Field(min_length=1)
    stages: tuple[Name, ...] = ()
    blind: tuple[Name, ...] = ()
    parts: tuple[Part, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _stages_are_those_of_the_parts(self) -> Mixture:
        if any(count > 1 for count in Counter(self.stages).values()):
            raise ValueError("two stages have the same name")
        if self.blind != tuple(stage for stage in self.stages if stage in self.blind):
            raise ValueError("what is blind is some of the stages, in order")
        trained = [part for part in self.parts if part.trains]
        filled = {stage for part in trained for stage in part.stages}
        if self.stages and (filled != set(self.stages) or not all(part.stage for part in trained)):
            raise ValueError("each part with training rows is in one of the stages, none of which is empty")
        if any(part.stage or part.again_in for part in self.parts if not (self.stages and part.trains)):
            raise ValueError(
                "only a part with training rows is in a stage, and only of a mixture that lists its stages"
            )
        for part in self.parts:
            # As it is listed, each once and after the one before.
            if part.stages != tuple(stage for stage in self.stages if stage in part.stages):
                raise ValueError(f"rows of stage {part.stage} can be in later stages again, in order")
        return self

    @property
    def named(self) -> tuple[str, ...]:
        """The tasks that are meant by their names, each once."""
        return tuple(dict.fromkeys(name for part in self.parts for name in part.tasks.name))
