"""Attention with a scale a head, and the caches that decoding step by step needs."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Attention(nn.Module):
    """Multi-head attention over keys that may come from elsewhere.

    Queries are scaled by (head width * `scale_factor`) ** -0.5, the output of each head by its
    `c_attn`, before the output projection (OFA `unify_multihead_attention.py`).
    """

    def __init__(self, width: int, heads: int, scale_factor: float, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.scale = (width // heads * scale_factor) ** -0.5
        self.dropout = dropout
        self.c_attn = nn.Parameter(torch.ones(heads))
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.q_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)

    def split(self, states: Tensor) -> Tensor:
        """(rows, length, width) to (rows, heads, length, head width).

        Laid out anew, so that products of matrices round as they do in the reference.
        """
        return states.view(*states.shape[:2], self.heads, -1).transpose(1, 2).contiguous()

    def keys_and_values(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of `states` (rows, length, width): (rows, heads, length, head width) each."""
        return self.split(self.k_proj(states)), self.split(self.v_proj(states))

    def attend(self, queries: Tensor, keys: Tensor, values: Tensor, bias: Tensor) -> Tensor:
        """Mixes `values` for queries (rows, length, width).

        Args:
            keys, values: (rows, heads, keys, head width).
            bias: added to the logits, broadcast to (rows, heads, length, keys); -inf hides a key.
        """
        mixed = functional.scaled_dot_product_attention(
            self.split(self.q_proj(queries) * self.scale),
            keys,
            values,
            attn_mask=bias.to(keys.dtype),
            dropout_p=self.dropout if self.training else 0.0,
            scale=1.0,
        )
        mixed = mixed * self.c_attn[:, None, None].to(mixed.dtype)
        projected: Tensor = self.out_proj(mixed.transpose(1, 2).flatten(2))
        return projected

    def forward(self, queries: Tensor, sources: Tensor, bias: Tensor) -> Tensor:
        """`attend` over the keys and values of `sources` (rows, keys, width)."""
        keys, values = self.keys_and_values(sources)
        return self.attend(queries, keys, values, bias)


class SelfCache:
    """Keys and values of the steps so far, in room for all steps.

    Attributes:
        length: steps held.
    """

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.length = 0
        self._held: tuple[Tensor, Tensor] | None = None

    def add(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Adds one step (rows, heads, 1, head width) and returns all steps held."""
        if self._held is None:
            rows, heads, _, width = keys.shape
            room = (rows, heads, self.steps, width)
            self._held = keys.new_empty(room), values.new_empty(room)
        held_keys, held_values = self._held
        held_keys[:, :, self.length] = keys[:, :, 0]
        held_values[:, :, self.length] = values[:, :, 0]
        self.length += 1
        return held_keys[:, :, : self.length], held_values[:, :, : self.length]

    def reorder(self, rows: Tensor) -> None:
        """Replaces row i by what was row `rows[i]`; the number of rows may shrink."""
        if self._held is None:
            return
        reordered = []
        for held in self._held:
            room = held.new_empty((rows.shape[0], *held.shape[1:]))
            room[:, :, : self.length] = held[:, :, : self.length].index_select(0, rows)
            reordered.append(room)
        self._held = reordered[0], reordered[1]
