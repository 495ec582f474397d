"""What tests of fine-tuning flows share: a lake to train on, and a recipe that takes seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from transforms.builder import Builder

TASKS: Final = ("object_matching", "visual_object_identification")

UPDATES: Final = 8
"""Two epochs of the rows that the mixture `quick` takes of these and what they derive from, 75 an update."""

_MADE_BEFORE: Final = ("sample", "raw", "tables", "instances", "pins.json")

RECIPE: Final = """\
summary = "A tiny model, for tests."
mixture = "quick"
from_scratch = true
epochs = 2
rows = {rows}
learning_rate = 1e-3
warmup = 0.1
average = 0.9
batch_norm = "frozen"
dropout = 0.0
save_every = 3

[shape]
width = 16
encoder_layers = 1
decoder_layers = 1
heads = 2
ffn = 32
resnet_layers = [1, 1, 1]
picture_side = 16
positions = 512
"""


def training_lake(built: Builder, folder: Path, tasks: tuple[str, ...] = TASKS) -> Path:
    """A lake of its own with a build of few tasks and rows, over what another has built."""
    mine = folder / "lake"
    mine.mkdir(parents=True)
    for entry in built.settings.lake.iterdir():
        if entry.name in _MADE_BEFORE:
            (mine / entry.name).symlink_to(entry.resolve())
    settings = built.settings.model_copy(update={"lake": mine, "tasks": tasks, "mixture": "quick"})
    Builder(settings).build()
    return mine


def write_recipe(path: Path) -> Path:
    """Writes a recipe of `UPDATES` updates for `training_lake`."""
    path.write_text(RECIPE.format(rows=75))
    return path
