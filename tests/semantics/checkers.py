"""What most tasks' checkers need: the only option that holds, the right label, the things in regions."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from instructions.load import load_instructions
from schemas.box import Box
from tests.semantics.world import Shown

Row = dict[str, Any]
"""An instance, with its regions as boxes."""

Checker = Callable[[Row, Shown], bool]
"""Whether a row's answer is true of what a picture shows, and everything else that it offers false."""


def only(row: Row, holds: Callable[[str], bool | None]) -> bool:
    """Whether the target is the one option that holds."""
    target: str = row["target"]
    return [option for option in row["options"] if holds(option)] == [target]


def labelled(row: Row, holds: bool | None) -> bool:
    """Whether the label says what holds, and the answer what the label says."""
    pairs = load_instructions(row["uid"].partition("/")[0]).answers
    assert sorted(row["options"]) in [sorted(pair) for pair in pairs]
    affirmed = row["target"] in [yes for yes, _ in pairs]
    assert affirmed == row["label"]
    label: bool = row["label"]
    return label is holds


def region(row: Row, name: str) -> Box:
    """The box that `<region_3>` and so on stands for."""
    number = re.fullmatch(r"<region_(\d+)>", name)
    assert number is not None
    found: Box = row["regions"][int(number[1])]
    return found


def category(shown: Shown, box: Box) -> str:
    """The category of the thing in a box, or nothing."""
    index = shown.at(box)
    return "" if index is None else shown.things.things[index].category
