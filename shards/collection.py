"""What one trains on: the shards of a mixture, their instructions, pictures and vocabulary together.

    <lake>/shards/<mixture>/<fingerprint>/data/collection.json

It is written last and names everything relative to its own folder, so a lake may move.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from schemas.errors import BuildError
from schemas.instance import Split

COLLECTION = "collection.json"


class CollectedTask(BaseModel):
    """One task of a collection.

    Attributes:
        shard: folder of its `index.json`.
        instructions: folder of its `instructions.json`.
        rows: instances of each split.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    shard: str
    instructions: str
    rows: dict[Split, int]


class Collection(BaseModel):
    """`collection.json`.

    Attributes:
        mixture: name of the mixture.
        vocabulary: folder of the vocabulary's three files.
        pictures: folder of the picture pack.
        tasks: the tasks, by name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["multiinstruct-collection-1"] = "multiinstruct-collection-1"
    mixture: str
    vocabulary: str
    pictures: str
    tasks: dict[str, CollectedTask]


def read_collection(folder: Path) -> Collection:
    """Reads `collection.json`.

    Raises:
        BuildError: there is none, or it is not of this format.
    """
    path = folder / COLLECTION
    try:
        return Collection.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise BuildError(
            "a collection of shards cannot be opened",
            where=path,
            got=error,
            next_step="build the mixture again",
        ) from error
