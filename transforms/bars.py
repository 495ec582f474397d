"""Which rows may not be trained on, because what they show is evaluated on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.instance import Split
from transforms.artifact import Draft
from transforms.duck import Database
from transforms.photographs import SEEN, Photographs
from transforms.pictures import Picture
from transforms.select import Bar, Barred, Candidate

SHOWN: Final = pa.schema([*SEEN, ("source", pa.string())])
"""One row for each picture that rows of a split show, with the source whose file it lies in."""

REASONS: Final[dict[Split, str]] = {"test": "shown_in_evaluation", "validation": "shown_in_validation"}
"""Why a row is left out whose picture rows of a stricter split show."""


def gather(selections: Sequence[Path], making: Draft) -> None:
    """Writes `SHOWN` over all tasks, in order of image.

    Args:
        selections: the table of pictures of each task, see `transforms.select.PICTURES`.
    """
    with Database(making.scratch) as database, making.table("shown", SHOWN) as writer:
        database.view("selected", "pictures", selections)
        columns = ", ".join(SHOWN.names)
        query = f"select distinct {columns} from selected.pictures order by image_id, source, sha256"
        for batch in database.batches(query):
            writer.write(batch)


def bar_shown(split: Split, shown: Path) -> Bar:
    """Bars rows whose picture shows the same photograph as one of a stricter split.

    One row in: an exercise on vg:5, a smaller copy of the photograph that coco:26 shows. Out, where rows of
    the split show coco:26: the reason, and coco:26.

    Args:
        shown: the pictures of that split, see `SHOWN`.
    """
    # Several rows show one picture; it is looked up once.
    find = cache(Photographs(pq.read_table(shown)).find)

    def bar(row: Candidate, picture: Picture) -> Barred | None:
        del row
        # A row of words alone shows nothing, and of an answer that cannot be read nobody sees anything.
        same = find(picture.sha256, picture.look) if picture.sha256 else None
        return None if same is None else Barred(REASONS[split], same.image_id)

    return bar
