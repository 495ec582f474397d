"""What a plan says, to a person and to a program."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from rich.filesize import decimal

from flows.console import out, plain, table
from flows.mixtures import as_dict as mixture_as_dict
from flows.mixtures import print_taken
from schemas.waiting import Kind, Waiting
from transforms.builder import Action, Builder, Planned
from transforms.estimate import Estimate
from transforms.mixture_counts import of_build
from transforms.pausing import by_reason
from transforms.preflight import Need

_START_SECONDS: Final = 10.0
"""About how long the temporary Prefect server of a build takes to start and to end, on two cores."""

_WORDS: Final[dict[Action, str]] = {
    "done": "up to date",
    "run": "to run",
    "follow": "to run if what they are made from comes out different",
    "refused": "refused",
}


def plan_as_dict(builder: Builder, steps: Sequence[Planned], need: Need) -> dict[str, Any]:
    """A plan for a program to read. Bytes and seconds; `null` is what nobody knows."""
    start = _start(steps)
    return {
        "steps": [_as_dict(entry, need.steps.get(entry.step.reference)) for entry in steps],
        "bytes": {"fetched": need.fetched, "written": need.written, "free": need.free},
        "seconds": {
            "start": start,
            "sure": start + need.seconds,
            "most": start + need.most_seconds,
            "steps_unknown": need.unknown_seconds,
            "rough": need.rough,
        },
        "unknown_size": need.unknown,
        "mixture": mixture_as_dict(builder.settings.mixture, of_build(builder)),
        "pictures": [asdict(way) for way in need.ways],
        "waiting": [one.model_dump() for one in builder.waiting],
        "unweighed": builder.unweighed,
    }


def _as_dict(entry: Planned, estimate: Estimate | None) -> dict[str, Any]:
    return {
        "stage": entry.step.reference.stage,
        "name": entry.step.reference.name,
        "step": entry.step.title,
        "action": entry.action,
        "reason": entry.reason,
        "note": entry.step.note,
        "changes": [asdict(change) for change in entry.changes],
        "estimate": estimate._asdict() if estimate is not None else None,
    }


def print_plan(builder: Builder, steps: Sequence[Planned], need: Need) -> None:
    """Prints a plan: every step that is not done, what all of them need, and what a person has to do."""
    rows = [
        (
            entry.step.title,
            entry.action,
            entry.reason,
            *_shown(need.steps.get(entry.step.reference)),
        )
        for entry in steps
        if entry.action != "done"
    ]
    if rows:
        numbers = ("fetch", "write", "time")
        columns = ("step", "action", "why", *numbers)
        out.print(table(columns, rows, right=numbers, whole=("action", *numbers)))
    counted = Counter(entry.action for entry in steps)
    summary = [f"{counted[action]} {word}" for action, word in _WORDS.items() if counted[action]]
    out.print(plain(", ".join(summary)))
    taken = of_build(builder)
    if taken:
        print_taken(builder.settings.mixture, taken)
    if need.steps:
        _print_need(steps, need)
    for entry in steps:
        if entry.step.note:
            out.print(plain(f"{entry.step.reference.name} is {entry.step.note}"))
    say_what_waits(builder.waiting, builder.unweighed)


def say_what_waits(waiting: Sequence[Waiting], unweighed: Sequence[str]) -> None:
    """Prints what is not built and what a person can do about it, reason by reason."""
    lacking: dict[Kind, str] = {
        "table": "tables left out",
        "task": "tasks left out",
        "shards": "tasks that get instances, but no shards",
    }
    for reason in by_reason(waiting):
        out.print(plain(f"waiting: {reason}"))
        for kind, words in lacking.items():
            names = [one.name for one in waiting if (one.reason, one.kind) == (reason, kind)]
            if names:
                out.print(plain(f"  {words}: {', '.join(names)}"))
    if unweighed:
        out.print(
            plain(
                f"the pictures of {', '.join(unweighed)} do not count for the splits: a photograph that they "
                "share with others may be in another split once they are here"
            )
        )


def _shown(estimate: Estimate | None) -> tuple[str, str, str]:
    if estimate is None:
        return "", "", ""
    fetched, written = (decimal(size) if size else "" for size in (estimate.fetched, estimate.written))
    about = "" if estimate.seconds is None else f"{'~' if estimate.rough else ''}{_time(estimate.seconds)}"
    return fetched, written, about


def _print_need(steps: Sequence[Planned], need: Need) -> None:
    for way in need.ways:
        how = "whole" if way.whole else "one by one"
        out.print(plain(f"pictures of {way.source}.{way.file} come {how}: {way.reason}"))
    more = f", and {len(need.unknown)} files of unknown size" if need.unknown else ""
    fetched, written, free = map(decimal, (need.fetched, need.written, need.free))
    out.print(plain(f"{fetched} to fetch{more}, {written} to write, {free} free"))
    out.print(plain(_duration(steps, need)))


def _duration(steps: Sequence[Planned], need: Need) -> str:
    start = _start(steps)
    said = f"about {_time(start + need.seconds)}"
    if round(need.most_seconds) > round(need.seconds):
        said += f", up to {_time(start + need.most_seconds)} if everything that may follow runs"
    if need.rough:
        said += "; scaled up from runs on much less"
    if need.unknown_seconds == len(need.steps):
        return "nobody knows how long it takes: nothing like it has run in this lake"
    if need.unknown_seconds:
        said += f"; without {need.unknown_seconds} steps, the like of which never ran in this lake"
    return said


def _start(steps: Sequence[Planned]) -> float:
    """Seconds that Prefect takes beside the steps; a server that runs already takes none."""
    runs = any(entry.action in ("run", "follow") for entry in steps)
    return _START_SECONDS if runs and not os.environ.get("PREFECT_API_URL") else 0.0


def _time(seconds: float) -> str:
    """`0.2 s`, `48 s`, `12 min`, `3 h 20 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02} min"
