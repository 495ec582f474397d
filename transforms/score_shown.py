"""What a model answered beside the instances that it was asked, as a person would look at them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from instructions.load import TaskInstructions
from instructions.render import parse
from schemas.box import Box
from schemas.build import Build
from schemas.errors import BuildError, ExitCode
from schemas.settings import Quantisation
from shards.quantise import dequantise
from transforms import builds, score_metrics
from transforms.artifact import find
from transforms.duck import literal
from transforms.score import main_metric, row_scores
from transforms.score_ask import drawn
from transforms.score_store import Run
from transforms.show import Shown, instances_of, looked_at

FAILED: Final = 0.5
"""An instance is a failure where its main metric is lower, in the mean over the instructions."""


class Given(NamedTuple):
    """One answer.

    Attributes:
        instruction: its number, from 0.
        text, chosen: as in `schemas.evaluation.PREDICTIONS`.
        score: by the main metric of the task, 0 to 1.
    """

    instruction: int
    text: str
    chosen: str | None
    score: float


@dataclass(frozen=True)
class Answers:
    """The answers of a run to instances of one task.

    Attributes:
        run: its name.
        build: the build whose instances they are.
        quantisation: what their location bins stand for.
        given: by uid, in order of the instructions.
    """

    run: str
    build: Build
    quantisation: Quantisation
    given: Mapping[str, list[Given]]

    def regions(self, one: Shown) -> list[Box]:
        """The different regions that the answers to an instance name, in pixels of its picture."""
        if not one.width or not one.height:
            return []
        named = dict.fromkeys(
            region
            for given in self.given.get(one.uid, ())
            for region in score_metrics.regions(given.text) or ()
        )
        corners = dequantise(
            list(named), [one.width] * len(named), [one.height] * len(named), self.quantisation
        )
        # Whoever answers may name the corners in any order.
        return [
            Box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)) for x0, y0, x1, y1 in corners.tolist()
        ]


def build_of(lake: Path, run: Run) -> Build | None:
    """The build that a run was asked about, or None if the lake does not have it whole any more.

    Raises:
        BuildError: its list cannot be read.
    """
    path = lake / builds.FOLDER / f"{run.evaluation.build}.json"
    if not path.is_file():
        return None
    build = builds.read(path)
    # Publishers' files may be left out of a lake that holds the rest.
    made = (one for one in build.members if one.stage != "raw")
    return build if all(find(lake, one.reference, one.fingerprint) for one in made) else None


def answers(run: Run, build: Build, task: str) -> Answers:
    """All that was answered to instances of a task."""
    asked = run.evaluation.tasks[task]
    given: dict[str, list[Given]] = {}
    if run.has_answers(task):
        right = {row["uid"]: row for row in run.answers(task).to_pylist()}
        for number in range(len(asked.instructions)):
            said = run.predictions(task, number)
            for row in said.to_pylist() if said is not None else ():
                score = row_scores(asked, row["text"], row["chosen"], right[row["uid"]])[main_metric(asked)]
                one = Given(number, row["text"], row["chosen"], score)
                given.setdefault(row["uid"], []).append(one)
    return Answers(run.evaluation.name, build, run.evaluation.quantisation, given)


def failures(answered: Answers, most: int, seed: int) -> list[str]:
    """Some instances that were answered wrongly, by name: a draw of them, not the worst."""
    failed = [
        uid for uid, given in answered.given.items() if sum(one.score for one in given) < FAILED * len(given)
    ]
    return [failed[place] for place in drawn(failed, most, seed)]


def shown(lake: Path, run: Run, build: Build, task: str, uids: Sequence[str]) -> list[Shown]:
    """Instances of a task under the instructions that the run has asked them with.

    Raises:
        BuildError: the build does not have the task.
    """
    wordings = tuple(parse(text) for text in run.evaluation.tasks[task].instructions)
    (path,) = instances_of(lake, build, task).tables
    pick = f"where uid in ({', '.join(map(literal, uids))}) order by uid" if uids else "limit 0"
    return list(looked_at(lake, build, TaskInstructions(task, wordings), path, pick, run.evaluation.seed))


def sampled(lake: Path, run: Run, task: str, count: int, seed: int) -> tuple[list[Shown], Answers]:
    """Some of the instances that a run was asked, drawn by the seed, and all answers to the task.

    Raises:
        BuildError: the run was not asked this task, or the lake does not have its build any more.
    """
    if task not in run.evaluation.tasks:
        raise BuildError(
            "the evaluation has not asked this task",
            where=run.folder,
            got=task,
            expected=", ".join(run.evaluation.tasks),
            exit_code=ExitCode.USAGE,
        )
    build = build_of(lake, run)
    if build is None:
        raise BuildError(
            "the lake does not have the build of this evaluation any more",
            where=run.folder,
            got=run.evaluation.build,
            next_step=f"multiinstruct sql 'from predictions.\"{run.evaluation.name}\"' has the answers",
        )
    answered = answers(run, build, task)
    uids = list(answered.given)
    return shown(lake, run, build, task, [uids[place] for place in drawn(uids, count, seed)]), answered
