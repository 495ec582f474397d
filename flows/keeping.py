"""The subcommands on what a lake keeps: `builds`, `catalog`, `gc`, `verify`."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from rich.filesize import decimal

from flows.console import bytes_bar, out, plain, print_json, table
from schemas.artifact import Stage
from schemas.errors import BuildError, ExitCode
from transforms import builds as all_builds
from transforms import garbage
from transforms import verify as verifying
from transforms.catalogue import Column, listing
from transforms.views import View

_STAGES: tuple[Stage, ...] = ("tables", "instances", "shards")
"""Stages whose rows a person is shown."""

_SHOWN = 40
"""Lines of a long list that a person is shown."""


_KINDS: dict[garbage.Kind, str] = {
    "build": "build",
    "artifact": "artifact",
    "unfinished": "unfinished artifact",
    "partial": "partial download",
    "sample": "sample world",
    "report": "report",
    "aside": "temporary file",
}
"""Kinds of garbage, for a person."""


def builds(lake: Path, as_json: bool) -> None:
    """Lists the builds of a lake."""
    found = all_builds.listed(lake)
    if as_json:
        print_json(
            [
                {
                    "id": one.build.id,
                    "current": one.current,
                    "made": _when(one.made),
                    "mixture": one.build.mixture,
                    "tasks": _tasks(one),
                    "rows": one.rows,
                    "bytes": one.bytes,
                    "own_bytes": one.own_bytes,
                    "missing": one.missing,
                }
                for one in found
            ]
        )
        return
    if not found:
        out.print(plain(f"no builds in {lake}"))
        return
    rows = [
        (
            one.build.id,
            "*" if one.current else "",
            _when(one.made)[:16].replace("T", " "),
            one.build.mixture,
            len(_tasks(one)),
            *(f"{one.rows.get(stage, 0):,}" for stage in _STAGES),
            decimal(one.bytes),
            decimal(one.own_bytes),
        )
        for one in found
    ]
    numbers = ("tasks", *_STAGES, "size", "its own")
    columns = ("build", "*", "made (UTC)", "mixture", *numbers)
    out.print(table(columns, rows, right=numbers, whole=[name for name in columns if name != "mixture"]))
    out.print(plain("* the current build; its own: what no other build needs"), style="dim")
    for one in found:
        if one.missing:
            out.print(plain(f"{one.build.id} lacks {_many(one.missing, 'artifact')}"), style="red")


def _tasks(one: all_builds.Listed) -> list[str]:
    return [member.name for member in one.build.members if member.stage == "instances"]


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")


def catalog(lake: Path, name: str | None, as_json: bool) -> None:
    """Makes the catalogue anew, and prints what there is."""
    found = listing(lake)
    chosen = [(view, columns) for view, columns in found if name in (None, view.schema, _full(view))]
    if not chosen:
        raise BuildError(
            "the catalogue has no such schema or table",
            got=name,
            expected=", ".join(dict.fromkeys(view.schema for view, _ in found)),
            next_step="multiinstruct catalog lists all",
            exit_code=ExitCode.USAGE,
        )
    if as_json:
        print_json([_as_dict(view, columns) for view, columns in chosen])
        return
    if name is not None and len(chosen) == 1:
        _print_view(*chosen[0])
        return
    rows = [(view.schema, view.name, f"{view.rows:,}", view.meaning) for view, _ in chosen]
    out.print(table(("schema", "table", "rows", "meaning"), rows, right=("rows",)))
    out.print(plain(f"{_many(len(chosen), 'table')}; name one to see its columns"), style="dim")


def _full(view: View) -> str:
    return f"{view.schema}.{view.name}"


def _as_dict(view: View, columns: list[Column]) -> dict[str, object]:
    return {
        "schema": view.schema,
        "table": view.name,
        "rows": view.rows,
        "meaning": view.meaning,
        "file": view.path,
        "columns": [column._asdict() for column in columns],
    }


def _print_view(view: View, columns: list[Column]) -> None:
    out.print(plain(_full(view)), style="bold")
    out.print(plain(f"{view.meaning} {view.rows:,} rows in {view.path}"))
    out.print(table(("column", "type", "meaning"), columns))


def gc(lake: Path, keep: int, raw: bool, yes: bool, as_json: bool) -> None:
    """Says what no kept build needs, and deletes it where that is asked for."""
    found = garbage.collect(lake, keep, raw) if yes else garbage.garbage(lake, keep, raw)
    if as_json:
        print_json(
            {
                "deleted": yes,
                "kept": found.kept,
                "freed": found.freed,
                "garbage": [one._asdict() for one in found.garbage],
            }
        )
        return
    rows = [(one.path.relative_to(lake), one.why, decimal(one.bytes)) for one in found.garbage]
    if rows:
        out.print(table(("what", "why", "size"), rows[:_SHOWN], right=("size",)))
    if len(rows) > _SHOWN:
        out.print(plain(f"… and {len(rows) - _SHOWN} more; --json lists all"), style="dim")
    kinds = Counter(one.kind for one in found.garbage)
    counted = ", ".join(_many(count, _KINDS[kind]) for kind, count in kinds.items())
    out.print(plain(f"kept: {', '.join(found.kept) or 'no build'}"))
    if not rows:
        out.print("nothing to delete")
    elif yes:
        out.print(plain(f"deleted: {counted}; {decimal(found.freed)} are free again"))
    else:
        out.print(plain(f"would delete: {counted}; frees {decimal(found.freed)}. Say --yes to do it."))


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def verify(lake: Path, every: bool, as_json: bool) -> None:
    """Reads a lake again and says what is wrong.

    Raises:
        BuildError: something is wrong.
    """
    with bytes_bar("verify") as progress:
        found = verifying.verify(lake, every, progress)
    if as_json:
        print_json(
            {
                "sound": not found.problems,
                "builds": found.builds,
                "artifacts": found.artifacts,
                "files": found.files,
                "bytes": found.bytes,
                "absent": found.absent,
                "problems": [problem._asdict() for problem in found.problems],
            }
        )
    else:
        _print_verified(found)
    if found.problems:
        raise BuildError(
            f"the lake is not sound: {_many(len(found.problems), 'problem')}",
            where=lake,
            next_step="do what stands beside each, then run verify again",
        )


def _print_verified(found: verifying.Verified) -> None:
    for problem in found.problems[:_SHOWN]:
        out.print(plain(f"{problem.where}: {problem.what}"), style="red")
        said = (("got", problem.got), ("expected", problem.expected), ("next", problem.next_step))
        for label, text in said:
            if text:
                out.print(plain(f"  {label}: {text}"))
    if len(found.problems) > _SHOWN:
        out.print(plain(f"… and {len(found.problems) - _SHOWN} more; --json lists all"), style="dim")
    counts = ((found.builds, "build"), (found.artifacts, "artifact"), (found.files, "file"))
    counted = ", ".join(_many(count, what) for count, what in counts)
    out.print(plain(f"read {decimal(found.bytes)}: {counted}"))
    if found.absent:
        absent = _many(found.absent, "file")
        out.print(plain(f"{absent} of publishers not here: the lake was filled without them"))
    if not found.problems:
        out.print("sound: every file is what its manifest says", style="green")
