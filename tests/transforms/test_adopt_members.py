"""Taking over records that a lab has unpacked: by name, whole or not at all, and never called verified."""

from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from flows import building, fetching
from schemas.artifact import Reference
from schemas.errors import BuildError
from schemas.settings import BuildSettings
from schemas.source import RemoteFile
from transforms import pins, registry
from transforms.adopt import Adopted, Outcome, adopt, pin_lines
from transforms.adopt_members import pack, unpacked
from transforms.archive import ZipArchive
from transforms.builder import Builder
from transforms.mirror import Mirror

COCO = "mscoco"
MEMBERS = registry.declaration(COCO).files["annotations"].members
PIN = registry.declaration(COCO).files["annotations"].pin


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "lake"


@pytest.fixture
def lab(tmp_path: Path, sample_build: Builder) -> Path:
    """The unpacked records of all sources, as a lab has them: the zips are gone."""
    mirror = Mirror(str(sample_build.settings.mirror))
    for source in registry.source_names():
        for file in registry.declaration(source).files.values():
            for member in file.members:
                path = tmp_path / "lab" / source / member
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(read(mirror, file, member))
    return tmp_path / "lab"


def read(mirror: Mirror, file: RemoteFile, member: str) -> bytes:
    path = mirror.local_path(file.urls[0])
    assert path is not None
    with zipfile.ZipFile(path) as archive:
        return archive.read(member)


def placed(lake: Path, source: str = COCO, name: str = "annotations") -> Path:
    path = Mirror(str(lake / "adopted")).local_path(registry.declaration(source).files[name].urls[0])
    assert path is not None
    return path


def of_annotations(found: Adopted) -> Outcome:
    return next(one for one in found.outcomes if one.file == "annotations")


def settings(lake: Path, *sources: str) -> BuildSettings:
    return BuildSettings(lake=lake, offline=True, sources=sources, until="tables")


def test_zips_of_records_declare_what_is_read_of_them(sample_build: Builder) -> None:
    read_of_zips: dict[tuple[str, str], set[str]] = {}
    for reference in sample_build.steps:
        source = reference.name.partition(".")[0]
        if reference.stage != "tables" or reference.name.endswith(".pictures"):
            continue
        (path,) = sample_build.run(reference).tables
        for row in (
            pq.read_table(path, columns=["file", "member"])
            .group_by(["file", "member"])
            .aggregate([])
            .to_pylist()
        ):
            file = registry.declaration(source).files.get(row["file"])
            if (
                file is not None
                and file.holds == "records"
                and file.urls[:1]
                and file.urls[0].endswith(".zip")
            ):
                read_of_zips.setdefault((source, row["file"]), set()).add(row["member"])
    assert read_of_zips
    for (source, name), members in read_of_zips.items():
        assert set(registry.declaration(source).files[name].members) >= members, f"{source}.{name}"


@pytest.mark.parametrize("source", [COCO, "visual_genome"])
def test_unpacked_records_are_built_from_like_their_zips(
    sample_build: Builder, lake: Path, lab: Path, source: str
) -> None:
    found = adopt(lake, source, lab)
    files = registry.declaration(source).files
    assert {one.file for one in found.outcomes if one.state == "members"} == {
        name for name, file in files.items() if file.members
    }
    builder = Builder(settings(lake, source))
    builder.build()
    tables = [ref for ref in builder.steps if ref.stage == "tables" and not ref.name.endswith(".pictures")]
    assert tables
    for reference in tables:
        expected = sample_build.run(reference).manifest
        made = builder.run(reference).manifest
        assert (made.content_id, made.rejected) == (expected.content_id, expected.rejected), reference


