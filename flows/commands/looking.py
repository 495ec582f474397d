"""Subcommands that look: `list`, `show`, `sql`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.examples import examples
from flows.options import AsJson, Harmful, Lake, OwnInstructions, Seed
from schemas.errors import BuildError, ExitCode

commands = typer.Typer()
listing = typer.Typer(no_args_is_help=True, help="What there is: sources, tasks, overlaps, …")
commands.add_typer(listing, name="list")


@listing.command(
    "sources",
    epilog=examples(
        "multiinstruct list sources",
        "multiinstruct list sources vcr",
        "multiinstruct list sources --json",
    ),
)
def list_sources(
    name: Annotated[str | None, typer.Argument(help="All there is to know of this source.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="The table of the README.")] = False,
    as_json: AsJson = False,
) -> None:
    """The datasets: licence, access, files, whether their bytes are pinned; what to do by hand."""
    from flows import source_cards

    if name is not None:
        source_cards.show_source(name, as_json)
    else:
        source_cards.list_sources(as_json, markdown)


@listing.command(
    "tasks",
    epilog=examples("multiinstruct list tasks", "multiinstruct list tasks --json"),
)
def list_tasks(
    markdown: Annotated[bool, typer.Option("--markdown", help="The table of the README.")] = False,
    as_json: AsJson = False,
) -> None:
    """The tasks: category, origin, role, and what each is made from; those beside the 62 apart."""
    from flows import looking

    looking.list_tasks(as_json, markdown)


@listing.command(
    "overlaps",
    epilog=examples("multiinstruct list overlaps", "multiinstruct list overlaps --json"),
)
def list_overlaps(lake: Lake = Path("lake"), as_json: AsJson = False) -> None:
    """How many photographs the sources of the current build share, by id, bytes and look."""
    from flows import looking

    looking.list_overlaps(lake, as_json)


@listing.command("instructions", epilog=examples("multiinstruct list instructions visual_grounding"))
def list_instructions(
    task: Annotated[str | None, typer.Argument(help="Only this task.")] = None,
    instructions: OwnInstructions = None,
    as_json: AsJson = False,
) -> None:
    """The instructions of each task."""
    from flows import looking

    looking.list_instructions(task, instructions, as_json)


@listing.command(
    "mixtures",
    epilog=examples("multiinstruct list mixtures", "multiinstruct list mixtures sequential_instruct"),
)
def list_mixtures(
    name: Annotated[str | None, typer.Argument(help="The rows that this one takes of each task.")] = None,
    lake: Lake = Path("lake"),
    as_json: AsJson = False,
) -> None:
    """The mixtures: which rows one trains and evaluates on, and in which order."""
    from flows import mixtures

    if name is not None:
        mixtures.show_mixture(name, lake, as_json)
    else:
        mixtures.list_mixtures(as_json)


@commands.command(
    epilog=examples(
        "multiinstruct show visual_grounding",
        "multiinstruct show grounded_caption_selection -n 20 --html look.html",
        "multiinstruct show text_vqa --predictions my-run --html answers.html",
        "multiinstruct show object_matching --rejected",
        "multiinstruct show visual_genome.regions --rejected --html left_out.html",
    )
)
def show(
    task: Annotated[
        str, typer.Argument(metavar="TASK", help="Name of a task; with --rejected also SOURCE.TABLE.")
    ],
    count: Annotated[
        int,
        typer.Option("-n", min=1, help="How many instances, or examples of each reason; drawn by the seed."),
    ] = 3,
    rejected: Annotated[
        bool,
        typer.Option("--rejected", help="Show what was left out: how much for which reason, and examples."),
    ] = False,
    predictions: Annotated[
        str | None,
        typer.Option("--predictions", metavar="RUN", help="Show what an evaluation's model has answered."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a page with the pictures and boxes drawn.")
    ] = None,
    instructions: OwnInstructions = None,
    harmful: Harmful = False,
    lake: Lake = Path("lake"),
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Show instances of the current build: prompts, options, target, regions, and where all comes from."""
    from flows import looking

    if rejected and predictions is not None:
        raise BuildError(
            "these options do not go together",
            expected="--rejected or --predictions",
            exit_code=ExitCode.USAGE,
        )
    if rejected:
        looking.show_rejected(lake, task, count, seed, html, instructions, as_json, harmful)
    else:
        looking.show(lake, task, count, seed, html, instructions, as_json, harmful, predictions)


@commands.command(
    epilog=examples(
        "multiinstruct sql 'select count(*) from instances.visual_grounding'",
        "multiinstruct sql 'show all tables'",
    )
)
def sql(
    query: Annotated[str, typer.Argument(help="One DuckDB query.")],
    lake: Lake = Path("lake"),
    as_json: AsJson = False,
) -> None:
    """Ask the tables and instances of the current build. Reads only, and only the lake."""
    from flows import looking

    looking.sql(lake, query, as_json)
