"""What past runs of a lake's steps took: lines of `<lake>/runs.jsonl`.

They serve plans, and nothing else: no artifact depends on them, and they may be deleted at any time.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Run(BaseModel):
    """One run of one step.

    Attributes:
        step: the artifact that it made, as `instances/visual_grounding`.
        verb: what was done, as `derive`.
        work: how much there was to do: rows that a mixture takes, else bytes (see `transforms.work`).
        seconds: how long it took.
        bytes: size of what it made.
        code: hash of the code that made it, as it stands in the manifest.
        moved: bytes that came over the network, as far as anybody was told of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: str
    verb: str
    work: int = Field(ge=0)
    seconds: float = Field(ge=0)
    bytes: int = Field(ge=0)
    moved: int = Field(default=0, ge=0)
    code: str | None = None


class Code(BaseModel):
    """Which files a hash of code was over, so that a plan can name those that have changed.

    Attributes:
        code: the hash, as it stands in manifests.
        files: 16 hex digits over the bytes of each file, by path in the checkout.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    files: dict[str, str]