def test_what_is_unverified_is_said_wherever_one_looks(
    lake: Path, lab: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert PIN is not None
    fetching.adopt(lake, COCO, lab, accept_terms=(), as_json=False)
    assert "unverified as a whole" in capsys.readouterr().out
    kept = pins.remembered(lake)[f"{COCO}.annotations"]
    assert kept.witness == pins.MEMBERS_WITNESS
    assert kept.sha256 != PIN.sha256
    asked = settings(lake, COCO)
    for _ in range(2):
        building.show_plan(asked, as_json=False)
        assert f"unverified as a whole: {pins.MEMBERS_WITNESS}" in capsys.readouterr().out
        building.show_plan(asked, as_json=True)
        assert pins.MEMBERS_WITNESS in capsys.readouterr().out
        Builder(asked).build()
    raw = Builder(asked).run(Reference("raw", f"{COCO}.annotations"))
    assert raw.manifest.facts["unverified"] == pins.MEMBERS_WITNESS
    assert pin_lines(lake, COCO)["annotations"].witness == pins.MEMBERS_WITNESS
    fetching.pin(lake, COCO)
    printed = capsys.readouterr().out
    assert pins.MEMBERS_WITNESS in printed
    assert "Pin(" not in printed


def test_the_bytes_are_taken_once(lake: Path, lab: Path) -> None:
    adopt(lake, COCO, lab)
    Builder(settings(lake, COCO)).build()
    # What is adopted again is the same file still, so that the lake does not hold it twice.
    adopt(lake, COCO, lab)
    assert placed(lake).stat().st_nlink == 2


def test_a_partial_set_is_named_and_not_taken(
    lake: Path, lab: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = [lab / COCO / MEMBERS[number] for number in (1, 2)]
    for path in gone:
        path.unlink()
    found = adopt(lake, COCO, lab)
    outcome = of_annotations(found)
    assert (outcome.state, outcome.missing) == ("missing", (MEMBERS[1], MEMBERS[2]))
    assert "2 of 4 members" in outcome.detail
    assert PIN is not None
    assert outcome.bytes == PIN.bytes
    assert not placed(lake).exists()
    assert pins.remembered(lake) == {}
    fetching.adopt(lake, COCO, lab, accept_terms=(), as_json=False)
    shown = capsys.readouterr().out
    assert MEMBERS[1] in shown
    assert MEMBERS[2] in shown


def test_a_member_that_is_no_json_is_not_taken(lake: Path, lab: Path) -> None:
    for content, problem in ((b"<html>quota</html>", "web page"), (b"", "empty"), (b"PK\x03\x04", "kind")):
        (lab / COCO / MEMBERS[0]).write_bytes(content)
        outcome = of_annotations(adopt(lake, COCO, lab))
        assert outcome.state == "wrong"
        assert problem in outcome.detail
        assert not placed(lake).exists()


def test_the_folder_of_the_members_itself_may_be_handed_over(lake: Path, lab: Path) -> None:
    assert of_annotations(adopt(lake, COCO, lab / COCO / "annotations")).state == "members"


def test_records_that_lie_flat_are_not_guessed_at(lake: Path, lab: Path, tmp_path: Path) -> None:
    flat = tmp_path / "flat"
    flat.mkdir()
    for member in MEMBERS:
        (lab / COCO / member).rename(flat / Path(member).name)
    outcome = of_annotations(adopt(lake, COCO, flat))
    assert (outcome.state, outcome.missing) == ("missing", MEMBERS)
    assert "does not lie in a folder annotations" in outcome.detail


def test_an_older_version_is_taken_where_the_newer_is_not_at_hand(lake: Path, lab: Path) -> None:
    """Version 1 of COCO-Text, whose pin is that of version 2."""
    folder = lab / "coco_text"
    newer, older = folder / "cocotext.v2.json", folder / "COCO_Text.json"
    older.write_bytes(newer.read_bytes())
    assert "its 1 members" in of_annotations(adopt(lake, "coco_text", lab)).detail
    newer.unlink()
    outcome = of_annotations(adopt(lake, "coco_text", lab))
    assert outcome.state == "members"
    assert f"a copy of COCO_Text.json in {folder}" in outcome.detail
    builder = Builder(settings(lake, "coco_text"))
    builder.build()
    (path,) = builder.run(Reference("tables", "coco_text.texts")).tables
    assert set(pq.read_table(path)["member"].to_pylist()) == {"COCO_Text.json"}
    older.unlink()
    outcome = of_annotations(adopt(lake / "another", "coco_text", lab))
    assert (outcome.state, outcome.missing) == ("missing", ())


def test_a_member_lies_in_its_folder(tmp_path: Path) -> None:
    for name in ("plus/refs.json", "other/refs.json", "plus/deep/plus/refs.json"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    found = unpacked(("plus/refs.json", "minus/refs.json", "none.json"), files)
    assert set(found.found) == {"plus/refs.json"}
    assert "does not lie in a folder minus" in found.missing["minus/refs.json"]
    assert found.missing["none.json"] == ""
    # Two that fit equally well are one if they hold the same, else nobody knows which is meant.
    (tmp_path / "plus/refs.json").write_text("[]")
    found = unpacked(("plus/refs.json",), files)
    assert found.found == {}
    assert "it could be any of" in found.missing["plus/refs.json"]


def test_the_publishers_archive_takes_the_place_of_its_members(
    lake: Path, lab: Path, sample_build: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = registry.declaration(COCO)
    files = {name: file.model_copy(update={"pin": None}) for name, file in declared.files.items()}
    monkeypatch.setattr(registry.reader(COCO), "SOURCE", declared.model_copy(update={"files": files}))
    adopt(lake, COCO, lab)
    archive = Mirror(str(sample_build.settings.mirror)).local_path(declared.files["annotations"].urls[0])
    assert archive is not None
    assert of_annotations(adopt(lake, COCO, archive)).state == "taken"
    assert placed(lake).samefile(archive)
    assert (
        pins.expected(settings(lake), None, f"{COCO}.annotations", files["annotations"]).standing
        == "remembered"
    )
    # And does not give it back.
    assert of_annotations(adopt(lake, COCO, lab)).state == "held"
    assert placed(lake).samefile(archive)


def test_who_deletes_the_members_wants_the_publishers_archive(lake: Path, lab: Path) -> None:
    file = registry.declaration(COCO).files["annotations"]
    adopt(lake, COCO, lab)
    assert pins.expected(settings(lake), None, f"{COCO}.annotations", file).standing == "members"
    placed(lake).unlink()
    assert pins.expected(settings(lake), None, f"{COCO}.annotations", file) == ("pinned", PIN)


def test_the_zip_depends_on_the_members_alone(tmp_path: Path) -> None:
    held = {"b/2.json": b"[2]", "a.json": b"{}" * 3_000_000}
    packed = []
    for number in range(2):
        files = {}
        for member, data in held.items():
            files[member] = tmp_path / str(number) / f"{number} {Path(member).name}"
            files[member].parent.mkdir(exist_ok=True)
            files[member].write_bytes(data)
            os.utime(files[member], (number * 10**8, number * 10**8))
            files[member].chmod(0o600 + 0o44 * number)
        packed.append(tmp_path / f"{number}.zip")
        pack(files, packed[-1])
    assert packed[0].read_bytes() == packed[1].read_bytes()
    with ZipArchive(packed[0]) as archive:
        assert archive.names == list(held)
        assert all(archive.read_member(name) == data for name, data in held.items())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "0.zip", "1", "1.zip"]


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "a.json").write_text("{}")
    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(BuildError, match="disk is full"):
        pack({"a.json": tmp_path / "a.json"}, tmp_path / "out" / "a.zip")
    assert list((tmp_path / "out").iterdir()) == []
