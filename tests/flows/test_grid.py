"""Tables of plain cells look to the byte as rich would draw them, on terminals of any width."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.grid import Column, Grid

COLUMNS = (
    Column("step", right=False, whole=False),
    Column("action", right=False, whole=True),
    Column("why it runs", right=False, whole=False),
    Column("fetch", right=True, whole=True),
    Column("", right=True, whole=False),
)

ROWS = (
    ("normalise visual_genome.image_data", "follow", "after raw/visual_genome.image_data", "2.8 kB", "12 "),
    ("fetch gqa.questions", "run", "changed: sha256,  code (transforms/one.py) and 3 more", "", ""),
    ("derive 表格 🙂🙂 of two cells each", "run", "", "974 bytes", "1,234,567 of 1,234,567"),
    ("", "", "  led by blanks", "", "x" * 31),
)


def _printed(shown: Grid | Table, width: int, terminal: bool) -> str:
    file = StringIO()
    console = Console(
        file=file,
        width=width,
        soft_wrap=True,
        force_terminal=terminal,
        color_system="standard" if terminal else None,
    )
    console.print(shown)
    return file.getvalue()


def _by_rich(rows: tuple[tuple[str, ...], ...]) -> Table:
    drawn = Table(box=None, header_style="bold", pad_edge=False)
    for column in COLUMNS:
        justify = "right" if column.right else "left"
        drawn.add_column(column.name, justify=justify, overflow="fold", no_wrap=column.whole)  # type: ignore[arg-type]
    for row in rows:
        drawn.add_row(*map(Text, row))
    return drawn


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize("rows", [(), ROWS, (*ROWS, ("two\nlines", "a\ttab", "", "", ""))])
def test_a_grid_looks_as_rich_draws_it(rows: tuple[tuple[str, ...], ...], terminal: bool) -> None:
    for width in (*range(5, 160), 200):
        assert _printed(Grid(COLUMNS, rows), width, terminal) == _printed(_by_rich(rows), width, terminal)
