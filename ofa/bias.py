"""Attention biases that depend on positions alone: the same for every row of a batch.

The reference gathers them anew for every layer, row and step. Here they have one row, are made
once a forward pass, and are kept between passes while no gradient is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar, cast

import torch
from torch import Tensor, nn

KEPT_SHAPES = 2
"""Shapes kept at a time. At 480 pixels one shape of the large model takes 0.8 GB in single precision."""

T = TypeVar("T")


def absolute_bias(
    queries: Tensor, keys: Tensor, q_linear: nn.Linear, k_linear: nn.Linear, heads: int, scale_factor: float
) -> Tensor:
    """Bias from position states: (1, queries, width) and (1, keys, width) to (1, heads, queries, keys).

    Queries are scaled by (head width * `scale_factor`) ** -0.5, as in the attention itself.
    """
    scale = (queries.shape[-1] // heads * scale_factor) ** -0.5
    split_queries = (q_linear(queries) * scale).view(*queries.shape[:2], heads, -1).transpose(1, 2)
    split_keys = k_linear(keys).view(*keys.shape[:2], heads, -1).permute(0, 2, 3, 1)
    return torch.matmul(split_queries, split_keys)


def relative_bias(table: nn.Embedding, buckets: Tensor) -> Tensor:
    """Bias from a table (buckets, heads) for pairs of positions (q, k): (heads, q, k).

    The table is turned first: heads then lie in rows of a few kilobytes each, which is several
    times faster to read from than gathering one head vector a pair.
    """
    return table.weight.t().contiguous()[:, buckets]


def attention_dtype(weight: Tensor) -> torch.dtype:
    """The type in which attention with such weights is computed here and now."""
    kind = weight.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else weight.dtype


class Kept(Generic[T]):
    """Results that depend on parameters alone, kept until one of the parameters changes.

    A change through `parameter.data` is not seen: call `clear` after it. Modules that own one clear
    it in `train()` and `eval()`.
    """

    def __init__(self, most: int = KEPT_SHAPES) -> None:
        self._most = most
        self._results: dict[tuple[Any, ...], T] = {}
        self._state: tuple[Any, ...] = ()

    def clear(self) -> None:
        """Forgets everything."""
        self._results.clear()

    def get(self, key: tuple[Any, ...], parameters: Iterable[Tensor], make: Callable[[], T]) -> T:
        """`make()`, or what it returned for `key` while the parameters were as they are now."""
        # Tensors made in inference mode cannot be used outside it.
        key = (*key, torch.is_inference_mode_enabled())
        state = tuple((parameter.data_ptr(), parameter._version) for parameter in parameters)
        if state != self._state:
            self.clear()
            self._state = state
        if key not in self._results:
            while len(self._results) >= self._most:
                del self._results[next(iter(self._results))]
            self._results[key] = make()
        return self._results[key]


def layer_biases(
    absolute: Tensor, blocks: Sequence[tuple[slice, nn.ModuleList, Tensor]], dtype: torch.dtype
) -> Iterator[Tensor]:
    """The bias of each layer: `absolute`, plus the layer's own table on each block of the diagonal.

    Args:
        absolute: (1, heads, length, length), common to all layers.
        blocks: where a block lies, its tables (one a layer), and the buckets of its pairs.
        dtype: of the result.
    """
    for layer in range(len(blocks[0][1])):
        bias = absolute.clone()
        for place, tables, buckets in blocks:
            table = cast(nn.Embedding, tables[layer])
            bias[:, :, place, place] += relative_bias(table, buckets)
        yield bias.to(dtype)
