"""A build: the artifacts that belong together, under one id."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from schemas.artifact import Reference, Stage


class Member(BaseModel):
    """One artifact of a build."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: Stage
    name: str
    fingerprint: str
    content_id: str

    @property
    def reference(self) -> Reference:
        """The artifact without its version."""
        return Reference(self.stage, self.name)


class Build(BaseModel):
    """`<lake>/builds/<id>.json`.

    Attributes:
        id: 16 hex digits over the content ids of all members, which no library version, clock,
            machine or place changes.
        mixture: the mixture whose shards it holds, if it has shards.
        members: its artifacts, in order of stage and name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    mixture: str | None
    members: list[Member]
