"""The subcommand `diff`: what a build says otherwise than another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from flows.console import out, plain, print_json, table
from schemas.box import SIDES
from transforms import builds
from transforms.difference import Difference, FileDifference, TaskDifference, difference
from transforms.difference_rows import ChangedColumn, ChangedRow

_VALUE = 160
"""Characters of a value that a person is shown."""


def diff(lake: Path, before: str, after: str, as_json: bool) -> None:
    """Prints how two builds of a lake differ."""
    found = difference(lake, builds.named(lake, before), builds.named(lake, after))
    if as_json:
        print_json(asdict(found))
        return
    out.print(plain(f"{found.before} → {found.after}"), style="bold")
    if found.says_nothing:
        out.print("no difference in tasks, rows, instructions, tables, terms or files")
        return
    _print_summary(found)
    for task in found.tasks:
        _print_task(task)
    _print_rest(found)


def _print_summary(found: Difference) -> None:
    if found.mixtures[0] != found.mixtures[1]:
        _say("mixture", f"{found.mixtures[0]} → {found.mixtures[1]}")
    for task, rows in found.tasks_added.items():
        _say("+ task", f"{task}, {rows:,} instances", "green")
    for task, rows in found.tasks_removed.items():
        _say("- task", f"{task}, {rows:,} instances", "red")
    if not found.tasks:
        return
    columns = ("instances", "added", "removed", "changed", "other split")
    rows_shown = [
        (
            task.task,
            _arrow(task.rows_before, task.rows_after),
            *(f"{count:,}" if count else "" for count in _counts(task)),
        )
        for task in found.tasks
    ]
    out.print(table(("task", *columns), rows_shown, right=columns))


def _counts(task: TaskDifference) -> tuple[int, ...]:
    rows = task.rows
    return rows.added, rows.removed, rows.changed, sum(rows.moved.values())


def _print_task(task: TaskDifference) -> None:
    out.print()
    out.print(plain(task.task), style="bold")
    if task.asked:
        _say("asked otherwise", ", ".join(map(str, task.asked)))
    for text in task.wordings_removed:
        _say("- instruction", text, "red")
    for text in task.wordings_added:
        _say("+ instruction", text, "green")
    _print_columns(task.rows.columns)
    _print_counts("rejected", task.rejected)
    _print_counts("taken", task.taken)
    for way, count in task.rows.moved.items():
        _say("split", f"{way} {count:,}")
    for mark, rows, style in (("-", task.rows.removed_rows, "red"), ("+", task.rows.added_rows, "green")):
        for example in rows:
            _say(f"{mark} row", f"{example.uid} → {_value(example.says.get('target'))}", style)
    for row in task.rows.changed_rows:
        _print_row(row)


def _print_row(row: ChangedRow) -> None:
    _say("~ row", row.uid, "yellow")
    for name, (old, new) in row.columns.items():
        out.print(plain(f"      {name}: {_value(old)}"), style="red")
        out.print(plain(f"      {' ' * len(name)}  {_value(new)}"), style="green")


def _print_rest(found: Difference) -> None:
    out.print()
    for name in found.tables_added:
        _say("+ table", name, "green")
    for name in found.tables_removed:
        _say("- table", name, "red")
    for one in found.tables:
        _say("~ table", f"{one.table}, {_arrow(one.rows_before, one.rows_after)} rows", "yellow")
        _print_columns(one.columns)
        _print_counts("rejected", one.rejected)
        for way, count in one.moved.items():
            _say("split", f"{way} {count:,} images")
    for file in found.files:
        _print_file(file)
    for name in found.licences_added:
        _say("+ terms", name, "green")
    for name in found.licences_removed:
        _say("- terms", name, "red")


def _print_file(file: FileDifference) -> None:
    for side, mark, style in ((file.before, "- file", "red"), (file.after, "+ file", "green")):
        if side is not None:
            _say(mark, f"{file.file}, {side['bytes']:,} bytes, {side['sha256'][:16]}…, {side['url']}", style)


def _print_columns(columns: Iterable[ChangedColumn]) -> None:
    for column in columns:
        _say("column", f"{column.name}: {column.before or 'absent'} → {column.after or 'absent'}")


def _print_counts(what: str, counts: Mapping[str, tuple[int, int]]) -> None:
    for name, (old, new) in counts.items():
        _say(what, f"{name} {_arrow(old, new)}")


def _say(what: str, text: str, style: str = "") -> None:
    out.print(plain(f"  {what}: {text}"), style=style)


def _arrow(old: int, new: int) -> str:
    return f"{old:,}" if old == new else f"{old:,} → {new:,}"


def _text(value: Any) -> str:
    """A value as a person writes it; a box as its four sides."""
    if value is None:
        return "absent"
    if isinstance(value, dict) and set(value) == set(SIDES):
        return "(" + ", ".join(f"{value[side]:g}" for side in SIDES) + ")"
    if isinstance(value, list):
        return "[" + ", ".join(map(_text, value)) + "]"
    return str(value)


def _value(value: Any) -> str:
    text = _text(value)
    return text if len(text) <= _VALUE else f"{text[: _VALUE - 1]}…"
