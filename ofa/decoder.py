"""The decoder: whole targets at once for training, or step by step with a cache.

Names of parameters are those of the Hugging Face port of OFA.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ofa.bias import absolute_bias, attention_dtype, layer_biases
from ofa.config import OFAConfig
from ofa.encoder import Encoded, bias_tables
from ofa.layers import DecoderLayer, LayerCache
from ofa.positions import code_positions, image_buckets, token_buckets
from ofa.resnet import drop_path_rates


@dataclass
class DecoderState:
    """What decoding step by step keeps: biases of all steps, and a cache a layer.

    Attributes:
        step: steps taken.
        writes_codes: the targets are image codes.
        self_biases: for each layer (1, heads, steps, steps).
        cross_bias: (1, heads, steps, source length).
        hidden: (sentences, 1, 1, source length) or absent, as in `Encoded`.
        caches: one a layer.
    """

    step: int
    writes_codes: bool
    self_biases: list[Tensor]
    cross_bias: Tensor
    hidden: Tensor | None
    caches: list[LayerCache]

    def reorder(self, rows: Tensor) -> None:
        """Row i (a beam of a sentence) goes on from what was row `rows[i]`."""
        for cache in self.caches:
            cache.past.reorder(rows)

    def keep(self, sentences: Tensor) -> None:
        """Keeps only these sentences of the source; call `reorder` for their rows as well."""
        self.caches = [
            LayerCache(
                cache.past,
                cache.source_keys.index_select(0, sentences),
                cache.source_values.index_select(0, sentences),
            )
            for cache in self.caches
        ]
        if self.hidden is not None:
            self.hidden = self.hidden.index_select(0, sentences)


class Decoder(nn.Module):
    """Embeddings and layers; the token embedding is the encoder's, and so is the output."""

    token_rp_bucket: Tensor
    image_rp_bucket: Tensor
    image_position_idx: Tensor

    def __init__(self, config: OFAConfig, embed_tokens: nn.Embedding) -> None:
        super().__init__()
        self.config = config
        width = config.d_model
        self.embed_tokens = embed_tokens
        rates = drop_path_rates(config.decoder_drop_path, config.decoder_layers)
        self.layers = nn.ModuleList(DecoderLayer(config, rate) for rate in rates)
        self.layernorm_embedding = nn.LayerNorm(width)
        self.embed_positions = nn.Embedding(config.max_positions + 2, width)
        self.embed_image_positions = nn.Embedding(config.image_grid**2 + 1, width)
        self.pos_ln = nn.LayerNorm(width)
        self.image_pos_ln = nn.LayerNorm(width)
        self.self_pos_q_linear = nn.Linear(width, width)
        self.self_pos_k_linear = nn.Linear(width, width)
        self.cross_pos_q_linear = nn.Linear(width, width)
        self.cross_pos_k_linear = nn.Linear(width, width)
        self.code_layernorm_embedding = nn.LayerNorm(width)
        self.layer_norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(config.dropout)
        self.output_projection = nn.Linear(width, config.vocabulary, bias=False, device="meta")
        self.output_projection.weight = embed_tokens.weight
        self.token_rel_pos_table_list = bias_tables(
            2 * config.token_buckets - 1, config.decoder_heads, config.decoder_layers
        )
        self.image_rel_pos_table_list = bias_tables(
            (2 * config.image_grid - 1) ** 2 + 3, config.decoder_heads, config.decoder_layers
        )
        self.register_buffer("token_rp_bucket", token_buckets(config.token_buckets))
        self.register_buffer("image_rp_bucket", image_buckets(config.image_grid))
        self.register_buffer("image_position_idx", code_positions(config.code_image_size, config.image_grid))

    def forward(self, tokens: Tensor, encoded: Encoded, writes_codes: Tensor | None = None) -> Tensor:
        """States (rows, length, width) that `logits` turns into scores of the next token.

        Args:
            tokens: int64 (rows, length), `<s>` and then the target.
            encoded: the source.
            writes_codes: bool (rows,), rows whose target is image codes; absent means none.
        """
        length = tokens.shape[1]
        every = writes_codes is not None and bool(writes_codes.all())
        everything = slice(length)
        states = self._embed(tokens, every, everything)
        self_biases, cross_bias = self._biases(length, encoded, every)
        if writes_codes is not None and not every and bool(writes_codes.any()):
            chosen = writes_codes[:, None, None, None]
            code_biases, code_cross = self._biases(length, encoded, True)
            states = torch.where(chosen[:, 0], self._embed(tokens, True, everything), states)
            self_biases = [torch.where(chosen, *both) for both in zip(code_biases, self_biases, strict=True)]
            cross_bias = torch.where(chosen, code_cross, cross_bias)
        if encoded.hidden is not None:
            cross_bias = cross_bias + encoded.hidden
        for layer, self_bias in zip(self.layers, self_biases, strict=True):
            if self.config.gradient_checkpointing and self.training:
                states = checkpoint(layer, states, encoded.states, self_bias, cross_bias, use_reentrant=False)
            else:
                states = layer(states, encoded.states, self_bias, cross_bias)
        normed: Tensor = self.layer_norm(states)
        return normed

    def logits(self, states: Tensor) -> Tensor:
        """Scores (..., vocabulary) of the next token after states (..., width)."""
        scores: Tensor = self.output_projection(states)
        return scores

    def start(self, encoded: Encoded, steps: int, writes_codes: bool) -> DecoderState:
        """Prepares up to `steps` calls of `step`."""
        self_biases, cross_bias = self._biases(steps, encoded, writes_codes)
        layers = cast(Iterable[DecoderLayer], self.layers)
        caches = [layer.start(encoded.states, steps) for layer in layers]
        return DecoderState(0, writes_codes, self_biases, cross_bias, encoded.hidden, caches)

    def step(self, tokens: Tensor, state: DecoderState) -> Tensor:
        """Scores of the next token: int64 (sentences * beams,) to (sentences * beams, vocabulary)."""
        now = slice(state.step, state.step + 1)
        states = self._embed(tokens[:, None], state.writes_codes, now)
        cross_bias = state.cross_bias[:, :, now]
        if state.hidden is not None:
            cross_bias = cross_bias + state.hidden
        layers = cast(Iterable[DecoderLayer], self.layers)
        for layer, cache, self_bias in zip(layers, state.caches, state.self_biases, strict=True):
            states = layer.step(states, cache, self_bias[:, :, now, : state.step + 1], cross_bias)
        state.step += 1
        return self.logits(self.layer_norm(states)[:, 0])

    def _embed(self, tokens: Tensor, codes: bool, steps: slice) -> Tensor:
        """States of the targets' tokens at `steps`."""
        norm = self.code_layernorm_embedding if codes else self.layernorm_embedding
        embedded = self.embed_tokens(tokens)
        if self.config.entangled_positions:
            embedded = embedded + self._position_embeddings(codes, steps)
        states: Tensor = self.dropout(norm(embedded))
        return states

    def _position_embeddings(self, codes: bool, steps: slice) -> Tensor:
        if codes:
            return self.embed_image_positions.weight[self.image_position_idx[steps]]
        return self.embed_positions.weight[steps]

    def _biases(self, length: int, encoded: Encoded, codes: bool) -> tuple[list[Tensor], Tensor]:
        """Causal biases (1, heads, length, length) of each layer, and the common one on the source."""
        if codes:
            rows = self.image_position_idx[:length]
            positions = self.image_pos_ln(self._position_embeddings(codes, slice(length)))[None]
            buckets, tables = self.image_rp_bucket[rows][:, rows], self.image_rel_pos_table_list
        else:
            positions = self.pos_ln(self._position_embeddings(codes, slice(length)))[None]
            buckets, tables = self.token_rp_bucket[:length, :length], self.token_rel_pos_table_list
        heads, factor = self.config.decoder_heads, self.config.attention_scale_factor
        absolute = absolute_bias(
            positions, positions, self.self_pos_q_linear, self.self_pos_k_linear, heads, factor
        )
        future = torch.ones(length, length, dtype=torch.bool, device=absolute.device).triu(1)
        absolute = absolute.masked_fill(future, -torch.inf)
        dtype = attention_dtype(self.self_pos_q_linear.weight)
        self_biases = list(layer_biases(absolute, [(slice(None), tables, buckets)], dtype))
        cross = absolute_bias(
            positions, encoded.positions, self.cross_pos_q_linear, self.cross_pos_k_linear, heads, factor
        )
        return self_biases, cross.to(dtype)
