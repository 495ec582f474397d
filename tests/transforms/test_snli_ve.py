"""SNLI-VE's reader on the sample world, where all that is irregular has a name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sample_world.formats.snli_ve import evaluated, irregular_photographs, judged, write
from sample_world.scenes import flickr_id
from tests.transforms.genome_family import record_files
from tests.transforms.source_tables import Tables
from transforms.sources import snli_ve

SCALE = 0.5
LABELS = {"entailment": True, "contradiction": False, "neutral": None}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    folder = tmp_path_factory.mktemp("snli_ve")
    write(folder / "mirror", 0, SCALE)
    return Tables(snli_ve, record_files("snli_ve", folder / "mirror"), folder / "tables")


def of(tables: Tables, table: str, name: str) -> list[dict[str, Any]]:
    """The rows of an irregular photograph."""
    image = f"flickr30k:{irregular_photographs(0)[name]}"
    return [row for row in tables.rows(table) if row["image_id"] == image]


def test_photographs_are_those_of_the_test_list(tables: Tables) -> None:
    images = {row["image_id"]: row for row in tables.rows("images")}
    for scene in evaluated(0, SCALE):
        number = flickr_id(scene.number)
        assert images.pop(f"flickr30k:{number}") == {
            "image_id": f"flickr30k:{number}",
            "flickr_id": number,
            "published_split": "test",
            "archive": "images",
            "picture": f"flickr30k_images/{number}.jpg",
        }
    listed = {name for name in irregular_photographs(0) if of(tables, "images", name)}
    assert listed == set(irregular_photographs(0)) - {"unlisted"}
    assert len(images) == len(listed)


def test_sentences_and_labels(tables: Tables) -> None:
    rows = tables.rows("statements")
    for scene in evaluated(0, SCALE):
        image = f"flickr30k:{flickr_id(scene.number)}"
        mine = [row for row in rows if row["image_id"] == image]
        assert [(row["text"], row.get("label")) for row in mine] == [
            (said.text, LABELS[said.label]) for said in judged(scene)
        ]
        assert all(row["statement_id"].startswith(f"{image[10:]}.jpg#") for row in mine)


def test_irregular_pairs(tables: Tables) -> None:
    spellings = of(tables, "statements", "spellings")
    assert spellings[0]["text_raw"] == f" {spellings[0]['text'].replace(' ', '  ', 1)} "
    assert not spellings[1]["text"].endswith(".")
    assert spellings[2]["text"].startswith('"The') or spellings[2]["text"].startswith('"There')
    for name, left in {
        "no_gold_label": 11,
        "visual_genome": 11,
        "unlisted": 0,
        "other_label": 11,
        "empty_sentence": 11,
        "reserved_mark": 11,
        "repeated": 12,
        "malformed": 10,
        "other_id": 11,
        "listed_twice": 12,
        "in_both_lists": 12,
        "picture_absent": 12,
        "picture_truncated": 12,
        "picture_grey": 12,
    }.items():
        assert len(of(tables, "statements", name)) == left, name


def test_every_row_left_out_has_a_name(tables: Tables) -> None:
    assert tables.rejected("images") == {"duplicate_id": 1}
    assert tables.rejected("statements") == {
        "no_gold_label": 1,
        "visual_genome_caption": 1,
        # All of the photograph of neither list, and the pair whose id names no file.
        "unlisted_picture": 12 + 1,
        "unknown_label": 1,
        "empty_text": 1,
        "reserved_mark": 1,
        "duplicate_id": 1,
        "malformed": 2,
    }


def test_pairs_of_the_other_list_are_counted(tables: Tables) -> None:
    assert tables.not_asked("statements") == 6 * 12


def test_a_line_that_is_no_number_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("1016887272\n\n../../1\n 92679312 \r\n1016887272.jpg\n")
    tables = Tables(snli_ve, {"test_list": tmp_path / "list"}, tmp_path / "tables")
    assert [row["flickr_id"] for row in tables.rows("images")] == [1_016_887_272, 92_679_312]
    assert tables.left_out("images", "unknown_picture_address") == ["../../1", "1016887272.jpg"]
