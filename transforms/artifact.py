"""Where an output lies, how it is written so that it is whole or absent, and what it says.

`<lake>/<stage>/<name>/<fingerprint>/` holds `data/*`, `rejected.parquet` and, written last,
`manifest.json`. A folder without a manifest does not exist for any reader.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import ValidationError

from schemas.artifact import FileEntry, Manifest, Reference
from transforms.content import ContentHash, combine, file_sha256
from transforms.versions import made_with

MANIFEST = "manifest.json"
"""Name of the manifest in the folder of its artifact."""

REJECTED_ROWS = "rejected.parquet"
"""Name of the rows left out, with the reason of each in column `rejected`."""

ROWS_PER_GROUP = 65_536
"""Row groups are cut here whatever sizes the batches have, so the bytes depend on the rows alone."""


def sync_file(path: Path) -> None:
    """Makes what is in a file survive a loss of power."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Makes renames inside `folder` survive a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(path: Path, data: bytes) -> None:
    """Writes `path` so that a reader sees the old bytes or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with aside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    sync_folder(path.parent)


class TableWriter:
    """Writes one Parquet file: fixed row groups, zstd, page checksums.

    Use as a context manager; `write` takes tables of exactly the schema it was opened with.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.schema = schema
        self.rows = 0
        self.content_id = ""
        self._hash = ContentHash(schema)
        self._pending: list[pa.Table] = []
        self._pending_rows = 0
        self._writer = pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True)

    def write(self, rows: pa.Table) -> None:
        """Appends rows; raises `ArrowInvalid` if they do not have the schema."""
        rows = rows.select(self.schema.names).cast(self.schema)
        self._pending.append(rows)
        self._pending_rows += rows.num_rows
        while self._pending_rows >= ROWS_PER_GROUP:
            table = pa.concat_tables(self._pending)
            self._flush(table.slice(0, ROWS_PER_GROUP))
            rest = table.slice(ROWS_PER_GROUP)
            self._pending, self._pending_rows = [rest], rest.num_rows

    def _flush(self, rows: pa.Table) -> None:
        rows = rows.combine_chunks()
        self._writer.write_table(rows, row_group_size=ROWS_PER_GROUP)
        self._hash.add(rows)
        self.rows += rows.num_rows

    def close(self) -> None:
        """Writes what is pending and computes `content_id`."""
        if self._pending_rows:
            self._flush(pa.concat_tables(self._pending))
        self._pending, self._pending_rows = [], 0
        self._writer.close()
        self.content_id = self._hash.hexdigest()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Draft:
    """An artifact while it is being made, in a folder of its own beside its final place.

    A step writes tables with `table`, other files with `path`, rows it leaves out with `reject`,
    and sets `rows_in` (and `not_asked`) to what it looked at.

    Attributes:
        folder: where files of the artifact are written.
        scratch: folder for what is not to be kept.
        rows_in: rows looked at. Steps that count no rows leave it at `None`.
        facts: small facts for the manifest, such as the warnings of a parse.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.scratch = folder.with_name(folder.name + ".scratch")
        self.rows_in: int | None = None
        self.rows_out: int | None = None
        self.not_asked = 0
        self.facts: dict[str, Any] = {}
        self.rejected: Counter[str] = Counter()
        self._described: dict[str, tuple[str, int | None]] = {}
        self._rejects: TableWriter | None = None

    @contextmanager
    def table(self, part: str, schema: pa.Schema) -> Iterator[TableWriter]:
        """Opens `data/<part>.parquet` for writing."""
        path = self.path(f"{part}.parquet")
        with TableWriter(path, schema) as writer:
            yield writer
        self.describe(path.name, writer.content_id, writer.rows)

    def describe(self, name: str, content_id: str, rows: int | None = None) -> None:
        """Says what the data file `name` means, where its bytes may differ between library versions."""
        self._described[f"data/{name}"] = (content_id, rows)

    def path(self, name: str) -> Path:
        """Where a file of the artifact goes."""
        path = self.folder / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def reject(self, rows: pa.Table) -> None:
        """Keeps rows that are left out. Column `rejected` gives the reason of each."""
        if not rows.num_rows:
            return
        for entry in pc.value_counts(rows["rejected"]).to_pylist():
            self.rejected[entry["values"]] += entry["counts"]
        if self._rejects is None:
            self._rejects = TableWriter(self.folder / REJECTED_ROWS, rows.schema)
        self._rejects.write(rows)

    def close(self) -> list[FileEntry]:
        """Finishes all files, makes them durable, and describes them in order of name."""
        if self._rejects is not None:
            self._rejects.close()
            self._described[REJECTED_ROWS] = (self._rejects.content_id, self._rejects.rows)
        return [self._describe(path) for path in sorted(self.folder.rglob("*")) if path.is_file()]

    def _describe(self, path: Path) -> FileEntry:
        name = path.relative_to(self.folder).as_posix()
        sync_file(path)
        sync_folder(path.parent)
        sha256 = file_sha256(path)
        content_id, rows = self._described.get(name, (sha256, None))
        return FileEntry(
            path=name, bytes=path.stat().st_size, sha256=sha256, content_id=content_id, rows=rows
        )


class Artifact:
    """A finished artifact in a lake."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest

    def path(self, name: str) -> Path:
        """Where its data file `name` lies."""
        return self.folder / "data" / name

    @property
    def tables(self) -> list[Path]:
        """Its Parquet data files, in order of name."""
        return sorted((self.folder / "data").glob("*.parquet"))


