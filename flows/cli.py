"""The command `multiinstruct`. Each subcommand imports what it needs when it runs, so help is quick."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from schemas.errors import BuildError, ExitCode
from schemas.settings import BuildSettings, OptionsStyle, Quantisation, Until, VocabularyName

if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_CODES = """
Exit codes: 0 done · 1 failed · 2 the command was misused · 3 the network failed, a later try may do ·
4 the disk is full · 5 another build is writing to the lake · 130 interrupted.
"""

app = typer.Typer(
    name="multiinstruct",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Rebuilds MultiInstruct (62 multimodal tasks from 21 datasets) from the publishers' own files.",
    epilog=f"Begin with `multiinstruct build --sample`, which needs no network. {EXIT_CODES}",
)
listing = typer.Typer(no_args_is_help=True, help="What there is: sources, tasks, instructions.")
app.add_typer(listing, name="list")


Lake = Annotated[
    Path, typer.Option("--lake", envvar="MULTIINSTRUCT_LAKE", help="Folder in which everything is kept.")
]
Mirror = Annotated[
    str | None,
    typer.Option("--mirror", envvar="MULTIINSTRUCT_MIRROR", help="Folder or URL asked first."),
]
Offline = Annotated[
    bool, typer.Option("--offline", envvar="MULTIINSTRUCT_OFFLINE", help="Never open a connection.")
]
Seed = Annotated[int, typer.Option("--seed", envvar="MULTIINSTRUCT_SEED", min=0, help="Decides every draw.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]
Sample = Annotated[bool, typer.Option("--sample", help="Build the embedded sample world; needs no network.")]
Scale = Annotated[float, typer.Option("--scale", help="Size of the sample world; 1 is about 100 pictures.")]
Sources = Annotated[list[str] | None, typer.Option("--source", help="Only this source; may be repeated.")]
Tasks = Annotated[
    list[str] | None, typer.Option("--task", help="Only this task and its parents; may be repeated.")
]
Mixture = Annotated[str, typer.Option("--mixture", help="Which rows are tokenised.")]
UntilStage = Annotated[Until, typer.Option("--until", help="The last stage to build.")]
Unpinned = Annotated[
    bool, typer.Option("--unpinned", help="Accept files nobody has vouched for, and hold them from then on.")
]
PerImage = Annotated[
    int, typer.Option("--per-image", min=0, help="Rows a derived task asks of one image; 0 is all.")
]
OwnInstructions = Annotated[
    Path | None, typer.Option("--instructions", help="Folder of instruction files laid over ours.")
]
Bins = Annotated[Quantisation, typer.Option("--quantisation", help="How coordinates become location bins.")]
Joined = Annotated[OptionsStyle, typer.Option("--options-style", help="What stands between two options.")]
Whose = Annotated[VocabularyName, typer.Option("--vocabulary", help="Whose BPE files.")]
Threads = Annotated[int | None, typer.Option("--threads", min=1, help="Threads of one step.")]


def _settings(
    lake: Path,
    mirror: str | None,
    offline: bool,
    seed: int,
    sample: bool,
    scale: float,
    source: Sequence[str] | None,
    task: Sequence[str] | None,
    mixture: str,
    until: Until,
    unpinned: bool,
    per_image: int,
    instructions: Path | None,
    quantisation: Quantisation,
    options_style: OptionsStyle,
    threads: int | None,
) -> BuildSettings:
    return BuildSettings(
        lake=lake,
        mirror=mirror,
        offline=offline,
        seed=seed,
        sample=sample,
        sample_scale=scale,
        sources=tuple(source or ()),
        tasks=tuple(task or ()),
        mixture=mixture,
        until=until,
        unpinned=unpinned,
        per_image=per_image,
        instructions=instructions,
        quantisation=quantisation,
        options_style=options_style,
        threads=threads,
    )


@app.command(
    epilog="Examples: `multiinstruct build --sample` · "
    "`multiinstruct build --source visual_genome --until instances --unpinned` · "
    "`multiinstruct build --task visual_grounding --mixture quick`"
)
def build(
    lake: Lake = Path("lake"),
    mirror: Mirror = None,
    offline: Offline = False,
    seed: Seed = 0,
    sample: Sample = False,
    scale: Scale = 1.0,
    source: Sources = None,
    task: Tasks = None,
    mixture: Mixture = "multiinstruct",
    until: UntilStage = "shards",
    unpinned: Unpinned = False,
    per_image: PerImage = 5,
    instructions: OwnInstructions = None,
    quantisation: Bins = "whole_image_999",
    options_style: Joined = "spaced",
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Build what is not built yet, from the publishers' files to shards. Plans first; may be interrupted."""
    from flows import building

    settings = _settings(
        lake, mirror, offline, seed, sample, scale, source, task, mixture, until, unpinned, per_image,
        instructions, quantisation, options_style, threads,
    )  # fmt: skip
    building.build(settings, as_json)


