"""The subcommands `evaluate` and `score`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Task as Bar
from rich.text import Text

from flows.console import errors, out, plain, print_json, table
from schemas.evaluation import Average, Scores
from shards.format import stored_file
from transforms import catalogue, score, score_ask, score_published, score_store
from transforms.artifact import write_whole
from transforms.lake import whole

SCORES = "scores.json"
"""The scores of a run, in its folder."""


def evaluate(
    lake: Path,
    checkpoint: Path,
    name: str | None,
    tasks: Sequence[str] | None,
    rows: int | None,
    beams: int,
    batch_size: int,
    device: str | None,
    seed: int,
    as_json: bool,
) -> None:
    """Asks a model what it was not asked yet, stores what it answers, and scores all of it."""
    from ofa.weights import file_of

    weights = file_of(checkpoint)
    run = score_store.begun(
        lake,
        score_ask.asked(
            lake,
            name or f"{checkpoint.stem}-{rows or 'all'}-beam{beams}",
            f"{checkpoint.name} sha256:{stored_file(weights).sha256}",
            f"{beams} beams, log-probabilities not divided by length",
            tasks,
            rows,
            seed,
        ),
    )
    if any(run.unfinished()):
        _ask(lake, run, checkpoint, beams, batch_size, device)
        catalogue.refresh(lake, whole(lake))
    _show(run, as_json)


def scored(lake: Path, name: str, as_json: bool) -> None:
    """Scores the stored answers of a run once more."""
    _show(score_store.opened(lake, name), as_json)


def _ask(
    lake: Path, run: score_store.Run, checkpoint: Path, beams: int, batch_size: int, device: str | None
) -> None:
    from ofa.predict import PUBLISHED, Predictions
    from ofa.weights import load

    _, folder = score_ask.folder_of(lake)
    predictions = Predictions(load(checkpoint), folder, replace(PUBLISHED, beams=beams), batch_size, device)
    tasks = run.evaluation.tasks
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
        console=errors,
    ) as progress:
        bar = progress.add_task("evaluate", total=sum(tasks[task].rows for task, _ in run.unfinished()))

        def told(task: str, instruction: int) -> None:
            progress.update(bar, advance=1, description=f"{task}, instruction {instruction + 1}")

        score_ask.ask(lake, run, predictions, told)


class _Rate(ProgressColumn):
    """Rows a second."""

    def render(self, task: Bar) -> Text:
        return Text(f"{task.speed:.1f} rows/s" if task.speed else "")


def _show(run: score_store.Run, as_json: bool) -> None:
    found = score.scores(run)
    write_whole(run.folder / SCORES, (found.model_dump_json(indent=1) + "\n").encode())
    if as_json:
        print_json(found.model_dump())
        return
    out.print(plain(f"{found.evaluation.name}: {found.evaluation.model}"), style="bold")
    out.print(plain(f"build {found.evaluation.build} · {found.evaluation.search}"), style="dim")
    columns = ("task", "metric", "mean", "best", "deviation", "95 % interval")
    numbers = columns[2:]
    out.print(table(columns, _rows(found), numbers))
    for title, average, scale in (
        ("mean of tasks with pictures", found.multimodal, 100),
        ("mean of tasks of text alone", found.text_only, 100),
        ("mean of both", found.together, 100),
        ("sensitivity", found.sensitivity, 1),
    ):
        out.print(plain(_sentence(title, average, scale)))
    _show_published(found)
    out.print(plain(f"deviation: {found.deviation}; scores in {run.folder / SCORES}"), style="dim")


def _rows(found: Scores) -> list[tuple[str, ...]]:
    """One row for each metric of each task, in per cent."""
    return [
        (
            one.task,
            f"{name} *" if name == one.main else name,
            f"{100 * metric.mean:.2f}",
            f"{100 * metric.best:.2f}",
            f"{100 * metric.deviation:.2f}",
            f"{100 * metric.low:.2f} to {100 * metric.high:.2f}",
        )
        for one in found.tasks
        for name, metric in one.metrics.items()
    ]


def _show_published(found: Scores) -> None:
    """What others report for the same tasks, if the run has any of them."""
    lines = score_published.beside(found)
    if not lines:
        return
    columns = ("task", "metric", "ours", *score_published.MODELS)
    rows = [
        (
            f"{line.task} (weak)" if line.weak else line.task,
            line.metric,
            "" if line.ours is None else f"{line.ours:.2f}",
            *(f"{number:.2f}" for number in line.published),
        )
        for line in lines
    ]
    out.print(plain("Beside OFA-large as published with InstrAug (first 1,000 rows a task)"), style="bold")
    out.print(table(columns, rows, columns[2:]))
    if any(line.weak for line in lines):
        out.print(plain("weak: the published scorer of this task is known to be faulty"), style="dim")


def _sentence(title: str, average: Average, scale: int) -> str:
    value = "undefined" if average.value is None else f"{scale * average.value:.2f}"
    left_out = f"; undefined for {', '.join(average.left_out)}" if average.left_out else ""
    remark = f" ({average.remark})" if average.remark else ""
    return f"{title}, over {len(average.tasks)}: {value}{left_out}{remark}"
