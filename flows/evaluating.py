"""The subcommands `evaluate` and `score`."""

from __future__ import annotations

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

from flows import evaluations
from flows.console import errors, out, plain, print_json, table
from schemas.evaluation import Average, EvaluationSettings, Scores
from transforms import score_ask, score_published, score_report, score_store

_PUBLISHED = tuple(score_published.MODELS)[:5]
"""Models that a terminal has room for; the page shows all."""


def evaluate(settings: EvaluationSettings, as_json: bool) -> None:
    """Asks a model what it was not asked yet, stores what it answers, and scores all of it."""
    run = evaluations.begin(settings)
    if any(run.unfinished()):
        _ask(settings, run)
    _show(run, evaluations.end(settings.lake, run), as_json)


def scored(lake: Path, name: str, as_json: bool) -> None:
    """Scores the stored answers of a run once more."""
    run = score_store.opened(lake, name)
    _show(run, score_report.finish(lake, run), as_json)


def _ask(settings: EvaluationSettings, run: score_store.Run) -> None:
    predictor = evaluations.predictor(settings)
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

        score_ask.ask(settings.lake, run, predictor, told)


class _Rate(ProgressColumn):
    """Rows a second."""

    def render(self, task: Bar) -> Text:
        return Text(f"{task.speed:.1f} rows/s" if task.speed else "")


def _show(run: score_store.Run, found: Scores, as_json: bool) -> None:
    if as_json:
        print_json(found.model_dump())
        return
    out.print(plain(f"{found.evaluation.name}: {found.evaluation.model}"), style="bold")
    blind = " · black pictures" if found.evaluation.blind else ""
    out.print(plain(f"build {found.evaluation.build} · {found.evaluation.search}{blind}"), style="dim")
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
    out.print(plain(f"deviation: {found.deviation}; report: {run.folder / score_report.PAGE}"), style="dim")


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
    columns = ("task", "metric", "ours", *_PUBLISHED)
    rows = [
        (
            f"{line.task} (weak)" if line.weak else line.task,
            line.metric,
            "" if line.ours is None else f"{line.ours:.2f}",
            *(f"{number:.2f}" for number in line.published[: len(_PUBLISHED)]),
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
