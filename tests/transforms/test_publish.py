"""A build put where others start from it (an S3 server, a folder, memory), and taken from there."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import fsspec
import pytest

from flows.sample import with_sample
from schemas.errors import BuildError, ExitCode
from schemas.settings import BuildSettings
from tests.conftest import SMALL
from tests.s3_server import bucket
from tests.small_lake import TASK, copy_small
from transforms import registry
from transforms.artifact import find
from transforms.builder import Builder
from transforms.lake import commit, current, whole
from transforms.lineage import lineage
from transforms.publish import AT_ONCE, publish
from transforms.pull import pull
from transforms.show import drawn
from transforms.storage import Seen, Storage, storage


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of an empty bucket."""
    with bucket("lakes") as address:
        yield address


@pytest.fixture(params=["s3", "file", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place of each kind that nobody has written to."""
    name = tmp_path.name
    if request.param == "s3":
        return f"{request.getfixturevalue('s3')}/{name}"
    return f"file://{tmp_path}/published" if request.param == "file" else f"memory://{name}"


@pytest.fixture(scope="module")
def small(sample_build: Builder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with a build of one task."""
    return copy_small(sample_build.lake, tmp_path_factory.mktemp("small") / "lake")


@pytest.fixture
def lake(small: Path, tmp_path: Path) -> Path:
    """A copy of the small lake."""
    shutil.copytree(small, tmp_path / "lake")
    return tmp_path / "lake"


def _files(folder: Path) -> dict[str, bytes]:
    stages = ("tables", "instances", "mixtures", "shards", "builds")
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for stage in stages
        for path in sorted((folder / stage).rglob("*"))
        if path.is_file()
    }


def test_a_lake_elsewhere_holds_the_same(lake: Path, url: str, tmp_path: Path) -> None:
    done = publish(lake, url)
    assert done.sent == done.files > 10
    assert done.before is None
    assert done.stays > 0
    taken = pull(url, tmp_path / "taken")
    assert taken.build == done.build == whole(lake).id
    assert whole(tmp_path / "taken") == whole(lake)
    assert _files(tmp_path / "taken") == _files(lake)
    # One can look and train, and knows what the files were that stayed behind.
    shown = drawn(tmp_path / "taken", TASK, 1, 0)
    assert shown == drawn(lake, TASK, 1, 0)
    there, here = (lineage(place, shown[0].uid).files for place in (tmp_path / "taken", lake))
    assert [(file.url, file.sha256) for file in there] == [(file.url, file.sha256) for file in here]
    assert not any(file.here for file in there)
    assert not list((tmp_path / "taken" / "raw").glob("*/*/data"))


def test_nothing_is_sent_or_fetched_twice(lake: Path, url: str, tmp_path: Path) -> None:
    publish(lake, url)
    again = publish(lake, url)
    assert (again.sent, again.sent_bytes, again.before) == (0, 0, again.build)
    pull(url, tmp_path / "taken")
    once_more = pull(url, tmp_path / "taken")
    assert (once_more.came, once_more.came_bytes) == (0, 0)
    assert once_more.stays == again.stays > 0


def test_publishers_files_go_only_if_they_are_asked_for(lake: Path, url: str, tmp_path: Path) -> None:
    publish(lake, url)
    assert not [path for path in storage(url).sizes("raw") if "/data/" in path]
    done = publish(lake, url, with_raw=True)
    assert done.stays == 0
    assert done.sent == len([path for path in storage(url).sizes("raw") if "/data/" in path]) > 0
    before = pull(url, tmp_path / "taken")
    assert before.stays == 0
    assert list((tmp_path / "taken" / "raw").glob("*/*/data/*"))


def test_publishers_files_that_were_published_later_come_later(lake: Path, url: str, tmp_path: Path) -> None:
    publish(lake, url)
    pull(url, tmp_path / "taken")
    publish(lake, url, with_raw=True)
    done = pull(url, tmp_path / "taken")
    assert (done.came > 0, done.stays) == (True, 0)
    assert len(list((tmp_path / "taken" / "raw").glob("*/*/data/*"))) == done.came


def test_a_lake_that_holds_something_else_is_left_alone(lake: Path, tmp_path: Path) -> None:
    publish(lake, str(tmp_path / "published"))
    pull(str(tmp_path / "published"), tmp_path / "taken")
    (path,) = (tmp_path / "taken" / "tables" / "nlvr.statements").glob("*/manifest.json")
    path.write_text(path.read_text().replace('"content_id": "', '"content_id": "f', 1))
    before = (tmp_path / "taken" / "current").read_text()
    with pytest.raises(BuildError, match="something else under the same fingerprint"):
        pull(str(tmp_path / "published"), tmp_path / "taken")
    assert (tmp_path / "taken" / "current").read_text() == before


def test_a_build_on_top_fetches_only_what_a_missing_step_reads(small_build: Builder, tmp_path: Path) -> None:
    publish(small_build.lake, f"file://{tmp_path}/published")
    taken = tmp_path / "taken"
    pull(f"{tmp_path}/published", taken)
    settings = with_sample(BuildSettings(lake=taken, sample=True, sources=SMALL))
    builder = Builder(settings)
    assert {entry.action for entry in builder.plan()} == {"done"}
    assert builder.build().id == whole(small_build.lake).id
    assert not list((taken / "raw").glob("*/*/data"))
    # One table is gone: the file that it is made from is fetched, and no other.
    shutil.rmtree(taken / "tables" / "visual_genome.attributes")
    builder = Builder(settings)
    needed = {"raw/visual_genome.attributes", "tables/visual_genome.attributes"}
    assert {str(entry.step.reference) for entry in builder.plan() if entry.action != "done"} == needed
    assert builder.build().id == whole(small_build.lake).id
    here = [path.parent.parent.name for path in (taken / "raw").glob("*/*/data")]
    assert here == ["visual_genome.attributes"]


def _interrupted(monkeypatch: pytest.MonkeyPatch, method: str, after: int) -> None:
    """The place stops answering after so many calls."""
    calls = iter(range(10_000))
    lock = threading.Lock()

    def stop(real: Any, *given: Any) -> Any:
        with lock:
            if next(calls) >= after:
                raise KeyboardInterrupt
        return real(*given)

    _instead(monkeypatch, method, stop)


def _instead(monkeypatch: pytest.MonkeyPatch, method: str, call: Any) -> None:
    """Puts something in the way of a method of every kind of place."""
    for kind in (Storage, *Storage.__subclasses__()):
        if method in vars(kind):
            real = vars(kind)[method]
            monkeypatch.setattr(kind, method, lambda *given, real=real: call(real, *given))


@pytest.mark.parametrize("method", ["put", "write", "swap"])
def test_an_interrupted_publish_shows_nothing_and_goes_on(
    lake: Path, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    with monkeypatch.context() as patch:
        _interrupted(patch, method, 0 if method == "swap" else 5)
        with pytest.raises(KeyboardInterrupt):
            publish(lake, url)
    with pytest.raises(BuildError, match="nothing is published"):
        pull(url, tmp_path / "taken")
    there = {path for path in storage(url).sizes("") if "/data/" in path or path.endswith("rejected.parquet")}
    done = publish(lake, url)
    assert done.sent == done.files - len(there)
    assert pull(url, tmp_path / "taken").build == done.build


def test_an_interrupted_pull_goes_on(
    lake: Path, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(lake, url)
    taken = tmp_path / "taken"
    with monkeypatch.context() as patch:
        _interrupted(patch, "get", 8)
        with pytest.raises(KeyboardInterrupt):
            pull(url, taken)
    assert current(taken) is None
    whole_ones = len(list(taken.glob("*/*/*/manifest.json")))
    assert whole_ones
    done = pull(url, taken)
    assert done.came == done.artifacts - whole_ones
    assert _files(taken) == _files(lake)


def test_a_torn_file_is_sent_again(lake: Path, url: str, tmp_path: Path) -> None:
    publish(lake, url)
    place = storage(url)
    path = next(path for path in place.sizes("tables") if path.endswith("statements.parquet"))
    folder = path.partition("/data/")[0]
    data = place.read(path)
    assert data is not None
    # As a publisher leaves it that is killed: the manifest is written last.
    fsspec.url_to_fs(url)[0].rm(f"{fsspec.url_to_fs(url)[1]}/{folder}/manifest.json")
    place.write(path, data[:-1] + bytes([data[-1] ^ 1]))
    assert publish(lake, url).sent == 1
    assert place.read(path) == data


def test_a_damaged_file_is_not_published(lake: Path, url: str) -> None:
    (path,) = (lake / "tables" / "nlvr.statements").glob("*/data/*")
    damaged = bytearray(path.read_bytes())
    damaged[100] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(BuildError, match="damaged"):
        publish(lake, url)
    assert storage(url).read("current") is None


def _other(lake: Path) -> str:
    """Makes another build current in the lake, without one of the tables; its id."""
    build = whole(lake)
    kept = [find(lake, entry.reference, entry.fingerprint) for entry in build.members]
    return commit(lake, [made for made in kept if made is not None][:-1], build.mixture).id


def test_the_reference_is_moved_and_readers_see_the_new_build(lake: Path, url: str, tmp_path: Path) -> None:
    first = publish(lake, url)
    second = _other(lake)
    done = publish(lake, url)
    assert (done.before, done.build, done.sent) == (first.build, second, 0)
    assert pull(url, tmp_path / "taken").build == second


def test_who_comes_second_is_told(lake: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = publish(lake, url).build
    mine = _other(lake)

    def meanwhile(real: Any, place: Storage, path: str, data: bytes) -> None:
        real(place, path, data)
        if path == f"builds/{mine}.json":
            real(place, "current", b"0123456789abcdef\n")

    _instead(monkeypatch, "write", meanwhile)
    with pytest.raises(BuildError, match="somebody else has published") as caught:
        publish(lake, url)
    assert "0123456789abcdef" in str(caught.value)
    assert first in str(caught.value)
    assert storage(url).read("current") == b"0123456789abcdef\n"


def _race(place: Storage, seen: Seen) -> list[bytes]:
    """Many who replace the same file at once; what those wrote who were told that theirs stands."""
    start = threading.Barrier(AT_ONCE)

    def run(number: int) -> bytes | None:
        mine = f"{len(seen.data or b'')}-{number}".encode()
        start.wait()
        while True:
            try:
                return mine if place.swap("current", seen, mine) else None
            except BuildError as error:
                # The lock of a folder turns away who comes while another holds it.
                if error.exit_code != ExitCode.LAKE_BUSY:
                    raise

    with ThreadPoolExecutor(AT_ONCE) as runners:
        return [mine for mine in runners.map(run, range(AT_ONCE)) if mine is not None]


def test_a_conditional_place_has_one_winner(s3: str, tmp_path: Path) -> None:
    for place in (storage(f"{s3}/race"), storage(str(tmp_path / "race"))):
        assert place.conditional
        assert _race(place, Seen(None)) == [place.read("current")]
        assert _race(place, place.look("current")) == [place.read("current")]


def test_what_a_publisher_forbids_stays_here(lake: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # What is drawn on the spot may be given on; a publisher's file says where it came from.
    assert publish(lake, f"{url}/sample").sent
    for path in (lake / "raw").rglob("manifest.json"):
        manifest = json.loads(path.read_text())
        assert manifest["facts"].pop("sample")
        path.write_text(json.dumps(manifest))
    real = registry.declaration

    def declaration(source: str) -> Any:
        forbidden = {"redistribution": "forbidden"} if source == "nlvr" else {}
        return real(source).model_copy(update=forbidden)

    monkeypatch.setattr(registry, "declaration", declaration)
    with pytest.raises(BuildError, match="forbids") as caught:
        publish(lake, url)
    assert "nlvr" in str(caught.value)
    assert not [path for path in storage(url).sizes("") if not path.startswith("sample/")]


HOSTILE: dict[str, tuple[str, Callable[[str], str] | None]] = {
    "another id": ("builds/{id}.json", lambda text: text.replace('"id": "', '"id": "0', 1)),
    "no list": ("builds/{id}.json", lambda _: "[]"),
    "a name that leads out": (
        "builds/{id}.json",
        lambda text: text.replace('"name": "nlvr.statements"', '"name": "../../escaped"', 1),
    ),
    "a manifest of something else": (
        "{table}/manifest.json",
        lambda text: text.replace('"name": "nlvr.statements"', '"name": "nlvr.images"', 1),
    ),
    "no manifest": ("{table}/manifest.json", lambda _: "{"),
    "a file that leads out": (
        "{table}/manifest.json",
        lambda text: text.replace("data/statements.parquet", "data/../../../../escaped", 1),
    ),
    "an absolute file": (
        "{table}/manifest.json",
        lambda text: text.replace("data/statements.parquet", "/tmp/escaped", 1),
    ),
    "another hash": (
        "{table}/manifest.json",
        lambda text: json.dumps(_with(json.loads(text), "sha256", "0" * 64)),
    ),
    "another size": (
        "{table}/manifest.json",
        lambda text: json.dumps(_with(json.loads(text), "bytes", 7)),
    ),
    "a missing file": ("{table}/data/statements.parquet", None),
}


def _with(manifest: dict[str, Any], name: str, value: object) -> dict[str, Any]:
    manifest["files"][0][name] = value
    return manifest


@pytest.mark.parametrize("fault", HOSTILE)
def test_a_place_that_does_not_fit_together_is_refused(lake: Path, tmp_path: Path, fault: str) -> None:
    place = tmp_path / "published"
    build = publish(lake, str(place)).build
    (table,) = (place / "tables" / "nlvr.statements").iterdir()
    named, change = HOSTILE[fault]
    path = place / named.format(id=build, table=table.relative_to(place))
    if change is None:
        path.unlink()
    else:
        before = path.read_text()
        path.write_text(change(before))
        assert path.read_text() != before
    with pytest.raises(BuildError, match="does not fit together"):
        pull(str(place), tmp_path / "taken")
    assert current(tmp_path / "taken") is None
    assert not list(tmp_path.rglob("*escaped*"))
    assert not list((tmp_path / "taken" / "tables" / "nlvr.statements").glob("*/data"))


def test_a_lake_keeps_what_it_has(lake: Path, tmp_path: Path) -> None:
    publish(lake, str(tmp_path / "published"))
    before = _other(lake)
    taken = pull(str(tmp_path / "published"), lake)
    assert taken.before == before
    assert taken.came == 0
    assert (lake / "builds" / f"{before}.json").is_file()


def test_a_pull_needs_room_and_says_so_first(
    lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(lake, str(tmp_path / "published"))
    usage = shutil.disk_usage(tmp_path)._replace(free=1_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(BuildError, match="too little room") as caught:
        pull(str(tmp_path / "published"), tmp_path / "taken")
    assert caught.value.exit_code == ExitCode.DISK_FULL
    assert not (tmp_path / "taken" / "tables").exists()


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("nosuch://sentinel@host/place", ExitCode.USAGE),
        ("", ExitCode.USAGE),
        ("file://", ExitCode.USAGE),
        ("s3://no-such-bucket/lake", ExitCode.FAILED),
    ],
)
def test_a_place_that_is_none_is_told_without_secrets(lake: Path, s3: str, url: str, code: ExitCode) -> None:
    with pytest.raises(BuildError) as caught:
        publish(lake, url)
    assert caught.value.exit_code == code
    assert "sentinel" not in str(caught.value)


def test_a_server_that_is_gone_may_come_back(lake: Path, s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fsspec.filesystem("s3").clear_instance_cache()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr("s3fs.core.S3FileSystem.retries", 1)
    try:
        with pytest.raises(BuildError) as caught:
            publish(lake, f"{s3}/gone")
    finally:
        fsspec.filesystem("s3").clear_instance_cache()
    assert caught.value.exit_code == ExitCode.NETWORK
    assert "sentinel" not in str(caught.value)
