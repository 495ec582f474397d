"""Which steps a build needs, each after its inputs.

raw/<source>.<file> ── tables/<source>.<table> ─┬─ instances/<task> ── mixtures/<mixture>.<task> ── shards/…
                       tables/<source>.pictures ┘
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from schemas.artifact import Reference
from schemas.settings import BuildSettings
from transforms import registry
from transforms.codes import Encoder
from transforms.steps import Step
from transforms.steps_instances import instance_step, instances
from transforms.steps_shards import VOCABULARY, collected, shard_steps, waiting, weights_step
from transforms.steps_tables import assign_step, raw, raw_steps, table, table_steps


class Graph:
    """The steps of one build.

    Attributes:
        sources: the datasets whose tables are built.
        files: other sources that are asked for by name: their files are fetched.
        tasks: the tasks that are built, parents before children.
        waiting: those of them that get instances but no shards, and why.
        steps: every step that the build needs, by its artifact, each after its inputs.
    """

    def __init__(
        self, settings: BuildSettings, weighed: Iterable[str] = (), encoder: Encoder | None = None
    ) -> None:
        """Lays out the steps.

        Args:
            weighed: further sources whose pictures count when photographs are given their splits.
            encoder: what writes pictures as image codes, where it can run.

        Raises:
            BuildError: the settings name a source, task or mixture that there is not.
        """
        registry.check_known("source", settings.sources, registry.source_names())
        registry.check_known("task", settings.tasks, registry.task_names())
        registry.check_known("mixture", (settings.mixture,), registry.mixture_names())
        self.tasks = _tasks(settings)
        self.sources = _sources(settings, self.tasks)
        self.files = tuple(name for name in settings.sources if name not in self.sources)
        self.waiting = waiting(self.tasks, settings, encoder) if settings.until == "shards" else {}
        self._in_shards = [task for task in self.tasks if task not in self.waiting]
        self._weighed = tuple(sorted({*self.sources, *weighed}))
        self._known = {step.reference: step for step in self._all(settings, encoder)}
        self.steps: dict[Reference, Step] = {}
        for target in self._targets(settings):
            self._need(target)

    def _all(self, settings: BuildSettings, encoder: Encoder | None) -> Iterator[Step]:
        for source in (*self._weighed, VOCABULARY, *self.files):
            yield from raw_steps(source, settings)
        weights = weights_step(settings)
        if weights is not None:
            yield weights
        for source in self._weighed:
            yield from table_steps(source)
            yield assign_step(source, self._weighed)
        for task in self.tasks:
            yield instance_step(task, settings)
        yield from shard_steps(self._in_shards, settings, encoder)

    def _targets(self, settings: BuildSettings) -> Iterable[Reference]:
        # Who names tasks wants those; who names none wants every table as well.
        targets = [] if settings.tasks else list(self._tables())
        targets += [raw(source, file) for source in self.files for file in registry.declaration(source).files]
        if settings.until != "tables":
            targets += [instances(task) for task in self.tasks]
        if settings.until == "shards" and self._in_shards:
            targets.append(collected(settings.mixture))
        return targets

    def _tables(self) -> Iterator[Reference]:
        for source in self.sources:
            yield from (step.reference for step in table_steps(source))
            yield table(source, "pictures")

    def _need(self, reference: Reference) -> None:
        """Adds a step after everything that it needs."""
        if reference in self.steps:
            return
        step = self._known[reference]
        for needed in step.inputs:
            self._need(needed.whole)
        self.steps[reference] = step


def _tasks(settings: BuildSettings) -> tuple[str, ...]:
    """The tasks that are asked for and what they derive from, parents first."""
    wanted = settings.tasks or tuple(
        name
        for name in registry.task_names()
        if not settings.sources or set(registry.sources_of(name)) <= set(settings.sources)
    )
    ordered: dict[str, None] = {}

    def visit(name: str) -> None:
        for parent in registry.task(name).parents:
            visit(parent)
        ordered.setdefault(name)

    for name in wanted:
        visit(name)
    return tuple(ordered)


def _sources(settings: BuildSettings, tasks: Iterable[str]) -> tuple[str, ...]:
    named = settings.sources
    if settings.tasks and not named:
        return tuple(sorted({source for task in tasks for source in registry.sources_of(task)}))
    return tuple(
        name
        for name in registry.source_names()
        if registry.declaration(name).kind == "dataset" and (not named or name in named)
    )
