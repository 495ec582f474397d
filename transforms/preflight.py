"""Whether a whole plan fits on the disk and how much it fetches, before the first byte comes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.artifact import Reference
from schemas.errors import BuildError, ExitCode
from schemas.settings import BuildSettings
from transforms import registry
from transforms.builder import Planned
from transforms.coming import coming, existing
from transforms.estimate import Estimate, duration, estimates
from transforms.picture_store import store_folder
from transforms.picture_ways import PICTURE_BYTES, Way, ways_of
from transforms.runs import Runs


@dataclass(frozen=True)
class Need:
    """What a plan asks of the network, of the disk and of a person's patience.

    Attributes:
        fetched: bytes that come over the network; a declared size or an estimate.
        written: bytes that the lake grows by, with what is fetched.
        free: bytes that are free where the lake lies.
        unknown: files whose size nobody has declared; they count as nothing.
        ways: how the pictures come, of the archives that the plan needs.
        steps: what each step that would run takes, in order.
        seconds: how long the steps take that certainly run, without those whose length is unknown.
        most_seconds: the same, if everything that may follow runs too.
    """

    fetched: int
    written: int
    free: int
    unknown: tuple[str, ...]
    ways: tuple[Way, ...]
    steps: Mapping[Reference, Estimate]
    seconds: float
    most_seconds: float

    @property
    def unknown_seconds(self) -> int:
        """How many steps are not in the seconds, because nothing like them ever ran in this lake."""
        return sum(estimate.seconds is None for estimate in self.steps.values())

    @property
    def rough(self) -> bool:
        """Whether the seconds are scaled up from runs on much less."""
        return any(estimate.rough for estimate in self.steps.values())


def need_of(planned: Sequence[Planned], settings: BuildSettings) -> Need:
    """What the steps of a plan that would run need. Opens no connection and writes nothing."""
    running = [entry for entry in planned if entry.action in ("run", "follow")]
    references = [entry.step.reference for entry in running]
    runs = Runs(settings.lake)
    ways = _ways(references, settings)
    steps = estimates(planned, ways, settings, runs) if running else {}
    fetched = [entry.step.reference for entry in running if entry.step.verb == "fetch"]
    unknown = tuple(reference.name for reference in fetched if coming(reference, settings).size is None)
    pictures = sum(_missing(way, settings) for way in ways if not way.whole)
    waiting = pictures / runs.network if runs.network else 0.0
    certain = [entry for entry in running if entry.action == "run"]
    sure = {entry.step.reference: steps[entry.step.reference] for entry in certain}
    return Need(
        fetched=sum(estimate.fetched for estimate in steps.values()) + pictures,
        written=sum(estimate.written for estimate in steps.values()) + pictures,
        free=shutil.disk_usage(existing(settings.lake)).free,
        unknown=unknown,
        ways=ways,
        steps=steps,
        seconds=duration(planned, sure) + waiting,
        most_seconds=duration(planned, steps) + waiting,
    )


def check_disk(planned: Sequence[Planned], settings: BuildSettings) -> Need:
    """Refuses a plan that does not fit.

    Raises:
        BuildError: the disk has less room than the plan needs, by declared sizes and estimates.
    """
    need = need_of(planned, settings)
    if need.written > need.free:
        raise BuildError(
            "the disk has too little room for what is to be built",
            where=settings.lake,
            got=f"{need.free:,} bytes free",
            expected=f"about {need.written:,} bytes, of which {need.fetched:,} are fetched",
            next_step="make room, use a --lake elsewhere, or build fewer --task or --source",
            exit_code=ExitCode.DISK_FULL,
        )
    return need


def _ways(running: Sequence[Reference], settings: BuildSettings) -> tuple[Way, ...]:
    """How the pictures come of which a step reads the bytes."""
    wanted = {reference.name.split(".")[1] for reference in running if _shows_pictures(reference)}
    tasks = [task for task in registry.task_names() if task in wanted]
    return tuple(ways_of(tasks, settings).values())


def _shows_pictures(reference: Reference) -> bool:
    return reference.stage == "mixtures" and "." in reference.name


def _missing(way: Way, settings: BuildSettings) -> int:
    """About how many bytes of single pictures are still to come."""
    if settings.sample:
        return 0
    there = sum(path.stat().st_size for path in _files(store_folder(settings.lake, way.source, way.file)))
    return max(0, way.pictures * PICTURE_BYTES - there)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())
