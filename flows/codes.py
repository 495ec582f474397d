"""Puts the model that writes pictures as image codes into a build, where torch is installed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from shards.pictures import png
from transforms.closure import code_id
from transforms.codes import Codes, Decode, Encoder, Pixels
from transforms.lake import member, whole
from transforms.steps_shards import WEIGHTS


def encoder() -> Encoder | None:
    """What turns pictures into codes, or None where torch or safetensors is missing."""
    return Encoder(code_id("ofa.codes"), _encode) if _installed() else None


def decoder(lake: Path) -> Decode | None:
    """What turns lists of codes into PNG files, or None where torch or the weights are missing."""
    weights = member(lake, whole(lake), WEIGHTS) if _installed() else None
    if weights is None:
        return None
    (path,) = sorted(weights.path("").iterdir())

    def decode(codes: Sequence[Codes]) -> list[bytes]:
        from ofa.codes import decoded

        return [png(picture) for picture in decoded(path, codes)]

    return decode


def _installed() -> bool:
    return all(find_spec(name) is not None for name in ("torch", "safetensors"))


def _encode(weights: Path, pictures: Iterable[Pixels], threads: int | None) -> Iterator[Codes]:
    # Not before a step runs: the import takes seconds.
    from ofa.codes import encoded

    return encoded(weights, pictures, threads)
