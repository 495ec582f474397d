"""Steps from tables to instances: derive."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from instructions.load import load_instructions
from schemas.artifact import Reference
from schemas.settings import BuildSettings
from transforms import registry
from transforms.closure import code_id
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
    task = registry.task(name)
    values: dict[str, str | int] = {"seed": str(settings.seed), "per_image": settings.per_image or MOST_ROWS}
    answers = load_instructions(name, settings.instructions).answers
    used = {key: value for key, value in values.items() if key in ("seed", *task.settings)}
    return Step(
        instances(name),
        "derive",
        inputs=tuple(_reference(read) for read in task.reads),
        asked={
            "query": digest_of(task.sql),
            "macros": digest_of(MACROS.read_text()),
            "code": code_id("transforms.derive"),
            "answers": [list(pair) for pair in answers],
            **used,
        },
        make=partial(_derive, task, used, answers),
    )


def _reference(read: tuple[str, str]) -> Reference:
    schema, name = read
    return instances(name) if schema == "instances" else table(schema, name)


def _derive(
    task: Task, variables: dict[str, str | int], answers: Sequence[tuple[str, str]], making: Making
) -> None:
    derive(
        task.name,
        task.head,
        task.sql,
        {read: making.table(_reference(read)) for read in task.reads},
        task.reads[0],
        variables,
        answers,
        making.draft,
        making.threads,
    )
