"""Pictures fetched one by one: the same bytes from every place, once, and the build stays the same."""

from __future__ import annotations

import io
import random
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.sample import write_sample
from schemas.artifact import Reference
from schemas.errors import BuildError
from schemas.settings import BuildSettings
from schemas.source import RemoteFile
from tests.transforms import fault_server as faults
from tests.transforms.fault_server import Server
from transforms import picture_ways, registry, resume
from transforms.builder import Builder
from transforms.graph import Graph
from transforms.kept_pictures import AdoptedTree, KeptPictures
from transforms.mirror import Mirror, mirror_path
from transforms.picture_store import PictureStore, adopted_folder, store_folder
from transforms.picture_ways import ways_of
from transforms.pictures import PictureArchives
from transforms.remote_zip import NoRangesError
from transforms.zip_format import MemberError

URL = "https://host.org/data/images.zip"
SINGLE = "https://host.org/single/{}"
ARCHIVE = RemoteFile(urls=(URL,), single=(SINGLE,), holds="pictures")
ALONE = RemoteFile(single=(SINGLE,), holds="pictures")
HELD = {f"VG_100K/{number}.jpg": random.Random(number).randbytes(2_000) for number in range(300)}
ABSENT = "VG_100K/no such.jpg"


def packed() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in HELD.items():
            archive.writestr(name, data)
    return target.getvalue()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A running server that is a mirror: the archive under `/zip`, single pictures under `/single`."""
    with Server().running() as running:
        running.tell(f"/zip/{mirror_path(URL)}", faults.whole(packed()))
        for name, data in HELD.items():
            running.tell(f"/alone/{mirror_path(SINGLE.replace('{}', name))}", faults.whole(data))
        yield running


def store(lake: Path, file: RemoteFile, *mirrors: Mirror, offline: bool = False) -> PictureStore:
    return PictureStore(lake, PictureArchives({}), {("s", "images"): file}, mirrors, offline)


def check_all(opened: PictureStore) -> None:
    opened.prefetch([("s", "images", name) for name in [*HELD, ABSENT]])
    for name, data in HELD.items():
        assert opened.read("s", "images", name) == data
    assert opened.read("s", "images", ABSENT) is None
    assert opened.check("s", "images", ABSENT).problem == "picture_absent"
    opened.close()


def local(folder: Path) -> Mirror:
    return Mirror(str(folder / "mirror"))


def laid(folder: Path, url: str, data: bytes) -> None:
    path = folder / "mirror" / mirror_path(url)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def test_from_an_archive_on_a_server(server: Server, tmp_path: Path) -> None:
    server.asked.clear()
    file = RemoteFile(urls=(f"{server.url}/zip/{mirror_path(URL)}",), holds="pictures")
    opened = PictureStore(tmp_path, PictureArchives({}), {("s", "images"): file}, (), False, web=server.web())
    check_all(opened)
    assert 0 < len(server.asked) < 20
    server.asked.clear()
    again = PictureStore(tmp_path, PictureArchives({}), {("s", "images"): file}, (), False, web=server.web())
    assert again.read("s", "images", "VG_100K/7.jpg") == HELD["VG_100K/7.jpg"]
    assert server.asked == []


def test_from_single_files_on_a_server(server: Server, tmp_path: Path) -> None:
    single = f"{server.url}/alone/{mirror_path(SINGLE.replace('{}', ''))}" + "/{}"
    file = RemoteFile(single=(single,), holds="pictures")
    check_all(
        PictureStore(tmp_path, PictureArchives({}), {("s", "images"): file}, (), False, web=server.web())
    )


def test_from_a_mirror_on_the_web(server: Server, tmp_path: Path) -> None:
    for place in ("zip", "alone"):
        opened = store(tmp_path / place, ARCHIVE, Mirror(f"{server.url}/{place}"))
        opened.prefetch([("s", "images", name) for name in HELD])
        assert all(opened.read("s", "images", name) == data for name, data in HELD.items())


def test_progress_tells_what_is_still_to_come(server: Server, tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    file = RemoteFile(urls=(f"{server.url}/zip/{mirror_path(URL)}",), holds="pictures")
    opened = PictureStore(
        tmp_path,
        PictureArchives({}),
        {("s", "images"): file},
        (),
        offline=False,
        progress=lambda done, total: told.append((done, total)),
        web=server.web(),
    )
    names = list(HELD)
    opened.prefetch([("s", "images", name) for name in names[:10]])
    # Nobody has said how many there will be.
    assert [done for done, _ in told] == [2_000 * count for count in range(1, 11)]
    assert {total for _, total in told} == {None}
    told.clear()
    # Those that are here already are not expected; all pictures are as large as the mean of them.
    opened.expect([("s", "images", name) for name in [*names[:299], ABSENT]])
    opened.prefetch([("s", "images", name) for name in names[:100]])
    assert [done for done, _ in told] == [2_000 * count for count in range(11, 101)]
    assert {total for _, total in told} == {2_000 * 300}
    opened.prefetch([("s", "images", name) for name in [*names[100:299], ABSENT]])
    # The absent one does not come after all.
    assert told[-1] == (2_000 * 299, 2_000 * 299)
    assert all(total is not None and done <= total for done, total in told)
    opened.read("s", "images", names[299])
    assert told[-1][0] == 2_000 * 300
    assert told[-1][1] is None
    opened.close()


def test_what_lies_here_does_not_travel(tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    wanted = [("s", "images", name) for name in HELD]
    for name, data in HELD.items():
        laid(tmp_path, SINGLE.replace("{}", name), data)
    opened = PictureStore(
        tmp_path,
        PictureArchives({}),
        {("s", "images"): ALONE},
        (local(tmp_path),),
        offline=True,
        progress=lambda done, total: told.append((done, total)),
    )
    opened.expect(wanted)
    opened.prefetch(wanted)
    assert told == []


@pytest.mark.parametrize("offline", [False, True])
def test_from_a_local_mirror(tmp_path: Path, offline: bool) -> None:
    for name, data in HELD.items():
        laid(tmp_path, SINGLE.replace("{}", name), data)
    opened = store(tmp_path, ARCHIVE, local(tmp_path), offline=offline)
    opened.prefetch([("s", "images", name) for name in HELD])
    assert all(opened.read("s", "images", name) == data for name, data in HELD.items())
    kept = next(path for path in store_folder(tmp_path, "s", "images").rglob("*") if path.is_file())
    assert kept.stat().st_nlink == 2
    if offline:
        assert opened.read("s", "images", ABSENT) is None


def test_from_a_local_zip(tmp_path: Path) -> None:
    laid(tmp_path, URL, packed())
    check_all(store(tmp_path, ARCHIVE, local(tmp_path), offline=True))


def test_from_an_adopted_folder(tmp_path: Path) -> None:
    for name, data in HELD.items():
        path = adopted_folder(tmp_path, "s") / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    check_all(store(tmp_path, ARCHIVE, offline=True))


def test_offline_and_nowhere_is_an_error(tmp_path: Path) -> None:
    opened = store(tmp_path, ALONE, local(tmp_path), offline=True)
    with pytest.raises(NoRangesError, match="not here"):
        opened.check("s", "images", "VG_100K/1.jpg")


def test_a_server_that_refuses_is_an_error_and_no_absent_picture(server: Server, tmp_path: Path) -> None:
    url = server.tell("/refused/1.jpg", faults.status(403)).replace("1.jpg", "{}")
    file = RemoteFile(single=(url,), holds="pictures")
    opened = PictureStore(tmp_path, PictureArchives({}), {("s", "images"): file}, (), False, web=server.web())
    with pytest.raises(BuildError, match="403"):
        opened.check("s", "images", "1.jpg")


def test_a_damaged_member_is_told_of_that_picture_only(server: Server, tmp_path: Path) -> None:
    data = bytearray(packed())
    data[100] ^= 1
    server.tell(f"/bad/{mirror_path(URL)}", faults.whole(bytes(data)))
    opened = store(tmp_path, ARCHIVE, Mirror(f"{server.url}/bad"))
    opened.prefetch([("s", "images", name) for name in HELD])
    with pytest.raises(MemberError):
        opened.read("s", "images", "VG_100K/0.jpg")
    assert opened.check("s", "images", "VG_100K/0.jpg").problem == "picture_unreadable"
    assert opened.read("s", "images", "VG_100K/1.jpg") == HELD["VG_100K/1.jpg"]


def test_what_was_torn_is_fetched_again(tmp_path: Path) -> None:
    laid(tmp_path, URL, packed())
    opened = store(tmp_path, ARCHIVE, local(tmp_path), offline=True)
    name = "VG_100K/5.jpg"
    assert opened.read("s", "images", name) == HELD[name]
    (path,) = [path for path in store_folder(tmp_path, "s", "images").rglob("*") if path.is_file()]
    path.write_bytes(path.read_bytes()[:-1])
    assert opened.read("s", "images", name) == HELD[name]


@pytest.mark.parametrize("name", ["../../out", "/etc/passwd", "a\0b", "con", "x" * 5_000, "\ud800", "é/É"])
def test_no_name_leaves_the_store(tmp_path: Path, name: str) -> None:
    kept = KeptPictures(tmp_path / "in" / "store")
    kept.keep(name, b"data")
    assert KeptPictures(tmp_path / "in" / "store").read(name) == b"data"
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["store"]


def test_a_picture_in_an_adopted_folder_is_found_by_the_end_of_its_path(tmp_path: Path) -> None:
    for name in ("a/train/1.jpg", "b/train/1.jpg", "train/2.jpg", "x/y/train/3.jpg", "val/1.jpg", "4.jpg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    tree = AdoptedTree(tmp_path)
    assert len(tree) == 6
    found = {name: tree.find(name) for name in ("train/2.jpg", "train/3.jpg", "a/train/1.jpg", "4.jpg")}
    assert found == {
        "train/2.jpg": tmp_path / "train/2.jpg",
        "train/3.jpg": tmp_path / "x/y/train/3.jpg",
        "a/train/1.jpg": tmp_path / "a/train/1.jpg",
        "4.jpg": tmp_path / "4.jpg",
    }
    # Two files agree equally well; the name alone is not enough.
    assert tree.find("train/1.jpg") is None
    assert tree.find("test/2.jpg") is None
    assert tree.find("../train/2.jpg") == tmp_path / "train/2.jpg"


TASKS = ("visual_grounding",)


def _contents(builder: Builder) -> dict[str, str]:
    return {
        str(reference): builder.run(reference).manifest.content_id
        for reference in builder.steps
        if reference.stage in ("instances", "mixtures", "shards")
    }


def _without_pins(patch: pytest.MonkeyPatch, source: str) -> None:
    declared = registry.declaration(source)
    files = {name: file.model_copy(update={"pin": None}) for name, file in declared.files.items()}
    patch.setattr(registry.reader(source), "SOURCE", declared.model_copy(update={"files": files}))


def test_the_way_pictures_come_changes_nothing_in_a_build(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The publishers' pins are not those of the sample world, which is served here as if it were theirs.
    for source in ("visual_genome", "ofa_bpe"):
        _without_pins(monkeypatch, source)
    mirror = tmp_path / "mirror"
    write_sample(mirror, 0, 0.3)
    whole = BuildSettings(lake=tmp_path / "whole", mirror=str(mirror), tasks=TASKS, unpinned=True)
    first = Builder(whole)
    first.build()
    assert {way.whole for way in ways_of(TASKS, whole).values()} == {True}

    pieces = whole.model_copy(update={"lake": tmp_path / "pieces", "mirror": server.serve(mirror)})
    assert {way.whole for way in ways_of(TASKS, pieces).values()} == {False}
    second = Builder(pieces)
    second.build()
    names = {str(reference) for reference in second.steps}
    assert "raw/visual_genome.images" not in names
    assert "raw/visual_genome.images" in {str(reference) for reference in first.steps}
    assert _contents(second) == _contents(first)
    assert store_folder(pieces.lake, "visual_genome", "images").is_dir()
    # A second build runs nothing, also without the server.
    assert {entry.action for entry in Builder(pieces).plan()} == {"done"}

    # Its archives come into the lake later on: nothing that was made becomes different.
    shutil.rmtree(pieces.lake / "pictures")
    later = pieces.model_copy(update={"mirror": str(mirror), "offline": True})
    third = Builder(later)
    third.build()
    assert _contents(third) == _contents(first)


def test_an_interrupted_and_resumed_build_is_an_undisturbed_one(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for source in ("visual_genome", "ofa_bpe"):
        _without_pins(monkeypatch, source)
    monkeypatch.setattr(resume, "SYNC_BYTES", 1)
    mirror = tmp_path / "mirror"
    write_sample(mirror, 0, 0.3)
    asked = {"tasks": TASKS, "unpinned": True, "until": "instances"}
    calm = BuildSettings.model_validate({"lake": tmp_path / "calm", "mirror": str(mirror), **asked})
    undisturbed = Builder(calm).build()

    def interrupt(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    url = server.serve(mirror)
    served = BuildSettings.model_validate({"lake": tmp_path / "torn", "mirror": url, **asked})
    first = Builder(served)
    broken = [reference for reference in first.steps if reference.stage == "raw"]
    for reference in broken:
        with pytest.raises(KeyboardInterrupt):
            first.run(reference, interrupt)
    server.asked.clear()
    assert Builder(served).build().id == undisturbed.id
    # What had come was taken up: small files had come as a whole.
    assert all(found is not None for _, found in server.asked)


def test_the_cheaper_way_is_taken(tmp_path: Path) -> None:
    settings = BuildSettings(lake=tmp_path)
    few = ways_of(TASKS, settings.model_copy(update={"mixture": "quick"}))
    assert {way.whole for way in few.values()} == {False}
    for way in few.values():
        assert way.archive_bytes is not None
        assert way.pieces_bytes < way.archive_bytes / 10
    none_draws = 1.0
    rows = [5_000] * 100
    there = 1_000_000_000 / picture_ways.PICTURE_BYTES
    for count in rows:
        none_draws *= 1 - min(1.0, count / there)
    assert none_draws < 1e-9
    assert picture_ways._needed([(count, 1_000_000_000) for count in rows], 1_000_000_000) == round(there)
    assert picture_ways._needed([(10, 4_000_000_000)], 1_000_000_000) == pytest.approx(3, abs=1)


def test_without_an_archive_no_step_fetches_one(tmp_path: Path) -> None:
    graph = Graph(BuildSettings(lake=tmp_path, tasks=("visual_spatial_relationship",), unpinned=True))
    assert Reference("raw", "vsr.images") not in graph.steps
