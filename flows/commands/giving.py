"""Subcommands that give out: `export`, `publish`, `pull`; and `lineage` and `try`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from flows.examples import examples
from flows.options import AsJson, Harmful, Lake, OwnInstructions, Seed

commands = typer.Typer()


@commands.command(
    epilog=examples(
        "multiinstruct export --format parquet for-hugging-face",
        "multiinstruct export visual_grounding region_area --format jsonl --instruction all out",
        "multiinstruct export --format webdataset --split train shards",
        "multiinstruct export visual_grounding --format tsv --instruction 1 for-ofa",
    )
)
def export(
    tasks: Annotated[
        list[str],
        typer.Argument(
            metavar="[TASK]...",
            help="Names of tasks; all of the mixture if none.",
            default_factory=list,
            show_default=False,
        ),
    ],
    place: Annotated[Path, typer.Argument(metavar="OUT", help="A folder; must not exist or be empty.")],
    format: Annotated[
        Literal["jsonl", "parquet", "tsv", "webdataset"],
        typer.Option(
            "--format",
            help="jsonl: the published records' fields · parquet: for Hugging Face · tsv: OFA's columns · "
            "webdataset: tar files.",
        ),
    ],
    mixture: Annotated[
        str | None, typer.Option("--mixture", help="The mixture that the current build must be of.")
    ] = None,
    split: Annotated[
        Literal["train", "validation", "test"] | None, typer.Option("--split", help="Only this split.")
    ] = None,
    instruction: Annotated[
        str,
        typer.Option(
            "--instruction",
            metavar="[drawn|all|NUMBER]",
            help="One drawn for each row, all, or one by number.",
        ),
    ] = "drawn",
    lake: Lake = Path("lake"),
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Write rows of the current build, prompts and answers filled in, in a format of other tools."""
    from flows import giving

    giving.export(lake, place, format, tasks, mixture, split, instruction, seed, as_json)


@commands.command(
    epilog=examples(
        "multiinstruct publish s3://bucket/lake",
        "multiinstruct publish ../shared-lake --raw",
    )
)
def publish(
    url: Annotated[
        str,
        typer.Argument(metavar="URL", help="A folder, or any address of fsspec; s3:// needs the extra s3."),
    ],
    raw: Annotated[
        bool, typer.Option("--raw", help="Send the publishers' own files too; else what they held is known.")
    ] = False,
    lake: Lake = Path("lake"),
    as_json: AsJson = False,
) -> None:
    """Put the current build where others can start from it: artifacts first, then the reference."""
    from flows import giving

    giving.publish(lake, url, raw, as_json)


@commands.command(
    epilog=examples(
        "multiinstruct pull s3://bucket/lake",
        "multiinstruct pull ../shared-lake --lake mine",
    )
)
def pull(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where `publish` has put a build.")],
    lake: Lake = Path("lake"),
    as_json: AsJson = False,
) -> None:
    """Fill a lake from a published build, every file checked, and make it the current one."""
    from flows import giving

    giving.pull(lake, url, as_json)


@commands.command(
    epilog=examples(
        "multiinstruct lineage image_infilling/vg:1010",
        "multiinstruct lineage image_infilling/vg:1010 --json",
    )
)
def lineage(
    uid: Annotated[
        str, typer.Argument(metavar="UID", help="Task and key of an instance, as `show` gives them.")
    ],
    lake: Lake = Path("lake"),
    as_json: AsJson = False,
) -> None:
    """Trace a row of a shard to its instance, the rows it was made from, their files, URLs and licences."""
    from flows import giving

    giving.lineage(lake, uid, as_json)


@commands.command(
    "try",
    epilog=examples(
        "multiinstruct try 'Find what these words are about: {text}' --task visual_grounding",
        "multiinstruct try 'What is said of <region_0> here?' --task grounded_captioning -n 3 --json",
    ),
)
def try_instruction(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="A draft, with the task's slots in it.")],
    task: Annotated[str, typer.Option("--task", help="Name of the task.")],
    count: Annotated[int, typer.Option("-n", min=1, help="How many renderings, drawn by the seed.")] = 5,
    instructions: OwnInstructions = None,
    lake: Lake = Path("lake"),
    harmful: Harmful = False,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Try a draft of an instruction: renderings, slots and seams, nearest sibling, ids; 1 if refused."""
    from flows import giving

    giving.try_instruction(lake, text, task, count, seed, instructions, harmful, as_json)
