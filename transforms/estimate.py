"""How large and how long the steps of a plan probably become: by past runs of this lake, where there are any.

A step is taken to behave as it last did, in proportion to its work; one that never ran, as those that do
the same. Where nothing of the kind ever ran, bytes are guessed by constants and seconds are unknown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from schemas.artifact import Reference
from schemas.run import Run
from schemas.settings import BuildSettings
from transforms import registry
from transforms.artifact import latest
from transforms.builder import Planned
from transforms.coming import coming, records_bytes
from transforms.picture_ways import PICTURE_BYTES, Way
from transforms.readers import generators
from transforms.runs import Runs
from transforms.steps import Step
from transforms.work import Size, size_of, work_of

AT_ONCE: Final = 2
"""Steps of a build that run side by side."""

TABLES_RATIO: Final = 2.0
"""Bytes of all tables of a source for each byte of its packed records, where nothing was built before."""

INSTANCES_RATIO: Final = 0.5
"""Bytes of the instances of one task for each byte of the packed records that it comes from."""

ROWS_BYTES: Final = 64 << 20
"""Bytes of one artifact of selected or tokenised rows, at most."""

INSTANCE_BYTES: Final = 64
"""About the bytes of one packed instance."""

FAR: Final = 20
"""How many times as much work as ever before makes an estimate a rough one."""


class Estimate(NamedTuple):
    """What one step probably takes.

    Attributes:
        fetched: bytes that come over the network for it.
        written: bytes of what it makes, with what is fetched.
        seconds: how long it runs; None if nobody can say.
        rough: whether it was never run on nearly as much.
    """

    fetched: int
    written: int
    seconds: float | None
    rough: bool = False


def estimates(
    planned: Sequence[Planned], ways: Collection[Way], settings: BuildSettings, runs: Runs
) -> dict[Reference, Estimate]:
    """What each step that would run takes, in order.

    Args:
        ways: how the pictures come.
    """
    sizes: dict[Reference, Size] = {}
    found: dict[Reference, Estimate] = {}
    for entry in planned:
        reference = entry.step.reference
        if entry.action == "done" and entry.made is not None:
            sizes[reference] = size_of(entry.made)
            continue
        if entry.step.verb == "fetch":
            estimate, size = _fetch(reference, settings, runs)
        else:
            estimate, size = _make(entry, sizes, ways, settings, runs)
        sizes[reference] = size
        if entry.action in ("run", "follow"):
            found[reference] = estimate
    return found


def duration(planned: Iterable[Planned], found: Mapping[Reference, Estimate]) -> float:
    """Seconds until the steps have run side by side, of which those of unknown length count as none."""
    ends: dict[Reference, float] = {}
    for entry in planned:
        reference = entry.step.reference
        seconds = found[reference].seconds if reference in found else 0.0
        ends[reference] = (seconds or 0.0) + max((ends[ref.whole] for ref in entry.step.inputs), default=0.0)
    work = sum(estimate.seconds or 0.0 for estimate in found.values())
    return max(work / AT_ONCE, *ends.values(), 0.0)


def _fetch(reference: Reference, settings: BuildSettings, runs: Runs) -> tuple[Estimate, Size]:
    file = coming(reference, settings)
    size = Size(file.size or 0, 0)
    if file.local:
        here = [run for run in runs.of("fetch") if not run.moved]
        seconds, rough = _seconds(size.bytes, here)
        return Estimate(0, file.copied, seconds, rough), size
    rate = runs.network
    seconds = file.fetched / rate if rate and file.size is not None else None
    return Estimate(file.fetched, file.fetched, seconds), size


def _make(
    entry: Planned,
    sizes: Mapping[Reference, Size],
    ways: Collection[Way],
    settings: BuildSettings,
    runs: Runs,
) -> tuple[Estimate, Size]:
    step = entry.step
    work = work_of(step, sizes, settings)
    last = runs.last(step.reference)
    past = [last] if last is not None and last.work else [run for run in runs.of(step.verb) if run.work]
    known = sum(run.work for run in past)
    if known:
        written = round(work * sum(run.bytes for run in past) / known)
    elif entry.made is not None:
        written = size_of(entry.made).bytes
    else:
        written = _guess(step, ways, settings)
    if step.verb == "pack" and not settings.sample:
        # Pictures are as large as they are, however small those of a sample world were.
        written = max(written, _guess(step, ways, settings))
    rows = entry.made.rows_out if entry.made is not None else written // INSTANCE_BYTES
    return Estimate(0, written, *_seconds(work, past)), Size(written, rows)


def _seconds(work: int, past: Sequence[Run]) -> tuple[float | None, bool]:
    """How long so much work takes, and whether that is much more than was ever done."""
    known = sum(run.work for run in past)
    if not known:
        return None, False
    rough = work > FAR * max(run.work for run in past)
    return work * sum(run.seconds for run in past) / known, rough


def _guess(step: Step, ways: Iterable[Way], settings: BuildSettings) -> int:
    """Bytes of an artifact of a kind that was never made here."""
    reference = step.reference
    if step.verb == "repack":
        archive, images = step.inputs
        size, listed = coming(archive, settings).size or 0, latest(settings.lake, images)
        # Before anybody knows how many pictures are listed, it may be all of them.
        return min(size, listed.rows_out * PICTURE_BYTES) if listed is not None else size
    if reference.stage == "tables":
        source = reference.name.partition(".")[0]
        tables = len(generators(registry.reader(source))) + 1
        return round(TABLES_RATIO * records_bytes((source,), settings) / tables)
    if reference.stage == "instances":
        return round(INSTANCES_RATIO * records_bytes(registry.sources_of(reference.name), settings))
    if settings.sample:
        return 0
    if step.verb == "pack":
        return sum(way.pictures * PICTURE_BYTES for way in ways)
    return ROWS_BYTES
