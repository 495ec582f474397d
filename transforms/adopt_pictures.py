"""Which of the pictures that a source lists a person has handed over singly, and which are missing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq

from transforms.kept_pictures import AdoptedTree


class MissingPicture(NamedTuple):
    """A picture that is listed and was not handed over.

    Attributes:
        file: the declared file that holds it.
        picture: its name there.
        width: pixels as the source declares them, or None.
        height: likewise.
    """

    file: str
    picture: str
    width: int | None
    height: int | None


@dataclass(frozen=True)
class Compared:
    """What a source lists, held against what was handed over.

    Attributes:
        listed: how many pictures its table `images` lists, of the files that were asked about.
        missing: those of them that were not handed over, in the order of the table.
    """

    listed: int
    missing: tuple[MissingPicture, ...]


def compare(images: Path, files: Collection[str], tree: AdoptedTree) -> Compared:
    """Looks for each listed picture among those that were handed over.

    Args:
        images: a table `images`.
        files: the declared files whose pictures are asked about.
    """
    columns = ["archive", "picture", "width", "height"]
    rows = pq.read_table(images, columns=columns).to_pydict()
    listed = [
        MissingPicture(*row)
        for row in zip(*(rows[column] for column in columns), strict=True)
        if row[0] in files
    ]
    return Compared(len(listed), tuple(one for one in listed if tree.find(one.picture) is None))
