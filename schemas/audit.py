"""The audit of a build: what its rows are like, what can be guessed without looking, and that nothing leaks.

Shares and rates are rounded to four decimals.
"""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from schemas.instance import Split
from schemas.reason import Kind
from schemas.task import Output

Family = Literal["reasoning", "conversation", "caption", "multiple_choice", "binary", "other"]
"""The five families of tasks that arXiv 2310.03211 compares models on, and what is none of them."""

FEW_ROWS: Final = 5_000
"""The paper says that most of its tasks have between 5,000 and 5,000,000 instances (section 3)."""

Rule = Literal[
    "picture_in_two_splits",
    "held_out_picture_in_training",
    "evaluation_text_in_training",
    "target_not_among_options",
    "uid_not_unique",
    "ledger_does_not_close",
]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Violation(_Part):
    """An invariant that does not hold. A build with one is not published.

    Attributes:
        found: how many rows break it.
        rows: uids of up to three of them; artifacts where the rule is one of ledgers.
        detail: what was found, in words.
    """

    rule: Rule
    task: str
    found: int
    rows: list[str]
    detail: str


class Spread(_Part):
    """How some numbers are spread."""

    least: float
    median: float
    mean: float
    p95: float
    most: float


class Answer(_Part):
    """An answer, and how many rows have it."""

    text: str
    rows: int


class Removed(_Part):
    """Rows that one rule has left out.

    Attributes:
        stage: when instances were derived, when photographs were given their splits, when the mixture took
            its rows, or when shards were written.
        kind: what the rule is for.
    """

    stage: Literal["instances", "splits", "mixtures", "shards"]
    reason: str
    kind: Kind
    rows: int


class SplitAudit(_Part):
    """One split of a task.

    Attributes:
        available: instances that there are; all that follows is of the `rows` that the mixture takes.
        pictures: different pictures that they show.
        answers: different answers.
        frequent: the most frequent of them.
        labels: rows by label, `true` and `false`, whatever the words; empty where answers are no labels.
        option_counts: rows by number of options.
        answer_places: rows by place of the answer among the options, from 1.
        source_ids: ids of a prompt, over all instructions.
        target_ids: ids of an answer.
        truncated: rows that lost the beginning of a text.
        regions: boxes of all rows.
        box_shares: share of the picture that a box covers, from 0 to 1.
        narrow_boxes: boxes with a side of less than 32 pixels.
        duplicates: rows beyond the first of the same picture, texts, regions and answer.
        texts_of_training: rows with words and answer of a training row of the task, whatever the picture
            and the regions.
    """

    available: int
    rows: int
    pictures: int
    answers: int
    frequent: list[Answer]
    labels: dict[str, int]
    option_counts: dict[int, int]
    answer_places: dict[int, int]
    source_ids: Spread | None
    target_ids: Spread | None
    truncated: int
    regions: int
    box_shares: Spread | None
    narrow_boxes: int
    duplicates: int
    texts_of_training: int


class Guess(_Part):
    """How often a way to guess without the picture is right."""

    rows: int
    right: int
    accuracy: float


class Guesses(_Part):
    """Guesses without the picture, where answers are words or one of several regions.

    Attributes:
        scored_on: the split whose rows are guessed.
        learnt_from: `train`, or `other_half` where the task is not trained on: its rows are then parted in
            two by picture, and either half is guessed from the other.
        ways: by name: `majority`, `frequent_for_question`, `first_option`, `longest_option`,
            `largest_region`, `words` (a linear classifier over words).
    """

    scored_on: Split
    learnt_from: Literal["train", "other_half"]
    ways: dict[str, Guess]


class Reviews(_Part):
    """What people found who looked at drawn rows.

    Attributes:
        error_rate: wrong among right and wrong; None if there is neither.
        low: lower end of its 95 % interval (Wilson's).
        high: upper end.
    """

    right: int
    wrong: int
    ambiguous: int
    error_rate: float | None
    low: float | None
    high: float | None


class TaskAudit(_Part):
    """One task.

    Attributes:
        instances: all that there are.
        few: whether they are fewer than `FEW_ROWS`.
        inputs: different texts, regions and options among the rows that the mixture takes.
        prompts: different prompts: each input under each instruction.
        verbs: what the instructions tell to do, in order of name.
        answer_types: rows by kind of answer.
        removed: rows left out, by stage and reason.
        reviews: None if nobody has looked.
    """

    format: Literal["multiinstruct-task-audit-1"] = "multiinstruct-task-audit-1"
    task: str
    role: Literal["train", "eval"]
    output: Output
    family: Family
    instances: int
    few: bool
    instructions: int
    inputs: int
    prompts: int
    verbs: list[str]
    answer_types: dict[str, int]
    splits: dict[Split, SplitAudit]
    guesses: Guesses | None
    removed: list[Removed]
    reviews: Reviews | None
    violations: list[Violation]


class Nearest(_Part):
    """The training tasks that are most like a task; None if there is no other.

    Attributes:
        wording: the task with the most similar instruction, and `wording_share` the share of words that
            the two have in common (Jaccard).
        answers: the task with the most similar answers, and `answers_share` the share of rows that both
            give the same answers.
    """

    task: str
    wording: str | None
    wording_share: float
    answers: str | None
    answers_share: float


class SeenPictures(_Part):
    """Held-out pictures of a task by what is known of the pretraining of the model.

    Attributes:
        pictures: different pictures of its test rows.
        standing: how many of them are of datasets that OFA was pretrained on (`used`), on all but the
            validation and test parts of other benchmarks (`used_in_part`), or of which it is `not_known`.
    """

    task: str
    pictures: int
    standing: dict[str, int]


class BuildAudit(_Part):
    """All tasks of a mixture together.

    Attributes:
        evaluation_texts: texts of six words or more that no training row may hold.
        held_out_pictures: pictures of test rows that no training row may show.
        shared_pictures: training rows of each task that show one of them.
        families: training rows by family.
        violations: of all tasks.
    """

    format: Literal["multiinstruct-audit-1"] = "multiinstruct-audit-1"
    mixture: str
    evaluation_texts: int
    held_out_pictures: int
    shared_pictures: dict[str, int]
    families: dict[Family, int]
    nearest: list[Nearest]
    pretraining: list[SeenPictures]
    violations: list[Violation]
