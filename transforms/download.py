"""From an address to a file whose bytes are known; the one door to requests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import urljoin, urlsplit

import requests
from urllib3.exceptions import HTTPError

from schemas.errors import BuildError, ExitCode, TransientError
from schemas.source import Pin, RemoteFile
from transforms.mirror import Mirror
from transforms.receive import BLOCK_BYTES, Fetched, Request, link, named, read_blocks, receive
from transforms.steps import Progress

CONNECT_SECONDS: Final = 15
STALL_SECONDS: Final = 60
"""How long a server may stay silent in the middle of a file."""

MOST_REDIRECTS: Final = 5

NEVER_CONTACTED: Final = ("visualgenome.org",)
"""Hosts that once served data and now belong to someone else."""

_PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


def fetch(
    file: RemoteFile,
    destination: Path,
    *,
    mirror: Mirror | None,
    offline: bool,
    expected: Pin | None,
    progress: Progress,
) -> Fetched:
    """Brings a file to `destination`, from the mirror if it is there, else from its publisher.

    A file of a local mirror is linked where that is possible; a wrong file in a mirror is an error.
    The publisher's addresses are tried in order, for all of them should serve the same bytes.

    Args:
        offline: open no connection at all.
        expected: the bytes that the file must have, where they are known.
        progress: told the bytes that have come, and the total if it is known.

    Raises:
        TransientError: no address answered as it should, and at least one may later.
        BuildError: a second try would fail as well: not found, other bytes than expected, a full disk.
    """
    if mirror is not None:
        for url in file.urls:
            found = _from_mirror(mirror, Request(url, destination, expected, progress), offline)
            if found is not None:
                return found
    if offline:
        raise _not_here(file, mirror)
    failures: list[BuildError] = []
    for url in file.urls:
        try:
            return _from_publisher(Request(url, destination, expected, progress))
        except BuildError as error:
            if error.exit_code == ExitCode.DISK_FULL:
                raise
            failures.append(error)
    raise _combined(failures)


def _from_mirror(mirror: Mirror, request: Request, offline: bool) -> Fetched | None:
    """The file from a mirror, or None if it does not have it. What is wrong there is not passed over."""
    local, web = mirror.local_path(request.url), mirror.web_address(request.url)
    if local is not None:
        return link(request, local) if local.is_file() else None
    if offline:
        return None
    if web is not None:
        return _from_web_mirror(request._replace(url=web))
    opened = mirror.open(request.url)
    if opened is None:
        return None
    with opened:
        return receive(request, _store_blocks(opened), None)


def _store_blocks(opened: BinaryIO) -> Iterator[bytes]:
    try:
        yield from read_blocks(opened)
    except OSError as error:
        raise TransientError(
            "the mirror stopped answering", got=type(error).__name__, next_step="run the same command again"
        ) from None


def _from_web_mirror(request: Request) -> Fetched | None:
    with _opened(request) as response:
        if response.status_code == requests.codes.not_found:
            return None
        return _from_response(request, response)


def _from_publisher(request: Request) -> Fetched:
    if urlsplit(request.url).scheme != "https" and request.pin is None:
        raise BuildError(
            "a file without a pin is not fetched over plain http",
            where=request.where,
            next_step="put the file into a mirror and name it with --mirror",
        )
    with _opened(request) as response:
        return _from_response(request, response)


def _from_response(request: Request, response: requests.Response) -> Fetched:
    _check_answer(request, response)
    announced = response.headers.get("Content-Length", "")
    blocks = response.raw.stream(BLOCK_BYTES, decode_content=False)
    return receive(request, blocks, int(announced) if announced.isdecimal() else None)


@contextmanager
def _opened(request: Request) -> Iterator[requests.Response]:
    """The answer at the end of all redirects; each of them must lead to https."""
    with requests.Session() as session, _network(request.where):
        address = request.url
        for _ in range(MOST_REDIRECTS + 1):
            _check_host(address)
            response = session.get(
                address,
                stream=True,
                allow_redirects=False,
                timeout=(CONNECT_SECONDS, STALL_SECONDS),
                # Bytes are hashed as they come: nobody may pack them on the way.
                headers={"Accept-Encoding": "identity"},
            )
            if not response.is_redirect:
                with closing(response):
                    yield response
                return
            response.close()
            address = urljoin(address, response.headers["Location"])
            if urlsplit(address).scheme != "https":
                raise BuildError("a redirect leaves https", where=request.where, got=named(address))
        raise BuildError("too many redirects", where=request.where, expected=f"at most {MOST_REDIRECTS}")


@contextmanager
def _network(where: str) -> Iterator[None]:
    """Turns what requests raises into our errors. Its own messages may hold a query, so none is shown."""
    try:
        yield
    except requests.exceptions.SSLError:
        raise BuildError(
            "the certificate of the server is not valid",
            where=where,
            next_step="certificates are never passed over: use another address or a mirror",
        ) from None
    except (
        requests.exceptions.InvalidURL,
        requests.exceptions.InvalidSchema,
        requests.exceptions.MissingSchema,
        requests.exceptions.InvalidHeader,
        UnicodeError,
    ) as error:
        raise BuildError("the address is not valid", where=where, got=type(error).__name__) from None
    except (requests.RequestException, HTTPError) as error:
        raise TransientError(
            "the connection failed",
            where=where,
            got=type(error).__name__,
            next_step="run the same command again",
        ) from None


def _check_host(url: str) -> None:
    host = (urlsplit(url).hostname or "").rstrip(".")
    if any(host == name or host.endswith(f".{name}") for name in NEVER_CONTACTED):
        raise BuildError(
            "this host no longer belongs to the publisher and is never contacted",
            where=host,
            next_step="put the file into a mirror and name it with --mirror",
        )


def _check_answer(request: Request, response: requests.Response) -> None:
    status = response.status_code
    if status in _PASSING:
        raise TransientError(
            "the server is busy or failing",
            where=request.where,
            got=status,
            next_step="run the same command again",
        )
    if status != requests.codes.ok:
        raise BuildError(
            "the server does not give the file",
            where=request.where,
            got=f"status {status}",
            expected="status 200",
            next_step="put the file into a mirror and name it with --mirror",
        )
    packed = response.headers.get("Content-Encoding", "identity")
    if packed.lower() not in {"", "identity"}:
        raise BuildError("the server sends other bytes than the file's own", where=request.where, got=packed)


def _not_here(file: RemoteFile, mirror: Mirror | None) -> BuildError:
    looked = [mirror.local_path(url) for url in file.urls] if mirror is not None else []
    return BuildError(
        "the build is offline and the file is in no local mirror",
        where=named(file.urls[0]),
        expected=" or ".join(str(path) for path in looked if path) or "a mirror that is a local folder",
        next_step="put the file there, or build without --offline",
    )


def _combined(failures: list[BuildError]) -> BuildError:
    """One error for all addresses that were tried; it may pass if one of them may."""
    if len(failures) == 1:
        return failures[0]
    what = f"none of the {len(failures)} addresses gave the file"
    details = "".join(f"\n{failure}".replace("\n", "\n    ") for failure in failures)
    if any(isinstance(failure, TransientError) for failure in failures):
        return TransientError(what, got=details, next_step="run the same command again")
    return BuildError(what, got=details)
