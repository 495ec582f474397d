"""Shards on disk: what is in them, what is left out, and what damage does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from instructions.load import load_instructions
from schemas.errors import BuildError
from schemas.token import INSTRUCTION_LIMIT, SOURCE_LIMIT, TARGET_LIMIT
from shards.format import INDEX, INSTRUCTIONS, read_instructions, write_json
from shards.prepare import prepare
from shards.read import Shard
from shards.rows import Layout
from shards.vocabulary import Vocabulary
from shards.write import write_split
from tests.shards.shard_helpers import box, make_shard, table_of

TWO_BOXES = [box(0, 0, 64, 48), box(64, 48, 640, 480)]
NO_PICTURE = {"image_id": None, "image_width": None, "image_height": None}
ROWS: list[dict[str, Any]] = [
    {
        "uid": "t/0",
        "text": "on the <region_1> .",
        "regions": TWO_BOXES,
        "options": ["<region_0>", "a b"],
        "target": "<region_0>",
    },
    {"uid": "t/1", **NO_PICTURE, "text": "no picture", "target": "x"},
    {"uid": "t/2", "image_id": "vg:0", "image_width": 10, "text": "other", "target": "y"},
    {"uid": "t/3", "text": "again", "target": "z", "options": []},
]


def layout(truncate: str | None = None) -> Layout:
    return Layout(("text",), "whole_image_999", truncate)


def test_file_says_what_the_format_says(vocabulary: Vocabulary, tmp_path: Path) -> None:
    """Read with Arrow alone, as a stranger would."""
    make_shard(tmp_path, vocabulary, ROWS, ("text",))
    with pa.OSFile(str(tmp_path / "train.arrow")) as file:
        rows = pa.ipc.open_file(file).read_all().to_pylist()
    pictures = pq.read_table(tmp_path / "train.pictures.parquet").to_pylist()
    assert pictures == [
        {"image_id": "vg:1", "width": 640, "height": 480},
        {"image_id": "vg:0", "width": 10, "height": 480},
    ]
    first, second = (
        [vocabulary.first_bin + place for place in four] for four in ([0, 0, 100, 100], [100, 100, 999, 999])
    )
    on_the, dot, a_b = vocabulary.encode(" on the"), vocabulary.encode(" ."), vocabulary.encode(" a b")
    assert rows[0] == {
        "uid": "t/0",
        "picture": 0,
        "slots": [first, [*on_the, *second, *dot], first, second],
        "options": [first, a_b],
    }
    assert [row["picture"] for row in rows] == [0, -1, 1, 0]
    assert [row["options"] for row in rows[1:]] == [[], [], []]


def test_reader_gives_the_same(vocabulary: Vocabulary, tmp_path: Path) -> None:
    shard, written = make_shard(tmp_path, vocabulary, ROWS, ("text",))
    shard.verify()
    assert (shard.rows, written.rows, written.rejected.num_rows) == (4, 4, 0)
    assert shard.uids.to_pylist() == ["t/0", "t/1", "t/2", "t/3"]
    assert vocabulary.decode(shard.slots.of(3)[1].tolist()) == " again"
    assert len(shard.options.of(0)) == 2 and shard.options.of(1) == []
    assert shard.pictures["image_id"].to_pylist() == ["vg:1", "vg:0"]


def test_same_rows_same_bytes(vocabulary: Vocabulary, tmp_path: Path) -> None:
    table = table_of(ROWS, ("text",))
    batchings = ([table], [table], [table.slice(0, 1), table.slice(1, 0), table.slice(1)])
    written = []
    for number, batches in enumerate(batchings):
        folder = tmp_path / str(number)
        folder.mkdir()
        written.append(write_split(folder, "train", batches, vocabulary, layout()))
    assert written[0].files == written[1].files == written[2].files
    assert sorted(written[0].files) == ["train.arrow", "train.pictures.parquet"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"text": ""}, "unclean_text"),
        ({"text": " a"}, "unclean_text"),
        ({"text": "a\u00a0"}, "unclean_text"),
        ({"text": None}, "unclean_text"),
        ({"target": ""}, "unclean_text"),
        ({"options": ["a", ""]}, "unclean_text"),
        ({"options": ["a", None]}, "unclean_text"),
        ({"text": "a <bin_3>"}, "reserved_mark"),
        ({"options": ["a||||b"]}, "reserved_mark"),
        ({"target": "[Options]: a"}, "reserved_mark"),
        ({"text": "word " * 2_000 + "end"}, "too_long"),
        ({"options": ["word " * 500 + str(number) for number in range(3)]}, "too_long"),
        ({"target": "word " * 600 + "end"}, "too_long"),
        ({"regions": [box(0, 0, 1, 1)] * 300}, "too_long"),
    ],
)
def test_rows_left_out(small: Vocabulary, tmp_path: Path, row: dict[str, Any], reason: str) -> None:
    good = {"text": "fine", "target": "good"}
    rows = [good, {**good, "image_id": "vg:9", **row}, good]
    shard, written = make_shard(tmp_path, small, rows, ("text",))
    assert written.rejected.to_pylist() == [{"uid": "task/1", "rejected": reason}]
    assert shard.uids.to_pylist() == ["task/0", "task/2"]
    assert shard.pictures["image_id"].to_pylist() == ["vg:1"]


def test_limits_are_exact(ofa_bpe: Path, tmp_path: Path) -> None:
    vocabulary = Vocabulary.load(ofa_bpe)
    room = SOURCE_LIMIT - INSTRUCTION_LIMIT - 2
    # "\n\n[Options]:" has 5 ids, " ||||" has 2, each " yes" has 1, a region has 4.
    choice: dict[str, Any] = {"target": "x", "options": ["yes", "yes"], "regions": [box(0, 0, 1, 1)]}

    def yes(count: int) -> str:
        return " ".join(["yes"] * count)

    rows: list[dict[str, Any]] = [
        {"text": yes(room), "target": "x"},
        {"text": yes(room + 1), "target": "x"},
        {**choice, "text": yes(room - 13)},
        {**choice, "text": yes(room - 12)},
        {"text": "x", "target": yes(TARGET_LIMIT - 1)},
        {"text": "x", "target": yes(TARGET_LIMIT)},
    ]
    _, written = make_shard(tmp_path, vocabulary, rows, ("text",))
    assert written.rejected["uid"].to_pylist() == ["task/1", "task/3", "task/5"]


def test_only_the_named_slot_is_cut(ofa_bpe: Path, tmp_path: Path) -> None:
    vocabulary = Vocabulary.load(ofa_bpe)
    room = SOURCE_LIMIT - INSTRUCTION_LIMIT - 2
    rows = [
        {"text": "old " * 2_000 + "new", "question": "yes", "target": "x"},
        {"text": "old", "question": "yes " * 2_000 + "yes", "target": "x"},
        {"text": "jq" * 2_000, "question": "yes", "target": "x"},
    ]
    shard, written = make_shard(tmp_path, vocabulary, rows, ("text", "question"), truncate="text")
    assert written.rejected["uid"].to_pylist() == ["task/1", "task/2"]
    _, text, question = (vocabulary.decode(ids.tolist()) for ids in shard.slots.of(0))
    assert text == " old" * (room - 2) + " new" and question == " yes"


def test_empty_split(small: Vocabulary, tmp_path: Path) -> None:
    shard, written = make_shard(tmp_path, small, [], ("text",))
    assert (shard.rows, written.rows, len(shard.pictures)) == (0, 0, 0)
    shard.verify()
    folder = tmp_path / "no_batches"
    folder.mkdir()
    assert write_split(folder, "train", [], small, layout()).files == written.files


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"text": "on <region_0> .", "target": "a"}], "does not have"),
        ([{"text": "a", "target": "<region_1>", "regions": [box(0, 0, 1, 1)]}], "does not have"),
        ([{"text": "a", "target": "a", "regions": [box(0, 0, float("nan"), 1)]}], "no number"),
        ([{"text": "a", "target": "a", "image_width": None, "regions": [box(0, 0, 1, 1)]}], "no size"),
        ([{"text": "a", "target": "a"}, {"text": "a", "target": "a", "image_width": 3}], "two sizes"),
    ],
)
def test_rows_that_contradict_themselves(
    small: Vocabulary, tmp_path: Path, rows: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(BuildError, match=message):
        write_split(tmp_path, "train", [table_of(rows, ("text",))], small, layout())


def test_wrong_columns(small: Vocabulary, tmp_path: Path) -> None:
    table = table_of(ROWS, ("text",))
    numbers = table.set_column(table.column_names.index("text"), "text", pa.array([[1]] * 4))
    for wrong in (table.drop_columns(["text"]), numbers):
        with pytest.raises(BuildError, match="wrong column"):
            write_split(tmp_path, "train", [wrong], small, layout())
    with pytest.raises(BuildError, match="no name"):
        write_split(tmp_path, "train", [table_of([{**ROWS[1], "uid": None}], ("text",))], small, layout())
    with pytest.raises(BuildError, match="truncates"):
        layout("history")


def test_instructions_beside_the_shard(small: Vocabulary, tmp_path: Path) -> None:
    prepared = prepare(load_instructions("grounded_caption_selection"), small)
    write_json(tmp_path / INSTRUCTIONS, prepared)
    assert read_instructions(tmp_path) == prepared
    assert prepared.wordings[0].slots == ("region_0", "options")
    assert small.decode(prepared.wordings[0].literals[1]) == " of this image?\n\n[Options]:"


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0xFF
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        (INDEX, lambda path: path.unlink()),
        (INDEX, lambda path: path.write_text("{}")),
        (INDEX, lambda path: path.write_text(path.read_text().replace('"train": 4', '"train": 5'))),
        (INDEX, lambda path: path.write_text(path.read_text().replace('"train": 4', '"test": 4'))),
        (INDEX, lambda path: path.write_text(path.read_text().replace('"text"', '"text", "a", "b", "c"'))),
        ("train.arrow", lambda path: path.unlink()),
        ("train.arrow", lambda path: path.write_bytes(b"")),
        ("train.arrow", lambda path: path.write_bytes(path.read_bytes()[:-200])),
        ("train.pictures.parquet", lambda path: path.unlink()),
        ("train.pictures.parquet", lambda path: flip(path, 20)),
    ],
)
def test_damage_is_found_on_opening(
    small: Vocabulary, tmp_path: Path, name: str, damage: Callable[[Path], object]
) -> None:
    make_shard(tmp_path, small, ROWS, ("text",))
    damage(tmp_path / name)
    with pytest.raises(BuildError) as caught:
        Shard(tmp_path, "train")
    assert str(tmp_path) in str(caught.value)


def test_every_flipped_byte_is_found(small: Vocabulary, tmp_path: Path) -> None:
    """Opening either fails with a clear error or succeeds; then `verify` finds the byte."""
    make_shard(tmp_path, small, ROWS, ("text",))
    path = tmp_path / "train.arrow"
    for at in range(0, path.stat().st_size, 7):
        flip(path, at)
        with pytest.raises(BuildError, match="damaged"):
            Shard(tmp_path, "train").verify()
        flip(path, at)
    Shard(tmp_path, "train").verify()
