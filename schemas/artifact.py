"""Artifacts: immutable outputs of one step, and the manifest that makes them exist."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator

Stage = Literal["raw", "tables", "instances", "mixtures", "shards", "audits"]
STAGES: tuple[Stage, ...] = ("raw", "tables", "instances", "mixtures", "shards", "audits")


class Reference(NamedTuple):
    """Names an artifact, or one part (data file) of it, without saying which version.

    `Reference("tables", "visual_genome.regions")` is written `tables/visual_genome.regions`.
    """

    stage: Stage
    name: str
    part: str | None = None

    def __str__(self) -> str:
        whole = f"{self.stage}/{self.name}"
        return f"{whole}#{self.part}" if self.part else whole

    @property
    def whole(self) -> Reference:
        """The artifact that this is a part of."""
        return Reference(self.stage, self.name)


class FileEntry(BaseModel):
    """One file of an artifact.

    Attributes:
        path: relative to the artifact's folder.
        bytes: size of the file.
        sha256: of the file as written; differs between library versions.
        content_id: of what the file says: rows in order and schema for a table, else `sha256`.
        rows: rows of a table.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    bytes: int
    sha256: str
    content_id: str
    rows: int | None = None


class Manifest(BaseModel):
    """What an artifact is; written last, so that an output without one does not exist.

    Attributes:
        fingerprint: 16 hex digits over everything that was asked.
        content_id: over the content ids of the files; no library version changes it.
        inputs: content id of each input, by reference.
        asked: everything else that decides the output: SQL, code, schema, settings, seed.
        rows_in: rows that were looked at; equals rows out, rejected and not asked together.
        not_asked: rows that nobody asked for: beyond a task's bound on rows an image, or of another part
            of a dataset than the one that is used.
        rejected: rows left out, by reason; they lie in `rejected.parquet`.
        licences: terms of everything that went in.
        made_with: library versions; no part of any identity.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: Stage
    name: str
    fingerprint: str
    content_id: str
    inputs: dict[str, str]
    asked: dict[str, Any]
    files: list[FileEntry]
    rows_in: int = Field(ge=0)
    rows_out: int = Field(ge=0)
    not_asked: int = Field(default=0, ge=0)
    rejected: dict[str, int] = Field(default_factory=dict)
    licences: list[str] = Field(default_factory=list)
    facts: dict[str, Any] = Field(default_factory=dict)
    made_with: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _ledger_closes(self) -> Manifest:
        accounted = self.rows_out + sum(self.rejected.values()) + self.not_asked
        if self.rows_in != accounted:
            raise ValueError(
                f"{self.stage}/{self.name}: {self.rows_in} rows in, but {self.rows_out} out + "
                f"{sum(self.rejected.values())} rejected + {self.not_asked} not asked = {accounted}"
            )
        return self

    def content_of(self, part: str | None) -> str:
        """Content id of the whole artifact, or of its data file `part`.

        Raises:
            KeyError: the artifact has no such file.
        """
        if part is None:
            return self.content_id
        wanted = f"data/{part}.parquet"
        for entry in self.files:
            if entry.path == wanted:
                return entry.content_id
        raise KeyError(wanted)
