"""One layer of the encoder and one of the decoder, with norms before and inside each block.

Names of parameters are those of the Hugging Face port of OFA.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional

from ofa.attention import Attention, SelfCache
from ofa.config import OFAConfig
from ofa.resnet import DropPath


class _Layer(nn.Module):
    """What both kinds of layer share: the feed-forward block and how a branch joins the states."""

    def __init__(self, config: OFAConfig, ffn: int, drop_path: float) -> None:
        super().__init__()
        self.fc1 = nn.Linear(config.d_model, ffn)
        self.fc2 = nn.Linear(ffn, config.d_model)
        self.ffn_layer_norm = nn.LayerNorm(ffn)
        self.final_layer_norm = nn.LayerNorm(config.d_model)
        self.dropout = nn.Dropout(config.dropout)
        self.activation_dropout = nn.Dropout(config.activation_dropout)
        self.drop_path = DropPath(drop_path)

    def _join(self, states: Tensor, branch: Tensor) -> Tensor:
        joined: Tensor = states + self.drop_path(self.dropout(branch))
        return joined

    def _feed_forward(self, states: Tensor) -> Tensor:
        inner = functional.gelu(self.fc1(self.final_layer_norm(states)))
        return self._join(states, self.fc2(self.ffn_layer_norm(self.activation_dropout(inner))))


class EncoderLayer(_Layer):
    """Self-attention and a feed-forward block."""

    def __init__(self, config: OFAConfig, drop_path: float) -> None:
        super().__init__(config, config.encoder_ffn, drop_path)
        self.self_attn = _attention(config, config.encoder_heads)
        self.self_attn_layer_norm = nn.LayerNorm(config.d_model)
        self.self_attn_mid_layer_norm = nn.LayerNorm(config.d_model)

    def forward(self, states: Tensor, bias: Tensor, hidden: Tensor | None) -> Tensor:
        """States (rows, length, width) one layer up.

        Args:
            bias: (1, heads, length, length), what depends on positions alone.
            hidden: (rows, 1, 1, length), -inf at padding; absent if nothing is padded.
        """
        normed = self.self_attn_layer_norm(states)
        # The sum is made here, so that it lives no longer than this layer.
        bias = bias if hidden is None else bias + hidden
        attended = self.self_attn(normed, normed, bias)
        states = self._join(states, self.self_attn_mid_layer_norm(attended))
        return self._feed_forward(states)


class LayerCache(NamedTuple):
    """What one decoder layer keeps between steps: its own past, and the source's keys and values."""

    past: SelfCache
    source_keys: Tensor
    source_values: Tensor


class DecoderLayer(_Layer):
    """Causal self-attention, attention to the source, and a feed-forward block."""

    def __init__(self, config: OFAConfig, drop_path: float) -> None:
        super().__init__(config, config.decoder_ffn, drop_path)
        self.self_attn = _attention(config, config.decoder_heads)
        self.self_attn_layer_norm = nn.LayerNorm(config.d_model)
        self.self_attn_mid_layer_norm = nn.LayerNorm(config.d_model)
        self.cross_attn = _attention(config, config.decoder_heads)
        self.cross_attn_layer_norm = nn.LayerNorm(config.d_model)
        self.cross_attn_mid_layer_norm = nn.LayerNorm(config.d_model)

    def forward(self, states: Tensor, source: Tensor, self_bias: Tensor, cross_bias: Tensor) -> Tensor:
        """States (rows, length, width) one layer up.

        Args:
            source: the encoder's states (rows, source length, width).
            self_bias: positions and causality, broadcast to (rows, heads, length, length).
            cross_bias: positions and padding, broadcast to (rows, heads, length, source length).
        """
        normed = self.self_attn_layer_norm(states)
        attended = self.self_attn(normed, normed, self_bias)
        states = self._join(states, self.self_attn_mid_layer_norm(attended))
        crossed = self.cross_attn(self.cross_attn_layer_norm(states), source, cross_bias)
        states = self._join(states, self.cross_attn_mid_layer_norm(crossed))
        return self._feed_forward(states)

    def start(self, source: Tensor, steps: int) -> LayerCache:
        """An empty past with room for `steps`, and the keys and values of `source`."""
        return LayerCache(SelfCache(steps), *self.cross_attn.keys_and_values(source))

    def step(self, states: Tensor, cache: LayerCache, self_bias: Tensor, cross_bias: Tensor) -> Tensor:
        """The states of one more step, one layer up.

        Args:
            states: (sentences * beams, 1, width), the beams of a sentence side by side.
            self_bias: (1, heads, 1, steps so far and this one).
            cross_bias: broadcast to (sentences, heads, beams, source length).
        """
        normed = self.self_attn_layer_norm(states)
        keys, values = cache.past.add(*self.self_attn.keys_and_values(normed))
        attended = self.self_attn.attend(normed, keys, values, self_bias)
        states = self._join(states, self.self_attn_mid_layer_norm(attended))
        # Beams stand where a sequence would: all of a sentence read its source's keys only once.
        queries = self.cross_attn_layer_norm(states).view(cache.source_keys.shape[0], -1, states.shape[-1])
        crossed = self.cross_attn.attend(queries, cache.source_keys, cache.source_values, cross_bias)
        states = self._join(states, self.cross_attn_mid_layer_norm(crossed).view_as(states))
        return self._feed_forward(states)


def _attention(config: OFAConfig, heads: int) -> Attention:
    return Attention(config.d_model, heads, config.attention_scale_factor, config.attention_dropout)
