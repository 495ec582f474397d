"""Figures of the rows of one split of a task."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Final, Protocol

from schemas.audit import Answer, Family, SplitAudit, Spread
from schemas.task import Category, Output
from transforms.audit_rows import Row
from transforms.plain_words import plain

_FREQUENT: Final = 5
_NARROW: Final = 32
"""Pixels: see the macro `visible`."""

_NUMBERS: Final = frozenset(
    ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "none")
)
_YES_NO: Final = frozenset(("yes", "no", "true", "false"))

Said = tuple[tuple[str, ...], str]
"""The texts and the answer of a row."""


def said(row: Row) -> Said:
    """What a row says, whatever its picture."""
    return row.texts, row.target


def split_audit(
    rows: Sequence[Row],
    available: int,
    source_ids: Iterable[int],
    target_ids: Iterable[int],
    truncated: int,
    training: Collection[Said],
) -> SplitAudit:
    """The figures of a split.

    Args:
        source_ids: ids of each prompt.
        target_ids: ids of each answer.
        training: what training rows of the task say; empty for the training split itself.
    """
    answers = Counter(row.target for row in rows)
    boxes = [(row, box) for row in rows for box in row.regions]
    frequent = sorted(answers.items(), key=lambda pair: (-pair[1], pair[0]))[:_FREQUENT]
    places = Counter(row.options.index(row.target) + 1 for row in rows if row.target in row.options)
    seen = Counter((row.image_id, row.texts, row.regions, row.target) for row in rows)
    return SplitAudit(
        available=available,
        rows=len(rows),
        pictures=len({row.image_id for row in rows if row.image_id is not None}),
        answers=len(answers),
        frequent=[Answer(text=text, rows=count) for text, count in frequent],
        labels={
            name: count
            for name, label in (("true", True), ("false", False))
            if (count := sum(row.label is label for row in rows))
        },
        option_counts=dict(sorted(Counter(len(row.options) for row in rows if row.options).items())),
        answer_places=dict(sorted(places.items())),
        source_ids=spread(source_ids),
        target_ids=spread(target_ids),
        truncated=truncated,
        regions=len(boxes),
        box_shares=spread(
            box.area / (row.width * row.height) for row, box in boxes if row.width and row.height
        ),
        narrow_boxes=sum(min(box.x1 - box.x0, box.y1 - box.y0) < _NARROW for _, box in boxes),
        duplicates=len(rows) - len(seen),
        texts_of_training=sum(said(row) in training for row in rows),
    )


def spread(values: Iterable[float]) -> Spread | None:
    """How some numbers are spread, by nearest rank; None if there are none."""
    known = sorted(values)
    if not known:
        return None
    middle, p95 = known[(len(known) - 1) // 2], known[math.ceil(0.95 * len(known)) - 1]
    mean = math.fsum(known) / len(known)
    least, median, mean, p95, most = (round(float(x), 4) for x in (known[0], middle, mean, p95, known[-1]))
    return Spread(least=least, median=median, mean=mean, p95=p95, most=most)


def answer_type(output: Output, target: str) -> str:
    """What kind of answer a row has."""
    if output in ("region", "regions", "region_option"):
        return "regions" if " " in target else "region"
    if output == "image":
        return "picture"
    words = plain(target).split()
    if len(words) == 1:
        if words[0] in _YES_NO:
            return "yes_no"
        return "number" if words[0].isdigit() or words[0] in _NUMBERS else "word"
    return "phrase" if len(words) < 5 else "sentence"


class Kind(Protocol):
    """What the head of a task says of its kind, and whoever repeats it."""

    @property
    def category(self) -> Category:
        """One of the categories of tasks."""
        ...

    @property
    def output(self) -> Output:
        """What a right answer is made of."""
        ...


def family(head: Kind, shown: Collection[str], option_counts: Collection[int]) -> Family:
    """The family of a task, as we read arXiv 2310.03211, which names families and gives no rule.

    Args:
        shown: slots that its instructions show.
        option_counts: the numbers of options that its rows have.
    """
    if head.category == "language":
        return "other"
    if "history" in shown:
        return "conversation"
    if option_counts:
        return "binary" if max(option_counts) == 2 else "multiple_choice"
    if head.output != "text":
        return "other"
    return "reasoning" if "question" in shown else "caption"
