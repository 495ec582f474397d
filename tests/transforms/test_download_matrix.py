"""Every way in which a server misbehaves, 20 times each: the right file, or a clear error and no file.

Each time the file has other bytes and another size, and what goes wrong goes wrong elsewhere.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from schemas.errors import BuildError, TransientError
from schemas.source import Pin
from tests.transforms import fault_server as faults
from tests.transforms.downloading import PAGE, SEEDS, begun, get, left
from tests.transforms.fault_server import Script, Server
from transforms.receive import HEAD_BYTES, Fetched
from transforms.web import Patience

pytestmark = pytest.mark.usefixtures("own_memory")


class Case:
    """A file, and what is drawn about the way in which it comes.

    Attributes:
        data: the file.
        draw: decides where things go wrong.
    """

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.data = b"PK\x03\x04" + self.draw.randbytes(self.draw.randrange(5_000, 12_000))
        self.other = b"PK\x03\x04" + self.draw.randbytes(len(self.data) - 4)
        self.pin = Pin(
            sha256=hashlib.sha256(self.data).hexdigest(), bytes=len(self.data), witness="this test"
        )

    @property
    def good(self) -> Script:
        return faults.whole(self.data)

    @property
    def wrong(self) -> bytes:
        """The right size and the wrong bytes."""
        at = self.draw.randrange(4, len(self.data))
        return self.data[:at] + bytes([self.data[at] ^ 1 << self.draw.randrange(8)]) + self.data[at + 1 :]

    @property
    def longer(self) -> bytes:
        return self.data + self.draw.randbytes(self.draw.choice([1, 2, 4_096, 100_000]))

    def at(self, least: int = 1) -> int:
        """A place in the file."""
        return self.draw.randrange(least, len(self.data))

    def cuts(self, count: int = 2, measured: bool = True) -> list[Script]:
        """Hangs up at some places of the file."""
        places = sorted(self.draw.sample(range(1, len(self.data)), count))
        return [faults.cut(self.data, at, measured=measured) for at in places]

    def cut_other(self, etag: str | None) -> Script:
        """Begins another version of the file, and hangs up."""
        return faults.cut(self.other, self.at(), etag)

    def ranged(self, shift: int = 0, more: int = 0, etag: str | None = faults.ETAG) -> Script:
        return faults.ranged(self.data, shift, len(self.data) + more, etag)

    def busy(self) -> Script:
        after = self.draw.choice([None, "0", "9999", "-1", "Sat, 01 Jan 2022 00:00:00 GMT", "\u00b2"])
        return faults.status(self.draw.choice([408, 425, 429, 500, 502, 503, 504]), Retry_After=after)

    def page(self) -> Script:
        """What stands in place of a file on a day without quota, or before a button is pressed."""
        page = self.draw.choice(
            [PAGE, b"<html><head><title>Dropbox</title>", b"\xef\xbb\xbf<HTML>", b"please log in"]
        )
        kind = (
            "text/html; charset=utf-8"
            if page.startswith(b"p")
            else self.draw.choice(["text/html", "application/zip"])
        )
        return faults.body(page + b" " * self.draw.randrange(2_000), Content_Type=kind)


HEALS: dict[str, Callable[[Case], list[Script]]] = {
    "whole": lambda case: [case.good],
    "chunked": lambda case: [faults.chunked(case.data, end=True)],
    "cut": lambda case: [*case.cuts(), case.good],
    "cut, no length": lambda case: [*case.cuts(measured=False), case.good],
    "cut, chunked": lambda case: [faults.chunked(case.data[: case.at()], end=False), case.good],
    "ignores Range": lambda case: [*case.cuts(), faults.whole(case.data, ranges=False)],
    "wrong Content-Range": lambda case: [*case.cuts(1), case.ranged(shift=case.draw.randrange(1, 99))],
    "other total": lambda case: [*case.cuts(1), case.ranged(more=case.draw.randrange(1, 99))],
    "206 of another version": lambda case: [*case.cuts(1), case.ranged(etag='"two"')],
    "ETag changed": lambda case: [case.cut_other('"old"'), case.good],
    "no ETag, other version": lambda case: [case.cut_other(None), faults.whole(case.data, None)],
    "weak ETag, other version": lambda case: [case.cut_other('W/"old"'), faults.whole(case.data, None)],
    # Fewer bytes than are looked at first are not kept, so that no range would be asked for.
    "416": lambda case: [faults.cut(case.data, case.at(HEAD_BYTES)), faults.status(416), case.good],
    "busy": lambda case: [case.busy(), case.busy(), case.good],
    "empty, then good": lambda case: [faults.body(b""), case.good],
    "hangs up": lambda case: [faults.hang_up, faults.hang_up, case.good],
}

ENDS: dict[str, tuple[Callable[[Case], list[Script]], type[BuildError], str]] = {
    "always cut": (lambda case: case.cuts(1), TransientError, "connection failed|too early"),
    "cut, no length": (
        lambda case: [faults.body(case.data[: case.at()], -1)],
        TransientError,
        "too early",
    ),
    "empty": (lambda _: [faults.body(b"")], TransientError, "too early"),
    "longer": (lambda case: [faults.body(case.longer, -1)], BuildError, "over"),
    "other length": (lambda case: [faults.whole(case.longer)], BuildError, "not the one"),
    "wrong bytes": (lambda case: [faults.whole(case.wrong)], BuildError, "expected: sha256 [0-9a-f]{64}"),
    "page": (lambda case: [case.page()], BuildError, "web page|another kind"),
    "text": (lambda _: [faults.body(b"not a zip")], BuildError, "another kind"),
    "packed": (lambda case: [faults.packed(case.data)], BuildError, "gzip"),
    "absent": (lambda _: [faults.absent], BuildError, "status 404"),
    "forbidden": (
        lambda case: [faults.status(case.draw.choice([401, 403, 410, 451]))],
        BuildError,
        r"status 4\d\d",
    ),
    "busy": (lambda case: [case.busy()], TransientError, r"status [45]\d\d"),
    "down": (
        lambda _: [faults.status(302, Location="http://other.org/a.zip?token=secret")],
        BuildError,
        "leaves https",
    ),
    "hijacked": (
        lambda _: [faults.status(302, Location="https://www.visualgenome.org/a.zip?token=secret")],
        BuildError,
        "never contacted",
    ),
    "loop": (lambda _: [faults.status(302, Location="?token=secret")], BuildError, "too many redirects"),
    "hangs up": (lambda _: [faults.hang_up], TransientError, "connection failed"),
}


@pytest.mark.parametrize("name", HEALS)
def test_what_passes_ends_in_the_verified_file(server: Server, tmp_path: Path, name: str) -> None:
    for seed in SEEDS:
        case, folder = Case(seed), tmp_path / str(seed)
        url = server.tell(f"/heals/{seed}/a.zip", *HEALS[name](case))
        verified(case, folder, server, url)


def verified(case: Case, folder: Path, server: Server, *urls: str) -> None:
    """Fetches the file from the last of its addresses, and finds it and nothing else."""
    fetched = get(folder, server, *urls, pin=case.pin)
    assert fetched == Fetched(case.pin.sha256, len(case.data), urls[-1]), folder
    assert (folder / "out" / "a.zip").read_bytes() == case.data
    assert left(folder) == ["a.zip"]
    assert [path.name for path in (folder / "partial").iterdir()] == ["a.lock"]


@pytest.mark.parametrize("name", ENDS)
def test_what_does_not_pass_is_told_with_its_next_step(server: Server, tmp_path: Path, name: str) -> None:
    script, kind, message = ENDS[name]
    for seed in SEEDS:
        case, folder = Case(seed), tmp_path / str(seed)
        url = server.tell(f"/ends/{seed}/a.zip", *script(case))
        with pytest.raises(BuildError, match=message) as caught:
            get(folder, server, f"{url}?token=secret", pin=case.pin)
        refused(caught.value, folder, transient=kind is TransientError)


def refused(error: BuildError, folder: Path, transient: bool) -> None:
    assert isinstance(error, TransientError) == transient, folder
    assert "next:" in str(error)
    assert "secret" not in str(error)
    assert left(folder) == []


def test_the_first_address_is_dead_and_the_second_is_not(server: Server, tmp_path: Path) -> None:
    for seed in SEEDS:
        case, folder = Case(seed), tmp_path / str(seed)
        dead: list[list[Script]] = [
            [faults.absent],
            [faults.hang_up],
            [case.busy()],
            [case.page()],
            [faults.whole(case.wrong)],
            case.cuts(1),
        ]
        first = server.tell(f"/dead/{seed}/a.zip", *dead[seed % len(dead)])
        second = server.tell(f"/alive/{seed}/a.zip", case.good)
        verified(case, folder, server, first, second)


@pytest.mark.parametrize("named", [True, False])
def test_what_lies_here_may_be_of_another_version(server: Server, tmp_path: Path, named: bool) -> None:
    for seed in SEEDS:
        case, folder = Case(seed), tmp_path / str(seed)
        folder.mkdir()
        url = server.tell(f"/version/{seed}/a.zip", case.good)
        total = len(case.data) + case.draw.choice([0, 0, 1, -1])
        etag = case.draw.choice([faults.ETAG, '"old"']) if named else None
        begun(folder, url, case.other[: case.at()], total=total, etag=etag)
        verified(case, folder, server, url)


def test_a_name_that_is_not_found_at_first(server: Server, tmp_path: Path) -> None:
    for seed in SEEDS:
        case, folder, asked = Case(seed), tmp_path / str(seed), [0]

        def later(host: str, _: int, asked: list[int] = asked, missing: int = 1 + seed % 2) -> list[str]:
            asked[0] += 1
            if asked[0] <= missing:
                raise OSError("no such host")
            return [host]

        url = server.tell(f"/name/{seed}/a.zip", case.good)
        fetched = get(folder, None, url, pin=case.pin, web=server.web(resolver=later))
        assert fetched.sha256 == case.pin.sha256
        assert asked[0] > 1


SHORT = Patience(connect=2, stall=0.15, attempts=2, pause=0.001, longest_pause=0.01)


@pytest.mark.parametrize("name", ["silent", "drips", "silent in the middle"])
def test_a_server_that_stalls_is_not_waited_for(server: Server, tmp_path: Path, name: str) -> None:
    def once(seed: int) -> None:
        case, folder = Case(seed), tmp_path / str(seed)
        script = {
            "silent": faults.silence,
            "drips": faults.drip(case.data, case.at(600)),
            "silent in the middle": faults.stall(case.data, case.at()),
        }[name]
        url = server.tell(f"/{name.replace(' ', '-')}/{seed}/a.zip", script)
        with pytest.raises(TransientError, match="connection failed") as caught:
            get(folder, None, url, pin=case.pin, web=server.web(SHORT))
        refused(caught.value, folder, transient=True)
        # What had come before is kept, and the same call goes on from there.
        server.tell(f"/{name.replace(' ', '-')}/{seed}/a.zip", case.good)
        verified(case, folder, server, url)

    with ThreadPoolExecutor(len(SEEDS)) as together:
        list(together.map(once, SEEDS))
