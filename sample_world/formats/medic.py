"""MEDIC as its publisher gives it out: a tar.gz with three tables of labels and all pictures.

Labels follow from what is drawn. Twins are pictures of one village in which something else has happened, or
in which more or fewer of its houses are in ruins.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from PIL import Image

from sample_world.archive import tar_gz
from sample_world.draw import encoded
from sample_world.irregular_medic import PICTURES, ROWS, Row
from sample_world.scene import COLOURS
from sample_world.scenes import pick
from sample_world.villages import HOUSES, KINDS, Village, draw_village

_ARCHIVE: Final = "crisisnlp.qcri.org/data/medic/MEDIC.tar.gz"
_FOLDERS: Final = (
    *("aidr_disaster_types", "aidr_info", "ASONAM17_Damage_Image_Dataset", "crisismmd"),
    "multimodal-deep-learning-disaster-response-mouzannar",
)
"""The collections that MEDIC was made from."""

COLUMNS: Final = (
    *("image_id", "event_name", "image_path"),
    *("damage_severity", "informative", "humanitarian", "disaster_types"),
)
"""The columns of a table."""

_PAIRS_AT_SCALE_1: Final = 21
_QUIET: Final = "not_disaster"
_RUINS: Final = (0, 1, 3)
_FIRST_SPARE_NUMBER: Final = 900_000
_OTHER_PARTS: Final = {"train": 910_000, "dev": 920_000}
"""The first number of the pictures of each part that nobody reads."""


class Taken(NamedTuple):
    """A picture of a village, and its row in a table."""

    village: Village
    row: Row


def write(mirror: Path, seed: int, scale: float) -> None:
    """Writes the archive below `mirror`, under the host and path of its url.

    Irregular rows (see `sample_world.irregular_medic`) come first, then the regular ones.

    Raises:
        OSError: the folder cannot be written. The file is then as it was, or whole.
    """
    every = [*_spoilt(seed), *((taken, encoded) for taken in regular(seed, scale))]
    parts = {"test": [taken.row for taken, _ in every]}
    for part, first in _OTHER_PARTS.items():
        unread = [_taken(_village(seed, number, "fire", 1), seed, number) for number in (first, first + 1)]
        parts[part] = [taken.row for taken in unread]
        every += [(taken, encoded) for taken in unread]
    with tar_gz(mirror / _ARCHIVE) as add:
        for part in ("train", "dev", "test"):
            add(f"MEDIC_{part}.tsv", _table(parts[part]))
        for taken, made in every:
            picture = made(draw_village(taken.village))
            if picture is not None:
                add(taken.row["image_path"], picture)


def regular(seed: int, scale: float) -> Iterator[Taken]:
    """The regular pictures, twin after twin."""
    for pair in range(max(len(KINDS), round(_PAIRS_AT_SCALE_1 * scale))):
        happened = _happened(pair)
        visited = all(kind != _QUIET for kind, _ in happened)
        for number, (kind, ruins) in enumerate(happened, 2 * pair):
            yield _taken(_village(seed, number, kind, ruins, visited=visited), seed, number)


def irregular(seed: int) -> dict[str, Taken]:
    """The irregular pictures with their rows as they are in the table, by the name of what is irregular."""
    return {name: taken for name, (taken, _) in zip(ROWS, _spoilt(seed), strict=True)}


def _happened(pair: int) -> list[tuple[str, int]]:
    """What has happened in each of twins, and how many houses are in ruins."""
    kind, other = KINDS[pair % len(KINDS)], KINDS[(pair + 1) % len(KINDS)]
    ruins, more = _RUINS[pair // 2 % len(_RUINS)], _RUINS[(pair // 2 + 1) % len(_RUINS)]
    if _QUIET in (kind, other) and (kind == _QUIET or pair % 2 == 0):
        # Where nothing has happened, nothing has fallen.
        return [(kind, 0), (other, 0)]
    return [(kind, ruins), (kind, more)] if pair % 2 else [(kind, ruins), (other, ruins)]


def _spoilt(seed: int) -> list[tuple[Taken, Callable[[Image.Image], bytes | None]]]:
    """The irregular pictures: each with its row, and with what makes its file."""
    found: dict[str, Taken] = {}
    for position, (name, spoil) in enumerate(ROWS.items()):
        number = _FIRST_SPARE_NUMBER + 2 * position
        village = _village(seed, number, KINDS[position % len(KINDS)], 1)
        taken = _taken(found["upper_case"].village if name == "copy" else village, seed, number)
        if name == "repeated":
            taken.row["image_path"] = found["upper_case"].row["image_path"]
        spoil(taken.row)
        found[name] = taken
    # The picture of `repeated` is already there.
    made = {**PICTURES, "repeated": PICTURES["picture_absent"]}
    return [(taken, made.get(name, encoded)) for name, taken in found.items()]


def _village(seed: int, number: int, kind: str, ruins: int, *, visited: bool = True) -> Village:
    """A village to which somebody may come. Twins have neighbouring numbers, the first one an even one."""
    key = (seed, "medic", number // 2)
    colours = [colour for colour in COLOURS if colour not in ("white", "orange", "yellow")]
    houses = tuple(colours[pick(len(colours), *key, house)] for house in range(HOUSES))
    visitors = ("nobody", "nobody", "people", "helpers")[pick(4, *key, "visitors")]
    return Village(kind, ruins, visitors if visited else "nobody", houses)


def _taken(village: Village, seed: int, number: int) -> Taken:
    """A picture and its row, which has the columns in their order."""
    event = f"village_{number // 2}"
    folder = _FOLDERS[pick(len(_FOLDERS), seed, "medic", number // 2, "folder")]
    name = f"{event}_im_{number}"
    path = f"data/{folder}/{event}/{name}.jpg"
    return Taken(village, {"image_id": name, "event_name": event, "image_path": path, **village.labels})


def _table(rows: Sequence[Row]) -> bytes:
    """A table as text, with its header."""
    written = io.StringIO()
    cells = csv.writer(written, delimiter="\t", lineterminator="\n")
    cells.writerow(COLUMNS)
    cells.writerows(row.values() for row in rows)
    return written.getvalue().encode()
