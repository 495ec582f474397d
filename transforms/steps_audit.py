"""Steps that audit: one for each task, and one over all of them.

instances/<task> ── mixtures/<mixture>.<task> ── shards/<mixture>.<task> ── audits/<mixture>.<task> ─┐
                                                                           audits/<mixture> ◀────────┘
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from instructions.load import TaskInstructions, load_instructions
from schemas.artifact import Reference
from schemas.audit import Reviews
from schemas.settings import BuildSettings
from shards.format import read_instructions
from transforms import registry
from transforms.audit_build import audit_build
from transforms.audit_leaks import TaskRows
from transforms.audit_task import AUDIT, TaskFiles, audit_task, read_audit
from transforms.content import digest_of
from transforms.pretraining import pretraining
from transforms.steps import Making, Step
from transforms.steps_instances import instances, task_file
from transforms.steps_select import selected
from transforms.steps_shards import ASSEMBLED, prepared, tokenised, vocabulary_of
from transforms.steps_tables import fills, table
from transforms.verdicts import reviews_of


def audited(mixture: str, task: str | None = None, part: str | None = None) -> Reference:
    """The audit of a task under a mixture, or of all its tasks together."""
    return Reference("audits", mixture if task is None else f"{mixture}.{task}", part)


def audit_steps(tasks: Sequence[str], settings: BuildSettings) -> Iterator[Step]:
    """All audits of a mixture over the given tasks."""
    reviews = reviews_of(settings.lake)
    for task in tasks:
        yield _task_step(task, reviews.get(task), settings)
    yield _build_step(tasks, settings)


def _task_step(task: str, reviews: Reviews | None, settings: BuildSettings) -> Step:
    head, listed = registry.task(task).head, _listed([task])
    return Step(
        audited(settings.mixture, task),
        "audit",
        (
            instances(task),
            selected(settings.mixture, task),
            tokenised(settings.mixture, task),
            prepared(task),
            ASSEMBLED,
            *(table(source, name) for source in listed for name in ("images", "pictures")),
        ),
        {
            "role": head.role,
            "output": head.output,
            "category": head.category,
            "reviews": reviews.model_dump() if reviews else None,
        },
        partial(_audit_task, task, reviews, settings),
        code=("transforms.audit_task",),
        files=dict.fromkeys(("role", "output", "category"), task_file(task)),
    )


def _audit_task(task: str, reviews: Reviews | None, settings: BuildSettings, making: Making) -> None:
    shard = making.inputs[tokenised(settings.mixture, task)]
    files = TaskFiles(
        instances=making.table(instances(task)),
        rows=making.table(selected(settings.mixture, task, "rows")),
        pictures=making.table(selected(settings.mixture, task, "pictures")),
        listed={
            source: (making.table(table(source, "images")), making.table(table(source, "pictures")))
            for source in _listed([task])
        },
        shard=shard.path(""),
        manifests={
            "instances": making.inputs[instances(task)].manifest,
            "mixtures": making.inputs[selected(settings.mixture, task)].manifest,
            "shards": shard.manifest,
        },
        instructions=read_instructions(making.inputs[prepared(task)].path("")),
        vocabulary=vocabulary_of(making),
    )
    loaded = load_instructions(task, settings.instructions)
    audit_task(task, registry.task(task).head, loaded, files, reviews, making.draft, making.threads)


def _build_step(tasks: Sequence[str], settings: BuildSettings) -> Step:
    loaded = {task: load_instructions(task, settings.instructions) for task in tasks}
    listed = {source: table(source, "pictures") for source in _listed(tasks)}
    return Step(
        audited(settings.mixture),
        "audit",
        (
            *(instances(task) for task in tasks),
            *(selected(settings.mixture, task) for task in tasks),
            *(audited(settings.mixture, task) for task in tasks),
            *listed.values(),
        ),
        {
            "instructions": {task: _digest(one) for task, one in loaded.items()},
            "pretraining": digest_of(pretraining().model_dump()),
        },
        partial(_audit_build, loaded, listed, settings),
        code=("transforms.audit_build",),
        files={"pretraining": "transforms/pretraining.toml"},
    )


def _listed(tasks: Sequence[str]) -> list[str]:
    """The sources of some tasks that list pictures, in order of name."""
    sources = sorted({source for task in tasks for source in registry.sources_of(task)})
    return [source for source in sources if fills(source, "images")]


def _digest(loaded: TaskInstructions) -> str:
    return digest_of([[wording.text for wording in loaded.wordings], loaded.answers, dict(loaded.empty)])


def _audit_build(
    loaded: Mapping[str, TaskInstructions],
    listed: Mapping[str, Reference],
    settings: BuildSettings,
    making: Making,
) -> None:
    mixture = settings.mixture
    audit_build(
        mixture,
        {task: read_audit(making.inputs[audited(mixture, task)].path(AUDIT)) for task in loaded},
        {task: making.table(audited(mixture, task, "answers")) for task in loaded},
        loaded,
        {
            task: TaskRows(
                registry.task(task).head.role,
                making.table(instances(task)),
                making.table(selected(mixture, task, "rows")),
                making.table(selected(mixture, task, "pictures")),
            )
            for task in loaded
        },
        {source: making.table(reference) for source, reference in listed.items()},
        making.draft,
        making.threads,
    )
