"""The world is the same bytes everywhere, and whole or absent."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

from sample_world.archive import archive, json_array, store, tar_gz
from sample_world.scenes import scenes
from sample_world.world import sources, texts, write_world

ROOT = Path(__file__).resolve().parents[2]


def hashes(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize(
    ("hash_seed", "zone", "locale"), [("1", "Asia/Tokyo", "C"), ("77", "UTC", "C.UTF-8")]
)
def test_the_bytes_do_not_depend_on_the_process(
    tmp_path: Path, hash_seed: str, zone: str, locale: str
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    write_world(here, 0, 0.1)
    code = "import sys; from pathlib import Path; from sample_world.world import write_world; " + (
        "write_world(Path(sys.argv[1]), 0, 0.1)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "TZ": zone, "LC_ALL": locale}
    subprocess.run([sys.executable, "-c", code, str(there)], check=True, cwd=ROOT, env=environment)
    assert hashes(here) == hashes(there)
    assert len(hashes(here)) > 8


def test_another_seed_gives_other_bytes(tmp_path: Path) -> None:
    write_world(tmp_path / "a", 0, 0.3)
    write_world(tmp_path / "b", 1, 0.3)
    one, other = hashes(tmp_path / "a"), hashes(tmp_path / "b")
    assert one.keys() == other.keys()
    same = {path.rpartition("/")[2] for path in one if one[path] == other[path]}
    # They hold ids and counts of votes, which are those of any seed.
    assert same <= {"flickr30k_test.lst", "flickr30k_train_val.lst", "annotations.zip"}


def test_sources_are_the_modules_of_formats() -> None:
    stems = {path.stem for path in (ROOT / "sample_world" / "formats").glob("*.py")} - {"__init__"}
    assert sources() == sorted(stems)
    assert "visual_genome" in sources()


def test_texts_are_all_that_is_said() -> None:
    said = list(texts(0, 0.1))
    for scene in scenes(0, 0.1):
        assert {scene.caption, *(d.phrase for d in scene.descriptions)} <= set(said)
        assert {q.answer for q in scene.questions} | {r.predicate for r in scene.relations} <= set(said)
    assert said == list(texts(0, 0.1))


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.json.zip"
    with json_array(path) as add:
        add({"a": 1})
    before = hashes(tmp_path)
    with pytest.raises(KeyError), json_array(path) as add:
        add({"a": 2})
        raise KeyError
    with pytest.raises(KeyError), archive(tmp_path / "b.zip") as file:
        store(file, "c.jpg", b"c")
        raise KeyError
    assert hashes(tmp_path) == before


def _twice() -> pytest.RaisesExc[ValueError]:
    return pytest.raises(ValueError, match=r"a member of this name already: a/1\.jpg")


def test_no_two_members_of_one_name(tmp_path: Path) -> None:
    with _twice(), archive(tmp_path / "a.zip") as file:
        store(file, "a/1.jpg", b"one")
        store(file, "a/1.jpg", b"another")
    with _twice(), tar_gz(tmp_path / "a.tar.gz") as add:
        add("a/1.jpg", b"one")
        add("a/1.jpg", b"another")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("records", [[], [1], [{"a": "é\n"}, None]])
def test_an_array_of_any_length_is_json(tmp_path: Path, records: list[object]) -> None:
    with json_array(tmp_path / "a.json.zip") as add:
        for record in records:
            add(record)
    with ZipFile(tmp_path / "a.json.zip") as file:
        assert file.read("a.json").decode("ascii") == json.dumps(records)
        assert file.infolist()[0].date_time == (1980, 1, 1, 0, 0, 0)


def test_a_tar_has_no_clock_and_no_owner_and_is_whole_or_absent(tmp_path: Path) -> None:
    path = tmp_path / "host.org" / "a.tar.gz"
    for place in (path, tmp_path / "other.tar.gz"):
        with tar_gz(place) as add:
            add("b/first.json", b"{}")
            add("a" * 150, b"x" * 10_000)
    assert path.read_bytes() == (tmp_path / "other.tar.gz").read_bytes()
    with tarfile.open(path) as archive:
        members = archive.getmembers()
        assert [member.name for member in members] == ["b/first.json", "a" * 150]
        assert {(member.mtime, member.uid, member.gid, member.uname, member.gname) for member in members} == {
            (0, 0, 0, "", "")
        }
    before = path.read_bytes()
    with pytest.raises(RuntimeError), tar_gz(path) as add:
        add("b", b"")
        raise RuntimeError
    assert path.read_bytes() == before
    assert sorted(found.name for found in path.parent.iterdir()) == ["a.tar.gz"]
