"""Subcommands on the publishers' files: `adopt`, `pin`, `probe`, `sample`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.examples import examples
from flows.options import AcceptTerms, AsJson, Lake, Scale, Seed
from schemas.errors import BuildError, ExitCode

commands = typer.Typer()


@commands.command(
    epilog=examples(
        "multiinstruct adopt mscoco ~/data/coco",
        "multiinstruct adopt mscoco ~/data/coco/annotations --json",
        "multiinstruct adopt visual_genome /data/VG_100K --lake lake",
        "multiinstruct adopt vcr ~/downloads --accept-terms vcr",
    )
)
def adopt(
    source: Annotated[str, typer.Argument(help="Name of a source.")],
    path: Annotated[
        Path, typer.Argument(help="An archive, or a folder with archives, unpacked records or pictures.")
    ],
    accept_terms: AcceptTerms = None,
    lake: Lake = Path("lake"),
    as_json: AsJson = False,
) -> None:
    """Take over what is already here, by link; say what matched and what is missing.

    Archives, single files and folders of pictures are linked, or copied where they cannot be linked.
    Records that were unpacked and kept without their archive are copied once; what is built of them is
    the same, but they count as unverified.
    """
    from flows import fetching

    fetching.adopt(lake, source, path, as_json, accept_terms or ())


@commands.command(epilog=examples("multiinstruct pin visual_genome"))
def pin(source: Annotated[str, typer.Argument(help="Name of a source.")], lake: Lake = Path("lake")) -> None:
    """Print the pins of what the lake holds of a source, to be pasted into its declaration."""
    from flows import fetching

    fetching.pin(lake, source)


@commands.command(epilog=examples("multiinstruct probe", "multiinstruct probe mscoco --json"))
def probe(
    source: Annotated[str | None, typer.Argument(help="Only this source.")] = None, as_json: AsJson = False
) -> None:
    """Ask each host for size, date and kind of every file, without fetching it; 1 if one has drifted."""
    from flows import fetching

    fetching.probe(source, as_json)


@commands.command(
    epilog=examples(
        "multiinstruct sample /tmp/mirror",
        "multiinstruct sample /tmp/mirror --scale 10",
    )
)
def sample(
    folder: Annotated[Path, typer.Argument(help="Where to write; must not exist or be empty.")],
    scale: Scale = 1.0,
    seed: Seed = 0,
) -> None:
    """Write the sample world in the publishers' own layout, to be used as `--mirror`."""
    from flows.console import out, plain, table
    from flows.sample import write_sample

    if folder.exists() and any(folder.iterdir()):
        raise BuildError("the folder is not empty", where=folder, exit_code=ExitCode.USAGE)
    write_sample(folder, seed, scale)
    sizes = {
        host.name: [path.stat().st_size for path in host.rglob("*") if path.is_file()]
        for host in sorted(folder.iterdir())
    }
    rows = [(host, f"{len(of):,}", f"{sum(of):,}") for host, of in sizes.items()]
    out.print(table(("host", "files", "bytes"), rows, right=("files", "bytes")))
    out.print(plain(f"a mirror: multiinstruct build --sample --mirror {folder}"))
