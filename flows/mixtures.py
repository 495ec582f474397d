"""Mixtures as a person and a program see them: which tasks, how many rows, in which order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from flows.console import out, plain, print_json, table
from schemas.instance import SPLITS
from schemas.mixture import Mixture
from transforms import mixture_counts, registry
from transforms.mixture_counts import Taken


def list_mixtures(as_json: bool) -> None:
    """All mixtures."""
    found = {name: registry.mixture(name) for name in registry.mixture_names()}
    if as_json:
        print_json([{"mixture": name, **mixture.model_dump(mode="json")} for name, mixture in found.items()])
        return
    rows = [(name, " → ".join(mixture.stages), mixture.summary) for name, mixture in found.items()]
    out.print(table(("mixture", "stages", "what it is for"), rows, whole=("mixture",)))


def show_mixture(name: str, lake: Path, as_json: bool) -> None:
    """One mixture, with the rows that it takes of each task."""
    registry.check_known("mixture", (name,), registry.mixture_names())
    taken = mixture_counts.of_lake(name, lake)
    if as_json:
        print_json(as_dict(name, taken))
    else:
        print_taken(name, taken)


def as_dict(name: str, taken: Sequence[Taken]) -> dict[str, Any]:
    """A mixture and what it takes. `most` 0 is all rows; `null` is what nobody knows yet."""
    declared = registry.mixture(name).model_dump(mode="json", exclude_defaults=True)
    return {"mixture": name, **declared, "counts": [one._asdict() for one in taken]}


def print_taken(name: str, taken: Sequence[Taken]) -> None:
    """Prints a mixture, and what it takes of each task."""
    mixture = registry.mixture(name)
    out.print(plain(f"mixture {name}: {mixture.summary}"))
    if not taken:
        return
    staged = ("stages",) if mixture.stages else ()
    columns = ("task", *staged, *SPLITS)
    out.print(table(columns, [*_rows(mixture, taken), _sums(mixture, taken)], right=SPLITS, whole=SPLITS))
    if mixture.blind:
        out.print(plain(f"with black pictures: {', '.join(mixture.blind)}"))
    if any(one.rows is None for one in taken):
        out.print(plain("≤ is what a mixture allows, all that there is every row: known once they are made"))


def _rows(mixture: Mixture, taken: Sequence[Taken]) -> Iterator[tuple[str, ...]]:
    for task in dict.fromkeys(one.task for one in taken):
        mine = {one.split: one for one in taken if one.task == task}
        stages = ", ".join(next((one.stages for one in mine.values() if one.stages), ()))
        yield (task, *((stages,) if mixture.stages else ()), *(_shown(mine.get(split)) for split in SPLITS))


def _shown(one: Taken | None) -> str:
    if one is None:
        return ""
    if one.rows is not None:
        return f"{one.rows:,}"
    return f"≤ {one.most:,}" if one.most else "all"


def _sums(mixture: Mixture, taken: Sequence[Taken]) -> tuple[str, ...]:
    """The last row: all tasks together, as far as that is certain."""
    sums = []
    for split in SPLITS:
        mine = [one for one in taken if one.split == split]
        known = sum(one.rows or 0 for one in mine)
        more = "+ ?" if any(one.rows is None for one in mine) else ""
        sums.append(f"{known:,} {more}".strip() if mine else "")
    return ("together", *(("",) if mixture.stages else ()), *sums)
