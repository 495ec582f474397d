"""The tasks in the order of the paper's categories: what the README and `list tasks` show."""

from __future__ import annotations

from typing import Final, get_args

from schemas.task import Category
from transforms import registry
from transforms.registry import Task

COLUMNS: Final = ("task", "category", "origin", "role", "answer", "sources")

_CATEGORIES: Final = get_args(Category)


def tasks(*, extra: bool) -> list[Task]:
    """The 62 tasks, or those beside them, by category and name."""
    every = (registry.task(name) for name in registry.task_names())
    return sorted(
        (task for task in every if task.head.extra == extra),
        key=lambda task: (_CATEGORIES.index(task.head.category), task.name),
    )


def row(task: Task) -> tuple[str, ...]:
    """What `COLUMNS` say of one task."""
    head = task.head
    sources = ", ".join(registry.sources_of(task.name))
    return (
        task.name,
        head.category.replace("_", " "),
        head.origin,
        head.role,
        head.output.replace("_", " "),
        sources,
    )


def summary() -> str:
    """How many tasks there are: of each origin, of each role, in how many categories; and how many extras."""
    heads = [task.head for task in tasks(extra=False)]
    origins = [head.origin for head in heads]
    roles = [head.role for head in heads]
    return (
        f"{len(heads)} tasks in {len({head.category for head in heads})} categories: "
        f"{origins.count('existing')} existing and {origins.count('derived')} derived, "
        f"{roles.count('train')} to train on and {roles.count('eval')} held out; "
        f"{len(tasks(extra=True))} extras"
    )


def markdown() -> str:
    """The tasks as a table in Markdown, which stands in the README; those beside the 62 say so."""
    rows = [COLUMNS, ("---",) * len(COLUMNS)]
    for task in (*tasks(extra=False), *tasks(extra=True)):
        name, *others = row(task)
        rows.append((f"`{name}`" + (" (extra)" if task.head.extra else ""), *others))
    return "".join(f"| {' | '.join(cells)} |\n" for cells in rows) + f"\n{summary()}.\n"
