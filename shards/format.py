"""The training format, told so that a stranger can write a reader.

A shard folder holds one task:

    index.json                what the numbers mean; written last, so a folder without it is unfinished
    instructions.json         the wordings of the task, as text and as ids
    <split>.arrow             the instances of a split, as ids
    <split>.pictures.parquet  the pictures of a split: image_id, width, height

`instructions.json` may lie in a folder of its own, because it changes more often than the rest.

`<split>.arrow` is an uncompressed Arrow IPC *file* with exactly one record batch of `SCHEMA`, so it
can be memory-mapped and every column is one flat buffer. A row is an instance:

    uid      "visual_grounding/vg:2345:7"
    picture  row of <split>.pictures.parquet (from 0), or -1 for an instance without a picture
    slots    [target, one text for each name in the index's `text_slots`, region, region, ...]
    options  [option, option, ...] in the order shown; [] where the task has none

Every entry of `slots` and `options` is a list of unified ids (see `shards.vocabulary`): a text with
its leading blank, a region as its four location bins. References to regions inside a text are bins
already. Where the index says `target: codes`, the target is a picture of 128 x 128 pixels, as the ids of
its 256 image codes, row by row; the decoder is told so (OFA's `code_masks`). The prompt and the answer
are put together when a batch is read:

    source  0, literal, slot, literal, slot, ..., literal, 2
    target  target, 2

with the literals of one instruction of `instructions.json` between the slots that it names. Slot
`region_3` is entry `1 + len(text_slots) + 3` of `slots`. `options` stands for all options, with the
ids `separator` between two of them; the literal before it ends with the options' header. An
instruction that is not `spliceable`, and any instruction with options where the index says
`options_style: published`, has to be put together as text and encoded whole instead.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final, Literal, TypeVar

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from schemas.errors import BuildError
from schemas.instance import Split
from schemas.settings import OptionsStyle, Quantisation
from schemas.token import SOURCE_LIMIT, TARGET_LIMIT

INDEX = "index.json"
INSTRUCTIONS = "instructions.json"

_IDS: Final = pa.list_(pa.field("item", pa.list_(pa.field("item", pa.uint16(), False)), False))

SCHEMA: Final = pa.schema(
    [
        pa.field("uid", pa.string(), False),
        pa.field("picture", pa.int32(), False),
        pa.field("slots", _IDS, False),
        pa.field("options", _IDS, False),
    ]
)
"""Columns of `<split>.arrow`."""

PICTURES: Final = pa.schema(
    [
        pa.field("image_id", pa.string(), False),
        pa.field("width", pa.int32(), False),
        pa.field("height", pa.int32(), False),
    ]
)
"""Columns of `<split>.pictures.parquet`. Sizes are pixels of the file that boxes were measured in."""


def instances_file(split: str) -> str:
    """`train.arrow`."""
    return f"{split}.arrow"


def pictures_file(split: str) -> str:
    """`train.pictures.parquet`."""
    return f"{split}.pictures.parquet"


class _Stored(BaseModel):
    """Base of what is stored as JSON: immutable, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StoredFile(_Stored):
    """One file of a shard folder."""

    bytes: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class ShardIndex(_Stored):
    """`index.json`.

    Attributes:
        format: name and version of this format.
        task: name of the task.
        text_slots: which text each entry of `slots` after the target is.
        truncate: the slot that lost its oldest words in rows that were too long.
        vocabulary_size: number of unified ids.
        vocabulary_fingerprint: sha256 over the three vocabulary files.
        quantisation: how coordinates became bins.
        region_style: how regions are written: as location bins.
        options_style: what stands between two options.
        source_limit: most ids of a source, whatever the instruction.
        target_limit: most ids of a target.
        mixture: name of the mixture that chose the rows.
        target: whether targets are texts or image codes.
        blank: whether the picture is shown without its region 0, which is then the target: the rows and
            columns `round(bin / 999 * side)` of the picture, once it is scaled to `side` pixels, from the
            first two bins up to the last two, are set to 0 after normalising to -1 to 1 (mid grey).
        rows: instances of each split.
        files: every other file of the folder.
    """

    format: Literal["multiinstruct-shard-1"] = "multiinstruct-shard-1"
    task: str
    text_slots: tuple[str, ...]
    truncate: str | None = None
    vocabulary_size: int
    vocabulary_fingerprint: str
    quantisation: Quantisation
    region_style: Literal["bins"] = "bins"
    options_style: OptionsStyle
    source_limit: int = SOURCE_LIMIT
    target_limit: int = TARGET_LIMIT
    mixture: str
    target: Literal["text", "codes"] = "text"
    blank: bool = False
    rows: dict[Split, int]
    files: dict[str, StoredFile]


class PreparedWording(_Stored):
    """One instruction, ready to be spliced.

    Attributes:
        text: as written.
        spliceable: whether splicing is exact; if not, `literals` and `slots` are empty.
        slots: names of slots in the order of the text, such as `("region_0", "options")`.
        literals: ids before, between and after the slots: one list more than there are slots.
            `<s>` and `</s>` are not among them.
    """

    text: str
    spliceable: bool
    slots: tuple[str, ...]
    literals: tuple[tuple[int, ...], ...]

    @model_validator(mode="after")
    def _one_literal_more(self) -> PreparedWording:
        if self.spliceable and len(self.literals) != len(self.slots) + 1:
            raise ValueError(f"{len(self.literals)} literals around {len(self.slots)} slots: {self.text}")
        return self


class InstructionSet(_Stored):
    """`instructions.json`.

    Attributes:
        vocabulary_fingerprint: what the ids were made with.
        separator: ids between two options in the spaced style.
        wordings: the task's instructions.
    """

    vocabulary_fingerprint: str
    separator: tuple[int, ...]
    wordings: tuple[PreparedWording, ...] = Field(min_length=1)


Content = TypeVar("Content", ShardIndex, InstructionSet)


def stored_file(path: Path) -> StoredFile:
    """Size and sha256 of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return StoredFile(bytes=path.stat().st_size, sha256=digest.hexdigest())


def write_json(path: Path, content: ShardIndex | InstructionSet) -> None:
    """Writes `index.json` or `instructions.json`. The index goes last: it makes the folder whole."""
    path.write_text(content.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read_index(folder: Path) -> ShardIndex:
    """Reads `index.json`.

    Raises:
        BuildError: there is none, or it is not of this format.
    """
    return _read(folder / INDEX, ShardIndex)


def read_instructions(folder: Path) -> InstructionSet:
    """Reads `instructions.json`.

    Raises:
        BuildError: there is none, or it is not of this format.
    """
    return _read(folder / INSTRUCTIONS, InstructionSet)


def _read(path: Path, kind: type[Content]) -> Content:
    try:
        return kind.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise BuildError(
            "a shard cannot be opened",
            where=path,
            got=error,
            expected="a file written by this version of the project",
            next_step="build the shard again",
        ) from error
