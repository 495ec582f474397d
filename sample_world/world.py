"""The whole sample world: every source's files, and every text in them."""

from __future__ import annotations

import itertools
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from sample_world import formats
from sample_world.scenes import scenes


def sources() -> list[str]:
    """Names of the sources that have files in this world: the modules of `formats`, in order."""
    return sorted(module.name for module in pkgutil.iter_modules(formats.__path__))


def write_world(folder: Path, seed: int, scale: float) -> None:
    """Writes every source's files below `folder`, laid out as a mirror: `HOST/PATH` of each url.

    The same arguments give the same bytes, as long as zlib, the JPEG encoder and Pillow's font are
    the same. Scale 1 is 96 regular pictures; 1126 is as many as Visual Genome has.
    """
    for name in sources():
        import_module(f"{formats.__name__}.{name}").write(folder, seed, scale)


def texts(seed: int, scale: float) -> Iterator[str]:
    """Every text of the regular scenes, in order, with repetitions."""
    return itertools.chain.from_iterable(scene.texts() for scene in scenes(seed, scale))
