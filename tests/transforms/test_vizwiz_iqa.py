"""The reader of VizWiz on the sample world, where all that is irregular has a name, and on real votes."""

from __future__ import annotations

import zipfile
from collections import Counter
from pathlib import Path

import pytest

from sample_world.formats.vizwiz_iqa import CODES, irregular, regular, write
from tests.transforms.genome_family import record_files
from tests.transforms.source_tables import Tables
from transforms.sources import vizwiz_iqa

SCALE = 0.5

Votes = dict[str, dict[str, int]]


def votes(tables: Tables) -> Votes:
    """The votes of each picture by value; `unrecognizable` stands beside the flaws."""
    found: Votes = {}
    for row in tables.rows("labels"):
        assert row["aspect"] == ("unrecognizable" if row["value"] == "unrecognizable" else "quality")
        found.setdefault(row["image_id"], {})[row["value"]] = row["votes"]
    return found


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    folder = tmp_path_factory.mktemp("vizwiz_iqa")
    write(folder / "mirror", 0, SCALE)
    return Tables(vizwiz_iqa, record_files("vizwiz_iqa", folder / "mirror"), folder / "tables")


def test_most_votes_are_for_what_was_done_to_the_picture(tables: Tables) -> None:
    found = votes(tables)
    for taken in regular(0, SCALE):
        of = found[f"vizwiz:{taken.part}_{taken.number}"]
        assert set(of) == {*CODES, "unrecognizable"}
        (done,) = taken.flaws or ("NON",)
        assert of[done] >= 4 and all(of[code] <= 1 for code in CODES if code != done)


def test_pictures_lie_in_the_archive_of_their_part(tables: Tables) -> None:
    rows = {row["image_id"]: row for row in tables.rows("images")}
    splits = {"train": "train", "val": "validation"}
    for taken in regular(0, SCALE):
        assert rows[f"vizwiz:{taken.part}_{taken.number}"] == {
            "image_id": f"vizwiz:{taken.part}_{taken.number}",
            "published_split": splits[taken.part],
            "archive": taken.part,
            "picture": f"{taken.part}/VizWiz_{taken.part}_{taken.number:08}.jpg",
        }


def test_irregular_votes(tables: Tables) -> None:
    found = votes(tables)
    of = {name: found.get(f"vizwiz:train_{taken.number}", {}) for name, taken in irregular(0).items()}
    assert of["tie"]["BLR"] == of["tie"]["DRK"] == 4
    assert of["few_votes"]["BLR"] == 2
    assert set(of["no_votes"].values()) == {0}
    assert (of["flawed_and_none"]["FRM"], of["flawed_and_none"]["NON"]) == (4, 2)
    assert of["lying"]["NON"] >= 4 and of["picture_absent"]["NON"] >= 4
    assert {name for name, counts in of.items() if not counts} == {
        *("old_name", "other_part", "six_votes", "no_counts", "repeated")
    }
    assert tables.rejected("images") == {"unknown_picture_address": 2, "malformed": 2, "duplicate_id": 1}
    assert tables.rejected("labels") == {"unknown_image": 18, "malformed": 2, "duplicate_id": 9}


@pytest.mark.parametrize("inside", ["", "annotations/"])
def test_real_votes(real: Path, tmp_path: Path, inside: str) -> None:
    known = real / "vizwiz" / "quality_annotations"
    path = tmp_path / "annotations.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for part, name in (("train", "train.first6000"), ("val", "val"), ("test", "test")):
            file.write(known / f"{name}.json", f"{inside}{part}.json")
    tables = Tables(vizwiz_iqa, {"annotations": path}, tmp_path / "tables")
    assert Counter(tables("images")["published_split"].to_pylist()) == {"train": 6_000, "validation": 7_750}
    assert tables("labels").num_rows == 9 * 13_750
    assert tables.rejected("images") == tables.rejected("labels") == {}
    assert tables.rows("labels")[:2] == [
        {"image_id": "vizwiz:train_22585", "aspect": "quality", "value": "FRM", "votes": 1},
        {"image_id": "vizwiz:train_22585", "aspect": "quality", "value": "BLR", "votes": 5},
    ]
    assert Counter(tables("labels")["votes"].to_pylist())[5] == 1_422 + 1_804 + 135 + 192
