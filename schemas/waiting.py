"""What a build leaves out for now, because it needs something that is not here."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Kind = Literal["table", "task", "shards"]


class Waiting(BaseModel):
    """Something that is not built, why, and what there is to do.

    Attributes:
        kind: a `table`, a `task` with all that is made of it, or only the `shards` of a task, whose
            instances are built.
        name: `vcr.questions`, or the name of the task.
        reason: why, and the one step that comes next.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    name: str
    reason: str
