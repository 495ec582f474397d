"""The family of a task, told by what it declares, before there are any rows of it."""

from __future__ import annotations

from instructions.load import load_instructions
from schemas.audit import Family
from transforms.audit_figures import family
from transforms.registry import Task


def family_of(task: Task) -> Family:
    """The family that an audit finds for the rows of a task.

    A task whose instruction file has pairs of answers offers two of them; one that has options of its own
    offers more.
    """
    words = load_instructions(task.name)
    shown = {name for wording in words.wordings for name in wording.slot_names}
    chooses = task.head.output in ("option", "region_option")
    return family(task.head, shown, [2 if words.answers else 3] if chooses else [])
