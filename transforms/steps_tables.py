"""Steps from the publishers' files to tables: fetch, normalise, assign."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import pyarrow.parquet as pq

from schemas.artifact import Reference
from schemas.report import Unexpected
from schemas.settings import BuildSettings
from schemas.source import Pin, RemoteFile
from schemas.tables import TABLES
from transforms import pins, registry
from transforms.acceptance import unexpected
from transforms.artifact import recorded
from transforms.assign import QUERY, assign
from transforms.content import digest_of
from transforms.download import fetch
from transforms.mirror import Mirror, local_file, mirrors_of
from transforms.normalise import normalise
from transforms.raw import Raw
from transforms.readers import generators, rows_of
from transforms.repack import repack
from transforms.steps import Making, Step
from transforms.terms import outstanding


def raw(source: str, file: str) -> Reference:
    """The artifact that holds one file of a publisher."""
    return Reference("raw", f"{source}.{file}")


def is_held(step: Step, lake: Path) -> bool:
    """Whether the lake knows the file of a fetch step, which has no inputs, as it is asked for now.

    A lake that was filled from a published one may do without the file itself; it builds the same.
    """
    return step.settled and recorded(lake, step.reference, step.fingerprint({})) is not None


def picture_archive(key: registry.Key) -> Reference:
    """The artifact out of which the pictures of a declared file are read, if not one by one."""
    return _repacked(*key) if registry.lent_file(key).is_tar else raw(*key)


def _repacked(source: str, file: str) -> Reference:
    return Reference("raw", f"{source}.{file}.zip")


def table(source: str, name: str) -> Reference:
    """The artifact that holds one table of a source."""
    return Reference("tables", f"{source}.{name}")


def raw_steps(source: str, settings: BuildSettings) -> Iterator[Step]:
    """One step for each file that a source declares."""
    declared = registry.declaration(source)
    mirror = Mirror(settings.mirror) if settings.mirror else None
    for name, file in declared.files.items():
        if not file.urls:
            # Pictures that have no archive are fetched one by one.
            continue
        known = pins.expected(settings, mirror, f"{source}.{name}", file)
        step = Step(
            raw(source, name),
            "fetch",
            inputs=(),
            asked={"sha256": known.pin.sha256 if known.pin else None},
            make=partial(_fetch, f"{source}.{name}", file, known, settings),
            licences=(declared.licence.name,),
            settled=known.pin is not None,
            note=_note(known),
        )
        awaited = _awaited(source, file, step, settings)
        yield replace(step, refused=awaited or _refusal(known, file), awaited=awaited is not None)


def _awaited(source: str, file: RemoteFile, step: Step, settings: BuildSettings) -> str | None:
    """What a person has to do before the file can come, if anything."""
    terms = outstanding(source, settings)
    if terms is not None:
        return (
            f"nobody has agreed to the terms of {source}: read {terms.url}, then say --accept-terms {source}"
        )
    if file.by_hand is None or settings.sample or is_held(step, settings.lake):
        return None
    # Whether a mirror elsewhere has the file shows when it is asked.
    if local_file(file.urls, settings) or not all(mirror.is_local for mirror in mirrors_of(settings)):
        return None
    return (
        f"only a person can fetch {file.by_hand}: `multiinstruct list sources {source}` says how, then "
        f"`multiinstruct adopt {source} PATH`"
    )


def _refusal(known: pins.Expected, file: RemoteFile) -> str | None:
    if known.standing == "absent":
        return f"the sample world has no {file.urls[0]}"
    if known.standing != "refused":
        return None
    return (
        f"nobody has vouched for the bytes of {file.urls[0]}: say --unpinned to accept them as they "
        "come and to hold them from then on"
    )


def _note(known: pins.Expected) -> str | None:
    if known.standing != "members" or known.pin is None:
        return None
    return f"unverified as a whole: {known.pin.witness}"


def _fetch(
    name: str,
    file: RemoteFile,
    known: pins.Expected,
    settings: BuildSettings,
    making: Making,
) -> Mapping[str, Any]:
    destination = making.draft.path(PurePosixPath(urlsplit(file.urls[0]).path).name)
    fetched = fetch(
        file,
        destination,
        partial=settings.lake / "partial" / name,
        mirrors=mirrors_of(settings),
        offline=settings.offline,
        expected=known.pin,
        progress=making.progress,
    )
    if known.standing == "unpinned":
        witness = "accepted with --unpinned by this lake"
        pins.remember(settings.lake, name, Pin(sha256=fetched.sha256, bytes=fetched.bytes, witness=witness))
    making.draft.facts["url"] = fetched.url
    if known.standing == "sample":
        # No publisher has a say in what the sample world holds.
        making.draft.facts["sample"] = True
    if known.standing == "members" and known.pin is not None:
        making.draft.facts["unverified"] = known.pin.witness
    making.draft.rows_out = 0
    return {"sha256": fetched.sha256}


def repack_steps(source: str) -> Iterator[Step]:
    """One step for each tar.gz of pictures that a source declares."""
    for name, file in registry.declaration(source).files.items():
        if file.holds == "pictures" and file.is_tar:
            yield Step(
                _repacked(source, name),
                "repack",
                inputs=(raw(source, name), table(source, "images")),
                asked={},
                make=partial(_repack, source, name),
                code=("transforms.repack",),
            )


def _repack(source: str, file: str, making: Making) -> None:
    repack(making.file(raw(source, file)), making.table(table(source, "images")), file, making.draft)


def fills(source: str, name: str) -> bool:
    """Whether a source's reader fills a table; one of words alone lists no images."""
    return name in generators(registry.reader(source))


