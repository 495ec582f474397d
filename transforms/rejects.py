"""What was left out on the way from a publisher's file to a shard: counts by reason, and examples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from instructions.load import TaskInstructions
from schemas.artifact import Reference
from schemas.build import Build
from schemas.errors import BuildError, ExitCode
from transforms.artifact import Artifact
from transforms.duck import Database, literal
from transforms.lake import member, whole
from transforms.origins import Place
from transforms.show import Shown, instances_of, load_known, looked_at
from transforms.steps_select import selected
from transforms.steps_shards import coded, tokenised


class Ledger(NamedTuple):
    """The account of one artifact: rows in = rows out + not asked + rejected by reason."""

    artifact: str
    rows_in: int
    rows_out: int
    not_asked: int
    rejected: dict[str, int]


@dataclass(frozen=True)
class LeftOutRow:
    """A row of a publisher that is in no table.

    Attributes:
        detail: what is wrong, where the reason does not say it all.
        row: the row as it was, as JSON text.
    """

    reason: str
    detail: str | None
    place: Place
    row: str


@dataclass(frozen=True)
class LeftOut:
    """What was left out of a table, or of a task at every stage.

    Attributes:
        rows: of a table: examples of each reason.
        shown: of a task: examples of each reason, as they would have been shown.
    """

    name: str
    ledgers: list[Ledger]
    rows: list[LeftOutRow]
    shown: list[Shown]

    def as_dict(self) -> dict[str, Any]:
        """For a program to read."""
        return {
            "name": self.name,
            "ledgers": [ledger._asdict() for ledger in self.ledgers],
            "rows": [asdict(row) for row in self.rows],
            "instances": [one.as_dict() for one in self.shown],
        }


def left_out(lake: Path, name: str, count: int, seed: int, own: Path | None = None) -> LeftOut:
    """What was left out of the task or of the table `source.table` of the current build.

    Args:
        count: examples of each reason, drawn by the seed.
        own: folder of instructions laid over the shipped ones.

    Raises:
        BuildError: the current build has no such task or table.
    """
    build = whole(lake)
    if "." in name:
        return _of_table(lake, build, name, count, seed)
    return _of_task(lake, build, load_known(name, own), count, seed)


def _of_table(lake: Path, build: Build, name: str, count: int, seed: int) -> LeftOut:
    made = member(lake, build, Reference("tables", name))
    if made is None:
        raise BuildError(
            "the current build has no such table",
            where=f"build {build.id}",
            got=name,
            expected=", ".join(entry.name for entry in build.members if entry.stage == "tables"),
            exit_code=ExitCode.USAGE,
        )
    owner = "concat_ws('|', file, member, record, item)"
    rows = _examples(lake, made, f"from read_parquet({{}}) {_few('rejected', owner, count)}", seed)
    return LeftOut(name, [_ledger(made)], [_row(row) for row in rows], [])


def _row(row: dict[str, Any]) -> LeftOutRow:
    place = Place(row["source"], row["file"], row["member"], row["record"], row["item"])
    return LeftOutRow(row["rejected"], row["detail"], place, row["row"])


def _of_task(lake: Path, build: Build, instructions: TaskInstructions, count: int, seed: int) -> LeftOut:
    task = instructions.task
    made = instances_of(lake, build, task)
    stages = [made, *_later(lake, build, task)]
    shown: list[Shown] = []
    if _rejects(made) is not None:
        pick = _few("rejected", "uid", count)
        shown += looked_at(lake, build, instructions, made.folder / "rejected.parquet", pick, seed)
    for later in stages[1:]:
        shown += _instances(lake, build, instructions, made, later, count, seed)
    return LeftOut(task, [_ledger(stage) for stage in stages], [], shown)


def _later(lake: Path, build: Build, task: str) -> Iterator[Artifact]:
    """What is made of the instances of a task, as far as the build goes."""
    if build.mixture is None:
        return
    for reference in (
        selected(build.mixture, task),
        coded(build.mixture, task),
        tokenised(build.mixture, task),
    ):
        found = member(lake, build, reference)
        if found is not None:
            yield found


def _instances(
    lake: Path,
    build: Build,
    instructions: TaskInstructions,
    made: Artifact,
    later: Artifact,
    count: int,
    seed: int,
) -> Iterator[Shown]:
    """Instances that a later stage left out, with its reason."""
    query = f"select uid, rejected from read_parquet({{}}) {_few('rejected', 'uid', count)}"
    reasons = {row["uid"]: row["rejected"] for row in _examples(lake, later, query, seed)}
    if reasons:
        pick = f"where uid in ({', '.join(literal(uid) for uid in reasons)}) order by uid"
        for one in looked_at(lake, build, instructions, made.tables[0], pick, seed):
            yield replace(one, rejected=reasons[one.uid])


def _few(reason: str, name: str, count: int) -> str:
    """The end of a query: as many rows of each reason, drawn."""
    lot = f"draw({reason}, {name})"
    return f"qualify rank_drawn({reason}, {name}) <= {int(count)} order by {reason}, {lot}, {name}"


def _rejects(made: Artifact) -> Path | None:
    path = made.folder / "rejected.parquet"
    return path if path.is_file() else None


def _examples(lake: Path, made: Artifact, query: str, seed: int) -> list[dict[str, Any]]:
    path = _rejects(made)
    if path is None:
        return []
    with Database(lake / ".scratch") as database:
        database.set({"seed": str(seed), "task": made.manifest.name})
        found: list[dict[str, Any]] = database.table(query.format(literal(path))).to_pylist()
        return found


def _ledger(made: Artifact) -> Ledger:
    says = made.manifest
    rejected = dict(sorted(says.rejected.items(), key=lambda entry: (-entry[1], entry[0])))
    return Ledger(f"{says.stage}/{says.name}", says.rows_in, says.rows_out, says.not_asked, rejected)
