"""Subcommands that look: `list`, `show`, `sql`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.options import AsJson, Lake, OwnInstructions, Seed

commands = typer.Typer()
listing = typer.Typer(no_args_is_help=True, help="What there is: sources, tasks, instructions.")
commands.add_typer(listing, name="list")


@listing.command("sources", epilog="Example: `multiinstruct list sources --json`")
def list_sources(as_json: AsJson = False) -> None:
    """The datasets: licence, files, whether their bytes are pinned."""
    from flows import looking

    looking.list_sources(as_json)


@listing.command("tasks", epilog="Example: `multiinstruct list tasks`")
def list_tasks(as_json: AsJson = False) -> None:
    """The tasks: category, origin, role, and what each is made from."""
    from flows import looking

    looking.list_tasks(as_json)


@listing.command("instructions", epilog="Example: `multiinstruct list instructions visual_grounding`")
def list_instructions(
    task: Annotated[str | None, typer.Argument(help="Only this task.")] = None,
    instructions: OwnInstructions = None,
    as_json: AsJson = False,
) -> None:
    """The instructions of each task."""
    from flows import looking

    looking.list_instructions(task, instructions, as_json)


@commands.command(
    epilog="Examples: `multiinstruct show visual_grounding` · "
    "`multiinstruct show grounded_caption_selection -n 20 --html look.html`"
)
def show(
    task: Annotated[str, typer.Argument(help="Name of a task.")],
    count: Annotated[int, typer.Option("-n", min=1, help="How many instances, drawn by the seed.")] = 3,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a page with the pictures and boxes drawn.")
    ] = None,
    instructions: OwnInstructions = None,
    lake: Lake = Path("lake"),
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Show instances of the current build: prompt under each instruction, options, target, regions."""
    from flows import looking

    looking.show(lake, task, count, seed, html, instructions, as_json)


@commands.command(
    epilog="Examples: `multiinstruct sql 'select count(*) from instances.visual_grounding'` · "
    "`multiinstruct sql 'show all tables'`"
)
def sql(
    query: Annotated[str, typer.Argument(help="One DuckDB query.")],
    lake: Lake = Path("lake"),
    as_json: AsJson = False,
) -> None:
    """Ask the tables and instances of the current build. Reads only, and only the lake."""
    from flows import looking

    looking.sql(lake, query, as_json)
