"""A tenth of the pictures of a remote archive: fetched one by one against the whole archive.

    python -m benchmarks.remote_pictures
    python -m benchmarks.remote_pictures --members 5000 --milliseconds 20

A server on this machine gives out a zip of random bytes as large as pictures are, and waits before each
answer as a distant one would. Both ways end with the same members in memory, each checked against its
CRC: the whole archive is downloaded, hashed and made durable as `fetch` does it, and then read in place;
singly, the members come by `RemoteZip`. Printed are bytes and seconds of both ways and their ratios,
medians over the repeats, both ways in turn.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import random
import re
import statistics
import tempfile
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

from schemas.source import Pin, RemoteFile
from transforms.addresses import Policy
from transforms.archive import ZipArchive
from transforms.content import file_sha256
from transforms.download import fetch
from transforms.remote_zip import RemoteZip
from transforms.steps import silent
from transforms.web import MOST_CONNECTIONS, Web

MEAN_BYTES = 120_000
"""Mean size of a picture of COCO or Visual Genome, roughly."""


class Distant(BaseHTTPRequestHandler):
    """Gives out one file, with ranges, some time after it is asked."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    path_of_file: ClassVar[Path]
    seconds: ClassVar[float]
    sent: ClassVar[Any]
    answers: ClassVar[Any]

    def do_GET(self) -> None:
        """Answers."""
        time.sleep(self.seconds)
        size = self.path_of_file.stat().st_size
        found = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range") or "")
        first, last = 0, size - 1
        if found:
            first = int(found[1]) if found[1] else max(0, size - int(found[2]))
            last = min(int(found[2]), size - 1) if found[1] and found[2] else size - 1
        self.send_response(206 if found else 200)
        self.send_header("ETag", '"one"')
        self.send_header("Content-Length", str(last - first + 1))
        if found:
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.end_headers()
        with self.path_of_file.open("rb") as file:
            file.seek(first)
            left = last - first + 1
            while left and (block := file.read(min(left, 1 << 20))):
                self.wfile.write(block)
                left -= len(block)
        with self.sent.get_lock(), self.answers.get_lock():
            self.sent.value += last - first + 1
            self.answers.value += 1

    def log_message(self, *_: object) -> None:
        """Keeps quiet."""


def main() -> None:
    """Prints what both ways cost."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--members", type=int, default=5_000)
    parser.add_argument("--share", type=float, default=0.1)
    parser.add_argument("--milliseconds", type=float, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _compare(Path(folder), options)


def _compare(folder: Path, options: argparse.Namespace) -> None:
    draw = random.Random(0)
    archive = folder / "pictures.zip"
    names = _write(archive, options.members, draw)
    wanted = draw.sample(names, round(len(names) * options.share))
    pin = Pin(sha256=file_sha256(archive), bytes=archive.stat().st_size, witness="this benchmark")
    # A process of its own: the server must not wait for the client's turns of the interpreter.
    apart = multiprocessing.get_context("fork")
    fields = {
        "path_of_file": archive,
        "seconds": options.milliseconds / 1000,
        "sent": apart.Value("q", 0),
        "answers": apart.Value("q", 0),
    }
    handler: type[Distant] = type("Told", (Distant,), fields)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    serving = apart.Process(target=server.serve_forever, daemon=True)
    serving.start()
    url = f"http://127.0.0.1:{server.server_port}/pictures.zip"
    policy = Policy(frozenset({("http", "127.0.0.1", server.server_port)}))
    costs: dict[str, list[tuple[float, int, int]]] = {"whole": [], "singly": []}
    held: dict[str, str] = {}
    for number in range(options.repeats):
        for way in costs:
            handler.sent.value = handler.answers.value = 0
            web = Web(policy)
            began = time.perf_counter()
            found = (
                _whole(web, url, folder / str(number), pin, wanted)
                if way == "whole"
                else _singly(web, url, wanted)
            )
            costs[way].append((time.perf_counter() - began, handler.sent.value, handler.answers.value))
            web.close()
            held[way] = _hash(found)
    serving.terminate()
    if held["whole"] != held["singly"]:
        raise SystemExit("the two ways gave different bytes")
    _report(options, archive.stat().st_size, len(wanted), costs)


def _write(archive: Path, members: int, draw: random.Random) -> list[str]:
    names = [f"VG_100K/{number}.jpg" for number in range(members)]
    with zipfile.ZipFile(archive, "w") as file:
        for name in names:
            file.writestr(
                name, draw.randbytes(draw.randrange(MEAN_BYTES // 3, 2 * MEAN_BYTES - MEAN_BYTES // 3))
            )
    return names


def _whole(web: Web, url: str, folder: Path, pin: Pin, wanted: list[str]) -> dict[str, bytes]:
    place = folder / "pictures.zip"
    file = RemoteFile(urls=(url,), pin=pin)
    fetch(
        file,
        place,
        partial=folder / "partial",
        mirrors=(),
        offline=False,
        expected=pin,
        progress=silent,
        web=web,
    )
    with ZipArchive(place) as opened:
        found = {name: opened.read_member(name) or b"" for name in wanted}
    place.unlink()
    return found


def _singly(web: Web, url: str, wanted: list[str]) -> dict[str, bytes]:
    with ThreadPoolExecutor(MOST_CONNECTIONS) as workers:
        read = RemoteZip(web, url).read(wanted, workers)
        return {one.name: one.data for one in read if isinstance(one.data, bytes)}


def _hash(found: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name in sorted(found):
        digest.update(name.encode() + found[name])
    return digest.hexdigest()


def _report(
    options: argparse.Namespace, size: int, wanted: int, costs: dict[str, list[tuple[float, int, int]]]
) -> None:
    print(
        f"{wanted:,} of {options.members:,} members of a zip of {size / 1e6:.1f} MB, "
        f"{options.milliseconds:g} ms before each answer, median of {options.repeats}"
    )
    medians = {
        way: tuple(statistics.median(column) for column in zip(*found, strict=True))
        for way, found in costs.items()
    }
    for way, (seconds, sent, requests) in medians.items():
        print(f"  {way:<7} {sent / 1e6:9.1f} MB {requests:6.0f} requests {seconds:7.2f} s")
    (slow, many, _), (quick, few, _) = medians["whole"], medians["singly"]
    print(f"  singly: {many / few:.1f} times fewer bytes, {slow / quick:.1f} times faster")


if __name__ == "__main__":
    main()
