"""What an answer may be: one of some options, boxes, or the codes of one picture.

A constraint looks at what was written so far and says which ids may come next. Everything else
gets probability 0 before the probabilities are normalised (OFA, constraint tries).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from ofa.codes import first_code_id
from ofa.config import OFAConfig
from schemas.errors import BuildError
from schemas.token import IMAGE_CODES, LOCATION_BINS

BOX_BINS = 4
"""Ids of one box: x0, y0, x1, y1."""


class Constraint(Protocol):
    """Which ids may come next."""

    def allowed(self, written: Tensor, sentences: Tensor) -> Tensor:
        """Bool (rows, vocabulary).

        Args:
            written: int64 (rows, steps), what each hypothesis says so far, without `<s>`.
            sentences: int64 (rows,), index in the batch of each row's source.
        """
        ...


class _Node(dict[int, "_Node"]):
    """A node of a prefix tree: what may follow."""


class Options:
    """The answer is one of the options of its sentence.

    Args:
        options: for each sentence the ids of each option, without `<s>` and `</s>`.

    Raises:
        BuildError: a sentence has no options, or an empty one.
    """

    def __init__(self, config: OFAConfig, options: Sequence[Sequence[Sequence[int]]]) -> None:
        self._config = config
        self._roots = []
        for index, choices in enumerate(options):
            if not choices or not all(choices):
                raise BuildError("nothing to choose from", where=f"sentence {index}", got=choices)
            root = _Node()
            for choice in choices:
                node = root
                for token in (*choice, config.eos):
                    node = node.setdefault(int(token), _Node())
            self._roots.append(root)

    def allowed(self, written: Tensor, sentences: Tensor) -> Tensor:
        """See `Constraint`; only `</s>` follows what is no beginning of an option."""
        mask = torch.zeros(written.shape[0], self._config.vocabulary, dtype=torch.bool)
        for row, (tokens, sentence) in enumerate(zip(written.tolist(), sentences.tolist(), strict=True)):
            node = self._roots[sentence]
            for token in tokens:
                node = node.get(token, _Node())
            mask[row, list(node) or [self._config.eos]] = True
        return mask.to(written.device)


class Boxes:
    """The answer is one box or several: four location bins each, x1 > x0 and y1 > y0.

    Args:
        most: how many boxes an answer may have; it has at least one.
    """

    def __init__(self, config: OFAConfig, most: int = 1) -> None:
        self._config = config
        self._most = most

    def allowed(self, written: Tensor, sentences: Tensor) -> Tensor:  # noqa: ARG002 - of the protocol
        """See `Constraint`."""
        rows, steps = written.shape
        vocabulary = self._config.vocabulary
        first = vocabulary - LOCATION_BINS
        mask = torch.zeros(rows, vocabulary, dtype=torch.bool, device=written.device)
        side = steps % BOX_BINS
        if steps > 0 and side == 0:
            mask[:, self._config.eos] = True
        if steps < BOX_BINS * self._most:
            if side < 2:
                # The last bin is left out: nothing lies beyond it.
                mask[:, first : vocabulary - 1] = True
            else:
                bins = torch.arange(vocabulary, device=written.device)
                mask |= bins > written[:, -2:-1].clamp(min=first)
        return mask


class PictureCodes:
    """The answer is the codes of one picture, `count` of them."""

    def __init__(self, config: OFAConfig, count: int) -> None:
        self._config = config
        self._count = count

    def allowed(self, written: Tensor, sentences: Tensor) -> Tensor:  # noqa: ARG002 - of the protocol
        """See `Constraint`."""
        rows, steps = written.shape
        mask = torch.zeros(rows, self._config.vocabulary, dtype=torch.bool, device=written.device)
        if steps < self._count:
            first = first_code_id(self._config.vocabulary)
            mask[:, first : first + IMAGE_CODES] = True
        else:
            mask[:, self._config.eos] = True
        return mask
