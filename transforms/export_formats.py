"""Four formats of other people, written so that the same records give the same bytes."""

from __future__ import annotations

import base64
import io
import json
import re
import tarfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.instance import Split
from shards.pictures import png
from transforms.artifact import sync_file
from transforms.export_rows import Record

PART_BYTES: Final = 256 << 20
"""A file of pictures is ended here, so that each is of a size that is handled easily."""

ROWS_PER_GROUP: Final = 100
"""Rows of a Parquet file that are read together: with a picture each, few fill the memory."""

BLACK_SIDE: Final = 32
"""Pixels on a side of the black picture that stands for none, where a reader needs one."""

_BREAKS: Final = re.compile("[\t\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
"""What some reader takes for the end of a line or a field."""


class Format(ABC):
    """Writes the records of one split into a folder."""

    per_row = True
    """Whether each record brings its picture with it, or all of them share one file of it."""

    def __init__(self, folder: Path, split: Split) -> None:
        self.folder = folder
        self.split = split

    def wants_picture(self, image_id: str) -> bool:  # noqa: ARG002
        """Whether the picture is still to be given to `write`."""
        return True

    @abstractmethod
    def write(self, record: Record, picture: bytes | None) -> str | None:
        """Writes one record, or says why the format cannot hold it."""

    @abstractmethod
    def close(self) -> None:
        """Finishes all files."""


class JsonLines(Format):
    """`<split>.jsonl`: one record a line in the fields of the published data, pictures beside it.

    The fields are those of MultiInstruct's final records. `region`, `options`, `prompt` and `target`
    hold boxes as four numbers in pixels of the picture's file; `meta_data` holds what else is known.
    """

    per_row = False

    def __init__(self, folder: Path, split: Split) -> None:
        super().__init__(folder, split)
        self._file = (folder / f"{split}.jsonl").open("w", encoding="ascii", newline="\n")
        self._paths: dict[str, str] = {}

    def wants_picture(self, image_id: str) -> bool:
        return image_id not in self._paths

    def write(self, record: Record, picture: bytes | None) -> str | None:
        if picture is not None and record.image_id is not None:
            path = f"images/{picture_name(record.image_id)}.{_ending(picture)}"
            _write_once(self.folder / path, picture)
            self._paths[record.image_id] = path
        target = record.in_pixels(record.target)
        fields: dict[str, Any] = {
            "unique_id": record.uid,
            "image_source": record.image_source,
            "task_name": record.task,
            "image_path": self._paths.get(record.image_id or ""),
            **record.texts,
            "region": [record.in_pixels(f"<region_{number}>") for number in range(len(record.regions))],
            "options": [record.in_pixels(option) for option in record.options],
            "target_txt": target,
            "meta_data": {**record.facts, "instruction": record.instruction},
            "prompt": record.in_pixels(record.prompt),
            "target": target,
        }
        kept = {name: value for name, value in fields.items() if value != []}
        self._file.write(json.dumps(kept, ensure_ascii=True) + "\n")
        return None

    def close(self) -> None:
        self._file.close()
        sync_file(self.folder / f"{self.split}.jsonl")


class Tsv(Format):
    """`<split>.tsv`: OFA's columns of visual question answering, without a header.

    Question id, image id, question, `1.0|!+answer`, an empty column of objects, the picture in base64.
    Boxes are four numbers in pixels. A line break of a prompt is a blank: the format has none.
    """

    def __init__(self, folder: Path, split: Split) -> None:
        super().__init__(folder, split)
        self._file = (folder / f"{split}.tsv").open("w", encoding="utf-8", newline="\n")

    def write(self, record: Record, picture: bytes | None) -> str | None:
        target = record.in_pixels(record.target)
        if "&&" in target or "|!+" in target:
            # Its reader splits answers there.
            return "separator_in_answer"
        columns = (
            f"{record.uid}#{record.instruction}",
            record.image_id or "",
            record.in_pixels(record.prompt),
            f"1.0|!+{target}",
            "",
            base64.b64encode(picture if picture is not None else _black()).decode(),
        )
        self._file.write("\t".join(_BREAKS.sub(" ", column) for column in columns) + "\n")
        return None

    def close(self) -> None:
        self._file.close()
        sync_file(self.folder / f"{self.split}.tsv")


class Parquet(Format):
    """`data/<split>-00000.parquet` and so on, with the features that Hugging Face's libraries read."""

    def __init__(self, folder: Path, split: Split) -> None:
        super().__init__(folder, split)
        (folder / "data").mkdir(exist_ok=True)
        self._rows: list[dict[str, Any]] = []
        self._part = 0
        self._bytes = 0
        self._writer: pq.ParquetWriter | None = None

    def write(self, record: Record, picture: bytes | None) -> str | None:
        named = None
        if picture is not None and record.image_id is not None:
            named = {"bytes": picture, "path": f"{picture_name(record.image_id)}.{_ending(picture)}"}
        self._rows.append(
            {
                "uid": record.uid,
                "task": record.task,
                "image": named,
                "image_id": record.image_id,
                "width": record.width,
                "height": record.height,
                "instruction": record.instruction,
                "prompt": record.prompt,
                "target": record.target,
                "options": list(record.options),
                "regions": [list(box) for box in record.regions],
                "facts": json.dumps(record.facts, sort_keys=True),
            }
        )
        self._bytes += len(picture or b"")
        if len(self._rows) == ROWS_PER_GROUP:
            self._flush()
        if self._bytes > PART_BYTES:
            self._end()
        return None

    def close(self) -> None:
        self._end()

    def _flush(self) -> None:
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self._path, PARQUET, compression={"image.bytes": "none"}, write_page_checksum=True
            )
        self._writer.write_table(pa.Table.from_pylist(self._rows, PARQUET), ROWS_PER_GROUP)
        self._rows = []

    def _end(self) -> None:
        if self._rows:
            self._flush()
        if self._writer is not None:
            self._writer.close()
            sync_file(self._path)
            self._part += 1
        self._writer = None
        self._bytes = 0

    @property
    def _path(self) -> Path:
        return self.folder / "data" / f"{self.split}-{self._part:05d}.parquet"


