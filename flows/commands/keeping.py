"""Subcommands on what a lake keeps: `builds`, `catalog`, `diff`, `gc`, `verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.examples import examples
from flows.options import AsJson, Lake

commands = typer.Typer()


@commands.command(epilog=examples("multiinstruct builds", "multiinstruct builds --json"))
def builds(lake: Lake = Path("lake"), as_json: AsJson = False) -> None:
    """List the builds of a lake, the latest first: rows, tasks, mixture, sizes, which one is current."""
    from flows import keeping

    keeping.builds(lake, as_json)


@commands.command(
    epilog=examples(
        "multiinstruct catalog",
        "multiinstruct catalog instances.visual_grounding",
        "multiinstruct catalog rejected --json",
    )
)
def catalog(
    name: Annotated[
        str | None, typer.Argument(help="Only this schema, or this table with its columns.")
    ] = None,
    lake: Lake = Path("lake"),
    as_json: AsJson = False,
) -> None:
    """Make `catalog.duckdb` anew and say what each table and column of the current build means."""
    from flows import keeping

    keeping.catalog(lake, name, as_json)


@commands.command(
    epilog=examples(
        "multiinstruct diff previous current",
        "multiinstruct diff current previous --json",
    )
)
def diff(
    before: Annotated[str, typer.Argument(help="`current`, `previous`, or the beginning of an id.")],
    after: Annotated[str, typer.Argument(help="Likewise; what it says otherwise is told.")],
    lake: Lake = Path("lake"),
    as_json: AsJson = False,
) -> None:
    """Say how two builds differ: tasks, rows with examples, instructions, schemas, splits, terms, files."""
    from flows import differing

    differing.diff(lake, before, after, as_json)


@commands.command(epilog=examples("multiinstruct gc", "multiinstruct gc --keep 1 --yes"))
def gc(
    keep: Annotated[
        int, typer.Option("--keep", min=1, help="Builds to keep: the current one and those before it.")
    ] = 3,
    raw: Annotated[
        bool,
        typer.Option("--raw", help="Also publishers' files that no kept build needs, and partial downloads."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes/--dry-run", help="Delete it, or only say what.")] = False,
    lake: Lake = Path("lake"),
    as_json: AsJson = False,
) -> None:
    """Say what no kept build needs any more and, with --yes, delete it. Never touches what was adopted."""
    from flows import keeping

    keeping.gc(lake, keep, raw, yes, as_json)


@commands.command(epilog=examples("multiinstruct verify", "multiinstruct verify --all --json"))
def verify(
    every: Annotated[bool, typer.Option("--all", help="Every build and artifact of the lake.")] = False,
    lake: Lake = Path("lake"),
    as_json: AsJson = False,
) -> None:
    """Read every byte of the current build again and hold it to its manifests; 1 if anything is wrong."""
    from flows import keeping

    keeping.verify(lake, every, as_json)
