"""Reads tables out of records that lie on disk, without a build around it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.tables import TABLES
from transforms.artifact import REJECTED_ROWS, Draft
from transforms.normalise import normalise
from transforms.raw import Raw
from transforms.readers import generators, rows_of


class Tables:
    """The tables that a reader makes of a source's files.

    Args:
        reader: module of the source.
        files: where each declared file lies.
        folder: for what is written.
    """

    def __init__(self, reader: ModuleType, files: Mapping[str, Path], folder: Path) -> None:
        self._reader = reader
        self._source = reader.__name__.rpartition(".")[2]
        self._files = files
        self._folder = folder
        self._read: dict[str, tuple[pa.Table, Counter[str], int]] = {}

    def __call__(self, name: str) -> pa.Table:
        """One table, with where each row comes from."""
        return self._of(name)[0]

    def rejected(self, name: str) -> dict[str, int]:
        """How many rows of a table were left out, by reason."""
        return dict(self._of(name)[1])

    def not_asked(self, name: str) -> int:
        """How many rows of other parts the reader of a table came across."""
        return self._of(name)[2]

    def left_out(self, name: str, reason: str) -> list[Any]:
        """What the reader or its publisher said of the rows of a table that were left out for a reason."""
        self._of(name)
        rows = pq.read_table(self._folder / name / REJECTED_ROWS).to_pylist()
        return [json.loads(row["row"]) for row in rows if row["rejected"] == reason]

    def rows(self, name: str) -> list[dict[str, Any]]:
        """The rows of a table, without what is absent and where they come from."""
        table = self(name)
        rows = table.select(table.schema.names[:-5]).to_pylist()
        return [{name: value for name, value in row.items() if value is not None} for row in rows]

    def path(self, name: str) -> Path:
        """The Parquet file of a table."""
        self._of(name)
        return self._folder / name / "data" / f"{name}.parquet"

    def _of(self, name: str) -> tuple[pa.Table, Counter[str], int]:
        if name not in self._read:
            sizes = self._of("images")[0] if TABLES[name].having("image") else None
            raws = {
                file: Raw(self._source, file, self._files[file]) for file in generators(self._reader)[name]
            }
            draft = Draft(self._folder / name)
            normalise(self._source, TABLES[name], rows_of(getattr(self._reader, name), raws), sizes, draft)
            draft.close()
            table = pq.read_table(self._folder / name / "data" / f"{name}.parquet")
            assert draft.rows_in == table.num_rows + draft.rejected.total() + draft.not_asked
            self._read[name] = table, Counter(draft.rejected), draft.not_asked
        return self._read[name]
