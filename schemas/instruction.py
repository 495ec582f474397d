"""What an instruction file declares: the words of a task, with slots in braces."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

TEXT_SLOTS: Final = ("text", "question", "context", "history", "method", "relation")
"""Slots that hold text of the instance. Regions are named in place as `<region_0>`."""

OPTIONS_SLOT: Final = "options"

Instruction = Annotated[str, StringConstraints(min_length=1, strip_whitespace=False)]


class InstructionFile(BaseModel):
    """`instructions/<task>.toml`.

    Attributes:
        instructions: the wordings, five for each shipped task; evaluation uses the first five.
        empty: for a slot that holds a list, the words that stand for an empty one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    instructions: tuple[Instruction, ...] = Field(min_length=1)
    empty: dict[str, str] = Field(default_factory=dict)