class WebDataset(Format):
    """`<split>-000000.tar` and so on: for each record `<number>.json` and its picture `<number>.jpg`."""

    def __init__(self, folder: Path, split: Split) -> None:
        super().__init__(folder, split)
        self._tar: tarfile.TarFile | None = None
        self._part = 0
        self._bytes = 0
        self._number = 0

    def write(self, record: Record, picture: bytes | None) -> str | None:
        if self._tar is None:
            self._tar = tarfile.open(self._path, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115
        fields = {
            "uid": record.uid,
            "task": record.task,
            "image_id": record.image_id,
            "width": record.width,
            "height": record.height,
            "instruction": record.instruction,
            "prompt": record.prompt,
            "target": record.target,
            "options": list(record.options),
            "regions": [list(box) for box in record.regions],
            "facts": record.facts,
        }
        self._add("json", json.dumps(fields, ensure_ascii=True).encode())
        if picture is not None:
            self._add(_ending(picture), picture)
        self._number += 1
        if self._bytes > PART_BYTES:
            self.close()
        return None

    def close(self) -> None:
        if self._tar is not None:
            self._tar.close()
            sync_file(self._path)
            self._tar = None
            self._part += 1
            self._bytes = 0

    def _add(self, ending: str, data: bytes) -> None:
        # The names of a sample share what stands before the first dot.
        entry = tarfile.TarInfo(f"{self._number:09d}.{ending}")
        entry.size = len(data)
        if self._tar is not None:
            self._tar.addfile(entry, io.BytesIO(data))
        self._bytes += len(data)

    @property
    def _path(self) -> Path:
        return self.folder / f"{self.split}-{self._part:06d}.tar"


FORMATS: Final[dict[str, type[Format]]] = {
    "jsonl": JsonLines,
    "parquet": Parquet,
    "tsv": Tsv,
    "webdataset": WebDataset,
}


def _features() -> dict[str, Any]:
    """The columns as Hugging Face's `datasets` describes them, so that a picture is one."""

    def value(kind: str) -> dict[str, str]:
        return {"dtype": kind, "_type": "Value"}

    def several(inner: dict[str, Any]) -> dict[str, Any]:
        return {"feature": inner, "_type": "Sequence"}

    texts = ("uid", "task", "image_id", "prompt", "target", "facts")
    numbers = ("width", "height", "instruction")
    return {
        **{name: value("string") for name in texts},
        **{name: value("int32") for name in numbers},
        "image": {"_type": "Image"},
        "options": several(value("string")),
        "regions": several(several(value("float64"))),
    }


PARQUET: Final = pa.schema(
    [
        pa.field("uid", pa.string()),
        pa.field("task", pa.string()),
        pa.field("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        pa.field("image_id", pa.string()),
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
        pa.field("instruction", pa.int32()),
        pa.field("prompt", pa.string()),
        pa.field("target", pa.string()),
        pa.field("options", pa.list_(pa.string())),
        pa.field("regions", pa.list_(pa.list_(pa.float64()))),
        pa.field("facts", pa.string()),
    ],
    metadata={"huggingface": json.dumps({"info": {"features": _features()}})},
)
"""Columns of the Parquet files; `facts` is JSON, because every task has others."""


def picture_name(image_id: str) -> str:
    """A relative path for a picture, without its ending: `vg/2345` for `vg:2345`.

    No image leads outside, and no two share a name: what is not plain is percent-encoded.
    """
    return "/".join(quote(part, safe="").replace(".", "%2E") or "%" for part in image_id.split(":", 1))


def _ending(picture: bytes) -> str:
    kinds = {b"\xff\xd8": "jpg", b"\x89P": "png", b"GI": "gif", b"RI": "webp"}
    return kinds.get(picture[:2], "bin")


def _write_once(path: Path, data: bytes) -> None:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        sync_file(path)


def _black() -> bytes:
    return png(np.zeros((BLACK_SIDE, BLACK_SIDE, 3), np.uint8))
