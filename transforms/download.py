"""From the addresses of a file to the file, its bytes checked; interrupted, it goes on where it was."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import urlsplit

from schemas.errors import BuildError, ExitCode, TransientError
from schemas.source import Pin, RemoteFile
from transforms.addresses import Policy
from transforms.mirror import Mirror
from transforms.receive import (
    Fetched,
    OtherBytesError,
    check_bytes,
    check_head,
    failed_write,
    link,
    other_bytes,
    read_blocks,
    with_head,
)
from transforms.resume import Partial, State, address_of
from transforms.steps import Progress
from transforms.web import NOT_FOUND, NOT_SATISFIABLE, OK, PARTIAL, Answer, BusyError, Web, named

PROGRESS_BYTES: Final = 1 << 20
"""A round of tries that brings so much does not count against the attempts."""

_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_WHOLE = re.compile(r"bytes \*/(\d+)")
_AGAIN: Final = "run the same command again: it goes on where it was"


class AbsentError(BuildError):
    """Nobody who was asked has the file."""


def fetch(
    file: RemoteFile,
    destination: Path,
    *,
    partial: Path,
    mirrors: Sequence[Mirror],
    offline: bool,
    expected: Pin | None,
    progress: Progress,
    web: Web | None = None,
) -> Fetched:
    """Brings a file to `destination`, from a mirror that has it, else from its publisher.

    A file of a local mirror is linked where that is possible; a wrong file in a mirror is an error.
    The publisher's addresses are tried in order, for all of them should serve the same bytes; what may
    pass is tried again, later and later.

    Args:
        partial: where the beginning of the file is kept between tries, in the same file system.
        mirrors: asked in order, before any publisher.
        offline: open no connection at all.
        expected: the bytes that the file must have, where they are known.
        progress: told the bytes that have come, and the total if it is known.
        web: the client; one that trusts nothing but the mirrors if None.

    Raises:
        TransientError: no address answered as it should, and at least one may later.
        BuildError: a later try would fail as well: not found, other bytes than expected, a full disk.
    """
    for mirror in mirrors:
        for url in file.urls:
            path = mirror.local_path(url)
            if path is not None and path.is_file():
                fetched = link(path, url, destination, expected)
                progress(fetched.bytes, fetched.bytes)
                return fetched
    if offline:
        raise _not_here(file, mirrors)
    client = web or Web(Policy(trusted=frozenset(found for one in mirrors if (found := one.origin))))
    job = _Job(Partial(partial), destination, expected, progress, client)
    try:
        with job.partial.held():
            mirrored = _from_mirrors(job, file, mirrors)
            if mirrored is None and file.by_hand is not None:
                raise AbsentError("a file that only a person can fetch is in no mirror", got=file.urls[0])
            return mirrored or _tried(job, file.urls)
    finally:
        if web is None:
            client.close()


@dataclass(frozen=True)
class _Job:
    """One file that is being fetched."""

    partial: Partial
    destination: Path
    pin: Pin | None
    progress: Progress
    web: Web


def _from_mirrors(job: _Job, file: RemoteFile, mirrors: Sequence[Mirror]) -> Fetched | None:
    """The file from a mirror, or None if none has it. What is wrong there is not passed over."""
    for mirror in mirrors:
        for url in file.urls:
            address = mirror.web_address(url)
            try:
                if address is not None:
                    return _tried(job, [address])
                if mirror.local_path(url) is None and (opened := mirror.open(url)) is not None:
                    return _from_store(job, url, opened)
            except AbsentError:
                continue
    return None


def _from_store(job: _Job, url: str, opened: BinaryIO) -> Fetched:
    _begin(job, State(address=address_of(url)))
    with opened:
        _receive(job, url, _store_blocks(opened))
    return _finish(job, url)


def _store_blocks(opened: BinaryIO) -> Iterator[bytes]:
    try:
        yield from read_blocks(opened)
    except OSError as error:
        raise TransientError(
            "the mirror stopped answering", got=type(error).__name__, next_step="run the same command again"
        ) from None


def _tried(job: _Job, urls: Sequence[str]) -> Fetched:
    """Goes through the addresses again and again, without those that have failed for good."""
    patience = job.web.patience
    failures: dict[str, BuildError] = {}
    open_ones = list(urls)
    furthest, idle = job.partial.size, 0
    while True:
        after = 0.0
        for url in list(open_ones):
            try:
                return _once(job, url)
            except TransientError as error:
                failures[url] = error
                after = max(after, error.after or 0.0) if isinstance(error, BusyError) else after
            except BuildError as error:
                if error.exit_code == ExitCode.DISK_FULL:
                    raise
                failures[url] = error
                open_ones.remove(url)
        came, furthest = job.partial.size - furthest, max(furthest, job.partial.size)
        idle = 0 if came >= PROGRESS_BYTES else idle + 1
        if not open_ones or idle >= patience.attempts:
            raise _combined([failures[url] for url in urls])
        time.sleep(min(patience.longest_pause, max(after, patience.pause * 2 ** max(0, idle - 1))))


def _once(job: _Job, url: str) -> Fetched:
    if urlsplit(url).scheme != "https" and job.pin is None and not job.web.policy.trusts(url):
        raise BuildError(
            "a file without a pin is not fetched over plain http",
            where=named(url),
            next_step="put the file into a mirror and name it with --mirror",
        )
    try:
        if not _continued(job, url):
            with job.web.ask(url) as answer:
                _from_the_start(job, url, answer)
        return _finish(job, url)
    except OtherBytesError:
        joined = job.partial.joined
        job.partial.discard()
        if not joined:
            raise
        raise TransientError(
            "what had come before was of another file, and has been thrown away",
            where=named(url),
            next_step="run the same command again",
        ) from None


def _continued(job: _Job, url: str) -> bool:
    """Takes up the partial file; False if that cannot be done and nothing has come."""
    state, have = job.partial.state, job.partial.size
    if state is None or not have:
        return False
    if state.total == have:
        return True
    same = state.address == address_of(url)
    validator = state.validator if same else None
    # Without a name for the bytes only a known hash tells whether the two parts belong together.
    if validator is None and job.pin is None:
        return False
    headers = {"Range": f"bytes={have}-", **({"If-Range": validator} if validator else {})}
    with job.web.ask(url, headers) as answer:
        total = _fitting(answer, job, state, same)
        if answer.status == PARTIAL and total is not None:
            _check_answer(answer, PARTIAL)
            job.partial.join(total)
            _receive(job, url, answer.blocks())
            return True
        if answer.status == OK:
            _from_the_start(job, url, answer)
            return True
        end = _WHOLE.fullmatch(answer.header("Content-Range") or "")
        return answer.status == NOT_SATISFIABLE and end is not None and int(end[1]) == have


def _fitting(answer: Answer, job: _Job, state: State, same: bool) -> int | None:
    """Size of the whole file if an answer is the rest of the one whose beginning is there, else None."""
    found = _RANGE.fullmatch(answer.header("Content-Range") or "")
    if found is None:
        return None
    first, last, total = map(int, found.groups())
    totals = {total, state.total, job.pin.bytes if job.pin else None} - {None}
    etag = answer.header("ETag")
    renamed = same and None not in (etag, state.etag) and etag != state.etag
    fits = first == job.partial.size and last == total - 1 and len(totals) == 1 and not renamed
    return total if fits else None


def _from_the_start(job: _Job, url: str, answer: Answer) -> None:
    _check_answer(answer, OK)
    if job.pin is None and not answer.ends_visibly:
        raise BuildError(
            "neither the server nor a pin says how long the file is, so it could end early unnoticed",
            where=answer.where,
            next_step="fetch it by hand, and put it into a mirror or take it over with `adopt`",
        )
    total = answer.length
    if total is None and job.pin is not None:
        total = job.pin.bytes
    state = State(
        address=address_of(url),
        etag=answer.header("ETag"),
        last_modified=answer.header("Last-Modified"),
        total=total,
    )
    _begin(job, state)
    _receive(job, url, answer.blocks(), answer.header("Content-Type") or "")


def _begin(job: _Job, state: State) -> None:
    try:
        job.partial.start(state)
    except OSError as error:
        raise failed_write(error, job.partial.path.parent, state.total) from error


def _receive(job: _Job, url: str, blocks: Iterator[bytes], kind: str = "") -> None:
    """Adds what comes to the partial file, which keeps it whatever happens."""
    partial, pinned = job.partial, job.pin.bytes if job.pin else None
    total = partial.state.total if partial.state else None
    try:
        for block in with_head(blocks):
            if partial.size == 0:
                check_head(block, url, kind)
                if None not in (total, pinned) and total != pinned:
                    raise other_bytes(named(url), f"{total:,} bytes", f"{pinned:,} bytes")
            most = total if pinned is None else pinned
            if most is not None and partial.size + len(block) > most:
                raise other_bytes(named(url), f"over {most:,} bytes", f"{most:,} bytes")
            partial.append(block)
            job.progress(partial.size, total)
        partial.sync()
    except OSError as error:
        raise failed_write(error, partial.path.parent, total) from error


def _finish(job: _Job, url: str) -> Fetched:
    partial = job.partial
    total = partial.state.total if partial.state else None
    if partial.size == 0 or (total is not None and partial.size < total):
        raise TransientError(
            "the file ended too early",
            where=named(url),
            got=f"{partial.size:,} bytes",
            expected=f"{total:,} bytes" if total is not None else "more",
            next_step=_AGAIN,
        )
    fetched = Fetched(partial.sha256, partial.size, named(url))
    check_bytes(fetched, job.pin, named(url))
    partial.finish(job.destination)
    return fetched


def _check_answer(answer: Answer, status: int) -> None:
    if answer.status != status:
        kind = AbsentError if answer.status == NOT_FOUND else BuildError
        raise kind(
            "the server does not give the file",
            where=answer.where,
            got=f"status {answer.status}",
            expected=f"status {status}",
            next_step="put the file into a mirror and name it with --mirror",
        )
    packed = answer.header("Content-Encoding") or "identity"
    if packed.lower() != "identity":
        raise BuildError(
            "the server sends other bytes than the file's own",
            where=answer.where,
            got=packed,
            next_step="put the file into a mirror and name it with --mirror",
        )


def _not_here(file: RemoteFile, mirrors: Sequence[Mirror]) -> AbsentError:
    looked = [mirror.local_path(url) for mirror in mirrors for url in file.urls]
    return AbsentError(
        "the build is offline and the file is in no local mirror",
        where=named(file.urls[0]),
        expected=" or ".join(str(path) for path in looked if path) or "a mirror that is a local folder",
        next_step="put the file there, or build without --offline",
    )


def _combined(failures: Sequence[BuildError]) -> BuildError:
    """One error for all addresses that were tried; it may pass if one of them may."""
    if len(failures) == 1:
        return failures[0]
    what = f"none of the {len(failures)} addresses gave the file"
    details = "".join(f"\n{failure}".replace("\n", "\n    ") for failure in failures)
    if any(isinstance(failure, TransientError) for failure in failures):
        return TransientError(what, got=details, next_step=_AGAIN)
    if all(isinstance(failure, AbsentError) for failure in failures):
        return AbsentError(
            what, got=details, next_step="put the file into a mirror and name it with --mirror"
        )
    return BuildError(what, got=details, next_step="put the file into a mirror and name it with --mirror")
