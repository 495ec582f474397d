"""What a reader of the data sees, three rows a task, kept as files and reviewed as a diff."""

from __future__ import annotations

from typing import Any

from schemas.artifact import Reference
from schemas.instance import Split
from shards.collection import read_collection
from shards.format import read_instructions
from shards.ragged import Ragged
from shards.read import Shard
from shards.splice import Splicer
from shards.vocabulary import Vocabulary
from transforms.builder import Builder
from transforms.show import drawn

ROWS = 3


def _line(ids: Ragged) -> str:
    return " ".join(str(number) for number in ids.row(0))


def golden(builder: Builder, task: str) -> list[dict[str, Any]]:
    """Three drawn instances: what they show, and their ids under the first instruction."""
    folder = builder.run(Reference("shards", builder.settings.mixture)).path("")
    collection = read_collection(folder)
    vocabulary = Vocabulary.load(folder / collection.vocabulary)
    # Held-out tasks have rows to evaluate on only.
    split: Split = "train" if "train" in collection.tasks[task].rows else "test"
    shard = Shard(folder / collection.tasks[task].shard, split)
    splicer = Splicer(shard, read_instructions(folder / collection.tasks[task].instructions), vocabulary)
    place = {uid: number for number, uid in enumerate(shard.uids.to_pylist())}
    shown = [one for one in drawn(builder.lake, task, 60, builder.settings.seed) if one.uid in place][:ROWS]
    return [
        {
            **one.as_dict(),
            "regions": [" ".join(f"{side:g}" for side in box) for box in one.regions],
            "source_ids": _line(splicer.sources([place[one.uid]], 0)),
            "target_ids": _line(splicer.targets([place[one.uid]])),
        }
        for one in shown
    ]
