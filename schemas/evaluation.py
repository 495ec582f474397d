"""An evaluation: what was asked of a model, what it answered, and how good the answers are."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal, NamedTuple

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from schemas.audit import Family
from schemas.instance import Split
from schemas.settings import Quantisation
from schemas.task import Category, Metric, Output

PREDICTIONS: Final = pa.schema(
    [
        pa.field("uid", pa.string(), False),
        pa.field("task", pa.string(), False),
        pa.field("instruction", pa.int32(), False),
        pa.field("text", pa.string(), False),
        pa.field("score", pa.float64()),
        pa.field("chosen", pa.string()),
    ]
)
"""One row for each instance and instruction."""

PREDICTION_MEANINGS: Final = {
    "uid": "the instance, as in instances",
    "task": "name of the task",
    "instruction": "number of the instruction, from 0",
    "text": "the answer; a region is four location bins",
    "score": "its log-probability, as the search ranked it",
    "chosen": "the answer where only the options are allowed; absent where nobody asked for it",
}

ANSWERS: Final = pa.schema(
    [
        pa.field("uid", pa.string(), False),
        pa.field("image_id", pa.string()),
        pa.field("target", pa.string(), False),
        pa.field("options", pa.list_(pa.string()), False),
        pa.field("asked", pa.string(), False),
        pa.field("accepted", pa.list_(pa.string())),
        pa.field("exercise", pa.string()),
        pa.field("things", pa.list_(pa.string())),
    ]
)
"""One row for each evaluated instance: what is right, so that scores need nothing but the run."""

ANSWER_MEANINGS: Final = {
    "uid": "the instance, as in instances",
    "image_id": "the picture's file; absent for exercises without a picture",
    "target": "the right answer, as a model writes it",
    "options": "the answers to choose from, in the order shown, as a model writes them",
    "asked": "the texts of the instance that instructions may show",
    "accepted": "the answers of several people, or all right ones of an exercise, where the source has them",
    "exercise": "the task of Natural Instructions that an exercise is of; absent elsewhere",
    "things": "names of all things annotated in the photograph; absent where none are",
}


class Answer(NamedTuple):
    """What a model says to one instance; attributes as of `PREDICTIONS`."""

    text: str
    score: float | None = None
    chosen: str | None = None


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


RUN_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$"
"""What an evaluation may be called: it is the name of a folder, and of a view of the catalogue."""


class EvaluationSettings(_Part):
    """Parameters of an evaluation. The same names in the command and the flow.

    Attributes:
        lake: whose current build is evaluated on.
        checkpoint: a file of weights, or the folder that training writes.
        name: of the run; made from the other settings if None. The same name goes on where it stopped.
        tasks: only these; if empty, the held-out tasks, or all that have rows in the `split`.
        split: whose rows are asked; if None, those of a task's test, or of its validation where it has none.
        rows: most rows of a task, the same draw always; all if None.
        beams: of the search; 1 is greedy.
        batch_size: rows at a time. No answer depends on it but by rounding.
        device: such as `cpu` or `cuda:1`; a GPU where there is one if None.
        blind: show black pictures only, to learn what is answered without looking.
        seed: of the draw of rows.
    """

    lake: Path = Path("lake")
    checkpoint: Path
    name: str | None = None
    tasks: tuple[str, ...] = ()
    split: Split | None = None
    rows: int | None = Field(default=None, ge=1)
    beams: int = Field(default=5, ge=1)
    batch_size: int = Field(default=8, ge=1)
    device: str | None = None
    blind: bool = False
    seed: int = Field(default=0, ge=0)


class EvaluatedTask(_Part):
    """One task of a run.

    Attributes:
        split: whose rows are evaluated.
        available: rows that the shard has of it.
        rows: rows that are evaluated.
        pictured: whether any of them has a picture; tasks of text alone are averaged apart.
        instructions: as written, those that are evaluated.
    """

    split: Split
    available: int
    rows: int
    pictured: bool
    category: Category
    role: Literal["train", "eval"]
    extra: bool
    output: Output
    metrics: tuple[Metric, ...]
    instructions: tuple[str, ...]


class Evaluation(_Part):
    """`evaluation.json`: what a run asks, written before the first answer. Other settings are another run.

    Attributes:
        name: of the run and its folder.
        build: id of the build whose shards are read.
        mixture: name of the mixture.
        model: what answers: name and sha256 of a checkpoint.
        search: how answers are found, in words.
        blind: whether black pictures were shown only.
        quantisation: what the location bins of answers stand for.
        rows: most rows of a task; all if None.
        seed: of the draw of rows.
        tasks: by name.
    """

    format: Literal["multiinstruct-evaluation-1"] = "multiinstruct-evaluation-1"
    name: str = Field(pattern=RUN_NAME)
    build: str
    mixture: str
    model: str
    search: str
    blind: bool = False
    quantisation: Quantisation
    rows: int | None
    seed: int
    tasks: dict[str, EvaluatedTask]


class MetricScore(_Part):
    """One metric of one task, 0 to 1.

    Attributes:
        by_instruction: mean over the rows, for each instruction that is finished; of exercises, the mean
            over their tasks of the mean over the rows of each.
        mean, best, deviation: over the instructions; the deviation is that of the population.
        low, high: 95 % interval of `mean` by bootstrap over the rows, of exercises within each task.
    """

    by_instruction: list[float]
    mean: float
    best: float
    deviation: float
    low: float
    high: float


class Truthfulness(_Part):
    """Whether what is named or affirmed is in the picture, as far as it is annotated.

    Attributes:
        answers: captions, and answers of yes, whose photograph has annotations.
        named: things that they name or affirm.
        absent: those of them that no annotation of the photograph has.
        share: 1 - absent / named; None if nothing is named.
    """

    answers: int
    named: int
    absent: int
    share: float | None


class ExerciseScore(_Part):
    """One task of Natural Instructions: the mean of the main metric over its rows and the instructions."""

    exercise: str
    rows: int
    mean: float


class TaskScore(_Part):
    """One task of a run.

    Attributes:
        main: the metric by which the paper averages tasks: ROUGE-L where it is reported, else accuracy.
        sensitivity: deviation / mean of the main metric over instructions, times 100; None where the mean
            is 0, for then it is undefined, and where fewer than two instructions are finished.
        exercises: the tasks of Natural Instructions that it consists of; each counts as a task in means.
        unfinished: numbers of instructions without answers.
    """

    task: str
    rows: int
    available: int
    role: Literal["train", "eval"]
    pictured: bool
    family: Family
    main: str
    metrics: dict[str, MetricScore]
    sensitivity: float | None
    truthfulness: Truthfulness | None
    exercises: list[ExerciseScore] = []
    unfinished: list[int]


class Average(_Part):
    """A mean over tasks, 0 to 1 (sensitivity: times 100).

    Attributes:
        value: None if no task counts.
        tasks: those that count.
        left_out: tasks for which the value is undefined.
        remark: why it may not be set beside the paper's number; empty if it may.
    """

    value: float | None
    tasks: list[str]
    left_out: list[str] = []
    remark: str = ""


class Scores(_Part):
    """`scores.json`: everything that follows from the stored answers of a run.

    Attributes:
        deviation: the convention of every standard deviation here.
        rouge: which ROUGE-L is meant.
        multimodal, text_only, together: mean of the main metric over the unseen tasks with pictures, without
            pictures, and both.
        sensitivity: over the unseen tasks with pictures.
        families: mean of the main metric over all tasks of each family that the run has, as the audit sorts
            them.
    """

    format: Literal["multiinstruct-scores-1"] = "multiinstruct-scores-1"
    evaluation: Evaluation
    rouge: Literal["F1 of rougeL as in the package rouge-score, without stemming"] = (
        "F1 of rougeL as in the package rouge-score, without stemming"
    )
    deviation: Literal["population (divided by the number of instructions)"] = (
        "population (divided by the number of instructions)"
    )
    tasks: list[TaskScore]
    multimodal: Average
    text_only: Average
    together: Average
    sensitivity: Average
    families: dict[Family, Average]
