"""What the command shows on a terminal. Data from strangers is never read as markup."""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from flows.grid import Column, Grid

if TYPE_CHECKING:
    from schemas.artifact import Manifest
    from transforms.steps import Progress as BytesProgress
    from transforms.steps import Step

_WIDE = 200
"""Columns where nobody looks at a terminal: a pipe or a log must not fold names."""


def _console(stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, soft_wrap=True, width=None if stream.isatty() else _WIDE)


out = _console(stderr=False)
errors = _console(stderr=True)

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def plain(value: object) -> Text:
    """Text exactly as it is, less the characters that would move the cursor or turn its direction round."""
    return Text(_harmless(value))


def _harmless(value: object) -> str:
    return _CONTROL.sub(" ", str(value))


def print_json(value: object) -> None:
    """Prints a value for a program to read."""
    sys.stdout.write(json.dumps(value, indent=1, ensure_ascii=False, default=str) + "\n")


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    right: Iterable[str] = (),
    whole: Iterable[str] = (),
) -> Grid:
    """A table of plain values.

    Args:
        right: columns of numbers.
        whole: columns that are never folded on a narrow terminal.
    """
    numbers, unfolded = set(right), set(whole)
    return Grid(
        [Column(name, name in numbers, name in unfolded) for name in columns],
        [["" if value is None else _harmless(value) for value in row] for row in rows],
    )


def _bars(console: Console) -> Progress:
    """Bars that count bytes; nothing where nobody looks at a terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


@contextmanager
def bytes_bar(title: str) -> Iterator[BytesProgress]:
    """One bar on the terminal for work that is counted in bytes: yields what is told of them."""
    with _bars(errors) as bars:
        bar = bars.add_task(title, total=None)
        yield lambda done, total: bars.update(bar, completed=done, total=total)


class Display:
    """Shows a build as it runs: a line for each step that ends, and bars while bytes come in.

    On a terminal the bars move at the bottom; elsewhere there are lines only.
    """

    def __init__(self, total: int, console: Console = out) -> None:
        self._total = total
        self._ended = 0
        self._console = console
        self._lock = threading.Lock()
        self._started: dict[object, float] = {}
        self._progress = _bars(console)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def began(self, step: Step) -> BytesProgress:
        """Starts the clock of a step; its bar appears with its first bytes."""
        self._started[step.reference] = time.monotonic()
        bar: list[TaskID] = []

        def progress(done: int, total: int | None) -> None:
            if not bar:
                bar.append(self._progress.add_task(step.title, total=total))
            self._progress.update(bar[0], completed=done, total=total, visible=done != total)

        return progress

    def ended(self, step: Step, manifest: Manifest) -> None:
        """Writes the step's line: what was done, its ledger, how long it took."""
        seconds = time.monotonic() - self._started[step.reference]
        with self._lock:
            self._ended += 1
            done = f"[{self._ended}/{self._total}]"
            line = f"{done:>9} {step.title:<54} {_ledger(manifest):<44} {seconds:6.1f} s"
            self._console.print(plain(line))


def _ledger(manifest: Manifest) -> str:
    if not manifest.rows_in:
        return ""
    rejected = sum(manifest.rejected.values())
    parts = [f"{manifest.rows_out:,} rows"]
    if rejected:
        parts.append(f"{rejected:,} rejected")
    if manifest.not_asked:
        parts.append(f"{manifest.not_asked:,} not asked")
    return ", ".join(parts)
