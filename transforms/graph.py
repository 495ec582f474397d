"""Which steps a build needs, each after its inputs.

raw/<source>.<file> ── tables/<source>.<table> ─┬─ instances/<task> ── mixtures/<mixture>.<task>… ── shards/…
                       tables/<source>.pictures ┘
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from schemas.artifact import Reference
from schemas.errors import BuildError, ExitCode
from schemas.settings import BuildSettings
from schemas.waiting import Waiting
from transforms import registry
from transforms.codes import Encoder
from transforms.overlaps import overlaps_of
from transforms.picture_ways import picture_files, ways_of
from transforms.readers import generators
from transforms.steps import Step
from transforms.steps_audit import audit_steps, audited
from transforms.steps_instances import instance_step, instances
from transforms.steps_select import drawn, selected, splits_of
from transforms.steps_shards import (
    VOCABULARY,
    coded,
    collected,
    shard_steps,
    tokenised,
    vocabulary_step,
    waiting,
    weights_step,
)
from transforms.steps_tables import assign_step, images_of, raw, raw_steps, repack_steps, table, table_steps
from transforms.terms import check_asking


class Graph:
    """The steps of one build.

    What needs a file that only a person can bring, or terms that nobody has agreed to, is left out, unless
    it was asked for by name: then the step is there and refused.

    Attributes:
        sources: the datasets whose tables are built.
        files: other sources that are asked for by name: their files are fetched.
        tasks: the tasks that are built, parents before children.
        waiting: tables, tasks and shards that are left out.
        unweighed: sources that are left out and whose pictures do not count when photographs are given
            their splits: a photograph that they share may be in another split once they are here.
        steps: every step that the build needs, by its artifact, each after its inputs.
    """

    def __init__(
        self,
        settings: BuildSettings,
        weighed: Iterable[str] = (),
        encoder: Encoder | None = None,
        away: Mapping[Reference, str] | None = None,
    ) -> None:
        """Lays out the steps.

        Args:
            weighed: further sources whose pictures count when photographs are given their splits.
            encoder: what writes pictures as image codes, where it can run.
            away: steps that cannot run now, and why: what comes after them is left out.

        Raises:
            BuildError: the settings name a source, task or mixture that there is not.
        """
        registry.check_known("source", settings.sources, registry.source_names())
        registry.check_known("task", settings.tasks, registry.task_names())
        registry.check_known("mixture", (settings.mixture,), registry.mixture_names())
        check_asking(settings.accept_terms)
        wanted = _tasks(settings)
        self.sources = _sources(settings, wanted)
        self.files = tuple(name for name in settings.sources if name not in self.sources)
        self.steps: dict[Reference, Step] = {}
        self._known: dict[Reference, Step] = {}
        self._away = dict(away or {})
        self._waiting: dict[Reference, Waiting] = {}
        weighed = tuple(sorted({*self.sources, *weighed}))
        self._know_files(settings, weighed)
        self.unweighed = self._know_tables(weighed)
        self.tasks = self._know_instances(settings, wanted)
        self._in_shards = self._know_shards(settings, encoder) if settings.until == "shards" else ()
        for target in self._targets(settings):
            self._need(target)

    @property
    def waiting(self) -> tuple[Waiting, ...]:
        """What is left out, in the order in which it would be made."""
        return tuple(self._waiting.values())

    def _know_files(self, settings: BuildSettings, weighed: Iterable[str]) -> None:
        named = {*settings.sources, *_read_by(settings.tasks)}
        asked_for = set(registry.lenders(named))
        for source in (*registry.lenders(weighed), VOCABULARY, *self.files):
            for step in raw_steps(source, settings):
                self._known[step.reference] = step
                if step.awaited and step.refused and source not in asked_for:
                    self._away[step.reference] = step.refused
        weights = weights_step(settings)
        if weights is not None:
            self._known[weights.reference] = weights

    def _know_tables(self, weighed: Sequence[str]) -> tuple[str, ...]:
        """Lays out the tables; the sources whose pictures cannot be weighed."""
        for source in weighed:
            for step in table_steps(source):
                self._know(step, "table")
            for step in repack_steps(source):
                self._know(step, None)
        pictured = images_of(weighed)
        here = [source for source, images in pictured.items() if images in self._known]
        for source in pictured:
            if source in here:
                self._know(assign_step(source, here), None)
            else:
                self._away[table(source, "pictures")] = self._away[pictured[source]]
        return tuple(source for source in pictured if source not in here)

    def _know_instances(self, settings: BuildSettings, wanted: Iterable[str]) -> tuple[str, ...]:
        """Lays out the instances of tasks; the tasks that get them."""
        return tuple(task for task in wanted if self._know(instance_step(task, settings), "task"))

    def _know_shards(self, settings: BuildSettings, encoder: Encoder | None) -> tuple[str, ...]:
        """Lays out all that is made of instances; the tasks that get shards."""
        mixed = [task for task in self.tasks if splits_of(settings.mixture, task)]
        lacking = waiting(mixed, settings, encoder)
        words = self._first_reason(vocabulary_step().inputs)
        ways = ways_of(mixed, settings)
        for task in mixed:
            pictures = picture_files(registry.sources_of(task), ways, settings).inputs
            splits = splits_of(settings.mixture, task)
            chosen = (drawn(settings.mixture, task, split) for split in splits)
            made = (*chosen, selected(settings.mixture, task), coded(settings.mixture, task))
            reason = words or self._first_reason((*pictures, *made))
            if reason is not None:
                lacking[task] = reason
        for task, reason in lacking.items():
            left_out = Waiting(kind="shards", name=task, reason=reason)
            self._waiting[tokenised(settings.mixture, task)] = left_out
        found = tuple(task for task in mixed if task not in lacking)
        self._known |= {step.reference: step for step in shard_steps(found, settings, encoder)}
        self._known |= {step.reference: step for step in audit_steps(found, settings)}
        return found

    def _know(self, step: Step, kind: Literal["table", "task"] | None) -> bool:
        """Takes a step into account; whether it can be made.

        Args:
            kind: as what a person is told that it is left out if it cannot; not at all if None.
        """
        reason = self._first_reason((step.reference, *step.inputs))
        if reason is None:
            self._known[step.reference] = step
            return True
        self._away[step.reference] = reason
        if kind is not None:
            self._waiting[step.reference] = Waiting(kind=kind, name=step.reference.name, reason=reason)
        return False

    def _first_reason(self, needed: Iterable[Reference]) -> str | None:
        """Why one of some artifacts cannot be made, or None."""
        return next((self._away[ref.whole] for ref in needed if ref.whole in self._away), None)

    def _targets(self, settings: BuildSettings) -> Iterable[Reference]:
        # Who names tasks wants those; who names none wants every table as well.
        targets = [] if settings.tasks else list(self._tables())
        targets += [raw(source, file) for source in self.files for file in registry.declaration(source).files]
        if settings.until != "tables":
            targets += [instances(task) for task in self.tasks]
        if self._in_shards:
            mixture = settings.mixture
            targets += [overlaps_of(mixture), collected(mixture), audited(mixture)]
        return targets

    def _tables(self) -> Iterator[Reference]:
        for source in self.sources:
            names = (*generators(registry.reader(source)), "pictures")
            yield from (table(source, name) for name in names if table(source, name) in self._known)

    def _need(self, reference: Reference) -> None:
        """Adds a step after everything that it needs."""
        if reference in self.steps:
            return
        step = self._known.get(reference)
        if step is None:
            raise BuildError(
                "a task reads a source that is not built",
                got=str(reference),
                next_step="name its source with --source as well",
                exit_code=ExitCode.USAGE,
            )
        for needed in step.inputs:
            self._need(needed.whole)
        self.steps[reference] = step


def default_tasks() -> list[str]:
    """The tasks that are built unless told otherwise: those of the datasets, in order of name."""
    kinds = {source: registry.declaration(source).kind for source in registry.source_names()}
    return [
        name
        for name in registry.task_names()
        if all(kinds[source] == "dataset" for source in registry.sources_of(name))
    ]


def _tasks(settings: BuildSettings) -> tuple[str, ...]:
    """The tasks that are asked for and what they derive from, parents first."""
    named = registry.mixture(settings.mixture).named
    registry.check_known("task", named, registry.task_names())
    default = {*default_tasks(), *named}
    sources = set(settings.sources)
    wanted = settings.tasks or tuple(
        name
        for name in registry.task_names()
        if (set(registry.sources_of(name)) <= sources if sources else name in default)
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
    """The sources whose tables are built, in order of name."""
    if settings.sources:
        return tuple(sorted(name for name in settings.sources if generators(registry.reader(name))))
    read = _read_by(tasks)
    if settings.tasks:
        return tuple(sorted(read))
    datasets = (name for name in registry.source_names() if registry.declaration(name).kind == "dataset")
    return tuple(sorted({*datasets, *read}))


def _read_by(tasks: Iterable[str]) -> set[str]:
    return {source for task in tasks for source in registry.sources_of(task)}
