"""The report of an evaluation, as JSON for programs and as a page for people, in the folder of the run.

It is made from what is stored of the run. Pictures of failures come from the lake, as long as it holds the
build that the run was asked about.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from schemas.evaluation import Scores
from transforms import score, score_published, score_shown
from transforms.artifact import write_whole
from transforms.gallery import Entry, article_functions, entries
from transforms.pages import rendered, stylesheet
from transforms.score_store import Run
from transforms.show import sources_shown
from transforms.terms import may_be_shown

SCORES: Final = "scores.json"
PAGE: Final = "index.html"

_FAILURES: Final = 4
"""Failures of a task that a page shows at most."""

_PICTURES: Final = 60
"""Failures that a page shows at most, but one of each task."""


class Failures(NamedTuple):
    """Some failures of a task.

    Attributes:
        entries: what they look like.
        withheld: why none is shown; empty if it is not so.
    """

    task: str
    entries: list[Entry]
    withheld: str = ""


def finish(lake: Path, run: Run) -> Scores:
    """Scores what is answered so far and writes the report: `scores.json`, then `index.html`.

    Raises:
        BuildError: what is stored of the run is damaged.
    """
    found = score.scores(run)
    write_whole(run.folder / SCORES, (found.model_dump_json(indent=1) + "\n").encode())
    write_whole(run.folder / PAGE, page(lake, run, found).encode())
    return found


def page(lake: Path, run: Run, found: Scores) -> str:
    """The page of a run and its scores."""
    return rendered(
        "evaluation.html",
        run=run.evaluation,
        scores=found,
        published=score_published.beside(found),
        models=list(score_published.MODELS),
        failures=list(_failures(lake, run)),
        resamples=score.RESAMPLES,
        style=stylesheet("show.css"),
        **article_functions(),
    )


def _failures(lake: Path, run: Run) -> Iterator[Failures]:
    build = score_shown.build_of(lake, run)
    tasks = run.evaluation.tasks
    most = max(1, min(_FAILURES, _PICTURES // len(tasks)))
    for task in tasks:
        if build is None:
            yield Failures(task, [], "the lake does not have the build of this evaluation any more")
            continue
        if not all(map(may_be_shown, sources_shown(task))):
            yield Failures(task, [], "they may hurt who sees them; `show --predictions --harmful` does it")
            continue
        answered = score_shown.answers(run, build, task)
        uids = score_shown.failures(answered, most, run.evaluation.seed)
        shown = score_shown.shown(lake, run, build, task, uids)
        yield Failures(task, entries(lake, build, shown, answers=answered))
