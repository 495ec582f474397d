"""What an instruction file declares: the words of a task, with slots in braces."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

TEXT_SLOTS: Final = ("text", "question", "context", "history", "method", "relation")
"""Slots that hold text of the instance. Regions are named in place as `<region_0>`."""

OPTIONS_SLOT: Final = "options"

Instruction = Annotated[str, StringConstraints(min_length=1, strip_whitespace=False)]
Answer = Annotated[str, StringConstraints(min_length=1)]


class InstructionFile(BaseModel):
    """`instructions/<task>.toml`.

    Attributes:
        instructions: the wordings, five for each shipped task; evaluation uses the first five.
        answers: for a task whose query gives a `label`, pairs of words for true and for false.
            One pair is drawn for each instance. No answer stands in an instruction.
        empty: for a text slot whose column is a list, what is said where the list is empty. Other
            lists are joined by line breaks.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    instructions: tuple[Instruction, ...] = Field(min_length=1)
    answers: tuple[tuple[Answer, Answer], ...] = ()
    empty: dict[str, Answer] = {}
