"""The reader of Hateful Memes on the sample world, where all that is irregular has a name, and what it takes
to hand over what a person has unpacked."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

from sample_world.formats.hateful_memes import irregular, regular, write
from schemas.artifact import Reference
from schemas.settings import BuildSettings
from tests.transforms.genome_family import record_files
from tests.transforms.source_tables import Tables
from transforms import registry, terms
from transforms.adopt import adopt
from transforms.builder import Builder
from transforms.sources import hateful_memes

SCALE = 0.5


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hateful_memes")
    write(folder, 0, SCALE)
    return folder


@pytest.fixture(scope="module")
def tables(mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    files = record_files("hateful_memes", mirror)
    return Tables(hateful_memes, files, tmp_path_factory.mktemp("tables"))


def of(tables: Tables, table: str, name: str) -> list[dict[str, Any]]:
    """The rows of an irregular meme."""
    image = f"hm:{irregular(0)[name].number}"
    return [row for row in tables.rows(table) if row["image_id"] == image]


def test_words_and_labels_are_those_of_the_pictures(tables: Tables) -> None:
    images = {row["image_id"]: row for row in tables.rows("images")}
    texts = {row["image_id"]: row for row in tables.rows("texts")}
    labels = {row["image_id"]: row for row in tables.rows("labels")}
    for meme in regular(0, SCALE):
        image = f"hm:{meme.number}"
        assert images[image] == {
            "image_id": image,
            "published_split": "test",
            "archive": "images",
            "picture": f"img/{meme.number:05}.png",
        }
        assert texts[image] == {
            "image_id": image,
            "text_id": "0",
            "text": meme.words,
            "text_raw": meme.words,
        }
        assert labels[image] == {"image_id": image, "aspect": "hateful", "value": "01"[meme.untrue]}


def test_numbers_have_lost_their_zeros(tables: Tables) -> None:
    pictures = {row["image_id"]: row["picture"] for row in tables.rows("images")}
    assert pictures["hm:9980"] == "img/09980.png"
    assert pictures["hm:1231"] == "img/01231.png"


def test_words_as_published(tables: Tables) -> None:
    (blanks,) = of(tables, "texts", "blanks")
    assert blanks["text"] == irregular(0)["blanks"].words
    assert blanks["text_raw"] != blanks["text"] == " ".join(blanks["text_raw"].split())
    (quotes,) = of(tables, "texts", "quotes")
    assert quotes["text"] == f'"{irregular(0)["quotes"].words}", voilà'
    (without,) = of(tables, "texts", "no_words")
    assert "text" not in without


def test_what_is_wrong_spoils_no_more_than_it_must(tables: Tables) -> None:
    assert of(tables, "texts", "unlabelled") and not of(tables, "labels", "unlabelled")
    for name in ("text_label", "other_label"):
        assert of(tables, "images", name) and of(tables, "texts", name) and not of(tables, "labels", name)
    assert of(tables, "images", "words_absent") and of(tables, "labels", "words_absent")
    assert not of(tables, "texts", "words_absent")


def test_a_picture_that_is_listed_again_keeps_its_first_label(tables: Tables) -> None:
    (label,) = of(tables, "labels", "blanks")
    assert label["value"] == "0"
    (again,) = tables.left_out("labels", "repeated_picture")
    assert (again["id"], again["label"]) == (irregular(0)["blanks"].number, 1)
    assert len(of(tables, "texts", "blanks")) == len(of(tables, "images", "blanks")) == 1


def test_every_row_left_out_has_a_name(tables: Tables) -> None:
    # `bad_address` and `other_number`.
    assert tables.rejected("images") == {"unknown_picture_address": 2, "duplicate_id": 1}
    assert tables.rejected("texts") == {
        "unknown_image": 2,
        "malformed": 1,
        "duplicate_id": 1,
        "reserved_mark": 1,
    }
    assert tables.rejected("labels") == {
        "unknown_image": 2,
        "malformed": 2,
        "repeated_picture": 1,
        "unlabelled": 1,
    }


def test_a_folder_that_a_person_has_unpacked_is_enough(mirror: Path, tmp_path: Path) -> None:
    unpacked, lake = tmp_path / "memes", tmp_path / "lake"
    with zipfile.ZipFile(mirror / "by-hand" / "hateful_memes" / "img.zip") as archive:
        archive.extractall(unpacked)
    lines = (mirror / "by-hand" / "hateful_memes" / "test_unseen.jsonl").read_bytes()
    (unpacked / "test_unseen.jsonl").write_bytes(lines)
    (unpacked / "LICENSE.txt").write_text("for you alone")
    found = adopt(lake, "hateful_memes", unpacked)
    assert {one.file: one.state for one in found.outcomes} == {"test_unseen": "taken", "images": "pictures"}
    assert found.pictures == len(list((unpacked / "img").iterdir()))
    asked = BuildSettings(lake=lake, offline=True, sources=("hateful_memes",), until="tables")
    refused = [entry.reason for entry in Builder(asked).plan() if entry.action == "refused"]
    assert refused and all("--accept-terms hateful_memes" in reason for reason in refused)
    builder = Builder(asked.model_copy(update={"accept_terms": ("hateful_memes",)}))
    builder.build()
    texts = builder.run(Reference("tables", "hateful_memes.texts")).manifest
    assert texts.rows_out > len(list(regular(0, SCALE)))
    # Once the list is there, the pictures of the folder are held against it.
    compared = adopt(lake, "hateful_memes", unpacked).compared
    assert compared is not None
    absent = irregular(0)["picture_absent"].number
    assert [missing.picture for missing in compared.missing] == [f"img/{absent:05}.png"]


def test_it_is_neither_shown_nor_given_on() -> None:
    assert not terms.may_be_shown("hateful_memes")
    assert not terms.may_be_given_on("hateful_memes")
    steps = registry.declaration("hateful_memes").steps
    assert any("password" in step for step in steps)
    assert "multiinstruct adopt hateful_memes PATH" in steps[-1]
