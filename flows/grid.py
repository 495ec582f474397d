"""A table of plain cells on a terminal, laid out as rich does it, but in a fraction of the time.

rich measures and styles every cell by itself, which takes a plan of six hundred rows a quarter of a second.
Here plain cells are padded as strings; rich draws the head, and folds the cells that are too wide.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

_GAP: Final = "  "
"""Between two columns. In the widths of rich, one blank of it belongs to each of the two."""


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        right: whether it holds numbers.
        whole: whether it is never folded on a narrow terminal.
    """

    name: str
    right: bool
    whole: bool


class Grid:
    """Rows of plain text under a bold head."""

    def __init__(self, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
        self._columns = columns
        self._rows = rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Head and rows, folded into the width that there is."""
        widths = None if self._is_special() else self._widths(options.max_width)
        if widths is None:
            yield _by_rich(self._columns, self._rows)
            return
        yield _by_rich(self._columns, (), widths)
        for row in self._rows:
            for line in self._lines(console, row, widths):
                yield Segment(f"{line}\n")

    def _is_special(self) -> bool:
        """Whether a cell has several lines, or tabs: rich knows how wide these are."""
        return any("\n" in cell or "\t" in cell for row in self._rows for cell in row)

    def _widths(self, most: int) -> list[int] | None:
        """Width of each column without the gaps; None if no folding makes the table narrow enough."""
        names = [column.name for column in self._columns]
        natural = [max(map(cell_len, cells)) for cells in zip(names, *self._rows, strict=True)]
        last = len(natural) - 1
        gaps = [(number > 0) + (number < last) for number in range(len(natural))]
        padded = [min(width + gap, most) for width, gap in zip(natural, gaps, strict=True)]
        narrowed = _narrowed(padded, [not column.whole for column in self._columns], most)
        widths = [width - gap for width, gap in zip(narrowed, gaps, strict=True)]
        held = all(
            width > 0 and (width == wanted or not column.whole)
            for width, wanted, column in zip(widths, natural, self._columns, strict=True)
        )
        return widths if held and sum(narrowed) <= most else None

    def _lines(self, console: Console, row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
        cells = [
            _folded(console, cell, width) if cell_len(cell) > width else [cell]
            for cell, width in zip(row, widths, strict=True)
        ]
        for parts in zip_longest(*cells, fillvalue=""):
            padded = zip(parts, widths, self._columns, strict=True)
            yield _GAP.join(_padded(part, width, column.right) for part, width, column in padded)


def _narrowed(widths: Sequence[int], foldable: Sequence[bool], most: int) -> list[int]:
    """Widths that are `most` together, if that can be: the widest columns give until the next is as wide."""
    found = list(widths)
    while (excess := sum(found) - most) > 0:
        giving = {width for width, folds in zip(found, foldable, strict=True) if folds}
        if not giving - {0}:
            break
        widest = max(giving)
        step = widest - max(giving - {widest}, default=0)
        columns = [n for n, width in enumerate(found) if foldable[n] and width == widest]
        for count in range(len(columns), 0, -1):
            given = min(step, round(excess / count))
            found[columns[-count]] -= given
            excess -= given
    return found


def _folded(console: Console, cell: str, width: int) -> list[str]:
    return [line.plain for line in Text(cell).wrap(console, width, overflow="fold")]


def _padded(part: str, width: int, right: bool) -> str:
    if right:
        part = part.rstrip()
    blanks = " " * (width - cell_len(part))
    return blanks + part if right else part + blanks


def _by_rich(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], widths: Sequence[int] | None = None
) -> Table:
    shown = Table(box=None, header_style="bold", pad_edge=False)
    for number, column in enumerate(columns):
        shown.add_column(
            column.name,
            justify="right" if column.right else "left",
            overflow="fold",
            no_wrap=column.whole,
            width=widths[number] if widths is not None else None,
        )
    for row in rows:
        shown.add_row(*map(Text, row))
    return shown
