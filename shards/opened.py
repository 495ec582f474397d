"""One split of a collection, opened for reading: its shards, instructions and pictures together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from schemas.errors import BuildError
from schemas.instance import Split
from schemas.token import LOCATION_BINS
from shards.collection import COLLECTION, Collection, read_collection
from shards.format import read_instructions
from shards.pictures import PicturePack
from shards.ragged import Integers
from shards.read import Shard
from shards.splice import Splicer
from shards.vocabulary import Vocabulary


@dataclass(frozen=True)
class OpenTask:
    """One split of one task.

    Attributes:
        name: of the task.
        splicer: its instances and instructions.
        pictures: row of each instance's picture in the pack, -1 without one: (rows,) int64.
    """

    name: str
    splicer: Splicer
    pictures: Integers

    @property
    def shard(self) -> Shard:
        """Its instances."""
        return self.splicer.shard


def open_tasks(folder: Path, split: Split, names: Sequence[str] | None) -> tuple[list[OpenTask], PicturePack]:
    """Opens tasks of a collection, in its order.

    Args:
        folder: of its `collection.json`.
        names: all that have rows in this split if None.

    Raises:
        BuildError: there is no such task, one has no rows in this split, or a file is missing or damaged.
    """
    collection = read_collection(folder)
    chosen = _chosen(folder, collection, split, names)
    vocabulary = Vocabulary.load(folder / collection.vocabulary)
    pack = PicturePack(folder / collection.pictures)
    splicers = []
    for name in chosen:
        task = collection.tasks[name]
        shard = Shard(folder / task.shard, split)
        splicers.append(Splicer(shard, read_instructions(folder / task.instructions), vocabulary))
    # All at once: the pack's names are looked up in one table of theirs.
    ids = [splicer.shard.pictures["image_id"].combine_chunks() for splicer in splicers]
    packed = np.split(pack.rows_of(pa.concat_arrays(ids)), np.cumsum([len(one) for one in ids])[:-1])
    tasks = []
    for name, splicer, rows in zip(chosen, splicers, packed, strict=True):
        # Picture -1 finds what stands last.
        pictures = np.append(rows, -1)[splicer.shard.picture]
        tasks.append(OpenTask(name, splicer, pictures))
    return tasks, pack


def blanks(task: OpenTask, rows: Integers, side: int) -> Integers:
    """The part of each picture that is grey, x0 y0 x1 y1 in pixels of a square picture: (rows, 4).

    It is region 0; the rule stands in `shards.format`, at `blank`.
    """
    slots, index = task.shard.slots, task.shard.index
    first = slots.ends[slots.rows[rows] + 1 + len(index.text_slots)]
    bins = slots.values[first[:, None] + np.arange(4)].astype(np.int64) - task.splicer.vocabulary.first_bin
    pixels: Integers = np.rint(bins / (LOCATION_BINS - 1) * side).astype(np.int64)
    return pixels


def _chosen(folder: Path, collection: Collection, split: Split, names: Sequence[str] | None) -> list[str]:
    held = [name for name, task in collection.tasks.items() if task.rows.get(split)]
    wanted = held if names is None else list(names)
    absent = sorted(set(wanted) - set(held))
    if absent or not wanted:
        raise BuildError(
            f"a collection has no rows of these tasks in split {split!r}",
            where=folder / COLLECTION,
            got=", ".join(absent) or "no tasks",
            expected=", ".join(held) or f"no task has any; splits are {_splits(collection)}",
            next_step="name other tasks or another split, or build the mixture with them",
        )
    return [name for name in held if name in wanted]


def _splits(collection: Collection) -> str:
    return ", ".join(sorted({split for task in collection.tasks.values() for split in task.rows})) or "none"
