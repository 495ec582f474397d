"""Where tokens and patches stand, as indices into the position tables.

All tables are recomputed here; the copies that checkpoints carry are ignored. Formulas: OFA
`make_token_bucket_position`, `make_image_bucket_position` and `image_position_idx`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

TOKEN_SPAN = 1_024
"""Distances between tokens are bucketed for texts of this length, whatever the model's limit."""

CODE_TAIL = 768
"""Positions after the last image code; they all share one row of the position table."""

CODE_STRIDE = 8
"""Pixels along a side that one image code stands for."""


class Grid(NamedTuple):
    """Patches of a picture, row by row."""

    height: int
    width: int

    @property
    def patches(self) -> int:
        """How many there are."""
        return self.height * self.width


def token_buckets(buckets: int) -> Tensor:
    """Row of the token bias table for each pair (query, key): int64 (1024, 1024).

    Distances up to half of `buckets` have a row each; longer ones share rows on a logarithmic
    scale that ends at distance 1,023.
    """
    middle = buckets // 2
    place = torch.arange(TOKEN_SPAN)
    relative = place[:, None] - place[None, :]
    near = relative.abs() <= middle
    distance = torch.where(near, middle, relative.abs())
    # In single precision and this order, as the tables were when the published weights were trained.
    share = torch.log(distance / middle) / math.log((TOKEN_SPAN - 1) / middle)
    logarithmic = torch.ceil(share * (middle - 1)).long() + middle
    return torch.where(near, relative, relative.sign() * logarithmic) + buckets - 1


def image_buckets(side: int) -> Tensor:
    """Row of the image bias table for each pair (query, key): int64 (side² + 1, side² + 1).

    Index 0 is the start of a sequence of image codes; its three rows come after the patches'.
    """
    row = torch.arange(side).repeat_interleave(side)
    column = torch.arange(side).repeat(side)
    span = 2 * side - 1
    rows = (row[:, None] - row[None, :] + side - 1) * span
    columns = column[:, None] - column[None, :] + side - 1
    table = torch.empty(side * side + 1, side * side + 1, dtype=torch.int64)
    table[1:, 1:] = rows + columns
    table[0, :] = span * span
    table[:, 0] = span * span + 1
    table[0, 0] = span * span + 2
    return table


def grid_positions(grid: Grid, side: int) -> Tensor:
    """Row of the image position table for each patch of a picture: int64 (patches,)."""
    row = torch.arange(grid.height)[:, None] * side
    column = torch.arange(grid.width)[None, :]
    return (row + column + 1).flatten()


def code_positions(code_image_size: int, side: int) -> Tensor:
    """Row of the image position table for each step of a sequence of image codes.

    Step 0 is the start of the sequence, then the codes of the picture row by row, then the tail.
    """
    window = code_image_size // CODE_STRIDE
    codes = grid_positions(Grid(window, window), side)
    return torch.cat([torch.zeros(1, dtype=torch.int64), codes, torch.full((CODE_TAIL,), 1_024)])
