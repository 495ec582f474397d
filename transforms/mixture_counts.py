"""What a mixture takes of each task, before anything runs: exact counts where there are instances."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from schemas.instance import Split
from schemas.mixture import Mixture, Part
from transforms import registry
from transforms.builder import Builder
from transforms.graph import default_tasks
from transforms.lake import current, member
from transforms.mixing import available, bounds, compile_mixture, part_of
from transforms.steps_instances import instances
from transforms.steps_shards import tokenised


class Taken(NamedTuple):
    """Rows of one split of a task.

    Attributes:
        stages: that train on its training rows, in a mixture of several stages.
        most: what the mixture allows; 0 means all.
        available: instances that there are; None before they are made.
        rows: rows that it takes; None before that is certain. Rows whose picture cannot be read, or that
            evaluation rows bar, are replaced as long as there are others.
    """

    task: str
    stages: tuple[str, ...]
    split: Split
    most: int
    available: int | None
    rows: int | None


def of_build(builder: Builder) -> list[Taken]:
    """What the mixture of a build takes; nothing if the build makes no shards."""
    mixture, steps = builder.settings.mixture, builder.steps
    tasks = [task for task in registry.task_names() if tokenised(mixture, task) in steps]
    found = {task: builder.find(steps[instances(task)]) for task in tasks}
    paths = {task: made.tables[0] for task, made in found.items() if made is not None}
    return taken(registry.mixture(mixture), tasks, paths)


def of_lake(name: str, lake: Path) -> list[Taken]:
    """What a mixture takes of the tasks of a build of its own, by the instances of the current build."""
    mixture, build = registry.mixture(name), current(lake)
    tasks = sorted({*default_tasks(), *mixture.named})
    found = {task: member(lake, build, instances(task)) if build else None for task in tasks}
    paths = {task: made.tables[0] for task, made in found.items() if made is not None}
    return taken(mixture, tasks, paths)


def taken(mixture: Mixture, tasks: Iterable[str], made: Mapping[str, Path]) -> list[Taken]:
    """What a mixture takes of some tasks, in order of stages and names; those to evaluate on come last.

    Args:
        tasks: those of one build.
        made: the instances of those that have them.
    """
    parts = {task: part for task in tasks if (part := part_of(mixture, task)) is not None}
    columns = {task: part.values.column if part.values else None for task, part in parts.items()}
    found = {task: available(path, columns[task]) for task, path in made.items() if task in parts}
    counted = compile_mixture(mixture, found)
    unmade = [part for task, part in parts.items() if task not in found]
    places = [*mixture.stages, None]
    rows = []
    for task, part in sorted(parts.items(), key=lambda item: (places.index(item[1].stage), item[0])):
        for split, most in bounds(mixture, task).items():
            stages = part.stages if split == "train" else ()
            one = counted[task][split] if task in counted else None
            there = one.available if one else None
            certain = one is not None and not (part in unmade and _depends_on_others(part, split))
            rows.append(Taken(task, stages, split, most, there, one.count if one and certain else None))
    return rows


def _depends_on_others(part: Part, split: Split) -> bool:
    """Whether what one task gives depends on the others of its part."""
    return split in part.total or bool(part.values and part.values.first)
