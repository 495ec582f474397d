"""What the subcommand `finetune` shows: exact counts before anything runs, progress, and what came of it."""

from __future__ import annotations

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from flows import finetuning
from flows.console import bytes_bar, errors, out, plain, print_json, table
from flows.finetuning import Asked
from schemas.training import Training, Update, Validated
from transforms.training_report import PAGE
from transforms.training_store import Run

_SMOOTHED = 0.95
"""Share of what was shown before in the loss and the speed that are shown."""


def finetune(asked: Asked, plan: bool, as_json: bool) -> None:
    """Says what is trained, trains it unless only a plan is asked for, and says what came of it."""
    with bytes_bar("shards") as told:
        training = finetuning.prepared(asked, told)
    if plan or not as_json:
        _show(training, as_json)
    if plan:
        return
    with _Bar(training) as bar:
        run = finetuning.finetune(asked, training, bar.told)
    _end(run, as_json)


def _show(training: Training, as_json: bool) -> None:
    if as_json:
        print_json(training.model_dump())
        return
    start = training.start or "drawn weights"
    out.print(
        plain(f"{training.name}: {training.mixture} of build {training.build}, from {start}"), style="bold"
    )
    out.print(plain(training.recipe.summary), style="dim")
    rows = [
        (stage.name, task, f"{count:,}", f"{100 * count / stage.rows:.2f}")
        for stage in training.stages
        for task, count in stage.tasks.items()
    ]
    out.print(table(("stage", "task", "rows", "% of the stage"), rows, ("rows", "% of the stage")))
    for stage in training.stages:
        out.print(
            plain(
                f"{stage.name}: {stage.rows:,} rows, {training.recipe.epochs} epochs, "
                f"{stage.updates:,} updates of {training.recipe.rows} rows"
                f"{', black pictures' if stage.blind else ''}"
            )
        )


def _end(run: Run, as_json: bool) -> None:
    trained = run.trained
    if trained is None:
        return
    if as_json:
        print_json({"name": run.training.name, "folder": run.folder, **trained.model_dump()})
        return
    looks = [line for line in run.lines() if isinstance(line, Validated)]
    told = f"; validation {looks[-1].nll:.3f} nats of a target id" if looks else ""
    out.print(plain(f"trained: {trained.updates:,} updates{told}"), style="bold")
    out.print(plain(f"  weights {run.folder}"))
    out.print(plain(f"  curves {run.folder / PAGE}"))
    out.print(plain(f"  next: multiinstruct evaluate --checkpoint {run.folder}"))


class _Bar:
    """Progress of a run: updates, loss, rows and ids a second, time that is left."""

    def __init__(self, training: Training) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[told]}"),
            TimeRemainingColumn(),
            console=errors,
        )
        self._bar = self._progress.add_task("train", total=training.updates, told="")
        self._means: dict[str, float] = {}

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def told(self, line: Update | Validated) -> None:
        """Takes a line of metrics."""
        if isinstance(line, Validated):
            self._progress.console.print(
                plain(f"{line.stage}, epoch {line.epoch}: validation {line.nll:.3f} nats of a target id")
            )
            return
        loss = self._mean("loss", line.nll)
        rows, ids = (
            self._mean(name, count / line.seconds if line.seconds else 0.0)
            for name, count in (("rows", line.rows), ("ids", line.ids))
        )
        self._progress.update(
            self._bar,
            completed=line.update,
            description=f"{line.stage}, epoch {line.epoch}",
            told=f"loss {loss:.3f} · {rows:,.1f} rows/s · {ids:,.0f} ids/s",
        )

    def _mean(self, name: str, value: float) -> float:
        before = self._means.get(name, value)
        self._means[name] = _SMOOTHED * before + (1 - _SMOOTHED) * value
        return self._means[name]
