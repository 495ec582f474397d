"""A mixture of the current build in a format of other people, in a folder of its own.

The folder is written aside and renamed, so that it is whole or absent. It never replaces another.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from schemas.errors import BuildError, ExitCode
from schemas.instance import Split
from transforms import registry
from transforms.artifact import sync_folder, write_whole
from transforms.export_card import Facts, card, licences
from transforms.export_formats import FORMATS, Format, Tsv
from transforms.export_rows import Rows, Which
from transforms.lake import whole
from transforms.steps import Progress, silent
from transforms.terms import may_be_given_on, terms_of

_RECORD_BYTES: Final = 2_048
"""About the size of a record's words."""


class Exported(NamedTuple):
    """What `export` wrote.

    Attributes:
        rows: records by split and task.
        left_out: records that the format cannot hold, by reason.
        forbidden: sources in it that may not be given on.
    """

    build: str
    mixture: str
    out: Path
    format: str
    rows: dict[Split, dict[str, int]]
    left_out: dict[str, int]
    files: int
    bytes: int
    forbidden: list[str]


def export(
    lake: Path,
    out: Path,
    format: str,
    tasks: Sequence[str] = (),
    mixture: str | None = None,
    split: Split | None = None,
    which: Which = "drawn",
    seed: int = 0,
    progress: Progress = silent,
) -> Exported:
    """Writes the rows that a mixture takes, with prompts and answers filled in.

    Args:
        out: a folder that does not exist, or is empty.
        format: one of `export_formats.FORMATS`.
        tasks: all of the mixture if empty.
        mixture: that of the current build if None.
        split: all that have rows if None.
        seed: decides which instruction is drawn, and the order of the rows.

    Raises:
        BuildError: there is no such build or task, the folder is taken, or the disk is too small.
    """
    build = whole(lake)
    with closing(Rows(lake, build, mixture, tasks, seed)) as rows, _aside(out) as folder:
        splits = [name for name in rows.counts if split in (None, name)]
        total = _bytes(rows, splits, FORMATS[format], which)
        _check_disk(out, total)
        left_out: Counter[str] = Counter()
        counts = {}
        told = _Told(progress, total)
        for name in splits:
            counts[name] = _write_split(rows, name, which, FORMATS[format](folder, name), left_out, told)
        read = {source for task in rows.tasks for source in registry.sources_of(task)}
        terms = terms_of(registry.lenders(read))
        reasons = dict(sorted(left_out.items()))
        facts = Facts(build.id, rows.mixture, seed, format, _in_words(which), counts, reasons, terms)
        write_whole(folder / "README.md", card(facts).encode())
        write_whole(folder / "licences.json", licences(terms).encode())
        sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
        told.end()
    forbidden = [each.source for each in terms if not may_be_given_on(each.source)]
    return Exported(build.id, rows.mixture, out, format, counts, reasons, len(sizes), sum(sizes), forbidden)


class _Told:
    """Tells how far it is, as far as that was estimated."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0

    def add(self, size: int) -> None:
        self._done = min(self._done + size, self._total)
        self._progress(self._done, self._total)

    def end(self) -> None:
        self._progress(self._total, self._total)


def _write_split(
    rows: Rows, split: Split, which: Which, writer: Format, left_out: Counter[str], told: _Told
) -> dict[str, int]:
    """Writes the records of a split; how many of each task."""
    written: Counter[str] = Counter()
    with closing(writer):
        for record in rows.records(split, which):
            picture = None
            if record.image_id is not None and writer.wants_picture(record.image_id):
                picture = rows.picture(record.image_id)
            reason = writer.write(record, picture)
            if reason is None:
                written[record.task] += 1
            else:
                left_out[reason] += 1
            told.add(_RECORD_BYTES + len(picture or b""))
    return dict(sorted(written.items()))


@contextmanager
def _aside(out: Path) -> Iterator[Path]:
    """A folder beside the final one, which takes its place if all goes well."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BuildError(
            "the place is taken, and nothing is overwritten",
            where=out,
            next_step="name another folder, or remove this one",
            exit_code=ExitCode.USAGE,
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    _sweep(out)
    aside = out.with_name(f".{out.name}.{os.getpid()}")
    aside.mkdir()
    try:
        yield aside
        aside.rename(out)
        sync_folder(out.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _sweep(out: Path) -> None:
    """Removes what killed exports to the same place have left."""
    for left in out.parent.glob(f".{out.name}.*"):
        process = left.name.rpartition(".")[2]
        if process.isdecimal() and not Path("/proc", process).exists():
            shutil.rmtree(left, ignore_errors=True)


def _bytes(rows: Rows, splits: Sequence[Split], format: type[Format], which: Which) -> int:
    """About how many bytes will be written."""
    total = 0
    for split in splits:
        counts = rows.counts[split]
        times = {task: len(rows.wordings(task)) if which == "all" else 1 for task in counts}
        records = sum(count * times[task] for task, count in counts.items())
        pictures = rows.picture_bytes(split, each=format.per_row)
        if format.per_row and which == "all":
            pictures *= max(times.values(), default=1)
        total += records * _RECORD_BYTES + pictures * (4 if format is Tsv else 3) // 3
    return total


def _check_disk(out: Path, total: int) -> None:
    free = shutil.disk_usage(out.parent).free
    if total > free:
        raise BuildError(
            "the disk has too little room for the export",
            where=out,
            got=f"{free:,} bytes free",
            expected=f"about {total:,} bytes",
            next_step="make room, export fewer tasks, or take jsonl, which holds each picture once",
            exit_code=ExitCode.DISK_FULL,
        )


def _in_words(which: Which) -> str:
    if which == "drawn":
        return "one instruction of its task is drawn for each instance"
    return "every instance stands under every instruction" if which == "all" else f"instruction {which}"
