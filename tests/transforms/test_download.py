"""What the downloader does beside the file itself: order, messages, a full disk, interrupts, progress."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest

from schemas.errors import BuildError, ExitCode, TransientError
from tests.transforms import fault_server as faults
from tests.transforms.downloading import (
    DATA,
    OTHER,
    PIN,
    SHA256,
    get,
    good,
    left,
)
from tests.transforms.fault_server import Server

pytestmark = pytest.mark.usefixtures("own_memory")


def test_both_hashes_are_shown(server: Server, tmp_path: Path) -> None:
    url = server.tell("/hashes/a.zip", faults.whole(OTHER))
    with pytest.raises(BuildError) as caught:
        get(tmp_path, server, url)
    assert SHA256 in str(caught.value)
    assert hashlib.sha256(OTHER).hexdigest() in str(caught.value)


def test_addresses_are_tried_in_order(server: Server, tmp_path: Path) -> None:
    urls = (
        server.tell("/0/a.zip", faults.absent),
        server.tell("/1/a.zip", faults.whole(OTHER)),
        server.tell("/2/a.zip", good),
        server.tell("/3/a.zip", good),
    )
    server.asked.clear()
    assert get(tmp_path, server, *urls).url == urls[2]
    assert [path for path, _ in server.asked] == ["/0/a.zip", "/1/a.zip", "/2/a.zip"]


def test_all_failures_are_told_and_one_may_pass(server: Server, tmp_path: Path) -> None:
    absent, broken = server.tell("/a/a.zip", faults.absent), server.tell("/b/a.zip", faults.status(503))
    other = server.tell("/c/a.zip", faults.whole(OTHER))
    with pytest.raises(TransientError, match=r"(?s)404.*503"):
        get(tmp_path, server, absent, broken)
    with pytest.raises(BuildError, match="none of the 2") as caught:
        get(tmp_path, server, absent, other)
    assert not isinstance(caught.value, TransientError)


def test_a_connection_refused_may_pass(server: Server, tmp_path: Path) -> None:
    with Server().running() as gone:
        url = gone.url
    with pytest.raises(TransientError):
        get(tmp_path, gone, f"{url}/a.zip")


def test_plain_http_needs_a_pin(server: Server, tmp_path: Path) -> None:
    server.asked.clear()
    with pytest.raises(BuildError, match="plain http"):
        get(tmp_path, None, "http://host.org/a.zip", pin=None)
    assert server.asked == []


def test_a_full_disk_has_its_own_exit_code(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    urls = server.tell("/full/a.zip", good), server.tell("/never/a.zip", good)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(BuildError, match="disk is full") as caught:
            get(tmp_path, server, *urls)
    assert caught.value.exit_code == ExitCode.DISK_FULL
    assert left(tmp_path) == []
    assert get(tmp_path, server, *urls).sha256 == SHA256


def test_an_interrupt_leaves_no_file_and_the_same_call_goes_on(server: Server, tmp_path: Path) -> None:
    def interrupt(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    url = server.tell("/interrupt/a.zip", good)
    with pytest.raises(KeyboardInterrupt):
        get(tmp_path, server, url, progress=interrupt)
    assert left(tmp_path) == []
    server.asked.clear()
    assert get(tmp_path, server, url).sha256 == SHA256
    assert all(found for _, found in server.asked)
    assert left(tmp_path) == ["a.zip"]


def test_progress_counts_to_the_total(server: Server, tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    url = server.tell("/progress/a.zip", faults.cut(DATA, 30_000), good)
    get(tmp_path, server, url, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (len(DATA), len(DATA))
    assert told == sorted(told)


def test_files_that_arrive_at_once_are_all_remembered(tmp_path: Path) -> None:
    from transforms.pins import remember, remembered

    names = [f"source.file{number}" for number in range(20)]
    threads = [threading.Thread(target=remember, args=(tmp_path, name, PIN)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(remembered(tmp_path)) == sorted(names)