@app.command(epilog="Examples: `multiinstruct plan --sample` · `multiinstruct plan --json | jq`")
def plan(
    lake: Lake = Path("lake"),
    mirror: Mirror = None,
    offline: Offline = False,
    seed: Seed = 0,
    sample: Sample = False,
    scale: Scale = 1.0,
    source: Sources = None,
    task: Tasks = None,
    mixture: Mixture = "multiinstruct",
    until: UntilStage = "shards",
    unpinned: Unpinned = False,
    per_image: PerImage = 5,
    instructions: OwnInstructions = None,
    quantisation: Bins = "whole_image_999",
    options_style: Joined = "spaced",
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Say what `build` with the same options would do, and why. Changes nothing."""
    from flows import building

    settings = _settings(
        lake, mirror, offline, seed, sample, scale, source, task, mixture, until, unpinned, per_image,
        instructions, quantisation, options_style, threads,
    )  # fmt: skip
    building.show_plan(settings, as_json)


@app.command(
    epilog="Examples: `multiinstruct adopt mscoco ~/data/coco` · "
    "`multiinstruct adopt visual_genome /data/VG_100K --lake lake`"
)
def adopt(
    source: Annotated[str, typer.Argument(help="Name of a source.")],
    path: Annotated[Path, typer.Argument(help="An archive, or a folder with archives or pictures.")],
    lake: Lake = Path("lake"),
    as_json: AsJson = False,
) -> None:
    """Take over archives or pictures that are already here, by link; say what matched and what is missing."""
    from flows import fetching

    fetching.adopt(lake, source, path, as_json)


@app.command(epilog="Example: `multiinstruct pin visual_genome`")
def pin(source: Annotated[str, typer.Argument(help="Name of a source.")], lake: Lake = Path("lake")) -> None:
    """Print the pins of what the lake holds of a source, to be pasted into its declaration."""
    from flows import fetching

    fetching.pin(lake, source)


@app.command(epilog="Examples: `multiinstruct probe` · `multiinstruct probe mscoco --json`")
def probe(
    source: Annotated[str | None, typer.Argument(help="Only this source.")] = None, as_json: AsJson = False
) -> None:
    """Ask each host for size, date and kind of every file, without fetching it; 1 if one has drifted."""
    from flows import fetching

    fetching.probe(source, as_json)


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


@app.command(
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


@app.command(
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


@app.command(
    epilog="Examples: `multiinstruct encode ' a red ball' --vocabulary sample` · "
    "`multiinstruct encode '<bin_0> <bin_999>' --symbols` · `multiinstruct encode - < strings.jsonl`"
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


@app.command(
    epilog="Examples: `multiinstruct decode '[99, 473, 5, 2274]'` · `multiinstruct decode - < ids.jsonl`"
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


@app.command(
    epilog="Examples: `multiinstruct sample /tmp/mirror` · `multiinstruct sample /tmp/mirror --scale 10`"
)
def sample(
    folder: Annotated[Path, typer.Argument(help="Where to write; must not exist or be empty.")],
    scale: Scale = 1.0,
    seed: Seed = 0,
) -> None:
    """Write the sample world in the publishers' own layout, to be used as `--mirror`."""
    from flows.console import out
    from flows.sample import write_sample

    if folder.exists() and any(folder.iterdir()):
        raise BuildError("the folder is not empty", where=folder, exit_code=ExitCode.USAGE)
    write_sample(folder, seed, scale)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files:
        out.print(f"{path.stat().st_size:>14,}  {path.relative_to(folder)}", markup=False, highlight=False)
    out.print(f"{len(files)} files in {folder}", markup=False, highlight=False)


def _end(error: BuildError) -> NoReturn:
    from flows.console import errors, plain

    errors.print("error:", style="bold red", end=" ")
    errors.print(plain(error))
    sys.exit(int(error.exit_code))


def main() -> None:
    """Entry point: turns every failure into one message and the documented exit code."""
    try:
        app()
    except BuildError as error:
        _end(error)
    except BrokenPipeError:
        # The reader of our output has seen enough, as in `… | head`.
        sys.stderr.close()
        sys.exit(int(ExitCode.DONE))
    except OSError as error:
        import errno

        if error.errno != errno.ENOSPC:
            raise
        _end(
            BuildError(
                "the disk is full",
                where=error.filename,
                next_step="free some space and run the same command again",
                exit_code=ExitCode.DISK_FULL,
            )
        )


if __name__ == "__main__":
    main()
