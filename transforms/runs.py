"""The record of past runs, from which plans say how long, how large, and which file has changed.

It is a file of its own in the lake, `runs.jsonl`, outside every identity. Whoever makes an artifact
appends a line; a line that is torn or strange is passed over.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import TypeAdapter, ValidationError

from schemas.artifact import Reference
from schemas.run import Code, Run
from transforms.artifact import write_whole
from transforms.closure import code_files

RUNS: Final = "runs.jsonl"

_LINE: TypeAdapter[Run | Code] = TypeAdapter(Run | Code)

_LEAST_MOVED: Final = 1 << 20
"""Bytes below which a transfer says more about the answer time than about the speed of the network."""

_MOST_LINES: Final = 4
"""Lines for each line that is still asked about, before the file is written anew."""


class _Read(NamedTuple):
    runs: dict[str, Run]
    code: dict[str, Code]
    lines: int


class Runs:
    """The record of one lake. It is read when it is first asked, and may be added to by threads."""

    def __init__(self, lake: Path) -> None:
        self._path = lake / RUNS
        self._noting = threading.Lock()
        self._noted: set[str] = set()

    @cached_property
    def _read(self) -> _Read:
        try:
            lines = self._path.read_bytes().splitlines()
        except OSError:
            lines = []
        read = _Read({}, {}, len(lines))
        for line in lines:
            try:
                entry = _LINE.validate_json(line)
            except ValidationError:
                continue
            if isinstance(entry, Run):
                read.runs[entry.step] = entry
            else:
                read.code[entry.code] = entry
        return read

    def last(self, reference: Reference) -> Run | None:
        """The last run of a step."""
        return self._read.runs.get(str(reference))

    def of(self, verb: str) -> list[Run]:
        """The last run of every step that does the same."""
        return [run for run in self._read.runs.values() if run.verb == verb]

    def code_files(self, code: str) -> Mapping[str, str] | None:
        """What a hash of code was over, by path in the checkout; None if nobody noted it."""
        known = self._read.code.get(code)
        return known.files if known is not None else None

    @property
    def network(self) -> float | None:
        """Bytes a second that have come over the network, or None if too few have come to say."""
        moving = [run for run in self._read.runs.values() if run.moved >= _LEAST_MOVED and run.seconds]
        seconds = sum(run.seconds for run in moving)
        return sum(run.moved for run in moving) / seconds if seconds else None

    def note(self, run: Run, modules: Sequence[str] = ()) -> None:
        """Appends a run, and which files its code is, unless they are noted. Questions do not see it.

        Args:
            modules: those whose closure the code is.
        """
        # What a plan can do without must not stop a build.
        with self._noting, suppress(OSError):
            if run.code is not None and run.code not in self._noted and self.code_files(run.code) is None:
                self._append(Code(code=run.code, files=dict(code_files(*modules))))
                self._noted.add(run.code)
            self._append(run)

    def _append(self, entry: Run | Code) -> None:
        with self._path.open("ab") as file:
            file.write(entry.model_dump_json().encode() + b"\n")

    def condense(self) -> None:
        """Leaves out what newer lines have replaced, once that is most of the file."""
        read = Runs(self._path.parent)._read
        used = {run.code for run in read.runs.values()}
        entries = [*(code for code in read.code.values() if code.code in used), *read.runs.values()]
        if read.lines > _MOST_LINES * len(entries):
            text = "".join(f"{entry.model_dump_json()}\n" for entry in entries)
            with suppress(OSError):
                write_whole(self._path, text.encode())
