"""Subcommands `encode` and `decode`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.examples import examples
from flows.options import Lake, Mirror, Offline, Whose

commands = typer.Typer()


@commands.command(
    epilog=examples(
        "multiinstruct encode ' a red ball' --vocabulary sample",
        "multiinstruct encode '<bin_0> <bin_999>' --symbols",
        "multiinstruct encode - < strings.jsonl",
    )
)
def encode(
    text: Annotated[str, typer.Argument(help="A text, or - to read JSON strings, one a line.")],
    symbols: Annotated[
        bool, typer.Option("--symbols", help="The text is symbols with blanks between, such as <bin_7>.")
    ] = False,
    vocabulary: Whose = "ofa",
    lake: Lake = Path("lake"),
    mirror: Mirror = None,
    offline: Offline = False,
) -> None:
    """Print the ids of a text as a JSON list, without begin and end. Fetches OFA's files on first use."""
    from flows import vocabularies

    vocabularies.encode(text, symbols, vocabulary, lake, mirror, offline)


@commands.command(
    epilog=examples(
        "multiinstruct decode '[99, 473, 5, 2274]'",
        "multiinstruct decode - < ids.jsonl",
    )
)
def decode(
    ids: Annotated[str, typer.Argument(help="A JSON list of ids, or - to read lists, one a line.")],
    vocabulary: Whose = "ofa",
    lake: Lake = Path("lake"),
    mirror: Mirror = None,
    offline: Offline = False,
) -> None:
    """Print the text of ids as a JSON string, one a line."""
    from flows import vocabularies

    vocabularies.decode(ids, vocabulary, lake, mirror, offline)
