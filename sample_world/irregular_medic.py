"""What is irregular in the rows of MEDIC's test part, each about a picture of its own.

unlabelled         two labels are empty
nan                labels that some program has made `nan` and `NaN`
upper_case         labels in other letters, one with blanks around it
unknown_label      a disaster that is not on the list
copy               the very file of `upper_case`, under another path
repeated           the path of `upper_case` again, with other labels
quoted             a path with a blank and with quotes in it, so that its cell stands in quotes
outside            a path that leads out of its folder
elsewhere          a path that does not begin as all do
few_cells          a row that lacks its last cell
picture_absent     listed, but not in the archive
picture_truncated  a JPEG without its last third
picture_png        PNG under the name of a JPEG
picture_grey       a JPEG without colours
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sample_world.irregular import PICTURES as VISUAL_GENOME_PICTURES

Row = dict[str, str]
"""The cells of one picture's row by column, in order."""


def _changed(**cells: str) -> Callable[[Row], None]:
    return lambda row: row.update(cells)


def _upper_case(row: Row) -> None:
    row["damage_severity"] = f" {row['damage_severity'].capitalize()} "
    row["disaster_types"] = row["disaster_types"].upper()


def _quoted(row: Row) -> None:
    row["image_path"] = row["image_path"].replace("_im_", ' "im" ')


def _outside(row: Row) -> None:
    row["image_path"] = row["image_path"].replace("data/", "data/../../", 1)


def _elsewhere(row: Row) -> None:
    row["image_path"] = f"/{row['image_path']}"


def _few_cells(row: Row) -> None:
    del row["disaster_types"]


def _unchanged(row: Row) -> None:
    """It stays as it is."""


ROWS: Final[dict[str, Callable[[Row], None]]] = {
    "unlabelled": _changed(damage_severity="", humanitarian=""),
    "nan": _changed(informative="nan", humanitarian="NaN"),
    "upper_case": _upper_case,
    "unknown_label": _changed(disaster_types="avalanche"),
    "copy": _unchanged,
    "repeated": _unchanged,
    "quoted": _quoted,
    "outside": _outside,
    "elsewhere": _elsewhere,
    "few_cells": _few_cells,
    "picture_absent": _unchanged,
    "picture_truncated": _unchanged,
    "picture_png": _unchanged,
    "picture_grey": _unchanged,
}
"""Changes the row of one picture, in place. What `copy` and `repeated` take from `upper_case` they have."""

PICTURES: Final = {
    name: VISUAL_GENOME_PICTURES[name]
    for name in ("picture_absent", "picture_truncated", "picture_png", "picture_grey")
}
"""Makes the file of one picture; None: there is none."""
