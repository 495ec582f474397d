"""The page of a fine-tuning run: what was trained on which rows, and its curves, drawn without script."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from schemas.training import Update, Validated
from transforms.artifact import write_whole
from transforms.pages import rendered
from transforms.training_store import Run

PAGE: Final = "index.html"

WIDTH: Final = 640
HEIGHT: Final = 200

_POINTS: Final = 320
"""Points of a curve at most: each is the mean of the updates that it stands for."""

_TICKS: Final = 4


class Curve(NamedTuple):
    """A line of a chart, as an SVG path and its last value."""

    name: str
    path: str
    last: float


class Tick(NamedTuple):
    """A line across a chart, and what stands beside it."""

    y: float
    label: str


class Chart(NamedTuple):
    """A drawing of `WIDTH` x `HEIGHT`, updates to the right."""

    title: str
    unit: str
    curves: list[Curve]
    ticks: list[Tick]


def write(run: Run) -> Path:
    """Writes the page from the files of the run alone."""
    lines = run.lines()
    updates = [line for line in lines if isinstance(line, Update)]
    looks = [line for line in lines if isinstance(line, Validated)]
    page = rendered(
        "training.html",
        training=run.training,
        trained=run.trained,
        done=updates[-1].update if updates else 0,
        charts=_charts(updates, looks, run.training.updates),
        seconds=sum(line.seconds for line in updates),
        waited=sum(line.waited for line in updates),
        rows=sum(line.rows for line in updates),
        ids=sum(line.ids for line in updates),
        looks=looks,
        width=WIDTH,
        height=HEIGHT,
    )
    path = run.folder / PAGE
    write_whole(path, page.encode())
    return path


def _charts(updates: Sequence[Update], looks: Sequence[Validated], whole: int) -> list[Chart]:
    if not updates:
        return []
    told = {
        "training": [(line.update, line.nll) for line in updates],
        "validation": [(line.update, line.nll) for line in looks],
    }
    speed = [(line.update, line.rows / line.seconds) for line in updates if line.seconds]
    rate = [(line.update, line.learning_rate) for line in updates]
    length = [(line.update, line.gradient) for line in updates if line.gradient is not None]
    return [
        _chart("Negative log-likelihood", "nats of a target id", told, whole),
        _chart("Speed", "rows a second", {"rows": speed}, whole),
        _chart("Learning rate", "of each update", {"rate": rate}, whole),
        _chart("Length of the gradient", "before clipping", {"gradient": length}, whole),
    ]


def _chart(title: str, unit: str, told: dict[str, list[tuple[int, float]]], whole: int) -> Chart:
    means = {name: _thinned(points) for name, points in told.items() if points}
    top = max((value for points in means.values() for _, value in points), default=0.0) * 1.05 or 1.0
    curves = [Curve(name, _path(points, whole, top), points[-1][1]) for name, points in means.items()]
    steps = [top * number / _TICKS for number in range(_TICKS + 1)]
    ticks = [Tick(round(HEIGHT - HEIGHT * step / top, 1), f"{step:.3g}") for step in steps]
    return Chart(title, unit, curves, ticks)


def _thinned(points: Sequence[tuple[int, float]]) -> list[tuple[float, float]]:
    """At most `_POINTS` points, each the mean of those that follow one another."""
    size = -(-len(points) // _POINTS)
    groups = [points[first : first + size] for first in range(0, len(points), size)]
    return [
        (sum(x for x, _ in group) / len(group), sum(value for _, value in group) / len(group))
        for group in groups
    ]


def _path(points: Sequence[tuple[float, float]], whole: int, top: float) -> str:
    places = [(WIDTH * x / whole, HEIGHT - HEIGHT * value / top) for x, value in points]
    if len(places) == 1:
        # A point alone would leave nothing to see.
        places.append((places[0][0] + 1, places[0][1]))
    return "M" + " L".join(f"{x:.1f},{y:.1f}" for x, y in places)
