"""Subcommands `build` and `plan`."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import typer

from flows.examples import examples
from flows.options import (
    AcceptTerms,
    AsJson,
    Bins,
    Joined,
    Lake,
    Mirror,
    Mixture,
    Offline,
    OwnInstructions,
    PerImage,
    RulesOf,
    Sample,
    Scale,
    Seed,
    Sources,
    Tasks,
    Threads,
    Unpinned,
    UntilStage,
)
from schemas.settings import BuildSettings, OptionsStyle, Quantisation, Rules, Until

commands = typer.Typer()


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
    accept_terms: Sequence[str] | None,
    unpinned: bool,
    per_image: int,
    rules: Rules,
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
        accept_terms=tuple(accept_terms or ()),
        unpinned=unpinned,
        per_image=per_image,
        rules=rules,
        instructions=instructions,
        quantisation=quantisation,
        options_style=options_style,
        threads=threads,
    )


@commands.command(
    epilog=examples(
        "multiinstruct build --sample",
        "multiinstruct build --source visual_genome --until instances --unpinned",
        "multiinstruct build --task visual_grounding --mixture quick",
        "multiinstruct build --unpinned --accept-terms vcr",
    )
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
    accept_terms: AcceptTerms = None,
    unpinned: Unpinned = False,
    per_image: PerImage = 5,
    rules: RulesOf = "ours",
    instructions: OwnInstructions = None,
    quantisation: Bins = "whole_image_999",
    options_style: Joined = "spaced",
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Build what is not built yet, from the publishers' files to shards. Plans first; may be interrupted."""
    from flows import building

    settings = _settings(
        lake, mirror, offline, seed, sample, scale, source, task, mixture, until, accept_terms, unpinned,
        per_image, rules, instructions, quantisation, options_style, threads,
    )  # fmt: skip
    building.build(settings, as_json)


@commands.command(epilog=examples("multiinstruct plan --sample", "multiinstruct plan --json | jq"))
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
    accept_terms: AcceptTerms = None,
    unpinned: Unpinned = False,
    per_image: PerImage = 5,
    rules: RulesOf = "ours",
    instructions: OwnInstructions = None,
    quantisation: Bins = "whole_image_999",
    options_style: Joined = "spaced",
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Say what `build` with the same options would do, and why.

    Nothing is built. With `--sample` the sample world is drawn if it is not there yet.
    """
    settings = _settings(
        lake, mirror, offline, seed, sample, scale, source, task, mixture, until, accept_terms, unpinned,
        per_image, rules, instructions, quantisation, options_style, threads,
    )  # fmt: skip
    with _uncollected():
        from flows import building

        building.show_plan(settings, as_json)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Looks for no garbage meanwhile: all that a plan loads and makes is in use until it ends."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
