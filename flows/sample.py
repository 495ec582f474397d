"""The sample world as a mirror: drawn once for each seed and scale, with a vocabulary of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from instructions.load import load_instructions
from sample_world.world import sources, texts, write_world
from schemas.settings import BuildSettings
from shards.train_vocabulary import train_vocabulary
from transforms.closure import code_id
from transforms.content import digest_of
from transforms.graph import default_tasks
from transforms.mirror import Mirror
from transforms.registry import declaration
from transforms.steps_shards import VOCABULARY


def write_sample(folder: Path, seed: int, scale: float) -> None:
    """Writes the sample world and its vocabulary, each file where a mirror has it."""
    write_world(folder, seed, scale)
    aside = folder / ".vocabulary"
    train_vocabulary(_words(seed, scale), aside)
    mirror = Mirror(str(folder))
    for file in declaration(VOCABULARY).files.values():
        place = mirror.local_path(file.urls[0])
        if place is not None:
            place.parent.mkdir(parents=True, exist_ok=True)
            (aside / place.name).replace(place)
    shutil.rmtree(aside)


def _words(seed: int, scale: float) -> Iterator[str]:
    """What the sample vocabulary should be good at: the world's texts, and what tasks say of them."""
    yield from texts(seed, scale)
    for task in default_tasks():
        yield from (wording.text for wording in load_instructions(task).wordings)


def sample_folder(settings: BuildSettings) -> Path:
    """Where in the lake the sample world lies, or will."""
    # The formats are found in their folder and imported by name, so that no import leads to them.
    formats = (f"sample_world.formats.{name}" for name in sources())
    what = [settings.seed, settings.sample_scale, code_id("flows.sample", *formats)]
    return settings.lake / "sample" / digest_of(what)[:16]


def with_sample(settings: BuildSettings) -> BuildSettings:
    """Settings whose mirror is the sample world, which is written if it is not there yet.

    It lies in the lake under a name made of what decides its bytes. A mirror that is given takes its
    place, such as one that the command `sample` has written.
    """
    if not settings.sample or settings.mirror is not None:
        return settings
    folder = sample_folder(settings)
    if not folder.is_dir():
        aside = folder.with_name(f".{folder.name}")
        shutil.rmtree(aside, ignore_errors=True)
        write_sample(aside, settings.seed, settings.sample_scale)
        aside.rename(folder)
    return settings.model_copy(update={"mirror": str(folder), "offline": True})
