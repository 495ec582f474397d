"""What a build may be asked for. The same names in the command, the environment and the flow."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Until = Literal["tables", "instances", "shards"]
Quantisation = Literal["whole_image_999", "ofa_480"]
OptionsStyle = Literal["spaced", "published"]
Rules = Literal["ours", "published"]
VocabularyName = Literal["ofa", "sample"]


class BuildSettings(BaseModel):
    """Parameters of a build.

    Attributes:
        lake: folder in which everything is kept.
        mirror: folder or URL that is asked instead of the publishers.
        offline: never open a connection; what is not in the lake or the mirror is an error.
        seed: decides every draw.
        sample: build the embedded sample world, or the mirror if one is given, instead of the
            publishers' files: what lies there vouches for itself, and pins do not apply.
        sample_scale: size of the sample world; 1 is about a hundred pictures.
        sources: only these sources; all if empty.
        tasks: only these tasks and what they derive from; all if empty.
        mixture: which rows are tokenised.
        until: the last stage to build.
        accept_terms: sources to whose terms the person who builds agrees.
        unpinned: accept files whose bytes nobody has vouched for, and remember their hash.
        per_image: rows that a derived task asks of one image; 0 means all.
        rules: how rows of tasks are made: `ours`, or as the `published` scripts meant it, less their bugs
            and leaks, to compare with.
        instructions: folder of instruction files that are laid over the shipped ones.
        quantisation: how a coordinate becomes one of the 1,000 location bins.
        options_style: `spaced` joins options with blanks around the separator, `published` without.
        threads: worker threads of one step; no result depends on it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    lake: Path = Path("lake")
    mirror: str | None = None
    offline: bool = False
    seed: int = Field(default=0, ge=0)
    sample: bool = False
    sample_scale: float = Field(default=1.0, gt=0)
    sources: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    mixture: str = "multiinstruct"
    until: Until = "shards"
    accept_terms: tuple[str, ...] = ()
    unpinned: bool = False
    per_image: int = Field(default=5, ge=0)
    rules: Rules = "ours"
    instructions: Path | None = None
    quantisation: Quantisation = "whole_image_999"
    options_style: OptionsStyle = "spaced"
    threads: int | None = Field(default=None, gt=0)
