"""Pages to look at: instances with their pictures inlined and boxes drawn, and what was left out.

They need no network and run no script. What strangers wrote is escaped, is set in a direction of its
own, and shows its control characters as signs.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.box import Box
from schemas.build import Build
from schemas.task import TaskHead
from shards.pictures import PicturePack, inspect, settled
from transforms import registry
from transforms.archive import ZipArchive
from transforms.codes import Decode
from transforms.lake import member, whole
from transforms.origins import Origin, leaves
from transforms.pages import rendered, stylesheet
from transforms.picture_store import HeldPictures
from transforms.pictures import PictureArchives, Pictures
from transforms.rejects import LeftOut
from transforms.score_shown import Answers, Given
from transforms.show import Shown, split_regions
from transforms.steps_shards import packed
from transforms.steps_tables import picture_archive
from transforms.zip_format import MemberError


@dataclass(frozen=True)
class Entry:
    """What the template shows of one instance.

    Attributes:
        picture: as a data URL, or None.
        missing: why there is no picture where one belongs.
        drawing: the answer drawn from its codes, as a data URL.
        given: what a model has answered.
        said: the regions that it has named, in pixels of the picture.
    """

    one: Shown
    origin: Origin | None
    picture: str | None
    missing: str | None
    drawing: str | None
    given: Sequence[Given] = ()
    said: Sequence[Box] = ()


def page(
    lake: Path,
    task: str,
    shown: Sequence[Shown],
    origins: Mapping[str, Origin] | None = None,
    decode: Decode | None = None,
    answers: Answers | None = None,
) -> str:
    """A page of instances.

    Args:
        origins: what they were made from, by uid.
        decode: where it is given, answers that are codes are drawn beside their pictures.
        answers: what a model has answered to them; the instances are those of its build then.
    """
    build = whole(lake) if answers is None else answers.build
    shown_as = entries(lake, build, shown, origins or {}, decode, answers)
    return _page(task, registry.task(task).head, build, shown_as, None, answers)


def left_out_page(lake: Path, found: LeftOut) -> str:
    """A page of what was left out: counts by reason, and examples of each."""
    build = whole(lake)
    head = None if "." in found.name else registry.task(found.name).head
    return _page(f"Left out of {found.name}", head, build, entries(lake, build, found.shown), found)


def _page(
    title: str,
    head: TaskHead | None,
    build: Build,
    shown_as: Sequence[Entry],
    found: LeftOut | None,
    answers: Answers | None = None,
) -> str:
    return rendered(
        "show.html",
        title=title,
        head=head,
        build=build.id,
        entries=shown_as,
        left_out=found,
        answered_by=answers.run if answers else None,
        style=stylesheet("show.css"),
        **article_functions(),
    )


def article_functions() -> dict[str, Callable[..., object]]:
    """What the template `entry.html` calls."""
    return {
        "leaves": leaves,
        "split_regions": split_regions,
        "region_number": lambda text: int(text.removeprefix("<region_").removesuffix(">")),
    }


def entries(
    lake: Path,
    build: Build,
    shown: Sequence[Shown],
    origins: Mapping[str, Origin] | None = None,
    decode: Decode | None = None,
    answers: Answers | None = None,
) -> list[Entry]:
    """Instances of a build with their pictures; arguments as of `page`."""
    drawings = _drawings(shown, decode)
    found = []
    with closing(_Shelf(lake, build, shown)) as shelf:
        for one in shown:
            sized, picture, missing = shelf.inlined(one)
            entry = Entry(sized, (origins or {}).get(one.uid), picture, missing, drawings.get(one.uid))
            if answers is not None:
                entry = replace(entry, given=answers.given.get(one.uid, ()), said=answers.regions(sized))
            found.append(entry)
    return found


class _Shelf:
    """The pictures that a lake holds: in the build's pack, in whole archives, or singly."""

    def __init__(self, lake: Path, build: Build, shown: Sequence[Shown]) -> None:
        pack = member(lake, build, packed(build.mixture)) if build.mixture else None
        self._pack = PicturePack(pack.path("")) if pack else None
        self._held = _held(lake, build, shown)

    def close(self) -> None:
        """Gives back the file of the pack."""
        if self._pack is not None:
            self._pack.close()

    def inlined(self, one: Shown) -> tuple[Shown, str | None, str | None]:
        """The instance with the size of its picture, the picture as a data URL, or why there is none."""
        if one.archive is None:
            return one, None, None
        data = self._read(one)
        if data is None:
            return one, None, "the picture is not in this lake"
        orient = one.picture_file is not None and registry.lent_file(one.picture_file).orient
        found = inspect(data, orient)
        if found.problem:
            return one, None, "the picture cannot be read"
        # A browser would turn it whether it is to be turned or not.
        data = settled(data, orient)
        sized = one if one.width and one.height else replace(one, width=found.width, height=found.height)
        return sized, _url(inspect(data).format, data), None

    def _read(self, one: Shown) -> bytes | None:
        if self._pack is not None and len(self._pack.image_ids):
            row = pc.index(self._pack.image_ids, pa.scalar(one.drawn_image_id, pa.string())).as_py()
            if row >= 0:
                return self._pack.read(row)
        if one.picture_file is None or one.archive is None:
            return None
        try:
            return self._held.read(*one.picture_file, one.archive[2])
        except MemberError:
            return None


def _held(lake: Path, build: Build, shown: Sequence[Shown]) -> Pictures:
    """The pictures outside the pack, as far as the lake has them."""
    keys = {one.picture_file for one in shown if one.picture_file}
    archives = {}
    for key in keys:
        made = member(lake, build, picture_archive(key))
        if made is not None:
            archives[key] = ZipArchive(next(made.path("").iterdir()))
    return HeldPictures(lake, PictureArchives(archives), keys - archives.keys())


def _drawings(shown: Sequence[Shown], decode: Decode | None) -> dict[str, str]:
    """What the codes of answers look like, as data URLs by uid."""
    codes = {one.uid: np.array(one.codes, np.uint16) for one in shown if one.codes}
    if decode is None or not codes:
        return {}
    return {uid: _url("PNG", data) for uid, data in zip(codes, decode(list(codes.values())), strict=True)}


def _url(kind: str, data: bytes) -> str:
    return f"data:image/{kind.lower()};base64,{base64.b64encode(data).decode()}"
