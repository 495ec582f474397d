"""The flow `build-multiinstruct`: one Prefect task for each artifact, in the order of its inputs.

It is a loop over the steps of a build. What is finished is skipped by the lake itself, so a flow
run, a worker and a plain call skip the same way.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.futures import PrefectFuture
from prefect.runtime import flow_run
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner
from prefect.tasks import Task
from pydantic import Field

from flows import codes
from flows.sample import with_sample
from flows.watch import watcher
from schemas.artifact import Manifest, Reference
from schemas.errors import BuildError, TransientError
from schemas.settings import BuildSettings, OptionsStyle, Quantisation, Until
from transforms.builder import Builder
from transforms.lake import writing
from transforms.steps import silent

NAME = "build-multiinstruct"

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
    builder = _builder(settings, str(flow_run.get_id()))
    step = builder.steps[Reference(stage, name)]  # type: ignore[arg-type]
    display = watcher.get()
    manifest = builder.run(step.reference, display.began(step) if display else silent).manifest
    if display:
        display.ended(step, manifest)
    get_run_logger().info("%s: %s", title, _ledger(manifest))
    return manifest.content_id


def _ledger(manifest: Manifest) -> dict[str, Any]:
    return {
        "artifact": f"{manifest.stage}/{manifest.name}",
        "rows in": manifest.rows_in,
        "rows out": manifest.rows_out,
        "not asked": manifest.not_asked,
        "rejected": sum(manifest.rejected.values()),
        "fingerprint": manifest.fingerprint,
    }


@lru_cache(maxsize=1)
def _builder(settings: BuildSettings, _flow_run: str) -> Builder:
    """One builder for all steps of a flow run in this process; the next run reads the files anew."""
    return Builder(settings, encoder=codes.encoder())


@flow(name=NAME, task_runner=_RUNNER, persist_result=False)
def build_multiinstruct(
    lake: Annotated[Path, Field(description="Folder in which everything is kept.")] = Path("lake"),
    sample: Annotated[bool, Field(description="Build the embedded sample world.")] = False,
    sample_scale: Annotated[float, Field(gt=0, description="Size of the sample world.")] = 1.0,
    mirror: Annotated[str | None, Field(description="Folder or URL asked instead of publishers.")] = None,
    offline: Annotated[bool, Field(description="Never open a connection.")] = False,
    seed: Annotated[int, Field(ge=0, description="Decides every draw.")] = 0,
    sources: Annotated[tuple[str, ...], Field(description="Only these sources.")] = (),
    tasks: Annotated[tuple[str, ...], Field(description="Only these tasks and their parents.")] = (),
    mixture: Annotated[str, Field(description="Which rows are tokenised.")] = "multiinstruct",
    until: Annotated[Until, Field(description="The last stage to build.")] = "shards",
    unpinned: Annotated[bool, Field(description="Accept files that nobody has vouched for.")] = False,
    per_image: Annotated[int, Field(ge=0, description="Rows a derived task asks of an image.")] = 5,
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
        unpinned=unpinned,
        per_image=per_image,
        instructions=instructions,
        quantisation=quantisation,
        options_style=options_style,
        threads=threads,
    )
    with writing(settings.lake):
        settings = with_sample(settings)
        # The same builder as that of the steps: it knows the bytes of what was accepted without a pin.
        builder = _builder(settings, str(flow_run.get_id()))
        _run(builder)
        build = builder.finish()
        ledgers = [_ledger(builder.run(reference).manifest) for reference in builder.steps]
    create_table_artifact(ledgers, key="build-ledger", description=f"Ledger of build {build.id}")
    return {"build": build.id, "lake": str(settings.lake)}


def _run(builder: Builder) -> None:
    """Runs every step after its inputs, goes on where one fails, and fails at the end if one did."""
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
    if failed:
        raise _failure(failed)


def _failure(failed: dict[Reference, PrefectFuture[str]]) -> BaseException:
    """The first failure as it was raised, or one that lists them all."""
    causes = {str(ref): future.state.result(raise_on_failure=False) for ref, future in failed.items()}
    first = next(iter(causes.values()))
    if len(causes) == 1 and isinstance(first, BaseException):
        return first
    listed = "\n".join(f"{name}: {cause}" for name, cause in causes.items())
    code = first.exit_code if isinstance(first, BuildError) else BuildError("").exit_code
    return BuildError(f"{len(causes)} steps failed:\n{listed}", exit_code=code)
