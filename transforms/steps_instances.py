"""Steps from tables to instances: derive."""

from __future__ import annotations

from functools import partial

from instructions.load import TaskInstructions, load_instructions
from schemas.artifact import Reference
from schemas.settings import BuildSettings
from transforms import registry
from transforms.content import digest_of
from transforms.derive import MOST_ROWS, derive
from transforms.duck import MACROS
from transforms.registry import Task
from transforms.steps import Making, Step
from transforms.steps_tables import table


def instances(task: str) -> Reference:
    """The artifact that holds all instances of a task."""
    return Reference("instances", task)


def instance_step(name: str, settings: BuildSettings) -> Step:
    """The step that makes a task's instances out of what its query reads."""
    task = registry.task(name, settings.rules)
    values: dict[str, str | int] = {"seed": str(settings.seed), "per_image": settings.per_image or MOST_ROWS}
    words = load_instructions(name, settings.instructions)
    used = {key: value for key, value in values.items() if key in ("seed", *task.settings)}
    return Step(
        instances(name),
        "derive",
        inputs=tuple(_reference(read) for read in task.reads),
        asked={
            "query": digest_of(task.sql),
            "macros": digest_of(MACROS.read_text()),
            "answers": [list(pair) for pair in words.answers],
            **({"empty": dict(words.empty)} if words.empty else {}),
            # Of a task that the two rules make alike, the instances are the same.
            **({"rules": settings.rules} if task != registry.task(name) else {}),
            **used,
        },
        make=partial(_derive, task, used, words),
        code=("transforms.derive",),
        files={
            "query": task.file,
            "macros": f"transforms/{MACROS.name}",
            "answers": instruction_file(name, settings),
        },
    )


def task_file(task: str) -> str:
    """Where the query of a task stands, for a person."""
    return f"transforms/tasks/{task}.sql"


def instruction_file(task: str, settings: BuildSettings) -> str:
    """Where the instructions of a task stand, for a person."""
    own = settings.instructions / f"{task}.toml" if settings.instructions else None
    return str(own) if own is not None and own.is_file() else f"instructions/{task}.toml"


def _reference(read: tuple[str, str]) -> Reference:
    schema, name = read
    return instances(name) if schema == "instances" else table(schema, name)


def _derive(task: Task, variables: dict[str, str | int], words: TaskInstructions, making: Making) -> None:
    derive(
        task.name,
        task.head,
        task.sql,
        {read: making.table(_reference(read)) for read in task.reads},
        task.reads[0],
        variables,
        words.answers,
        making.draft,
        making.threads,
        words.empty,
        task.waived,
        task.file,
    )