def images_of(sources: Iterable[str]) -> dict[str, Reference]:
    """The tables of images of those sources that have one."""
    return {source: table(source, "images") for source in sources if fills(source, "images")}


def table_steps(source: str) -> Iterator[Step]:
    """One step for each table that a source's reader fills."""
    reader = registry.reader(source)
    for name, files in generators(reader).items():
        images = (table(source, "images"),) if TABLES[name].having("image") else ()
        yield Step(
            table(source, name),
            "normalise",
            inputs=(*(raw(*registry.owner_of(source, file)) for file in files), *images),
            asked={},
            make=partial(_normalise, source, name, files),
            code=(f"transforms.sources.{source}", "transforms.normalise", "transforms.readers"),
        )


def _normalise(source: str, name: str, files: Sequence[str], making: Making) -> None:
    owners = {file: raw(*registry.owner_of(source, file)) for file in files}
    raws = {file: Raw(source, file, making.file(owner)) for file, owner in owners.items()}
    sizes = None
    if TABLES[name].having("image"):
        sizes = pq.read_table(making.table(table(source, "images")), columns=["image_id", "width", "height"])
    rows = rows_of(getattr(registry.reader(source), name), raws)
    normalise(source, TABLES[name], rows, sizes, making.draft)
    if all(_is_pinned(registry.owner_of(source, file), making) for file in files):
        found = _unexpected(source, name, making)
        making.draft.facts |= {"unexpected": [one.model_dump() for one in found]} if found else {}


def _is_pinned(key: registry.Key, making: Making) -> bool:
    """Whether the bytes that were read are those that the declaration pins."""
    pin = registry.lent_file(key).pin
    return pin is not None and making.inputs[raw(*key)].manifest.asked.get("sha256") == pin.sha256


def _unexpected(source: str, name: str, making: Making) -> list[Unexpected]:
    images = making.table(table(source, "images")) if table(source, "images") in making.inputs else None
    accepts = registry.declaration(source).accepts
    return unexpected(accepts, name, making.draft.path(f"{name}.parquet"), images)


def assign_step(source: str, sources: Sequence[str]) -> Step:
    """The step that decides photograph and split of each image of a source.

    Args:
        sources: all sources whose pictures are weighed together.
    """
    return Step(
        table(source, "pictures"),
        "assign",
        inputs=tuple(table(name, "images") for name in sources),
        asked={"query": digest_of(QUERY.read_text())},
        make=partial(_assign, source, sources),
        code=("transforms.assign",),
        files={"query": f"transforms/{QUERY.name}"},
    )


def _assign(source: str, sources: Sequence[str], making: Making) -> None:
    images = {name: making.table(table(name, "images")) for name in sources}
    assign(source, images, making.draft, making.threads)
