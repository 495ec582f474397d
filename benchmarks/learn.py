"""Does a model learn from the shards what the questions are about, and only by looking?

    pip install -e '.[train]'
    python -m benchmarks.learn --lake FOLDER

A small OFA is trained from drawn weights on the 53 training tasks of the sample world and three extras
(`activity_recognition`, `attribute_recognition`, `region_object_selection`; recipe `laptop`, mixture
`skill_by_skill`), and its twin in the same way on black pictures. Both are asked validation rows of these
tasks, which show pictures that were not trained on, and test rows of the nine held-out tasks, under five
instructions each. An answer is right if it is the target; where there are options, it is one of them.
Beside it stands the best way of the audit to guess without looking, on all such rows of the task: majority,
first, longest, most frequent for the question, or a linear classifier of words. What these learn from are
training rows; of a held-out task, which has none, the other half of its rows. The extras are not counted.

Whatever is finished is not done again, so an interrupted run goes on with the same command.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from flows import evaluations, finetuning
from flows.finetuning import Asked
from flows.sample import with_sample
from schemas.audit import TaskAudit
from schemas.evaluation import EvaluationSettings
from schemas.instance import Split
from schemas.settings import BuildSettings
from schemas.training import Update, Validated
from transforms import score_ask, score_store, training_store
from transforms.builder import Builder
from transforms.lake import member, whole
from transforms.score import interval
from transforms.steps_audit import audited

RECIPE = "laptop"
MIXTURE = "skill_by_skill"
SCALE = 192.0
ROWS = 500
"""Rows of a task that are asked, each under five instructions."""


@dataclass(frozen=True)
class Line:
    """One task: how often answers are right, with a 95 % interval over its rows.

    Attributes:
        extra: not one of the 62, and not counted.
        guess: of the best way to guess without the picture; None where the audit has none.
    """

    task: str
    extra: bool
    seeing: float
    low: float
    high: float
    blind: float
    blind_low: float
    guess: float | None


def build(lake: Path, scale: float) -> None:
    """The sample world, to shards."""
    Builder(with_sample(BuildSettings(lake=lake, sample=True, sample_scale=scale, mixture=MIXTURE))).build()


def train(lake: Path, blind: bool, rows_at_once: int) -> Path:
    """The folder of a trained model."""

    def told(line: Update | Validated) -> None:
        if isinstance(line, Validated) or line.update % 200 == 0:
            print(f"  update {line.update}, epoch {line.epoch}: {line.nll:.3f} nats", flush=True)

    asked = Asked(
        lake,
        RECIPE,
        "blind" if blind else "seeing",
        mixture=MIXTURE,
        blind=blind,
        rows_at_once=rows_at_once,
    )
    return finetuning.finetune(asked, finetuning.prepared(asked), told).folder


def evaluate(lake: Path, checkpoint: Path, blind: bool, rows: int, split: Split | None) -> score_store.Run:
    """Answers to rows of every task, found greedily.

    Args:
        split: all tasks that have rows in it; if None, the held-out tasks.
    """
    settings = EvaluationSettings(
        lake=lake,
        checkpoint=checkpoint,
        split=split,
        rows=rows,
        beams=1,
        batch_size=64,
        blind=blind,
    )
    run = evaluations.begin(settings)
    if any(run.unfinished()):
        score_ask.ask(lake, run, evaluations.predictor(settings))
    return run


def right(run: score_store.Run, task: str) -> npt.NDArray[np.float64]:
    """How often each row is answered right, over the instructions: (rows,)."""
    rows = run.answers(task).to_pylist()
    answered = []
    for number in range(len(run.evaluation.tasks[task].instructions)):
        predictions = run.predictions(task, number)
        assert predictions is not None
        said = zip(predictions["text"].to_pylist(), predictions["chosen"].to_pylist(), rows, strict=True)
        answered.append([(text if chosen is None else chosen) == row["target"] for text, chosen, row in said])
    share: npt.NDArray[np.float64] = np.mean(np.array(answered, float), axis=0)
    return share


def guess(lake: Path, task: str) -> float | None:
    """How often the best way to guess without the picture is right."""
    build = whole(lake)
    found = member(lake, build, audited(build.mixture or "", task))
    assert found is not None
    (path,) = sorted(found.path("").glob("*.json"))
    guesses = TaskAudit.model_validate_json(path.read_bytes()).guesses
    return max(way.accuracy for way in guesses.ways.values()) if guesses and guesses.ways else None


def lines(lake: Path, seeing: score_store.Run, blind: score_store.Run) -> list[Line]:
    """One line a task."""
    found = []
    for task, asked in seeing.evaluation.tasks.items():
        sees, sees_not = right(seeing, task), right(blind, task)
        low, high = interval(sees, seed=0)
        blind_low, _ = interval(sees_not, seed=0)
        found.append(
            Line(task, asked.extra, sees.mean(), low, high, sees_not.mean(), blind_low, guess(lake, task))
        )
    return found


def show(found: list[Line]) -> None:
    """Prints a table of the README."""
    print("| task | seeing | 95 % interval | blind | best guess | beaten by |")
    print("|---|---:|---:|---:|---:|---|")
    for line in found:
        told = "none" if line.guess is None else f"{100 * line.guess:.1f}"
        by = [] if line.guess is None else _beaten_by(line, line.guess)
        between = f"{100 * line.low:.1f} to {100 * line.high:.1f}"
        name = f"`{line.task}`{' (extra)' if line.extra else ''}"
        print(
            f"| {name} | {100 * line.seeing:.1f} | {between} | {100 * line.blind:.1f} | {told} | "
            f"{', '.join(by)} |"
        )
    compared = [(line, line.guess) for line in found if line.guess is not None and not line.extra]
    for who in ("seeing", "blind"):
        above = sum((line.seeing if who == "seeing" else line.blind) > best for line, best in compared)
        surely = sum(_beaten_by(line, best).count(who) for line, best in compared)
        print(f"\n{who}: above the best guess in {above} of {len(compared)} tasks, surely in {surely}")


def _beaten_by(line: Line, best: float) -> list[str]:
    """Who beats the best guess with all of the interval."""
    return [who for who, low in (("seeing", line.low), ("blind", line.blind_low)) if low > best]


def main() -> None:
    """Builds, trains, asks and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lake", type=Path, required=True, help="folder in which everything is kept")
    parser.add_argument("--scale", type=float, default=SCALE, help="size of the sample world")
    parser.add_argument("--rows", type=int, default=ROWS, help="rows of a task that are asked")
    parser.add_argument("--only", choices=("seeing", "blind"), help="train one of the two, and end")
    parser.add_argument("--rows-at-once", type=int, default=16)
    asked = parser.parse_args()
    print(f"building the sample world at scale {asked.scale}", flush=True)
    build(asked.lake, asked.scale)
    runs: dict[Split | None, list[score_store.Run]] = {"validation": [], None: []}
    for blind in (False, True):
        name = "blind" if blind else "seeing"
        if asked.only not in (None, name):
            continue
        print(f"training, {name}", flush=True)
        folder = train(asked.lake, blind, asked.rows_at_once)
        updates = [
            line for line in training_store.opened(asked.lake, name).lines() if isinstance(line, Update)
        ]
        minutes = sum(line.seconds for line in updates) / 60
        print(f"  {minutes:.1f} minutes with {torch.get_num_threads()} threads", flush=True)
        for split, both in runs.items():
            both.append(evaluate(asked.lake, folder, blind, asked.rows, split))
    if asked.only is None:
        for split, (seeing, blinded) in runs.items():
            print(f"\n{split or 'held-out'} tasks\n")
            show(lines(asked.lake, seeing, blinded))


if __name__ == "__main__":
    main()
