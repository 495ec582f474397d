"""The flow `build-multiinstruct`: one Prefect task for each artifact, in the order of its inputs.

It is a loop over the steps of a build. What is finished is skipped by the lake itself, so a flow
run, a worker and a plain call skip the same way.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Annotated, Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.events import emit_event
from prefect.futures import PrefectFuture
from prefect.runtime import flow_run
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner
from prefect.tasks import Task
from pydantic import Field

from flows import codes
from flows.logged import LoggedProgress
from flows.sample import with_sample
from flows.watch import watcher
from schemas.artifact import Reference
from schemas.audit import BuildAudit
from schemas.build import Build
from schemas.errors import BuildError, TransientError
from schemas.report import Report
from schemas.settings import BuildSettings, OptionsStyle, Quantisation, Rules, Until
from transforms.builder import Builder
from transforms.builds import other_rows
from transforms.lake import current, writing
from transforms.pausing import UnreachedError, by_reason
from transforms.report import read as read_report
from transforms.terms import agree

NAME = "build-multiinstruct"

ROWS_CHANGED_EVENT = "multiinstruct.build.rows-changed"
"""Sent when the tokenised rows of a build are not those of the build before it."""

LAKE = Path(os.environ.get("MULTIINSTRUCT_LAKE", "lake"))
"""A worker builds into its own lake unless a run names another."""

_RUNNER: TaskRunner[Any] = ThreadPoolTaskRunner(max_workers=2)


def _may_pass(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    return isinstance(state.result(raise_on_failure=False), TransientError)


@task(
    task_run_name="{title}",
    cache_policy=NO_CACHE,
    persist_result=False,
    # The downloader tries again by itself, with Retry-After in mind; this is for longer outages.
    retries=1,
    retry_delay_seconds=60,
    retry_condition_fn=_may_pass,
)
def run_step(title: str, settings: BuildSettings, stage: str, name: str) -> str:
    """Makes one artifact unless the lake has it, and returns its content id."""
    builder = _builders.of(settings, str(flow_run.get_id()))
    step = builder.steps[Reference(stage, name)]  # type: ignore[arg-type]
    display = watcher.get()
    log = get_run_logger()
    manifest = builder.run(
        step.reference, display.began(step) if display else LoggedProgress(log.info)
    ).manifest
    if display:
        display.ended(step, manifest)
    log.info(
        "%s: %d rows in, %d out, %d rejected, %d not asked; version %s",
        title,
        manifest.rows_in,
        manifest.rows_out,
        sum(manifest.rejected.values()),
        manifest.not_asked,
        manifest.fingerprint,
    )
    return manifest.content_id


class _Builders:
    """The builder of the flow run in this process: its steps share it, and the next run reads files anew."""

    def __init__(self) -> None:
        self._key: tuple[BuildSettings, str] | None = None
        self._builder: Builder | None = None
        self._lock = threading.Lock()

    def of(self, settings: BuildSettings, run: str) -> Builder:
        """The builder of a flow run."""
        with self._lock:
            if self._builder is None or self._key != (settings, run):
                self._key, self._builder = (settings, run), Builder(settings, encoder=codes.encoder())
            return self._builder

    def put(self, settings: BuildSettings, run: str, builder: Builder) -> None:
        """Takes another builder for the steps that follow."""
        with self._lock:
            self._key, self._builder = (settings, run), builder


_builders = _Builders()


@flow(name=NAME, task_runner=_RUNNER, persist_result=False)
def build_multiinstruct(
    lake: Annotated[Path, Field(description="Folder in which everything is kept.")] = LAKE,
    sample: Annotated[bool, Field(description="Build the embedded sample world.")] = False,
    sample_scale: Annotated[float, Field(gt=0, description="Size of the sample world.")] = 1.0,
    mirror: Annotated[str | None, Field(description="Folder or URL asked instead of publishers.")] = None,
    offline: Annotated[bool, Field(description="Never open a connection.")] = False,
    seed: Annotated[int, Field(ge=0, description="Decides every draw.")] = 0,
    sources: Annotated[tuple[str, ...], Field(description="Only these sources.")] = (),
    tasks: Annotated[tuple[str, ...], Field(description="Only these tasks and their parents.")] = (),
    mixture: Annotated[str, Field(description="Which rows are tokenised.")] = "multiinstruct",
    until: Annotated[Until, Field(description="The last stage to build.")] = "shards",
    accept_terms: Annotated[tuple[str, ...], Field(description="Agree to the terms of these.")] = (),
    unpinned: Annotated[bool, Field(description="Accept files that nobody has vouched for.")] = False,
    per_image: Annotated[int, Field(ge=0, description="Rows a derived task asks of an image.")] = 5,
    rules: Annotated[Rules, Field(description="How rows of tasks are made.")] = "ours",
    instructions: Annotated[Path | None, Field(description="Instruction files laid over ours.")] = None,
    quantisation: Annotated[Quantisation, Field(description="Coordinates to bins.")] = "whole_image_999",
    options_style: Annotated[OptionsStyle, Field(description="How options are joined.")] = "spaced",
    threads: Annotated[int | None, Field(gt=0, description="Threads of one step.")] = None,
) -> dict[str, Any]:
    """Builds MultiInstruct from the publishers' files to shards, and makes it the current build."""
    settings = BuildSettings(
        lake=lake,
        sample=sample,
        sample_scale=sample_scale,
        mirror=mirror,
        offline=offline,
        seed=seed,
        sources=sources,
        tasks=tasks,
        mixture=mixture,
        until=until,
        accept_terms=accept_terms,
        unpinned=unpinned,
        per_image=per_image,
        rules=rules,
        instructions=instructions,
        quantisation=quantisation,
        options_style=options_style,
        threads=threads,
    )
    before = current(settings.lake)
    with writing(settings.lake):
        agree(settings.lake, settings.accept_terms)
        settings = with_sample(settings)
        # The same builder as that of the steps: it knows the bytes of what was accepted without a pin.
        run = str(flow_run.get_id())
        builder = _builders.of(settings, run)
        while failed := _run(builder):
            builder = builder.without(failed)
            _builders.put(settings, run, builder)
        try:
            build = builder.finish()
        except UnreachedError as error:
            if error.build is not None:
                _show(read_report(settings.lake, error.build))
            raise
    _show(read_report(settings.lake, build))
    _tell(settings.lake, before, build)
    return {"build": build.id, "lake": str(settings.lake)}


