"""A download that stopped goes on where it was, and only where that is sure to be right."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.errors import BuildError, ExitCode, TransientError
from tests.conftest import ROOT
from tests.transforms import fault_server as faults
from tests.transforms.downloading import (
    DATA,
    NAME_ONLY,
    OTHER,
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


KILLED = """
import sys
from pathlib import Path
from schemas.source import Pin, RemoteFile
from tests.transforms.fault_server import HASTY
from transforms import resume
from transforms.addresses import Policy
from transforms.download import fetch
from transforms.web import Web
url, folder, sha256, size, port = sys.argv[1:]
resume.SYNC_BYTES = 4096
pin = Pin(sha256=sha256, bytes=int(size), witness="this test")
web = Web(Policy(frozenset({("http", "127.0.0.1", int(port))})), HASTY)
fetch(
    RemoteFile(urls=(url,)), Path(folder, "out", "a.zip"), partial=Path(folder, "partial", "a"), mirrors=(),
    offline=False, expected=pin, progress=lambda done, total: print(done, flush=True), web=web,
)
"""


def _process(server: Server, url: str, folder: Path) -> subprocess.Popen[str]:
    arguments = [url, str(folder), SHA256, str(len(DATA)), str(server.port)]
    return subprocess.Popen(
        [sys.executable, "-c", KILLED, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


def test_a_killed_download_goes_on_where_it_was(server: Server, tmp_path: Path) -> None:
    def stop_halfway(handler: faults.Handler) -> None:
        handler.answer(200, DATA[:30_000], len(DATA), ETag=faults.ETAG)
        handler.released.wait(0.3)
        handler.close_connection = True

    url = server.tell("/kill/a.zip", stop_halfway, good)
    process = _process(server, url, tmp_path)
    assert process.stdout is not None
    while (line := process.stdout.readline()) and int(line) < 20_000:
        pass
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert left(tmp_path) == []
    kept = State.model_validate_json((tmp_path / "partial" / "a.json").read_bytes()).synced
    assert kept > 0
    server.tell("/kill/a.zip", good)
    server.asked.clear()
    assert get(tmp_path, server, url).sha256 == SHA256
    assert server.asked == [("/kill/a.zip", f"bytes={kept}-")]
    assert (tmp_path / "out" / "a.zip").read_bytes() == DATA


def test_two_processes_on_one_file(server: Server, tmp_path: Path) -> None:
    url = server.tell("/two/a.zip", faults.cut(DATA, 30_000), good)
    processes = [_process(server, url, tmp_path) for _ in range(2)]
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    assert (tmp_path / "out" / "a.zip").read_bytes() == DATA


def test_a_file_that_another_process_holds_for_long_is_told(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resume, "WAIT_SECONDS", 0.01)
    url = server.tell("/held/a.zip", good)
    with resume.Partial(tmp_path / "partial" / "a").held(), pytest.raises(BuildError) as caught:
        get(tmp_path, server, url)
    assert caught.value.exit_code == ExitCode.LAKE_BUSY
