"""A download that stopped goes on where it was, and only where that is sure to be right."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import BuildError, ExitCode, TransientError
from tests.conftest import ROOT
from tests.transforms import fault_server as faults
from tests.transforms.downloading import (
    DATA,
    NAME_ONLY,
    OTHER,
    PIN,
    SEEDS,
    SHA256,
    begun,
    get,
    good,
    left,
)
from tests.transforms.fault_server import Server
from transforms import resume
from transforms.resume import State

pytestmark = pytest.mark.usefixtures("own_memory")


def test_only_the_rest_is_asked_for(server: Server, tmp_path: Path) -> None:
    url = server.tell("/rest/a.zip", faults.cut(DATA, 40_000), good)
    server.asked.clear()
    get(tmp_path, server, url)
    assert server.asked == [("/rest/a.zip", None), ("/rest/a.zip", "bytes=40000-")]


def test_an_unpinned_file_is_only_continued_if_the_server_names_its_bytes(
    server: Server, tmp_path: Path
) -> None:
    for number, (etag, date, asked) in enumerate(
        [(faults.ETAG, None, 1), (None, faults.DATE, 1), (None, None, 0), ('W/"x"', None, 0)]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        url = server.tell("/unpinned/a.zip", faults.whole(DATA, etag, date))
        begun(folder, url, DATA[:40_000], etag=etag, last_modified=date, total=len(DATA))
        server.asked.clear()
        assert get(folder, server, url, pin=None).sha256 == SHA256
        assert [bool(found) for _, found in server.asked] == [bool(asked)]


def test_an_unpinned_file_whose_end_nobody_knows_is_refused(server: Server, tmp_path: Path) -> None:
    url = server.tell("/endless/a.zip", faults.body(DATA, -1))
    with pytest.raises(BuildError, match="end early"):
        get(tmp_path, server, url, pin=None)
    assert get(tmp_path, server, url, pin=NAME_ONLY).sha256 == SHA256


@pytest.mark.parametrize(
    ("data", "state"),
    [
        (OTHER[:30_000], {"total": len(DATA)}),
        (OTHER, {"total": len(DATA)}),
        (OTHER[:30_000], {"total": len(DATA), "etag": faults.ETAG}),
        (DATA[:30_000], {"total": len(DATA), "synced": 50_000}),
        (DATA[:30_000], {"total": len(DATA) + 1, "etag": faults.ETAG}),
    ],
)
def test_a_partial_file_of_another_version_is_thrown_away(
    server: Server, tmp_path: Path, data: bytes, state: dict[str, object]
) -> None:
    url = server.tell("/version/a.zip", good)
    begun(tmp_path, url, data, **state)
    assert get(tmp_path, server, url).sha256 == SHA256


def test_a_partial_file_that_is_whole_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    url = server.tell("/complete/a.zip", good)
    begun(tmp_path, url, DATA, total=len(DATA))
    server.asked.clear()
    assert get(tmp_path, server, url).sha256 == SHA256
    assert server.asked == []


def test_416_at_the_end_of_a_file_of_unknown_length(server: Server, tmp_path: Path) -> None:
    url = server.tell("/end/a.zip", good)
    begun(tmp_path, url, DATA, etag=faults.ETAG)
    server.asked.clear()
    assert get(tmp_path, server, url, pin=NAME_ONLY).sha256 == SHA256
    assert len(server.asked) == 1


def test_an_unpinned_file_that_is_cut_twice_is_not_taken_for_whole(server: Server, tmp_path: Path) -> None:
    url = server.tell("/twice/a.zip", faults.chunked(DATA[:9_000], end=False), faults.cut(DATA, 20_000))
    begun(tmp_path, url, DATA[:5_000], etag=faults.ETAG)
    with pytest.raises(TransientError):
        get(tmp_path, server, url, pin=None)
    assert left(tmp_path) == []
    server.tell("/twice/a.zip", good)
    assert get(tmp_path, server, url, pin=None).sha256 == SHA256


def test_only_what_is_surely_on_the_disk_is_trusted(server: Server, tmp_path: Path) -> None:
    url = server.tell("/power/a.zip", good)
    begun(tmp_path, url, DATA[:20_000] + bytes(10_000), synced=20_000, etag=faults.ETAG, total=len(DATA))
    server.asked.clear()
    assert get(tmp_path, server, url, pin=None).sha256 == SHA256
    assert server.asked == [("/power/a.zip", "bytes=20000-")]


def test_a_pinned_file_is_continued_at_another_address(server: Server, tmp_path: Path) -> None:
    urls = (
        server.tell("/first/a.zip", faults.cut(DATA, 30_000, '"first"'), faults.absent),
        server.tell("/second/a.zip", faults.whole(DATA, '"second"')),
    )
    server.asked.clear()
    assert get(tmp_path, server, *urls).url == urls[1]
    assert server.asked == [("/first/a.zip", None), ("/second/a.zip", "bytes=30000-")]


FORKED = """
import json, os, random, signal, sys, traceback
from pathlib import Path
from schemas.source import Pin, RemoteFile
from tests.transforms.fault_server import HASTY
from transforms import resume
from transforms.addresses import Policy
from transforms.download import fetch
from transforms.web import Web

