"""What one step of training or evaluation reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, TypedDict

import torch
from torch import Tensor

from ofa.pictures import normalised
from schemas.token import PAD


class Inputs(TypedDict):
    """Arguments of `OFA.forward`."""

    source: Tensor
    target_inputs: Tensor
    pictures: Tensor
    has_picture: Tensor
    writes_codes: Tensor | None


@dataclass(frozen=True)
class Batch:
    """Some instances, padded on the right with id 1.

    Attributes:
        source: `<s>`, the prompt, `</s>`: int64 (rows, longest source).
        target_inputs: `<s>`, the answer: int64 (rows, longest target).
        targets: the answer, `</s>`, which is `target_inputs` one step ahead: int64 (rows, longest target).
        pictures: levels 0 to 255, black where a row has none: uint8 (rows, 3, side, side).
        has_picture: whether the row has one: bool (rows,).
        writes_codes: whether the answer is image codes: bool (rows,); None where no answer is.
        blanks: the part of the picture that is grey, as `shards.format` tells, in pixels x0 y0 x1 y1 of the
            scaled picture: int64 (rows, 4), zeros for no part; None where no row has one.
        instructions: number of the instruction that each prompt is made with: int64 (rows,).
        rows: where the instances stand in their `Examples`: int64 (rows,).
        state: for `Batches`, where to go on after this batch; JSON values.
    """

    source: Tensor
    target_inputs: Tensor
    targets: Tensor
    pictures: Tensor
    has_picture: Tensor
    writes_codes: Tensor | None
    blanks: Tensor | None
    instructions: Tensor
    rows: Tensor
    state: dict[str, Any] | None = None

    def __len__(self) -> int:
        return self.source.shape[0]

    def to(self, device: torch.device | str) -> Batch:
        """The same on a device. From pinned memory the copy does not wait."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=True))

    def parts(self, most: int) -> Iterator[Batch]:
        """The same rows as batches of at most `most`, in order, each padded no further than it needs."""
        for first in range(0, len(self), most):
            part = self._each(lambda tensor, first=first: tensor[first : first + most])  # type: ignore[misc]
            source, targets = _longest(part.source), _longest(part.targets)
            yield replace(
                part,
                source=part.source[:, :source],
                target_inputs=part.target_inputs[:, :targets],
                targets=part.targets[:, :targets],
            )

    def pin_memory(self) -> Batch:
        """The same in page-locked memory; a `DataLoader` with `pin_memory=True` calls it."""
        return self._each(lambda tensor: tensor.pin_memory())

    def inputs(self) -> Inputs:
        """What `OFA.forward` takes, and `OFA.loss` together with `targets`.

        Pictures become float32 from -1 to 1 here, so on a device four times fewer bytes come to it.
        """
        pictures = normalised(self.pictures)
        if self.blanks is not None:
            pictures.masked_fill_(_inside(self.blanks, pictures.shape[-1]), 0.0)
        return {
            "source": self.source,
            "target_inputs": self.target_inputs,
            "pictures": pictures,
            "has_picture": self.has_picture,
            "writes_codes": self.writes_codes,
        }

    def _each(self, change: Callable[[Tensor], Tensor]) -> Batch:
        held: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        held |= {name: change(value) for name, value in held.items() if isinstance(value, Tensor)}
        return Batch(**held)


def _longest(ids: Tensor) -> int:
    """Columns of which any is not padding, which stands on the right."""
    return int((ids != PAD).sum(1).max())


def _inside(boxes: Tensor, side: int) -> Tensor:
    """Which pixels lie in the box of their row: bool (rows, 1, side, side)."""
    place = torch.arange(side, device=boxes.device)
    across = (place >= boxes[:, 0, None]) & (place < boxes[:, 2, None])
    down = (place >= boxes[:, 1, None]) & (place < boxes[:, 3, None])
    return (down[:, :, None] & across[:, None, :])[:, None]
