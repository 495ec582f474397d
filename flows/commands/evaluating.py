"""Subcommands `evaluate` and `score`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from flows.examples import examples
from flows.options import AsJson, Lake, Seed

commands = typer.Typer()


@commands.command(
    epilog=examples(
        "multiinstruct evaluate --checkpoint lake/trainings/mine",
        "multiinstruct evaluate --checkpoint ofa_large.pt --rows 1000 --beam 5 --device cuda",
        "multiinstruct evaluate --checkpoint lake/trainings/mine --split validation --beam 1 --blind",
    )
)
def evaluate(
    checkpoint: Annotated[
        Path,
        typer.Option("--checkpoint", exists=True, help="Weights of OFA, or the folder of a training run."),
    ],
    name: Annotated[
        str | None, typer.Option("--name", help="Of the run; the same name goes on where it stopped.")
    ] = None,
    tasks: Annotated[
        list[str] | None,
        typer.Option("--task", help="Only this task; may be repeated. The held-out tasks otherwise."),
    ] = None,
    split: Annotated[
        Literal["train", "validation", "test"] | None,
        typer.Option("--split", help="Whose rows; of all tasks that have some if none is named."),
    ] = None,
    rows: Annotated[
        int | None, typer.Option("--rows", min=1, help="Most rows of a task, the same draw always; else all.")
    ] = None,
    beam: Annotated[int, typer.Option("--beam", min=1, help="Beams of the search; 1 is greedy.")] = 5,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Rows at a time.")] = 8,
    device: Annotated[
        str | None, typer.Option("--device", help="Such as cpu or cuda:1; cuda where there is one.")
    ] = None,
    blind: Annotated[
        bool, typer.Option("--blind", help="Show black pictures: what is answered without looking.")
    ] = False,
    lake: Lake = Path("lake"),
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Ask a model the test rows of the current build under five instructions each, and score its answers."""
    from flows import evaluating
    from schemas.evaluation import EvaluationSettings

    settings = EvaluationSettings(
        lake=lake,
        checkpoint=checkpoint,
        name=name,
        tasks=tuple(tasks or ()),
        split=split,
        rows=rows,
        beams=beam,
        batch_size=batch,
        device=device,
        blind=blind,
        seed=seed,
    )
    evaluating.evaluate(settings, as_json)


@commands.command(epilog=examples("multiinstruct score my-run", "multiinstruct score my-run --json"))
def score(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Name of an evaluation.")],
    lake: Lake = Path("lake"),
    as_json: AsJson = False,
) -> None:
    """Score the stored answers of an evaluation once more; needs neither model nor torch."""
    from flows import evaluating

    evaluating.scored(lake, run, as_json)
