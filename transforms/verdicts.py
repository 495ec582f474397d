"""What people found who looked at rows: one line of `<lake>/verdicts.jsonl` for each verdict.

Lines are only ever added. The last verdict on a row counts; a row that is `wrong` is left out of mixtures
as `reported`. Who said it and when stands beside it, and decides nothing.
"""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Literal

import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.audit import Reviews
from schemas.errors import BuildError, ExitCode

NAME: Final = "verdicts.jsonl"

Word = Literal["right", "wrong", "ambiguous"]

_Z: Final = 1.959963984540054
"""Of a 95 % interval."""


class Verdict(BaseModel):
    """One line.

    Attributes:
        uid: the row.
        who: whoever said it, in their own words.
        when: ISO 8601, where it is known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    uid: str = Field(pattern=r"^[a-z0-9_]+/.")
    verdict: Word
    who: str = ""
    when: str = ""

    @property
    def task(self) -> str:
        """The task of the row."""
        return self.uid.partition("/")[0]


def read_verdicts(path: Path) -> list[Verdict]:
    """All verdicts of a file, in order; none if there is no file.

    Raises:
        BuildError: a line is none.
    """
    if not path.is_file():
        return []
    return list(_parsed(path))


def _parsed(path: Path) -> Iterator[Verdict]:
    lines = path.read_bytes().split(b"\n")
    # What a killed process has begun to write ends without a line break, and was never said.
    for number, line in enumerate(lines[:-1], start=1):
        if not line.strip():
            continue
        try:
            yield Verdict.model_validate_json(line)
        except ValidationError as error:
            raise BuildError(
                "a verdict cannot be read",
                where=f"{path}, line {number}",
                got=line[:200].decode(errors="replace"),
                expected='{"uid": "task/key", "verdict": "right", "wrong" or "ambiguous"}',
                exit_code=ExitCode.USAGE,
            ) from error


def of_no_row(verdicts: Iterable[Verdict], instances: Path) -> list[str]:
    """The rows of verdicts that are not among the instances of a task, in order.

    Args:
        instances: the table of instances.
    """
    known = set(pq.read_table(instances, columns=["uid"])["uid"].to_pylist())
    return [one.uid for one in verdicts if one.uid not in known]


def add_verdicts(lake: Path, verdicts: Iterable[Verdict]) -> None:
    """Adds verdicts to those of a lake."""
    said = "".join(
        json.dumps(one.model_dump(exclude_defaults=True), ensure_ascii=False) + "\n" for one in verdicts
    )
    path = lake / NAME
    torn = path.is_file() and path.stat().st_size > 0 and not path.read_bytes().endswith(b"\n")
    with path.open("ab") as file:
        # The rest of a line that was never finished must not swallow what is said now.
        if torn:
            file.truncate(path.read_bytes().rfind(b"\n") + 1)
        file.write(said.encode())
        file.flush()
        os.fsync(file.fileno())


def last_words(lake: Path) -> dict[str, Verdict]:
    """The verdict that counts, by uid in order of uid."""
    said = {one.uid: one for one in read_verdicts(lake / NAME)}
    return dict(sorted(said.items()))


def reported(lake: Path, task: str) -> list[str]:
    """The rows of a task that are marked as wrong, in order."""
    return [uid for uid, one in last_words(lake).items() if one.task == task and one.verdict == "wrong"]


def reviews_of(lake: Path) -> dict[str, Reviews]:
    """What was found of each task that somebody has looked at."""
    counted: dict[str, Counter[Word]] = {}
    for one in last_words(lake).values():
        counted.setdefault(one.task, Counter())[one.verdict] += 1
    return {task: reviews(words) for task, words in sorted(counted.items())}


def reviews(counted: Counter[Word]) -> Reviews:
    """Counts of verdicts, with the rate of errors and its interval.

    Wilson's interval (E. B. Wilson, JASA 22, 1927, pp. 209-212) also holds for few rows and rare errors.
    Rows that are ambiguous are counted beside.
    """
    right, wrong = counted["right"], counted["wrong"]
    rate, low, high = wilson(wrong, right + wrong)
    return Reviews(
        right=right,
        wrong=wrong,
        ambiguous=counted["ambiguous"],
        error_rate=rate,
        low=low,
        high=high,
    )


def wilson(found: int, of: int) -> tuple[float | None, float | None, float | None]:
    """A rate with the ends of its 95 % interval; nothing of nothing."""
    if not of:
        return None, None, None
    rate, z2 = found / of, _Z * _Z
    middle = (rate + z2 / (2 * of)) / (1 + z2 / of)
    half = _Z / (1 + z2 / of) * math.sqrt(rate * (1 - rate) / of + z2 / (4 * of * of))
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return round(rate, 4), round(low, 4), round(high, 4)
