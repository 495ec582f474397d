"""Runs steps and says beforehand which would run and why. The flow and a plain call share it."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

from schemas.artifact import Manifest, Reference
from schemas.build import Build
from schemas.errors import BuildError
from schemas.run import Run
from schemas.settings import BuildSettings
from schemas.waiting import Waiting
from transforms import artifact, registry
from transforms.artifact import Artifact
from transforms.audit_gate import check_invariants
from transforms.catalogue import refresh
from transforms.changes import Change, changes, reason
from transforms.codes import Encoder
from transforms.graph import Graph
from transforms.lake import commit, current
from transforms.pausing import LEAVES_OUT, UnreachedError, failure_of, reason_of
from transforms.runs import Runs
from transforms.steps import Making, Progress, Step, contents_of, silent
from transforms.steps_shards import collected
from transforms.steps_tables import raw_steps, table, table_steps
from transforms.work import size_of, work_of

Action = Literal["done", "run", "follow", "refused"]


@dataclass(frozen=True)
class Planned:
    """What a build would do with one step.

    Attributes:
        action: `done` (nothing), `run`, `follow` (runs if an input that is made first comes out
            different from before), `refused` (a file that nobody vouches for).
        reason: why, in words.
        changes: what is asked otherwise than when it was last made, as far as that is known yet.
        made: what is there: the artifact that is up to date, or the newest version that is not.
    """

    step: Step
    action: Action
    reason: str
    changes: tuple[Change, ...] = ()
    made: Manifest | None = None


class Builder:
    """The steps of one build over one lake.

    Finished artifacts are looked up once and remembered; they never change.

    Args:
        settings: what is asked.
        steps: the steps, each after its inputs; those that the settings ask for if None.
        encoder: what writes pictures as image codes, where it can run.
        unreached: failures of steps, by artifact: what comes after these is left out.

    Attributes:
        waiting: tables, tasks and shards that are left out, and why.
        unweighed: sources that are left out and whose pictures do not count for the splits.
        unreached: failures of the network because of which more is left out than was asked for.
        runs: what past runs of the steps took.
    """

    def __init__(
        self,
        settings: BuildSettings,
        steps: Mapping[Reference, Step] | None = None,
        encoder: Encoder | None = None,
        unreached: Mapping[Reference, BuildError] | None = None,
    ) -> None:
        self.settings = settings
        self.unreached = dict(unreached or {})
        self.waiting: tuple[Waiting, ...] = ()
        self.unweighed: tuple[str, ...] = ()
        if steps is None:
            away = {reference: reason_of(error) for reference, error in self.unreached.items()}
            graph = Graph(settings, _in_the_lake(settings), encoder, away)
            steps, self.waiting, self.unweighed = graph.steps, graph.waiting, graph.unweighed
        self.steps = steps
        self._encoder = encoder
        self._given_up: set[Reference] = set()
        self.runs = Runs(settings.lake)
        self._found: dict[Reference, Artifact] = {}
        self._absent: set[Reference] | None = None
        self._lock = threading.Lock()

    @property
    def lake(self) -> Path:
        """Folder of the lake."""
        return self.settings.lake

    def find(self, step: Step) -> Artifact | None:
        """The step's artifact if it is made, given inputs that are made."""
        with self._lock:
            if step.reference in self._found:
                return self._found[step.reference]
        if self._absent is not None and step.reference in self._absent:
            return None
        step, contents = self._over(step)
        found = None
        if contents is not None and step.settled:
            found = artifact.find(self.lake, step.reference, step.fingerprint(contents))
        if found is not None:
            with self._lock:
                self._found[step.reference] = found
        elif self._absent is not None:
            self._absent.add(step.reference)
        return found

    def _over(self, step: Step) -> tuple[Step, dict[str, str] | None]:
        """The step over its inputs, and their content ids: None as long as one of them is not made."""
        manifests: dict[Reference, Manifest] = {}
        for reference in step.inputs:
            needed = self.steps[reference.whole]
            found = self.find(needed) or self._recorded(needed)
            if found is None:
                return step, None
            manifests[reference.whole] = found.manifest
        return step.over(manifests), contents_of(step, manifests)

    def _recorded(self, step: Step) -> Artifact | None:
        """A publisher's file, as it came or repacked, of which the lake knows what it held."""
        if step.reference.stage != "raw" or not step.settled:
            return None
        step, contents = self._over(step)
        if contents is None:
            return None
        return artifact.recorded(self.lake, step.reference, step.fingerprint(contents))

    @cached_property
    def _readers(self) -> dict[Reference, list[Step]]:
        """The steps that read an artifact, by the artifact."""
        readers: dict[Reference, list[Step]] = defaultdict(list)
        for step in self.steps.values():
            for reference in {needed.whole for needed in step.inputs}:
                readers[reference].append(step)
        return readers

    def _spared(self, step: Step) -> Artifact | None:
        """A publisher's file that is not here and need not be: all that is made from it is there."""
        if step.reference.stage != "raw":
            return None
        readers = self._readers.get(step.reference, ())
        if not readers or any((self.find(reader) or self._spared(reader)) is None for reader in readers):
            return None
        return self._recorded(step)

    def plan(self) -> list[Planned]:
        """What would be done, in the order in which it would be done."""
        # Every reader of a step asks for it again. As long as nothing runs, what is absent stays so.
        self._absent = set()
        try:
            return [self._plan(step) for step in self.steps.values()]
        finally:
            self._absent = None

    def _plan(self, step: Step) -> Planned:
        found = self.find(step)
        if found is not None:
            return Planned(step, "done", "up to date", made=found.manifest)
        spared = self._spared(step)
        if spared is not None:
            return Planned(step, "done", "not here, and nothing needs it", made=spared.manifest)
        before = artifact.latest(self.lake, step.reference)
        if step.refused:
            return Planned(step, "refused", step.refused, made=before)
        if before is None:
            return Planned(step, "run", "not made yet")
        if not step.settled:
            return Planned(step, "run", "its bytes are accepted as they come", made=before)
        changed = changes(*self._over(step), before, self.runs)
        waiting = [ref.whole for ref in step.inputs if self.find(self.steps[ref.whole]) is None]
        if waiting and not changed:
            return Planned(step, "follow", f"after {waiting[0]}", made=before)
        why = reason(changed) if changed else "its output is missing"
        return Planned(step, "run", why, changed, before)

    def run(self, reference: Reference, progress: Progress = silent) -> Artifact:
        """Makes a step's artifact, unless it is there. Its inputs must have been made.

        Raises:
            BuildError: an input is missing, or the step fails.
        """
        step = self.steps[reference]
        found = self.find(step) or self._spared(step)
        if found is not None:
            return found
        step, contents = self._over(step)
        if contents is None or any(self.find(self.steps[ref.whole]) is None for ref in step.inputs):
            raise BuildError("an input of the step is not made", where=step.title)
        if step.refused:
            raise BuildError(step.refused, where=step.title)
        inputs = {ref.whole: self._found[ref.whole] for ref in step.inputs}
        made = self._make(step, inputs, contents, progress)
        with self._lock:
            self._found[reference] = made
        return made

    def without(self, failed: Mapping[Reference, BaseException]) -> Builder:
        """A builder of all that does not need what could not be reached.

        Args:
            failed: the steps that failed, with what they raised.

        Raises:
            BaseException: one of them failed for another reason than the network, or nothing else is left.
        """
        unreached = {ref: error for ref, error in failed.items() if isinstance(error, LEAVES_OUT)}
        if len(unreached) < len(failed):
            raise failure_of(failed)
        rest = Builder(self.settings, None, self._encoder, {**self.unreached, **unreached})
        rest._given_up = (self._given_up | self.steps.keys()) - rest.steps.keys()
        if not rest._given_up or not any(reference.stage == "tables" for reference in rest.steps):
            raise failure_of(failed)
        return rest

    def finish(self) -> Build:
        """Makes the artifacts of all steps, which must have run, the current build of the lake.

        Raises:
            BuildError: the audit has found an invariant broken. The current build stays as it is.
            UnreachedError: something could not be reached. The rest is the current build then, unless the
                current build has more than that.
        """
        before = current(self.lake)
        had = {entry.reference for entry in before.members} if before else set()
        if lost := sorted(map(str, had & self._given_up)):
            stays = f"the rest is made, but the current build stays as it is, for it has {', '.join(lost)}"
            raise UnreachedError(self.unreached, stays, None)
        build = self._commit()
        if self.unreached:
            raise UnreachedError(self.unreached, f"the rest is built: build {build.id}", build)
        return build

    def _commit(self) -> Build:
        made = [self.run(reference) for reference in self.steps]
        mixture = self.settings.mixture if collected(self.settings.mixture) in self.steps else None
        check_invariants(made, mixture)
        build = commit(self.lake, made, mixture)
        refresh(self.lake, build)
        # Templates take a while to import, and a plan writes no report.
        from transforms import report

        report.write(self.lake, build, self.waiting, self.unweighed)
        self.runs.condense()
        return build

    def build(self) -> Build:
        """Runs every step one after the other, without an orchestrator.

        Raises:
            UnreachedError: see `finish`.
        """
        failed: dict[Reference, BaseException] = {}
        behind: set[Reference] = set()
        for reference, step in self.steps.items():
            if any(needed.whole in behind for needed in step.inputs):
                behind.add(reference)
                continue
            try:
                self.run(reference)
            except LEAVES_OUT as error:
                failed[reference] = error
                behind.add(reference)
        return self.without(failed).build() if failed else self.finish()

    def _make(
        self, step: Step, inputs: dict[Reference, Artifact], contents: dict[str, str], progress: Progress
    ) -> Artifact:
        aside = "unsettled" if not step.settled else step.fingerprint(contents)
        began, moved = time.monotonic(), _Moved(progress)
        with artifact.draft(self.lake, step.reference, aside) as making:
            learned = step.make(Making(making, inputs, self.settings.threads, moved))
            settled = replace(step, asked={**step.asked, **(learned or {})})
            made = artifact.publish(
                self.lake,
                step.reference,
                settled.fingerprint(contents),
                making,
                inputs=contents,
                asked=settled.decided_by,
                licences=_licences(settled, inputs.values()),
            )
        self._note(step, made.manifest, inputs, time.monotonic() - began, moved.bytes)
        return made

    def _note(
        self,
        step: Step,
        made: Manifest,
        inputs: Mapping[Reference, Artifact],
        seconds: float,
        moved: int,
    ) -> None:
        sizes = {reference: size_of(given.manifest) for reference, given in inputs.items()}
        size = size_of(made).bytes
        run = Run(
            step=str(step.reference),
            verb=step.verb,
            work=work_of(step, sizes, self.settings) or size,
            seconds=round(seconds, 3),
            bytes=size,
            moved=moved,
            code=made.asked.get("code"),
        )
        self.runs.note(run, step.code)


class _Moved:
    """Passes progress on, and counts the bytes that came while somebody could have watched.

    A file that is linked comes in one piece and counts as nothing.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._first: int | None = None
        self.bytes = 0

    def __call__(self, done: int, total: int | None) -> None:
        if self._first is None:
            self._first = done
        self.bytes = max(self.bytes, done - self._first)
        self._progress(done, total)


def _in_the_lake(settings: BuildSettings) -> list[str]:
    """Sources that are not selected, but whose pictures are known already.

    They count when photographs are given their splits: else a build of one source would train on
    what another one evaluates on.
    """
    if not settings.sources and not settings.tasks:
        return []
    found = []
    for name in registry.source_names():
        images = [step for step in table_steps(name) if step.reference == table(name, "images")]
        if not images or name in settings.sources:
            continue
        files = [step for lender in registry.lenders([name]) for step in raw_steps(lender, settings)]
        steps = {step.reference: step for step in (*files, *images)}
        if Builder(settings, steps).find(images[0]) is not None:
            found.append(name)
    return found


def _licences(step: Step, inputs: Iterable[Artifact]) -> list[str]:
    return sorted({*step.licences, *(name for made in inputs for name in made.manifest.licences)})
