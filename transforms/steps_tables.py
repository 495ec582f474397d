"""Steps from the publishers' files to tables: fetch, normalise, assign."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import pyarrow.parquet as pq

from schemas.artifact import Reference
from schemas.settings import BuildSettings
from schemas.source import Pin, RemoteFile
from schemas.tables import TABLES
from transforms import pins, registry
from transforms.artifact import find
from transforms.assign import QUERY, assign
from transforms.closure import code_id
from transforms.content import digest_of
from transforms.download import fetch
from transforms.mirror import Mirror, mirrors_of
from transforms.normalise import normalise
from transforms.raw import Raw, generators, rows_of
from transforms.steps import Making, Step


def raw(source: str, file: str) -> Reference:
    """The artifact that holds one file of a publisher."""
    return Reference("raw", f"{source}.{file}")


def is_held(step: Step, lake: Path) -> bool:
    """Whether the lake holds the file of a fetch step, which has no inputs, as it is asked for now."""
    return step.settled and find(lake, step.reference, step.fingerprint({})) is not None


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
        yield Step(
            raw(source, name),
            "fetch",
            inputs=(),
            asked={"sha256": known.pin.sha256 if known.pin else None},
            make=partial(_fetch, f"{source}.{name}", file, known, settings),
            licences=(declared.licence.name,),
            settled=known.pin is not None,
            refused=_refusal(known, file),
            note=_note(known),
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
    if (note := _note(known)) is not None:
        making.draft.facts["note"] = note
    making.draft.rows_out = 0
    return {"sha256": fetched.sha256}


def table_steps(source: str) -> Iterator[Step]:
    """One step for each table that a source's reader fills."""
    reader = registry.reader(source)
    code = code_id(f"transforms.sources.{source}", "transforms.normalise", "transforms.raw")
    for name, files in generators(reader).items():
        images = (table(source, "images"),) if TABLES[name].having("image") else ()
        yield Step(
            table(source, name),
            "normalise",
            inputs=(*(raw(source, file) for file in files), *images),
            asked={"code": code},
            make=partial(_normalise, source, name, files),
        )


def _normalise(source: str, name: str, files: Sequence[str], making: Making) -> None:
    raws = {file: Raw(source, file, making.file(raw(source, file))) for file in files}
    sizes = None
    if TABLES[name].having("image"):
        sizes = pq.read_table(making.table(table(source, "images")), columns=["image_id", "width", "height"])
    rows = rows_of(getattr(registry.reader(source), name), raws)
    normalise(source, TABLES[name], rows, sizes, making.draft)


def assign_step(source: str, sources: Sequence[str]) -> Step:
    """The step that decides photograph and split of each image of a source.

    Args:
        sources: all sources whose pictures are weighed together.
    """
    return Step(
        table(source, "pictures"),
        "assign",
        inputs=tuple(table(name, "images") for name in sources),
        asked={"query": digest_of(QUERY.read_text()), "code": code_id("transforms.assign")},
        make=partial(_assign, source, sources),
    )


def _assign(source: str, sources: Sequence[str], making: Making) -> None:
    images = {name: making.table(table(name, "images")) for name in sources}
    assign(source, images, making.draft, making.threads)
