"""MEDIC's archive is laid out as the published one, and its labels are to be seen in the pictures."""

from __future__ import annotations

import csv
import io
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sample_world.formats.medic import COLUMNS, irregular, regular, write
from sample_world.villages import KINDS, MARKS, RUIN, draw_village

SCALE = 0.5

Pixels = np.ndarray[Any, np.dtype[np.uint8]]


@pytest.fixture(scope="module", params=[0, 7])
def seed(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory, seed: int) -> dict[str, bytes]:
    """The members of the archive."""
    folder = tmp_path_factory.mktemp("mirror")
    write(folder, seed, SCALE)
    with tarfile.open(folder / "crisisnlp.qcri.org" / "data" / "medic" / "MEDIC.tar.gz") as archive:
        files = {member.name: archive.extractfile(member) for member in archive.getmembers()}
        return {name: file.read() for name, file in files.items() if file is not None}


def table(held: dict[str, bytes], part: str) -> list[dict[str, str]]:
    text = io.StringIO(held[f"MEDIC_{part}.tsv"].decode(), newline="")
    return list(csv.DictReader(text, delimiter="\t"))


def painted(picture: Pixels, colour: tuple[int, int, int]) -> int:
    """How many pixels have a colour."""
    return int((picture == np.array(colour, np.uint8)).all(axis=-1).sum())


def test_the_layout_is_the_published_one(held: dict[str, bytes], real: Path, seed: int) -> None:
    published = (real / "medic" / "PARTIAL_MEDIC_test.tsv").read_text().splitlines()[0].split("\t")
    for part in ("train", "dev", "test"):
        rows = table(held, part)
        assert rows
        assert list(rows[0]) == published == list(COLUMNS)
    regular_rows = [taken.row for taken in regular(seed, SCALE)]
    assert table(held, "test")[len(irregular(seed)) :] == regular_rows
    assert len({row["image_path"] for row in regular_rows}) == len(regular_rows)
    assert {row["image_path"].split("/")[0] for row in regular_rows} == {"data"}
    assert len({row["image_path"].split("/")[1] for row in regular_rows}) > 2


def test_labels_are_to_be_seen(seed: int) -> None:
    for taken in regular(seed, 1.0):
        picture = np.asarray(draw_village(taken.village))
        seen = [kind for kind in KINDS if painted(picture, MARKS[kind])]
        assert seen == [taken.row["disaster_types"]]
        # The houses stand side by side, and ruins have a colour of their own.
        ruins = sum(painted(picture[:, 56 * house : 56 * (house + 1)], RUIN) > 100 for house in range(3))
        assert taken.row["damage_severity"] == {0: "little_or_none", 1: "mild", 3: "severe"}[ruins]
        helpers, people = painted(picture, (220, 20, 30)) > 0, painted(picture, (240, 200, 170)) > 0
        quiet = seen == ["not_disaster"] and not (ruins or helpers or people)
        assert (taken.row["informative"] == "not_informative") == quiet
        assert (taken.row["humanitarian"] == "rescue_volunteering_or_donation_effort") == helpers
        assert (taken.row["humanitarian"] == "affected_injured_or_dead_people") == people


def test_every_label_occurs(seed: int) -> None:
    rows = [taken.row for taken in regular(seed, 1.0)]
    assert {row["disaster_types"] for row in rows} == set(KINDS)
    assert {row["damage_severity"] for row in rows} == {"little_or_none", "mild", "severe"}
    assert {row["informative"] for row in rows} == {"informative", "not_informative"}


def test_twins_are_one_village_with_another_fate(seed: int) -> None:
    shown = list(regular(seed, 1.0))
    told = set()
    for one, other in zip(shown[::2], shown[1::2], strict=True):
        assert (one.village.houses, one.village.visitors) == (other.village.houses, other.village.visitors)
        changed = {
            name for name in ("kind", "ruins") if getattr(one.village, name) != getattr(other.village, name)
        }
        assert len(changed) == 1
        told |= {name for name in COLUMNS[3:] if one.row[name] != other.row[name]}
    assert told >= {"disaster_types", "damage_severity", "informative"}


def test_pictures_lie_where_their_rows_say(held: dict[str, bytes], seed: int) -> None:
    listed = {row["image_path"] for part in ("train", "dev", "test") for row in table(held, part)}
    pictures = {name for name in held if not name.endswith(".tsv")}
    assert pictures == listed - {irregular(seed)["picture_absent"].row["image_path"]}
    for taken in (*regular(seed, SCALE), irregular(seed)["copy"]):
        shown = np.asarray(Image.open(BytesIO(held[taken.row["image_path"]])), float)
        assert np.abs(shown - np.asarray(draw_village(taken.village), float)).mean() < 4
    known = irregular(seed)
    assert held[known["copy"].row["image_path"]] == held[known["upper_case"].row["image_path"]]
