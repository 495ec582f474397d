"""Types of the options that several subcommands share: one name, one meaning, one help text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from schemas.settings import OptionsStyle, Quantisation, Rules, Until, VocabularyName

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
AcceptTerms = Annotated[
    list[str] | None,
    typer.Option("--accept-terms", help="Agree to the terms of this source, from now on; may be repeated."),
]
PerImage = Annotated[
    int, typer.Option("--per-image", min=0, help="Rows a derived task asks of one image; 0 is all.")
]
RulesOf = Annotated[
    Rules,
    typer.Option("--rules", help="How rows are made: by our rules, or as the published scripts meant it."),
]
OwnInstructions = Annotated[
    Path | None, typer.Option("--instructions", help="Folder of instruction files laid over ours.")
]
Bins = Annotated[Quantisation, typer.Option("--quantisation", help="How coordinates become location bins.")]
Joined = Annotated[OptionsStyle, typer.Option("--options-style", help="What stands between two options.")]
Whose = Annotated[VocabularyName, typer.Option("--vocabulary", help="Whose BPE files.")]
Threads = Annotated[int | None, typer.Option("--threads", min=1, help="Threads of one step.")]
Harmful = Annotated[bool, typer.Option("--harmful", help="Show what may hurt who sees it, too.")]