def _tell(lake: Path, before: Build | None, build: Build) -> None:
    """Sends the event that `finetune-ofa` may wait for, if there is something else to train on."""
    tasks = other_rows(before, build)
    if tasks:
        emit_event(
            ROWS_CHANGED_EVENT,
            resource={"prefect.resource.id": f"multiinstruct.build.{build.id}"},
            payload={"lake": str(lake.resolve()), "mixture": build.mixture, "tasks": tasks},
        )


def _show(report: Report) -> None:
    """Shows the ledger of a build among the artifacts of Prefect, with a link to the whole report."""
    lines = [f"Build {report.build}"]
    lines += [f"Waiting: {', '.join(names)}: {reason}" for reason, names in by_reason(report.waiting).items()]
    served = os.environ.get("MULTIINSTRUCT_REPORTS_URL")
    if served:
        lines.append(f"[The whole report]({served}/{report.build}/)")
    rows = [
        {
            "artifact": ledger.artifact,
            "rows in": ledger.rows_in,
            "rows out": ledger.rows_out,
            "not asked": ledger.not_asked,
            "rejected": sum(ledger.rejected.values()),
            "fingerprint": ledger.fingerprint,
        }
        for ledger in report.ledgers()
    ]
    create_table_artifact(rows, key="build-ledger", description="\n\n".join(lines))
    if report.audit is not None:
        _show_audit(report, report.audit)


def _show_audit(report: Report, audit: BuildAudit) -> None:
    """Shows what the rows of each task are like, and that nothing of what is held out is trained on."""
    rows = [
        {
            "task": task.task,
            "role": audited.role,
            "family": audited.family,
            "instances": audited.instances,
            "rows": sum(split.rows for split in audited.splits.values()),
            "duplicates": sum(split.duplicates for split in audited.splits.values()),
            "left out by fixes": sum(rule.rows for rule in audited.removed if rule.kind == "fix"),
            "left out as leaks": sum(rule.rows for rule in audited.removed if rule.kind == "leak"),
            "best guess": max(
                (guess.accuracy for guess in audited.guesses.ways.values()) if audited.guesses else (),
                default=None,
            ),
        }
        for task in report.tasks
        if (audited := task.audit) is not None
    ]
    told = (
        f"Build {report.build}: {audit.held_out_pictures} pictures and {audit.evaluation_texts} texts are "
        f"held out; {sum(audit.shared_pictures.values())} training rows show one of the pictures."
    )
    create_table_artifact(rows, key="build-audit", description=told)


def _run(builder: Builder) -> dict[Reference, BaseException]:
    """Runs every step after its inputs and goes on where one fails; the steps that failed, and why."""
    futures: dict[Reference, PrefectFuture[str]] = {}
    for reference, step in builder.steps.items():
        futures[reference] = run_step.submit(
            step.title,
            builder.settings,
            reference.stage,
            reference.name,
            wait_for=[futures[needed.whole] for needed in step.inputs],
            return_state=False,
        )
    for future in futures.values():
        future.wait()
    failed = {reference: future for reference, future in futures.items() if future.state.is_failed()}
    return {reference: _cause(future) for reference, future in failed.items()}


def _cause(future: PrefectFuture[str]) -> BaseException:
    """What a step has raised."""
    cause = future.state.result(raise_on_failure=False)
    return cause if isinstance(cause, BaseException) else BuildError(str(cause))
