"""Which rows of which tasks one trains and evaluates on."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from schemas.instance import Split


class Mixture(BaseModel):
    """`transforms/mixtures/<name>.toml`.

    Attributes:
        summary: one sentence, what it is for.
        train: rows of each training task, by split; a split that is not named gives none.
        eval: rows of each held-out task, by split.
            0 means all rows.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    summary: str = Field(min_length=1)
    train: dict[Split, int] = Field(default_factory=dict)
    eval: dict[Split, int] = Field(default_factory=dict)
