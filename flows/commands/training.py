"""Subcommand `finetune`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.examples import examples
from flows.options import AsJson, Lake, Seed

commands = typer.Typer()


@commands.command(
    epilog=examples(
        "multiinstruct finetune --recipe laptop --plan",
        "multiinstruct finetune --recipe laptop",
        "multiinstruct finetune --recipe paper --checkpoint ofa_large.pt --processes 8 --rows-at-once 8",
        "multiinstruct finetune --recipe mins_59k --shards s3://ours/multiinstruct --lake shards-here",
    )
)
def finetune(
    recipe: Annotated[
        str, typer.Option("--recipe", help="paper, mins_59k, mins_564k, laptop, or the path of a .toml file.")
    ],
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            "--checkpoint", exists=True, help="Weights to begin with; else the published ones in the lake."
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Of the run; the same name goes on where it stopped.")
    ] = None,
    mixture: Annotated[
        str | None, typer.Option("--mixture", help="Train on this mixture instead of the recipe's.")
    ] = None,
    shards: Annotated[
        str | None,
        typer.Option("--shards", help="Address of a published build; its shards are kept in the lake."),
    ] = None,
    processes: Annotated[int, typer.Option("--processes", min=1, help="That train together, one a GPU.")] = 1,
    rows_at_once: Annotated[
        int, typer.Option("--rows-at-once", min=1, help="Rows in the memory of a process together.")
    ] = 16,
    workers: Annotated[
        int, typer.Option("--workers", min=0, help="Processes that prepare batches, for each that trains.")
    ] = 0,
    device: Annotated[
        str | None, typer.Option("--device", help="Such as cpu or cuda; cuda where there is one.")
    ] = None,
    blind: Annotated[bool, typer.Option("--blind", help="Show black pictures only, as a control.")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Only say what would be trained.")] = False,
    lake: Lake = Path("lake"),
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Fine-tune OFA on the training rows of the current build. May be interrupted, and goes on exactly."""
    from flows import finetuning_shown
    from flows.finetuning import Asked

    asked = Asked(
        lake, recipe, name, checkpoint, shards, mixture, blind, seed, processes, device, rows_at_once, workers
    )
    finetuning_shown.finetune(asked, plan, as_json)
