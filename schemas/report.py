"""The report of a build: what was made of what, what was left out and why, under which terms."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.artifact import Stage
from schemas.audit import BuildAudit, TaskAudit
from schemas.instance import Split
from schemas.waiting import Waiting


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Ledger(_Part):
    """The account of one artifact; `rows_in = rows_out + not_asked + sum(rejected)`.

    Attributes:
        artifact: `instances/visual_grounding`.
        fingerprint: which version of it.
        not_asked: rows that nobody asked for, such as those beyond a bound on rows an image.
        rejected: rows left out, by reason.
        bytes: of all its files.
    """

    artifact: str
    fingerprint: str
    rows_in: int
    rows_out: int
    not_asked: int
    rejected: dict[str, int]
    bytes: int


class TaskReport(_Part):
    """One task, from its instances to its shards.

    Attributes:
        instances: all instances of the task.
        chosen: those that the mixture takes, where the build goes that far.
        shard: rows of its shard by split; empty where it has none.
        written: the rows that its shard was written from, where it has one.
        audit: what they are like, where the build goes that far.
    """

    task: str
    category: str
    role: str
    instances: Ledger
    chosen: Ledger | None
    shard: dict[Split, int]
    written: Ledger | None = None
    audit: TaskAudit | None = None


class Unexpected(_Part):
    """A count that is not what the publisher states.

    Attributes:
        what: rows of `captions`, or of one published split as `captions/train`; or how many different
            values a column has, as `attributes.attribute`.
    """

    what: str
    got: int
    expected: int


class SourceReport(_Part):
    """One source: its terms, and what was read of it.

    Attributes:
        redistribution: whether the publisher lets the data be given on.
        tasks: tasks of this build that read it.
        files: files of the publisher that the lake holds, and `bytes` their size.
        unexpected: counts that are not what the publisher states, where the pinned files were read.
    """

    source: str
    title: str
    homepage: str
    licence: str
    licence_url: str
    redistribution: str
    tasks: list[str]
    files: int
    bytes: int
    tables: list[Ledger]
    unexpected: list[Unexpected]


class StageReport(_Part):
    """How much of the lake one stage of the build takes."""

    stage: Stage
    artifacts: int
    files: int
    bytes: int


class Report(_Part):
    """`<lake>/reports/<build id>/report.json`.

    It holds nothing of clock, machine or place, so that the same lake gives the same report.

    Attributes:
        format: name and version of this format.
        build: id of the build.
        mixture: whose shards it holds, if any.
        waiting: what is not finished.
        unweighed: sources that are not here and whose pictures do not count for the splits: a photograph
            that they share with others may be in another split once they are.
        audit: of all tasks together, where the build goes that far.
    """

    format: Literal["multiinstruct-report-1"] = "multiinstruct-report-1"
    build: str
    mixture: str | None
    waiting: list[Waiting]
    unweighed: list[str]
    tasks: list[TaskReport]
    sources: list[SourceReport]
    stages: list[StageReport] = Field(min_length=1)
    audit: BuildAudit | None = None

    def ledgers(self) -> list[Ledger]:
        """Every account of rows, in the order in which a build makes them."""
        tables = [table for source in self.sources for table in source.tables]
        tasks = [ledger for task in self.tasks for ledger in (task.instances, task.chosen) if ledger]
        return [*tables, *tasks]
