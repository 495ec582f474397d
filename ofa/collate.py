"""Rows of different lengths become the padded matrices of batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ofa.batch import Batch
from ofa.pictures import stacked
from schemas.token import BOS, EOS, PAD
from shards.ragged import Ids, Integers, offsets_of

Number = TypeVar("Number", bound=np.generic)


class Text(NamedTuple):
    """A batch without its pictures; attributes as of `Batch`, in numpy.

    Attributes:
        pictures: row of each picture in the pack, -1 for a black one: (rows,) int64.
    """

    rows: Integers
    instructions: Integers
    source: Ids
    targets: Ids
    pictures: Integers
    has_picture: npt.NDArray[np.bool_]
    writes_codes: npt.NDArray[np.bool_]
    blanks: Integers


class Padded(NamedTuple):
    """Room for the ids of several batches, each a matrix padded on the right.

    Attributes:
        values: all matrices one behind the other, filled with padding: (cells,) uint16.
        starts: where each row begins in `values`: (rows of all batches,).
        shapes: rows and columns of each matrix: (batches, 2).
    """

    values: Ids
    starts: Integers
    shapes: Integers

    @classmethod
    def of(cls, sizes: Integers, lengths: Integers) -> Padded:
        """Room for batches of `sizes` rows, none of them 0, whose rows have these `lengths`."""
        first = offsets_of(sizes)[:-1]
        widths = np.maximum.reduceat(lengths, first)
        cells = offsets_of(sizes * widths)
        own = np.arange(len(lengths)) - np.repeat(first, sizes)
        starts = np.repeat(cells[:-1], sizes) + own * np.repeat(widths, sizes)
        return cls(np.full(cells[-1], PAD, np.uint16), starts, np.stack([sizes, widths], axis=1))

    def matrices(self) -> list[Ids]:
        """One matrix a batch, as views."""
        flat = cut(self.values, self.shapes.prod(axis=1))
        return [part.reshape(shape) for part, shape in zip(flat, self.shapes.tolist(), strict=True)]


def cut(values: npt.NDArray[Number], sizes: Integers) -> list[npt.NDArray[Number]]:
    """Views of consecutive parts of an array with these sizes; several times as fast as `np.split`."""
    ends = np.cumsum(sizes).tolist()
    return [values[first:last] for first, last in zip([0, *ends], ends, strict=False)]


def batch_of(
    text: Text, pictures: Sequence[Tensor | None], side: int, state: dict[str, Any] | None = None
) -> Batch:
    """A batch of these texts and pictures, None for a black one."""
    targets = text.targets.astype(np.int64)
    inputs = np.full_like(targets, BOS)
    inputs[:, 1:] = np.where(targets[:, :-1] == EOS, PAD, targets[:, :-1])
    return Batch(
        source=torch.from_numpy(text.source.astype(np.int64)),
        target_inputs=torch.from_numpy(inputs),
        targets=torch.from_numpy(targets),
        pictures=stacked(pictures, side),
        has_picture=torch.from_numpy(text.has_picture),
        writes_codes=torch.from_numpy(text.writes_codes) if text.writes_codes.any() else None,
        blanks=torch.from_numpy(text.blanks) if text.blanks.any() else None,
        instructions=torch.from_numpy(text.instructions),
        rows=torch.from_numpy(text.rows),
        state=state,
    )
