"""`build` and `plan` of the command: plans without Prefect, and starts the flow only if there is work."""

from __future__ import annotations

import os
import re
import shutil
import sys

from flows import codes
from flows.console import Display, out, plain, print_json, table
from flows.planning import plan_as_dict, print_plan, say_what_waits
from flows.sample import sample_folder, with_sample
from flows.watch import watcher
from schemas.build import Build
from schemas.errors import BuildError, ExitCode
from schemas.report import Ledger, SourceReport, Unexpected
from schemas.settings import BuildSettings
from transforms.builder import Builder, Planned
from transforms.lake import current, writing
from transforms.pausing import UnreachedError
from transforms.preflight import check_disk, need_of

_PREFECT = {
    # Nothing is told to anyone.
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # A temporary server needs up to 23 s for its first start; the default limit is 20.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    # The temporary server fills the screen with tracebacks of cancelled coroutines as it goes, some of them
    # by way of SQLAlchemy's logger, which has no level of its own there.
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    # Our own display says what happens.
    "PREFECT_LOGGING_LEVEL": "WARNING",
}


def planned(settings: BuildSettings) -> tuple[Builder, list[Planned]]:
    """What a build would do. The sample world is drawn first if it is asked for and not there yet."""
    if settings.sample and settings.mirror is None and not sample_folder(settings).is_dir():
        with writing(settings.lake):
            with_sample(settings)
    settings = with_sample(settings)
    builder = Builder(settings, encoder=codes.encoder())
    return builder, builder.plan()


def show_plan(settings: BuildSettings, as_json: bool) -> None:
    """Prints what a build would do, and why."""
    builder, steps = planned(settings)
    need = need_of(steps, builder.settings)
    if as_json:
        print_json(plan_as_dict(builder, steps, need))
    else:
        print_plan(builder, steps, need)


def build(settings: BuildSettings, as_json: bool) -> None:
    """Builds what is not there yet; says so and ends if nothing is to be done."""
    builder, steps = planned(settings)
    _refuse(steps)
    before = current(settings.lake)
    if before is not None and all(entry.action == "done" for entry in steps) and _is_current(builder, before):
        from transforms.report import write as write_report

        # Only what is missing of it, or would say something else, is written.
        write_report(settings.lake, before, builder.waiting, builder.unweighed)
        _report(builder, before, as_json, "nothing to do: everything is up to date")
        return
    check_disk(steps, builder.settings)
    try:
        _run(settings, len(steps), as_json)
    except UnreachedError as error:
        if error.build is not None:
            _report(builder, error.build, as_json, "built in part")
        raise
    _report(builder, current(settings.lake), as_json, "built")


def _run(settings: BuildSettings, steps: int, as_json: bool) -> None:
    try:
        if as_json:
            _run_flow(settings)
        else:
            with Display(steps) as display:
                watcher.set(display)
                _run_flow(settings)
    except KeyboardInterrupt as error:
        raise BuildError(
            "interrupted",
            next_step="run the same command again: what is finished stays finished",
            exit_code=ExitCode.INTERRUPTED,
        ) from error


def _refuse(steps: list[Planned]) -> None:
    refused = [entry for entry in steps if entry.action == "refused"]
    if not refused:
        return
    reasons = list(dict.fromkeys(entry.reason for entry in refused if entry.step.awaited))
    others = [entry.reason for entry in refused if not entry.step.awaited]
    reasons += [f"{one}; likewise for {len(others) - 1} more" for one in others[:1]] if others[1:] else others
    raise BuildError(
        f"{len(refused)} files are not accepted, so that nothing is begun",
        got=", ".join(entry.step.reference.name for entry in refused),
        expected="\n    ".join(reasons),
        next_step="do what is expected, or name with --source or --task what you want: "
        "`multiinstruct list sources` says which files are pinned",
        exit_code=ExitCode.USAGE,
    )


def _is_current(builder: Builder, build: Build) -> bool:
    there = {entry.reference: entry.fingerprint for entry in build.members}
    return there == {reference: builder.run(reference).manifest.fingerprint for reference in builder.steps}


def _run_flow(settings: BuildSettings) -> None:
    for name, value in _PREFECT.items():
        os.environ.setdefault(name, value)
    from flows.build import build_multiinstruct

    build_multiinstruct(**settings.model_dump())


def _report(builder: Builder, build: Build | None, as_json: bool, what: str) -> None:
    settings = builder.settings
    if build is None:
        raise BuildError("the build left no result", where=settings.lake)
    from transforms.report import read as read_report

    said = read_report(settings.lake, build)
    if as_json:
        told = said.model_dump(include={"waiting", "unweighed"})
        told["unexpected"] = {
            source.source: [one.model_dump() for one in source.unexpected] for source in said.sources
        }
        print_json({"outcome": what, "lake": settings.lake, **told, **build.model_dump()})
        return
    out.print(plain(f"{what}: build {build.id} in {settings.lake}"))
    rows = [(task.task, *_counted(task.instances)) for task in said.tasks]
    if rows:
        columns = ("task", "instances", "rejected", "not asked")
        out.print(table(columns, rows, right=columns[1:]))
    for source in said.sources:
        for one in source.unexpected:
            out.print(plain(f"warning: {source.source}.{one.what}: {_beside_the_publisher(one, source)}"))
    say_what_waits(said.waiting, said.unweighed)
    _what_next(settings, [task.task for task in said.tasks])


def _beside_the_publisher(one: Unexpected, source: SourceReport) -> str:
    """A count beside the publisher's, and the rows that were left out of its table, which may explain it."""
    name = f"tables/{source.source}.{re.split(r'[/.]', one.what)[0]}"
    rejected = sum(sum(ledger.rejected.values()) for ledger in source.tables if ledger.artifact == name)
    return f"{one.got:,}, the publisher says {one.expected:,} ({rejected:,} rows of the table rejected)"


def _counted(ledger: Ledger) -> tuple[str, str, str]:
    """Rows kept, rejected and not asked."""
    return f"{ledger.rows_out:,}", f"{sum(ledger.rejected.values()):,}", f"{ledger.not_asked:,}"


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
