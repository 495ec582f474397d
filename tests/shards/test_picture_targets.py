"""Answers that are pictures, in a shard: ids of image codes in the place of the target's text."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from schemas.errors import BuildError
from schemas.token import IMAGE_CODES, TARGET_LIMIT
from shards.format import INDEX, ShardIndex, write_json
from shards.read import Shard
from shards.rows import Layout
from shards.vocabulary import Vocabulary
from shards.write import WrittenSplit, write_split
from tests.shards.shard_helpers import box, table_of

NO_PICTURE = {"image_id": None, "image_width": None, "image_height": None}


def _write(
    folder: Path, vocabulary: Vocabulary, codes: list[list[int] | None], slots: tuple[str, ...] = ()
) -> WrittenSplit:
    rows = [{"text": f"a red ball {number}", "regions": [box(0, 0, 64, 48)]} for number in range(len(codes))]
    table = table_of([{**row, **NO_PICTURE, "regions": []} if slots else row for row in rows], slots)
    table = table.drop_columns("target").append_column("codes", pa.array(codes, pa.list_(pa.uint16())))
    return write_split(folder, "train", [table], vocabulary, Layout(slots, "whole_image_999", target="codes"))


def _opened(folder: Path, vocabulary: Vocabulary, written: WrittenSplit, slots: tuple[str, ...]) -> Shard:
    index = ShardIndex(
        task="task",
        text_slots=slots,
        vocabulary_size=vocabulary.size,
        vocabulary_fingerprint=vocabulary.fingerprint,
        quantisation="whole_image_999",
        options_style="spaced",
        mixture="all",
        target="codes",
        rows={"train": written.rows},
        files=written.files,
    )
    write_json(folder / INDEX, index)
    return Shard(folder, "train")


@pytest.mark.parametrize("slots", [(), ("text",)])
def test_codes_stand_where_the_target_stands(
    vocabulary: Vocabulary, tmp_path: Path, slots: tuple[str, ...]
) -> None:
    codes = [0, 1, IMAGE_CODES - 1, 7]
    written = _write(tmp_path, vocabulary, [codes, None, [], codes[:1]], slots)
    assert written.rejected.to_pylist() == [
        {"uid": f"task/{number}", "rejected": "no_codes"} for number in (1, 2)
    ]
    shard = _opened(tmp_path, vocabulary, written, slots)
    assert shard.slots.of(0)[0].tolist() == [vocabulary.first_code + code for code in codes]
    assert shard.slots.of(1)[0].tolist() == [vocabulary.first_code]
    if slots:
        assert vocabulary.decode(shard.slots.of(1)[1].tolist()) == " a red ball 3"
        assert shard.picture.tolist() == [-1, -1]
    else:
        assert [len(entry) for entry in shard.slots.of(0)] == [4, 4]


def test_too_many_codes_are_too_long(small: Vocabulary, tmp_path: Path) -> None:
    most = TARGET_LIMIT - 1
    written = _write(tmp_path, small, [[5] * most, [5] * (most + 1)])
    assert written.rejected["rejected"].to_pylist() == ["too_long"]


def test_an_unknown_code_is_an_error(small: Vocabulary, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="no such image code"):
        _write(tmp_path, small, [[IMAGE_CODES]])
