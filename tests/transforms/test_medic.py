"""MEDIC's reader on the sample world, where all that is irregular has a name, and on the one real row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sample_world.archive import tar_gz
from sample_world.formats.medic import COLUMNS, irregular, regular, write
from tests.transforms.genome_family import record_files
from tests.transforms.source_tables import Tables
from transforms.sources import medic

SCALE = 0.5
ASPECTS = ("damage_severity", "informative", "humanitarian", "disaster_types")


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    folder = tmp_path_factory.mktemp("medic")
    write(folder / "mirror", 0, SCALE)
    return Tables(medic, record_files("medic", folder / "mirror"), folder / "tables")


def archive(path: Path, table: bytes) -> dict[str, Path]:
    """A table of the test part as the publisher packs it."""
    with tar_gz(path) as add:
        add("./MEDIC_test.tsv", table)
    return {"archive": path}


def labels(tables: Tables, path: str) -> dict[str, str]:
    """The labels of a picture, by aspect."""
    found: dict[str, str] = {}
    for row in tables.rows("labels"):
        if row["image_id"] == f"medic:{path}":
            assert row["aspect"] not in found and "votes" not in row
            found[row["aspect"]] = row["value"]
    return found


def of(tables: Tables, name: str) -> dict[str, str]:
    return labels(tables, irregular(0)[name].row["image_path"])


def test_labels_are_what_was_drawn(tables: Tables) -> None:
    for taken in regular(0, SCALE):
        assert labels(tables, taken.row["image_path"]) == taken.village.labels


def test_pictures_are_named_by_their_path(tables: Tables) -> None:
    images = {row["image_id"]: row for row in tables.rows("images")}
    for taken in regular(0, SCALE):
        path = taken.row["image_path"]
        assert path.startswith("data/")
        assert images[f"medic:{path}"] == {
            "image_id": f"medic:{path}",
            "published_split": "test",
            "archive": "archive",
            "picture": path,
        }
    # Nothing of the other parts, whose pictures lie in the same archive.
    assert len(images) == len(list(regular(0, SCALE))) + len(irregular(0)) - 4


def test_a_label_that_is_not_given_is_left_out_alone(tables: Tables) -> None:
    assert of(tables, "unlabelled").keys() == {"informative", "disaster_types"}
    assert of(tables, "nan").keys() == {"damage_severity", "disaster_types"}
    assert {(row["aspect"], row["value"]) for row in tables.left_out("labels", "unlabelled")} == {
        ("damage_severity", ""),
        ("humanitarian", ""),
        ("informative", "nan"),
        ("humanitarian", "nan"),
    }


def test_labels_are_compared_in_small_letters(tables: Tables) -> None:
    drawn = irregular(0)["upper_case"]
    assert drawn.row["disaster_types"].isupper() and drawn.row["damage_severity"] == " Mild "
    assert of(tables, "upper_case") == drawn.village.labels
    assert of(tables, "unknown_label")["disaster_types"] == "avalanche"


def test_a_picture_has_one_label_of_each_kind(tables: Tables) -> None:
    copied = irregular(0)["copy"]
    assert of(tables, "copy") == copied.village.labels == of(tables, "upper_case")
    again = irregular(0)["repeated"].row
    left_out = tables.left_out("labels", "repeated_picture")
    assert {row["aspect"]: row["value"] for row in left_out} == {aspect: again[aspect] for aspect in ASPECTS}


def test_paths(tables: Tables) -> None:
    path = irregular(0)["quoted"].row["image_path"]
    assert '"' in path and " " in path
    assert len(of(tables, "quoted")) == 4
    assert {row["image_path"] for row in tables.left_out("images", "unknown_picture_address")} == {
        irregular(0)[name].row["image_path"] for name in ("outside", "elsewhere")
    }


@pytest.mark.parametrize(
    "path",
    [
        "data",
        "data/",
        "data//a.jpg",
        "data/a/../../b.jpg",
        "data/./b.jpg",
        "data\\b.jpg",
        "data/a\\..\\b.jpg",
        "x/data/b.jpg",
        "",
    ],
)
def test_a_path_that_leads_elsewhere_is_no_picture(tmp_path: Path, path: str) -> None:
    cells = ["a", "b", path, "mild", "informative", "not_humanitarian", "fire"]
    table = "\n".join(("\t".join(COLUMNS), "\t".join(cells))).encode()
    tables = Tables(medic, archive(tmp_path / "a.tar.gz", table), tmp_path / "tables")
    assert tables.rejected("images") == {"unknown_picture_address": 1}
    assert tables.rejected("labels") == {"unknown_image": 4}


def test_every_row_left_out_has_a_name(tables: Tables) -> None:
    assert tables.rejected("images") == {"unknown_picture_address": 2, "malformed": 1, "duplicate_id": 1}
    assert tables.rejected("labels") == {
        "unlabelled": 4,
        "repeated_picture": 4,
        "unknown_image": 8,
        "malformed": 1,
    }


def test_the_real_row(real: Path, tmp_path: Path) -> None:
    known = (real / "medic" / "PARTIAL_MEDIC_test.tsv").read_bytes()
    tables = Tables(medic, archive(tmp_path / "a.tar.gz", known), tmp_path / "tables")
    path = "data/ASONAM17_Damage_Image_Dataset/ecuador_eq/ecuador_eq_mild_im_121.jpg"
    images: list[dict[str, Any]] = tables.rows("images")
    assert [row["picture"] for row in images] == [path]
    assert labels(tables, path) == {
        "damage_severity": "mild",
        "informative": "informative",
        "disaster_types": "earthquake",
    }
    assert tables.rejected("labels") == {"unlabelled": 1}
