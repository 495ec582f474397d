"""MOCHEG's archive is laid out as the published one, and verdicts follow from the scenes of its pictures."""

from __future__ import annotations

import csv
import io
import re
import tarfile
from pathlib import Path

import pytest

from sample_world.draw import draw, encoded
from sample_world.formats.mocheg import irregular, regular, write

SCALE = 0.5
ARCHIVE = "by-hand/mocheg/mocheg.tar.gz"


@pytest.fixture(scope="module", params=[0, 7])
def seed(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory, seed: int) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("mirror")
    write(folder, seed, SCALE)
    found = {}
    with tarfile.open(folder / ARCHIVE) as tar:
        for member in tar:
            held = tar.extractfile(member)
            assert held is not None
            found[member.name] = held.read()
    return found


def rows(members: dict[str, bytes], part: str) -> list[dict[str, str]]:
    csv.field_size_limit(1 << 24)
    text = members[f"mocheg/{part}/Corpus2.csv"].decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_layout_is_the_published_one(members: dict[str, bytes]) -> None:
    folders = {re.sub(r"[^/]*$", "", name) for name in members}
    assert folders == {
        "mocheg/",
        *(f"mocheg/{part}/" for part in ("train", "val", "test")),
        *(f"mocheg/{part}/images/" for part in ("train", "val", "test")),
    }
    found = rows(members, "train")
    assert {"claim_id", "Claim", "Evidence", "evidence_id", "cleaned_truthfulness", "ruling_outline"} <= set(
        found[0]
    )
    assert {row["cleaned_truthfulness"] for row in found} == {"supported", "refuted", "NEI", "mixture"}
    assert len({row["claim_id"] for row in found}) < len(found)
    assert max(len(row["Origin"] or "") for row in found) > 131_072


def test_verdicts_are_true_of_the_scene(seed: int) -> None:
    told = list(regular(seed, 1))
    for one in told:
        said = {statement.text: statement.label for statement in one.scene.statements}
        if one.checked.verdict == "NEI":
            assert one.checked.claim not in said
            assert any(thing.name in one.checked.claim for thing in one.scene.things)
        else:
            assert said[one.checked.claim] == (one.checked.verdict == "supported")
        assert set(one.checked.findings[1:]) <= set(one.scene.captions)
    assert {one.part for one in told} == {"train", "val", "test"}


def test_twins_flip_the_verdict(seed: int) -> None:
    told = list(regular(seed, 1))
    for one, other in zip(told[::3], told[1::3], strict=True):
        assert one.checked.claim == other.checked.claim
        assert {one.checked.verdict, other.checked.verdict} == {"supported", "refuted"}


def test_the_picture_of_a_claim_shows_its_scene(members: dict[str, bytes], seed: int) -> None:
    for one in regular(seed, SCALE):
        assert members[f"mocheg/{one.part}/images/{one.picture}"] == encoded(draw(one.scene))


def test_a_claim_is_told_once_for_each_piece_of_evidence(members: dict[str, bytes], seed: int) -> None:
    found = rows(members, "val")
    for one in regular(seed, SCALE):
        if one.part == "val":
            mine = [row for row in found if row["claim_id"] == str(one.number)]
            assert [row["evidence_id"] for row in mine] == [str(number) for number in range(len(mine))]
            rest = [{**row, "": "", "Evidence": "", "evidence_id": ""} for row in mine]
            assert all(row == rest[0] for row in rest)


def test_irregular_pictures(members: dict[str, bytes], seed: int) -> None:
    held = {name.rpartition("/")[2] for name in members if "/train/images/" in name}
    told = irregular(seed)
    assert f"{told['padded'].number:05}-proof-00-a.jpg" in held
    assert f"{told['other_picture'].number}1-proof-00-a.jpg" in held
    assert len([name for name in held if name.startswith(f"{told['several_pictures'].number}-")]) == 3
    assert not any(name.startswith(f"{told['no_picture'].number}-") for name in held)


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "other"):
        write(tmp_path / name, 3, 0.3)
    write(tmp_path / "third", 4, 0.3)
    one, other, third = ((tmp_path / name / ARCHIVE).read_bytes() for name in ("one", "other", "third"))
    assert one == other != third
