"""`build` and `plan` of the command: plans without Prefect, and starts the flow only if there is work."""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections import Counter
from dataclasses import asdict
from typing import Any

from flows import codes
from flows.console import Display, out, plain, print_json, table
from flows.sample import with_sample
from flows.watch import watcher
from schemas.build import Build
from schemas.errors import BuildError, ExitCode
from schemas.settings import BuildSettings
from transforms.builder import Action, Builder, Planned
from transforms.lake import current, member, writing
from transforms.preflight import Need, check_disk, need_of

_PREFECT = {
    # Nothing is told to anyone.
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # A temporary server needs up to 23 s for its first start; the default limit is 20.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    # The temporary server fills the screen with tracebacks of cancelled coroutines as it goes.
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
    # Our own display says what happens.
    "PREFECT_LOGGING_LEVEL": "WARNING",
}


def planned(settings: BuildSettings) -> tuple[Builder, list[Planned]]:
    """What a build would do. The sample world is drawn first if it is asked for and not there yet."""
    if settings.sample:
        with writing(settings.lake):
            settings = with_sample(settings)
    builder = Builder(settings, encoder=codes.encoder())
    return builder, builder.plan()


def show_plan(settings: BuildSettings, as_json: bool) -> None:
    """Prints what a build would do, and why."""
    builder, steps = planned(settings)
    need = need_of(steps, builder.settings)
    if as_json:
        print_json(
            {
                "steps": [_as_dict(entry) for entry in steps],
                "bytes": {"fetched": need.fetched, "written": need.written, "free": need.free},
                "unknown_size": need.unknown,
                "pictures": [asdict(way) for way in need.ways],
                "waiting": builder.waiting,
            }
        )
        return
    rows = [
        (entry.step.reference.stage, entry.step.title, entry.action, entry.reason)
        for entry in steps
        if entry.action != "done"
    ]
    if rows:
        out.print(table(("stage", "step", "action", "why"), rows))
    counted = Counter(entry.action for entry in steps)
    summary = [f"{counted[action]} {word}" for action, word in _WORDS.items() if counted[action]]
    out.print(plain(", ".join(summary)))
    if rows:
        _print_need(need)
    _say_what_waits(builder)


def _print_need(need: Need) -> None:
    for way in need.ways:
        how = "whole" if way.whole else "one by one"
        out.print(plain(f"pictures of {way.source}.{way.file} come {how}: {way.reason}"))
    more = f", and {len(need.unknown)} files of unknown size" if need.unknown else ""
    sizes = f"{need.fetched:,} bytes to fetch{more}, {need.written:,} to write, {need.free:,} free"
    out.print(plain(sizes))


def _say_what_waits(builder: Builder) -> None:
    for task, reason in builder.waiting.items():
        out.print(plain(f"{task} gets instances, but no shards: {reason}"))


_WORDS: dict[Action, str] = {
    "done": "up to date",
    "run": "to run",
    "follow": "to run if what they are made from comes out different",
    "refused": "refused",
}


def _as_dict(entry: Planned) -> dict[str, Any]:
    return {
        "stage": entry.step.reference.stage,
        "name": entry.step.reference.name,
        "step": entry.step.title,
        "action": entry.action,
        "reason": entry.reason,
    }


def build(settings: BuildSettings, as_json: bool) -> None:
    """Builds what is not there yet; says so and ends if nothing is to be done."""
    builder, steps = planned(settings)
    _refuse(steps)
    before = current(settings.lake)
    if all(entry.action == "done" for entry in steps) and _is_current(builder, before):
        _report(builder, before, as_json, "nothing to do: everything is up to date")
        return
    check_disk(steps, builder.settings)
    try:
        if as_json:
            _run_flow(settings)
        else:
            with Display(len(steps)) as display:
                watcher.set(display)
                _run_flow(settings)
    except KeyboardInterrupt as error:
        raise BuildError(
            "interrupted",
            next_step="run the same command again: what is finished stays finished",
            exit_code=ExitCode.INTERRUPTED,
        ) from error
    _report(builder, current(settings.lake), as_json, "built")


def _refuse(steps: list[Planned]) -> None:
    refused = [entry for entry in steps if entry.action == "refused"]
    if refused:
        raise BuildError(
            f"{len(refused)} files are not accepted, so that nothing is begun",
            got=", ".join(entry.step.reference.name for entry in refused),
            expected=refused[0].reason,
            exit_code=ExitCode.USAGE,
        )


def _is_current(builder: Builder, build: Build | None) -> bool:
    if build is None:
        return False
    there = {entry.reference: entry.fingerprint for entry in build.members}
    return there == {reference: builder.run(reference).manifest.fingerprint for reference in builder.steps}


def _run_flow(settings: BuildSettings) -> None:
    for name, value in _PREFECT.items():
        os.environ.setdefault(name, value)
    from flows.build import build_multiinstruct

    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
    build_multiinstruct(**settings.model_dump())


def _report(builder: Builder, build: Build | None, as_json: bool, what: str) -> None:
    settings = builder.settings
    if build is None:
        raise BuildError("the build left no result", where=settings.lake)
    if as_json:
        print_json({"outcome": what, "lake": settings.lake, "waiting": builder.waiting, **build.model_dump()})
        return
    out.print(plain(f"{what}: build {build.id} in {settings.lake}"))
    tasks = [entry for entry in build.members if entry.stage == "instances"]
    rows = []
    for entry in tasks:
        found = member(settings.lake, build, entry.reference)
        if found is not None:
            ledger = found.manifest
            left_out = sum(ledger.rejected.values())
            rows.append((entry.name, *(f"{n:,}" for n in (ledger.rows_out, left_out, ledger.not_asked))))
    if rows:
        columns = ("task", "instances", "rejected", "not asked")
        out.print(table(columns, rows, right=columns[1:]))
    _say_what_waits(builder)
    _what_next(settings, [entry.name for entry in tasks])


def _what_next(settings: BuildSettings, tasks: list[str]) -> None:
    called = "multiinstruct" if shutil.which("multiinstruct") else sys.argv[0]
    lake = f"--lake {settings.lake}"
    commands = ['sql "show all tables"']
    if tasks:
        query = f"select split, count(*) from instances.{tasks[0]} group by all"
        commands = [
            f"show {tasks[0]}",
            f"show {tasks[-1]} -n 20 --html look.html",
            f'sql "{query}"',
            *commands,
        ]
    out.print(plain("\nTry next:"))
    for command in commands:
        out.print(plain(f"  {called} {command} {lake}"))