def is_inside(path: str) -> bool:
    """Whether a manifest may name such a file: `data/…` of plain parts, or the rejected rows."""
    parts = PurePosixPath(path).parts
    plain = path == "/".join(parts) and not {".", ".."} & set(parts)
    return path == REJECTED_ROWS or (
        plain and parts[:1] == ("data",) and len(parts) > 1 and "\\" not in path and path.isprintable()
    )


def find(lake: Path, reference: Reference, fingerprint: str) -> Artifact | None:
    """The artifact with that fingerprint, or None if it was never finished."""
    found = recorded(lake, reference, fingerprint)
    if found is None:
        return None
    whole = all((found.folder / entry.path).is_file() for entry in found.manifest.files)
    return found if whole else None


def recorded(lake: Path, reference: Reference, fingerprint: str) -> Artifact | None:
    """The artifact with that fingerprint if its manifest is here, whether its files are here or not.

    A manifest that cannot be read is none.
    A lake that was filled from a published one knows what the publishers' files held, and does without them.
    """
    folder = lake / reference.stage / reference.name / fingerprint
    try:
        text = (folder / MANIFEST).read_bytes()
        return Artifact(folder, Manifest.model_validate_json(text))
    except (FileNotFoundError, ValidationError):
        return None


def latest(lake: Path, reference: Reference) -> Manifest | None:
    """What the newest version of an artifact says; None if it was never made.

    Versions whose manifest cannot be read are passed over.
    """
    folder = lake / reference.stage / reference.name
    manifests = sorted(folder.glob(f"*/{MANIFEST}"), key=lambda path: path.stat().st_mtime_ns)
    for path in reversed(manifests):
        try:
            return Manifest.model_validate_json(path.read_bytes())
        except ValidationError:
            continue
    return None


@contextmanager
def draft(lake: Path, reference: Reference, fingerprint: str) -> Iterator[Draft]:
    """A folder to make an artifact in; it is removed if making it fails."""
    making = Draft(lake / reference.stage / reference.name / f".{fingerprint}.{os.getpid()}")
    for folder in (making.folder, making.scratch):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    try:
        yield making
    finally:
        for folder in (making.folder, making.scratch):
            shutil.rmtree(folder, ignore_errors=True)


def publish(
    lake: Path,
    reference: Reference,
    fingerprint: str,
    making: Draft,
    *,
    inputs: dict[str, str],
    asked: dict[str, Any],
    licences: list[str],
) -> Artifact:
    """Moves a draft to its place; the manifest is written last.

    Raises:
        ValidationError: the rows of the draft do not add up.
    """
    files = making.close()
    data = [entry for entry in files if entry.path != REJECTED_ROWS]
    rows_out = making.rows_out if making.rows_out is not None else sum(entry.rows or 0 for entry in data)
    rejected = dict(sorted(making.rejected.items()))
    manifest = Manifest(
        stage=reference.stage,
        name=reference.name,
        fingerprint=fingerprint,
        content_id=combine({entry.path: entry.content_id for entry in data}),
        inputs=inputs,
        asked=asked,
        files=files,
        rows_in=rows_out + sum(rejected.values()) if making.rows_in is None else making.rows_in,
        rows_out=rows_out,
        not_asked=making.not_asked,
        rejected=rejected,
        licences=licences,
        facts=making.facts,
        made_with=made_with(),
    )
    return settle(lake, making, manifest)


def settle(lake: Path, making: Draft, manifest: Manifest) -> Artifact:
    """Moves a draft whose files are durable to its place, and writes its manifest last."""
    place = lake / manifest.stage / manifest.name / manifest.fingerprint
    # What lies there has no manifest or has lost a file: nobody can be reading it.
    shutil.rmtree(place, ignore_errors=True)
    making.folder.rename(place)
    sync_folder(place.parent)
    write_whole(place / MANIFEST, manifest.model_dump_json(indent=1).encode())
    return Artifact(place, manifest)
