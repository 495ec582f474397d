"""From a mixture and the rows that there are to exact counts a task, split and value.

In: at most 10,000 rows a task and 30,000 in all by the square root; tasks of 400, 40,000 and 90,000 rows.
Out: 400, 10,000 and 10,000, as the caps leave no more to divide.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Final

import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.errors import BuildError
from schemas.instance import SPLITS, Split
from schemas.mixture import Mixture, Part
from transforms import registry
from transforms.families import family_of
from transforms.registry import Task

_DIGITS: Final = re.compile(r"(\d+)")


@dataclass(frozen=True)
class Available:
    """The instances of a task.

    Attributes:
        rows: how many there are, by split.
        values: how many have each value of the column that the part bounds, by split.
    """

    rows: Mapping[Split, int]
    values: Mapping[Split, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Count:
    """What a mixture takes of one split of a task.

    Attributes:
        available: instances that there are.
        count: instances that are taken.
        values: the same two numbers for each value of the column that the part bounds, in natural order.
    """

    available: int
    count: int
    values: Mapping[str, tuple[int, int]] | None = None


def part_of(mixture: Mixture, name: str) -> Part | None:
    """The part of a mixture that a task belongs to: the first that fits."""
    task = registry.task(name)
    return next((part for part in mixture.parts if _fits(part, task)), None)


def _fits(part: Part, task: Task) -> bool:
    chosen = part.tasks
    return (
        (not chosen.name or task.name in chosen.name)
        and (chosen.role is None or task.head.role == chosen.role)
        and (not chosen.category or task.head.category in chosen.category)
        and (not chosen.family or family_of(task) in chosen.family)
    )


def bounds(mixture: Mixture, name: str) -> dict[Split, int]:
    """Rows of a task that a mixture takes at most, by split in order; 0 means all."""
    part = part_of(mixture, name)
    if part is None:
        return {}
    most = {split: (part.max_per_task[split], part.total.get(split, 0)) for split in _splits(part)}
    return {split: min(filter(None, either), default=0) for split, either in most.items()}


def _splits(part: Part) -> list[Split]:
    return [split for split in SPLITS if split in part.max_per_task]


def available(instances: Path, column: str | None = None) -> Available:
    """Counts the instances of a task.

    Args:
        column: the values of this one are counted as well.

    Raises:
        BuildError: there is no such column, or a row has no value in it.
    """
    if column is None:
        # A plan counts every task: `read_table` would load pandas, which takes half a second.
        with pq.ParquetFile(instances) as file:
            splits = file.read(columns=["split"])["split"]
        counted = pc.value_counts(splits).to_pylist()
        return Available({entry["values"]: entry["counts"] for entry in counted})
    names = pq.read_schema(instances).names
    if column not in names:
        raise BuildError(
            "a mixture bounds the values of a column that the task does not have",
            where=instances.parents[2].name,
            got=column,
            expected=", ".join(names),
        )
    grouped = pq.read_table(instances, columns=["split", column]).group_by(["split", column])
    values: dict[Split, dict[str, int]] = {}
    for entry in grouped.aggregate([([], "count_all")]).to_pylist():
        if entry[column] is None:
            raise BuildError(
                "a mixture bounds the values of a column that is not said of every row",
                where=instances.parents[2].name,
                got=column,
            )
        values.setdefault(entry["split"], {})[str(entry[column])] = entry["count_all"]
    return Available({split: sum(found.values()) for split, found in values.items()}, values)


def compile_mixture(mixture: Mixture, found: Mapping[str, Available]) -> dict[str, dict[Split, Count]]:
    """How many rows a mixture takes of each task, split and value; the order of tasks changes nothing.

    Args:
        found: the instances of each task; those of tasks that fit no part count for nothing.

    Raises:
        BuildError: a task has no share in a total that is divided by shares.
    """
    counted: dict[str, dict[Split, Count]] = {}
    parts = {task: part_of(mixture, task) for task in sorted(found)}
    for part in mixture.parts:
        mine = {task: found[task] for task, its in parts.items() if its is part}
        counted |= _compile(part, mine)
    return {task: counted[task] for task in found if task in counted}


def _compile(part: Part, found: Mapping[str, Available]) -> dict[str, dict[Split, Count]]:
    kept = _first_values(part, found.values())
    counted: dict[str, dict[Split, Count]] = {task: {} for task in found}
    for split in _splits(part):
        may = {task: _may_give(part, one, split, kept) for task, one in found.items()}
        cap = part.max_per_task[split]
        most = {task: min(cap or rows.total(), rows.total()) for task, rows in may.items()}
        total = part.total.get(split)
        counts = most if total is None else allot(total, _weights(part, most), most)
        for task, one in found.items():
            values = _of_values(one, split, may[task], counts[task]) if part.values else None
            counted[task][split] = Count(one.rows.get(split, 0), counts[task], values)
    return counted


def _first_values(part: Part, found: Iterable[Available]) -> set[str]:
    """The values that a part takes rows of, out of those of all its tasks."""
    if part.values is None:
        return set()
    every = {value for one in found for rows in one.values.values() for value in rows}
    return set(sorted(every, key=natural)[: part.values.first or None])


def _may_give(part: Part, one: Available, split: Split, kept: set[str]) -> Counter[str]:
    """Rows that a part may take of a task, by value; all of them together if it bounds no values."""
    if part.values is None:
        return Counter({"": one.rows.get(split, 0)})
    most, rows_of = part.values.max_rows, one.values.get(split, {})
    return Counter(
        {value: min(most or rows, rows) if value in kept else 0 for value, rows in rows_of.items()}
    )


def _of_values(
    one: Available, split: Split, may: Mapping[str, int], count: int
) -> dict[str, tuple[int, int]]:
    """Rows that there are of each value, and that are taken: as many of each as can be."""
    taken = allot(count, dict.fromkeys(may, Fraction(1)), may)
    rows_of = one.values.get(split, {})
    return {value: (rows_of[value], taken[value]) for value in sorted(rows_of, key=natural)}


def _weights(part: Part, most: Mapping[str, int]) -> dict[str, Fraction]:
    if part.weights == "fixed":
        lacking = sorted(most.keys() - part.shares.keys())
        if lacking:
            raise BuildError(
                "a mixture divides a total by shares, and a task has none",
                got=", ".join(lacking),
                expected=", ".join(part.shares),
                next_step="give the task a share in the mixture's file",
            )
        return {task: Fraction(part.shares[task]) for task in most}
    temperature = {"proportional": 1.0, "sqrt": 2.0}.get(part.weights or "", part.temperature or 1.0)
    return {task: _root(rows, temperature) for task, rows in most.items()}


def _root(rows: int, temperature: float) -> Fraction:
    """`rows` to the power of 1 / `temperature`, rounded, as its last digits differ between machines."""
    power = math.sqrt(rows) if temperature == 2 else float(rows) ** (1 / temperature)
    return Fraction(rows) if temperature == 1 else Fraction(round(power * 10**6), 10**6)


def allot(total: int, weights: Mapping[str, Fraction], most: Mapping[str, int]) -> dict[str, int]:
    """Divides a total in proportion to weights, by the largest remainders; ties go to the first name.

    What is more than a receiver may have is divided among the others by the same rule.

    Args:
        most: what each receiver may have.

    Returns:
        Counts whose sum is the total, or all that they may have if that is less.
    """
    given = dict.fromkeys(weights, 0)
    rest = min(total, sum(most[name] for name in weights))
    open_ = sorted((name for name in weights if most[name] and weights[name] > 0), key=natural)
    while open_:
        sum_ = sum((weights[name] for name in open_), Fraction(0))
        shares = {name: rest * weights[name] / sum_ for name in open_}
        full = [name for name in open_ if shares[name] >= most[name]]
        if not full:
            given |= _rounded(shares, rest)
            break
        for name in full:
            given[name] = most[name]
            rest -= most[name]
        open_ = [name for name in open_ if name not in full]
    return given


def _rounded(shares: Mapping[str, Fraction], total: int) -> dict[str, int]:
    whole = {name: math.floor(share) for name, share in shares.items()}
    # Sorting is stable: of equal remainders those of earlier names come first.
    by_remainder = sorted(shares, key=lambda name: whole[name] - shares[name])
    more = Counter(by_remainder[: total - sum(whole.values())])
    return {name: count + more[name] for name, count in whole.items()}


def natural(text: str) -> tuple[tuple[str, int, str], ...]:
    """Sorts texts as people do: task9 before task10. Only equal texts are alike."""
    pieces = _DIGITS.split(text)
    words, numbers = pieces[::2], [*pieces[1::2], ""]
    return tuple((word, int(number or -1), number) for word, number in zip(words, numbers, strict=True))
