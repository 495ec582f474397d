"""Pictures fetched one by one, as they are needed, and kept in the lake.

They come from the first place that has them: what a person has handed to the lake, the mirror, the
publisher's archive by ranges, the publisher's single files. Where they come from changes nothing but
the bytes that travel.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Final

from schemas.source import RemoteFile
from transforms.addresses import Policy
from transforms.kept_pictures import AdoptedTree, KeptPictures
from transforms.mirror import Mirror
from transforms.picture_places import Place, places
from transforms.pictures import PictureArchives, Pictures, Wanted
from transforms.registry import Key
from transforms.remote_zip import Found, NoRangesError
from transforms.steps import Progress, silent
from transforms.web import MOST_CONNECTIONS, Web
from transforms.zip_format import MemberError

AT_ONCE: Final = 256
"""Pictures that are on their way together."""


def store_folder(lake: Path, source: str, file: str) -> Path:
    """Where a lake keeps the single pictures of a declared file."""
    return lake / "pictures" / f"{source}.{file}"


def adopted_folder(lake: Path, source: str) -> Path:
    """Where a lake keeps the pictures of a source that a person has handed to it."""
    return lake / "pictures" / f"{source}.adopted"


class HeldPictures(Pictures):
    """What a lake holds of the pictures, in whole archives or singly; nothing is fetched."""

    def __init__(self, lake: Path, whole: PictureArchives, pieces: Iterable[Key]) -> None:
        self._whole = whole
        self._kept = {key: KeptPictures(store_folder(lake, *key)) for key in pieces}

    def read(self, source: str, archive: str, member: str) -> bytes | None:
        """The bytes of a picture, or None if the lake does not hold it."""
        kept = self._kept.get((source, archive))
        return kept.read(member) if kept else self._whole.read(source, archive, member)

    def prefetch(self, wanted: Iterable[Wanted]) -> None:
        """Nothing: what is not here is not fetched."""

    def expect(self, wanted: Iterable[Wanted]) -> None:
        """Nothing: what is not here does not come."""


class PictureStore(Pictures):
    """All pictures of a build: some in whole archives, the others fetched one by one.

    Args:
        lake: where single pictures are kept.
        whole: the archives that are here.
        pieces: the declared files whose pictures are fetched one by one.
        mirrors: asked before any publisher.
        offline: open no connection at all.
        progress: told how many bytes have come, and about how many there will be; see `_Tally`.
        web: the client; one that trusts nothing but the mirrors if None.
    """

    def __init__(
        self,
        lake: Path,
        whole: PictureArchives,
        pieces: Mapping[Key, RemoteFile],
        mirrors: Sequence[Mirror],
        offline: bool,
        progress: Progress = silent,
        web: Web | None = None,
    ) -> None:
        self._whole = whole
        self._tally = _Tally(progress)
        self._web = web or Web(Policy(frozenset(found for one in mirrors if (found := one.origin))))
        self._workers = ThreadPoolExecutor(MOST_CONNECTIONS)
        trees = {source: AdoptedTree(adopted_folder(lake, source)) for source, _ in pieces}
        self._pieces = {
            (source, name): _Piecewise(
                KeptPictures(store_folder(lake, source, name)),
                places(file, trees[source], mirrors, offline, self._web, self._workers),
                self._tally,
            )
            for (source, name), file in pieces.items()
        }

    def close(self) -> None:
        """Gives back connections and threads."""
        self._workers.shutdown(cancel_futures=True)
        self._web.close()

    def read(self, source: str, archive: str, member: str) -> bytes | None:
        """The bytes of a picture, fetched now if they are not here yet; None if there is no such picture."""
        pieces = self._pieces.get((source, archive))
        return pieces.read(member) if pieces else self._whole.read(source, archive, member)

    def prefetch(self, wanted: Iterable[Wanted]) -> None:
        """Fetches what is not here yet, many at once."""
        members: dict[Key, list[str]] = {}
        for source, archive, member in wanted:
            if (source, archive) in self._pieces:
                members.setdefault((source, archive), []).append(member)
        for key, names in members.items():
            self._pieces[key].prefetch(names)

    def expect(self, wanted: Iterable[Wanted]) -> None:
        """Counts the pictures that are not here yet."""
        waiting = {
            one for one in wanted if one[:2] in self._pieces and not self._pieces[one[:2]].knows(one[2])
        }
        self._tally.expect(len(waiting))


class _Tally:
    """How many bytes of single pictures have come, and about how many there will be.

    Nobody says how large a picture is before it comes. So the total is what has come and, for each picture
    that is still expected, the mean of what has travelled for one so far. Pictures that lie here already
    travel none. Where more pictures come than were expected, nobody knows the total.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._expected = 0
        self._settled = 0
        self._came = 0
        self._lock = threading.Lock()

    def expect(self, pictures: int) -> None:
        """Says that so many more pictures are wanted."""
        with self._lock:
            self._expected = max(self._expected, self._settled) + pictures

    def settle(self, pictures: int, size: int) -> None:
        """Says that it is known of so many pictures what they are, for which so many bytes have travelled."""
        with self._lock:
            self._settled += pictures
            self._came += size
            left = self._expected - self._settled
            total = self._came + round(self._came / self._settled * left) if left >= 0 else None
            if self._came:
                self._progress(self._came, total)


class _Piecewise:
    """The pictures of one declared file."""

    def __init__(self, kept: KeptPictures, places: Sequence[Place], tally: _Tally) -> None:
        self._kept = kept
        self._places = places
        self._tally = tally
        self._absent: set[str] = set()
        self._damaged: dict[str, MemberError] = {}
        self._lock = threading.Lock()

    def read(self, member: str) -> bytes | None:
        data = self._kept.read(member)
        if data is None:
            self.prefetch([member])
            data = self._kept.read(member)
        if member in self._damaged:
            raise self._damaged[member]
        return data

    def prefetch(self, members: Iterable[str]) -> None:
        with self._lock:
            waiting = iter(dict.fromkeys(name for name in members if not self.knows(name)))
            while names := list(islice(waiting, AT_ONCE)):
                self._fetch(names)

    def knows(self, member: str) -> bool:
        """Whether a picture is here, or known to be absent or damaged."""
        return member in self._kept or member in self._absent or member in self._damaged

    def _fetch(self, names: list[str]) -> None:
        reached, refusal = False, None
        for place in self._places:
            try:
                for found in place.fetch(names):
                    self._take(found)
            except NoRangesError as error:
                refusal = refusal or error
                continue
            reached = True
            names = [name for name in names if not self.knows(name)]
            if not names or place.final:
                break
        if names and not reached:
            raise refusal or NoRangesError("no place is known for the pictures")
        if names:
            self._absent.update(names)
            self._tally.settle(len(names), 0)

    def _take(self, found: Found) -> None:
        travelled = 0
        if isinstance(found.data, MemberError):
            self._damaged[found.name] = found.data
        elif isinstance(found.data, Path):
            self._kept.keep_file(found.name, found.data)
        else:
            self._kept.keep(found.name, found.data)
            travelled = len(found.data)
        self._tally.settle(1, travelled)
