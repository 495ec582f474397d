"""Taking over what a lab already has: archives by their bytes, folders of pictures by their names."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from flows import fetching
from flows.sample import write_sample
from schemas.errors import BuildError, ExitCode
from schemas.settings import BuildSettings
from schemas.source import Pin, RemoteFile
from transforms import pins, registry
from transforms.adopt import Adopted, adopt, pin_lines
from transforms.builder import Builder
from transforms.mirror import Mirror
from transforms.picture_ways import ways_of

VG = "visual_genome"
TASK = "visual_grounding"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sample world as a mirror; publishers' pins are taken away, for its files are not theirs."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for source in (VG, "ofa_bpe"):
        redeclare(monkeypatch, source, None)
    write_sample(tmp_path / "world", 0, 0.3)
    return tmp_path / "world"


def redeclare(patch: pytest.MonkeyPatch, source: str, pin: Pin | None, name: str | None = None) -> None:
    declared = registry.declaration(source)
    files = {
        key: file.model_copy(update={"pin": pin}) if name in (None, key) else file
        for key, file in declared.files.items()
    }
    patch.setattr(registry.reader(source), "SOURCE", declared.model_copy(update={"files": files}))


def states(found: Adopted) -> dict[str, str]:
    return {outcome.file: outcome.state for outcome in found.outcomes}


def place(world: Path, file: RemoteFile) -> Path:
    path = Mirror(str(world)).local_path(file.urls[0])
    assert path is not None
    return path


def settings(lake: Path) -> BuildSettings:
    return BuildSettings(lake=lake, offline=True, unpinned=True, tasks=(TASK,), sources=(VG,))


def test_adopted_archives_are_linked_and_built_from_without_a_mirror(world: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    found = adopt(lake, VG, world)
    assert set(states(found).values()) == {"taken"}
    taken = {outcome.file: outcome for outcome in found.outcomes}
    for name, file in registry.declaration(VG).files.items():
        path = place(world, file)
        assert path.samefile(place(lake / "adopted", file))
        assert taken[name].bytes == path.stat().st_size
        assert pins.remembered(lake)[f"{VG}.{name}"].sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    adopt(lake, "ofa_bpe", world)
    build = Builder(settings(lake)).build()
    mirrored = settings(tmp_path / "other").model_copy(update={"mirror": str(world)})
    assert Builder(mirrored).build().id == build.id


def test_what_is_missing_is_said_by_name_and_size(world: Path, tmp_path: Path) -> None:
    files = registry.declaration(VG).files
    found = adopt(tmp_path / "lake", VG, place(world, files["objects"]))
    assert {name for name, state in states(found).items() if state == "taken"} == {"objects"}
    missing = {outcome.file: outcome for outcome in found.outcomes if outcome.state == "missing"}
    assert set(missing) == set(files) - {"objects"}
    assert missing["region_descriptions"].name == "region_descriptions.json.zip"
    assert missing["region_descriptions"].bytes == files["region_descriptions"].about_bytes


def test_a_file_that_is_not_the_pinned_one_is_not_taken(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = place(world, registry.declaration(VG).files["objects"])
    size = path.stat().st_size
    other = "0" * 64
    for pin in (Pin(sha256=other, bytes=size, witness="w"), Pin(sha256=other, bytes=size + 1, witness="w")):
        redeclare(monkeypatch, VG, pin, "objects")
        found = adopt(tmp_path / "lake", VG, world)
        (wrong,) = [outcome for outcome in found.outcomes if outcome.state == "wrong"]
        assert wrong.file == "objects"
        assert "expected" in wrong.detail
        assert not place(tmp_path / "lake" / "adopted", registry.declaration(VG).files["objects"]).exists()
        with pytest.raises(BuildError, match="not what they are called"):
            fetching.adopt(tmp_path / "lake", VG, world, accept_terms=(), as_json=True)


def test_a_page_under_the_name_of_an_archive_is_not_taken(world: Path, tmp_path: Path) -> None:
    page = tmp_path / "objects.json.zip"
    page.write_bytes(b"<html>quota</html>")
    assert states(adopt(tmp_path / "lake", VG, page))["objects"] == "wrong"


def test_a_renamed_archive_is_known_by_its_bytes(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = place(world, registry.declaration(VG).files["objects"])
    data = path.read_bytes()
    redeclare(
        monkeypatch,
        VG,
        Pin(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data), witness="w"),
        "objects",
    )
    renamed = tmp_path / "objects (1).zip"
    path.rename(renamed)
    assert states(adopt(tmp_path / "lake", VG, renamed))["objects"] == "taken"


def test_a_folder_of_pictures_stands_for_their_archives(world: Path, tmp_path: Path) -> None:
    files = registry.declaration(VG).files
    tree = tmp_path / "lab" / "vg"
    for name in ("images", "images2"):
        with zipfile.ZipFile(place(world, files[name])) as archive:
            for member in archive.namelist():
                path = tree / member
                path.parent.mkdir(parents=True, exist_ok=True)
                if not member.endswith("/"):
                    path.write_bytes(archive.read(member))
    (tree / "notes.txt").write_text("not a picture")
    count = sum(path.suffix == ".jpg" for path in tree.rglob("*"))
    lake = tmp_path / "lake"
    adopt(lake, "ofa_bpe", world)
    adopt(lake, VG, world)
    for name in ("images", "images2"):
        place(lake / "adopted", files[name]).unlink()
    found = adopt(lake, VG, tree)
    assert (found.pictures, found.others) == (count, 1)
    assert {name for name, state in states(found).items() if state == "pictures"} == {"images", "images2"}
    linked = next(path for path in tree.rglob("*.jpg"))
    assert linked.stat().st_nlink == 2

    asked = settings(lake)
    assert {way.whole for way in ways_of((TASK,), asked).values()} == {False}
    pieces = Builder(asked)
    pieces.build()
    whole = Builder(settings(tmp_path / "other").model_copy(update={"mirror": str(world)}))
    whole.build()
    for reference in whole.steps:
        if reference.stage in ("mixtures", "shards"):
            assert pieces.run(reference).manifest.content_id == whole.run(reference).manifest.content_id, (
                reference
            )


def test_pins_to_paste(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lake = tmp_path / "lake"
    with pytest.raises(BuildError, match="holds no file"):
        fetching.pin(lake, VG)
    adopt(lake, VG, world)
    found = pin_lines(lake, VG)
    assert set(found) == set(registry.declaration(VG).files)
    path = place(world, registry.declaration(VG).files["objects"])
    assert found["objects"].sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    fetching.pin(lake, VG)
    printed = capsys.readouterr().out
    pasted = printed[printed.index("# objects") :].split("pin=")[1].split("\n),")[0] + ")"
    assert eval(pasted, {"Pin": Pin}) == found["objects"]


def test_unknown_names(tmp_path: Path) -> None:
    for source, path in (("no_such", tmp_path), (VG, tmp_path / "absent")):
        with pytest.raises(BuildError) as caught:
            adopt(tmp_path / "lake", source, path)
        assert caught.value.exit_code == ExitCode.USAGE