def once(job):
    os.environ["XDG_CACHE_HOME"] = job["folder"]
    resume.SYNC_BYTES = job["sync"]
    synced, sync = [0], os.fsync
    def counted(handle):
        synced[0] += 1
        if synced[0] == job["killed_at"]:
            os.kill(os.getpid(), signal.SIGKILL)
        sync(handle)
    os.fsync = counted
    pin = Pin.model_validate(job["pin"])
    web = Web(Policy(frozenset({("http", "127.0.0.1", job["port"])})), HASTY)
    folder = Path(job["folder"])
    fetch(
        RemoteFile(urls=(job["url"],)), folder / "out" / "a.zip", partial=folder / "partial" / "a",
        mirrors=(), offline=False, expected=pin, progress=lambda done, total: None, web=web,
    )

for job in json.load(sys.stdin):
    children = []
    for _ in range(job["processes"]):
        child = os.fork()
        if not child:
            try:
                once(job)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        children.append(child)
    print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]))
"""


def _processes(server: Server, jobs: list[dict[str, Any]]) -> list[list[int]]:
    """Fetches in processes of their own, and returns how they ended, for each job."""
    asked = [{"pin": PIN.model_dump(), "port": server.port, **job} for job in jobs]
    ran = subprocess.run(
        [sys.executable, "-c", FORKED],
        cwd=ROOT,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    return [json.loads(line) for line in ran.stdout.splitlines()]


def test_a_killed_download_goes_on_where_it_was(server: Server, tmp_path: Path) -> None:
    urls = [server.tell(f"/kill/{seed}/a.zip", faults.paced(DATA), good) for seed in SEEDS]
    jobs = []
    for seed in SEEDS:
        job = {"url": urls[seed], "folder": str(tmp_path / str(seed)), "processes": 1}
        # Killed as something is to be made sure on the disk, the first bytes at the third time.
        jobs.append({**job, "sync": random.Random(seed).randrange(1_000, 20_000), "killed_at": 1 + seed})
    ended = _processes(server, jobs)
    # However the file was received, it is made sure six times.
    assert ended[:6] == [[-signal.SIGKILL]] * 6
    assert set(map(tuple, ended)) <= {(-signal.SIGKILL,), (0,)}
    resumed = 0
    for seed in SEEDS:
        folder = tmp_path / str(seed)
        assert left(folder) in ([], ["a.zip"])
        kept = _kept(folder)
        server.tell(f"/kill/{seed}/a.zip", good)
        server.asked.clear()
        assert get(folder, server, urls[seed]).sha256 == SHA256
        assert [asked for _, asked in server.asked] == _rest(kept)
        assert (folder / "out" / "a.zip").read_bytes() == DATA
        resumed += kept > 0
    assert resumed > 0


def _rest(kept: int) -> list[str | None]:
    """The ranges that are asked for where so many bytes are here already."""
    if kept == len(DATA):
        return []
    return [f"bytes={kept}-" if kept else None]


def _kept(folder: Path) -> int:
    """Bytes of the file that are surely on the disk."""
    state = folder / "partial" / "a.json"
    if not (state.exists() and state.with_name("a").exists()):
        return 0
    return State.model_validate_json(state.read_bytes()).synced


def test_two_processes_on_one_file(server: Server, tmp_path: Path) -> None:
    jobs: list[dict[str, Any]] = []
    for seed in SEEDS:
        at = random.Random(seed).randrange(1, len(DATA))
        url = server.tell(f"/two/{seed}/a.zip", faults.cut(DATA, at), good)
        job = {"url": url, "folder": str(tmp_path / str(seed)), "processes": 2}
        jobs.append({**job, "sync": 4_096, "killed_at": None})
    assert _processes(server, jobs) == [[0, 0]] * len(SEEDS)
    for seed in SEEDS:
        assert (tmp_path / str(seed) / "out" / "a.zip").read_bytes() == DATA


def test_a_file_that_another_process_holds_for_long_is_told(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resume, "WAIT_SECONDS", 0.01)
    url = server.tell("/held/a.zip", good)
    with resume.Partial(tmp_path / "partial" / "a").held(), pytest.raises(BuildError) as caught:
        get(tmp_path, server, url)
    assert caught.value.exit_code == ExitCode.LAKE_BUSY
