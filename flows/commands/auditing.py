"""Subcommands on what the rows of a build are worth: `audit`, `review`, `cite`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.examples import examples
from flows.options import AsJson, Harmful, Lake, OwnInstructions, Seed

commands = typer.Typer()


@commands.command(
    epilog=examples(
        "multiinstruct audit",
        "multiinstruct audit visual_grounding",
        "multiinstruct audit --json | jq .violations",
    )
)
def audit(
    task: Annotated[str | None, typer.Argument(help="All figures of this task.")] = None,
    lake: Lake = Path("lake"),
    as_json: AsJson = False,
) -> None:
    """Say what the rows of the current build are like, what can be guessed, and that nothing leaks."""
    from flows import auditing

    auditing.audit(lake, task, as_json)


@commands.command(
    epilog=examples(
        "multiinstruct review visual_grounding -n 100",
        "multiinstruct review visual_grounding --verdicts verdicts.jsonl",
    )
)
def review(
    task: Annotated[str, typer.Argument(help="Name of a task.")],
    count: Annotated[int, typer.Option("-n", min=1, help="How many rows are drawn by the seed.")] = 100,
    verdicts: Annotated[
        Path | None,
        typer.Option(
            "--verdicts",
            help='Take verdicts from this file instead: a line of {"uid": …, "verdict": "right", "wrong" '
            'or "ambiguous"} for each.',
        ),
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Where the page with the pictures goes; review_TASK.html.")
    ] = None,
    instructions: OwnInstructions = None,
    harmful: Harmful = False,
    lake: Lake = Path("lake"),
    seed: Seed = 0,
) -> None:
    """Look at drawn rows and mark each as right, wrong or ambiguous; the next build leaves wrong ones out.

    What has a verdict is not shown again, so the same command goes on where it was left.
    """
    from flows import reviewing

    if verdicts is not None:
        reviewing.take(lake, task, verdicts)
    else:
        reviewing.review(lake, task, count, seed, html, instructions, harmful)


@commands.command(
    epilog=examples(
        "multiinstruct cite",
        "multiinstruct cite --bibtex > data.bib",
        "multiinstruct cite --build previous --json",
    )
)
def cite(
    build: Annotated[
        str | None, typer.Option("--build", help="`current`, `previous`, or the beginning of an id.")
    ] = None,
    bibtex: Annotated[bool, typer.Option("--bibtex", help="Print nothing but BibTeX.")] = False,
    lake: Lake = Path("lake"),
    as_json: AsJson = False,
) -> None:
    """Say whom to cite and under which terms, for exactly the rows that a build trains and evaluates on."""
    from flows import auditing

    auditing.cite(lake, build, bibtex, as_json)
