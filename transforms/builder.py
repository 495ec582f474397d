"""Runs steps and says beforehand which would run and why. The flow and a plain call share it."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from schemas.artifact import Manifest, Reference
from schemas.build import Build
from schemas.errors import BuildError
from schemas.settings import BuildSettings
from transforms import artifact, registry
from transforms.artifact import Artifact
from transforms.catalogue import refresh
from transforms.codes import Encoder
from transforms.graph import Graph
from transforms.lake import commit
from transforms.steps import Making, Progress, Step, contents_of, silent
from transforms.steps_tables import raw_steps, table, table_steps

Action = Literal["done", "run", "follow", "refused"]


@dataclass(frozen=True)
class Planned:
    """What a build would do with one step.

    Attributes:
        action: `done` (nothing), `run`, `follow` (runs if an input that is made first comes out
            different from before), `refused` (a file that nobody vouches for).
        reason: why, in words.
    """

    step: Step
    action: Action
    reason: str


class Builder:
    """The steps of one build over one lake.

    Finished artifacts are looked up once and remembered; they never change.

    Args:
        settings: what is asked.
        steps: the steps, each after its inputs; those that the settings ask for if None.
        encoder: what writes pictures as image codes, where it can run.

    Attributes:
        waiting: tasks that get instances but no shards, and why.
    """

    def __init__(
        self,
        settings: BuildSettings,
        steps: Mapping[Reference, Step] | None = None,
        encoder: Encoder | None = None,
    ) -> None:
        self.settings = settings
        self.waiting: Mapping[str, str] = {}
        if steps is None:
            graph = Graph(settings, _in_the_lake(settings), encoder)
            steps, self.waiting = graph.steps, graph.waiting
        self.steps = steps
        self._found: dict[Reference, Artifact] = {}
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
        contents = self._contents(step)
        if contents is None or not step.settled:
            return None
        found = artifact.find(self.lake, step.reference, step.fingerprint(contents))
        if found is not None:
            with self._lock:
                self._found[step.reference] = found
        return found

    def _contents(self, step: Step) -> dict[str, str] | None:
        manifests: dict[Reference, Manifest] = {}
        for reference in step.inputs:
            found = self.find(self.steps[reference.whole])
            if found is None:
                return None
            manifests[reference.whole] = found.manifest
        return contents_of(step, manifests)

    def plan(self) -> list[Planned]:
        """What would be done, in the order in which it would be done."""
        return [self._plan(step) for step in self.steps.values()]

    def _plan(self, step: Step) -> Planned:
        if self.find(step) is not None:
            return Planned(step, "done", "up to date")
        if step.refused:
            return Planned(step, "refused", step.refused)
        waiting = [ref.whole for ref in step.inputs if self.find(self.steps[ref.whole]) is None]
        before = self._latest(step.reference)
        changed = _differences(step, before)
        if waiting and before is not None and not changed:
            return Planned(step, "follow", f"after {waiting[0]}")
        if before is None:
            return Planned(step, "run", "not made yet")
        return Planned(step, "run", self._why(step, before, changed))

    def _why(self, step: Step, before: Manifest, changed: list[str]) -> str:
        contents = self._contents(step)
        if contents is not None:
            both = {*contents, *before.inputs}
            changed = [
                *changed,
                *sorted(name for name in both if contents.get(name) != before.inputs.get(name)),
            ]
        if not changed:
            return "its output is missing"
        return "changed: " + ", ".join(changed)

    def _latest(self, reference: Reference) -> Manifest | None:
        folder = self.lake / reference.stage / reference.name
        manifests = sorted(folder.glob("*/manifest.json"), key=lambda path: path.stat().st_mtime_ns)
        for path in reversed(manifests):
            try:
                return Manifest.model_validate_json(path.read_bytes())
            except ValidationError:
                continue
        return None

    def run(self, reference: Reference, progress: Progress = silent) -> Artifact:
        """Makes a step's artifact, unless it is there. Its inputs must have been made.

        Raises:
            BuildError: an input is missing, or the step fails.
        """
        step = self.steps[reference]
        found = self.find(step)
        if found is not None:
            return found
        contents = self._contents(step)
        if contents is None:
            raise BuildError("an input of the step is not made", where=step.title)
        if step.refused:
            raise BuildError(step.refused, where=step.title)
        inputs = {ref.whole: self._found[ref.whole] for ref in step.inputs}
        made = self._make(step, inputs, contents, progress)
        with self._lock:
            self._found[reference] = made
        return made

    def finish(self) -> Build:
        """Makes the artifacts of all steps, which must have run, the current build of the lake."""
        made = [self.run(reference) for reference in self.steps]
        mixture = self.settings.mixture if self.settings.until == "shards" else None
        build = commit(self.lake, made, mixture)
        refresh(self.lake, build)
        return build

    def build(self) -> Build:
        """Runs every step one after the other, without an orchestrator."""
        for reference in self.steps:
            self.run(reference)
        return self.finish()

    def _make(
        self, step: Step, inputs: dict[Reference, Artifact], contents: dict[str, str], progress: Progress
    ) -> Artifact:
        aside = "unsettled" if not step.settled else step.fingerprint(contents)
        with artifact.draft(self.lake, step.reference, aside) as making:
            learned = step.make(Making(making, inputs, self.settings.threads, progress))
            settled = replace(step, asked={**step.asked, **(learned or {})})
            return artifact.publish(
                self.lake,
                step.reference,
                settled.fingerprint(contents),
                making,
                inputs=contents,
                asked=dict(settled.asked),
                licences=_licences(settled, inputs.values()),
            )


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
        steps = {step.reference: step for step in (*raw_steps(name, settings), *images)}
        if Builder(settings, steps).find(images[0]) is not None:
            found.append(name)
    return found


def _licences(step: Step, inputs: Iterable[Artifact]) -> list[str]:
    return sorted({*step.licences, *(name for made in inputs for name in made.manifest.licences)})


def _differences(step: Step, before: Manifest | None) -> list[str]:
    if before is None:
        return []
    names = sorted({*step.asked, *before.asked})
    return [name for name in names if step.asked.get(name) != before.asked.get(name)]
