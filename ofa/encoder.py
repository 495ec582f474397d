"""The encoder: patches of a picture and text in one sequence, patches first.

Names of parameters are those of the Hugging Face port of OFA.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ofa.bias import Kept, absolute_bias, attention_dtype, layer_biases
from ofa.config import OFAConfig
from ofa.layers import EncoderLayer
from ofa.positions import Grid, grid_positions, image_buckets, token_buckets
from ofa.resnet import CHANNELS, STRIDE, ResNet, drop_path_rates

TEXT, PICTURE = 0, 1
"""Rows of the type embedding."""

_LENGTH_STEP = 64
"""Kept biases are made for text lengths rounded up to this, and sliced."""


class Encoded(NamedTuple):
    """What the decoder reads of a batch.

    Attributes:
        states: (rows, length, width), patches first.
        padding: bool (rows, length), true where there is nothing to read.
        positions: (1, length, width), the normalised position states.
        hidden: (rows, 1, 1, length), -inf at padding; absent if nothing is padded.
    """

    states: Tensor
    padding: Tensor
    positions: Tensor
    hidden: Tensor | None


class Encoder(nn.Module):
    """Image trunk, embeddings and layers."""

    token_rp_bucket: Tensor
    image_rp_bucket: Tensor

    def __init__(self, config: OFAConfig) -> None:
        super().__init__()
        self.config = config
        width = config.d_model
        patches = config.image_grid**2
        self.layernorm_embedding = nn.LayerNorm(width)
        self.embed_tokens = nn.Embedding(config.vocabulary, width, padding_idx=config.pad)
        self.type_embedding = nn.Embedding(2, width)
        self.embed_images = ResNet(config.resnet_layers, config.batch_norm, config.resnet_drop_path)
        self.image_proj = nn.Linear(CHANNELS, width)
        self.patch_layernorm_embedding = nn.LayerNorm(width)
        self.embed_positions = nn.Embedding(config.max_positions + 2, width)
        self.embed_image_positions = nn.Embedding(patches + 1, width)
        self.pos_ln = nn.LayerNorm(width)
        self.image_pos_ln = nn.LayerNorm(width)
        self.pos_q_linear = nn.Linear(width, width)
        self.pos_k_linear = nn.Linear(width, width)
        rates = drop_path_rates(config.encoder_drop_path, config.encoder_layers)
        self.layers = nn.ModuleList(EncoderLayer(config, rate) for rate in rates)
        self.layer_norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(config.dropout)
        self.token_rel_pos_table_list = bias_tables(
            2 * config.token_buckets - 1, config.encoder_heads, config.encoder_layers
        )
        self.image_rel_pos_table_list = bias_tables(
            (2 * config.image_grid - 1) ** 2 + 3, config.encoder_heads, config.encoder_layers
        )
        self.register_buffer("token_rp_bucket", token_buckets(config.token_buckets))
        self.register_buffer("image_rp_bucket", image_buckets(config.image_grid))
        self._kept: Kept[list[Tensor]] = Kept()

    def train(self, mode: bool = True) -> Encoder:
        """Sets the mode and forgets kept biases."""
        super().train(mode)
        self._kept.clear()
        return self

    def forward(
        self, tokens: Tensor, pictures: Tensor | None = None, has_picture: Tensor | None = None
    ) -> Encoded:
        """Encodes a batch.

        Args:
            tokens: int64 (rows, text length), padded on the right.
            pictures: (rows, 3, height, width) in [-1, 1].
            has_picture: bool (rows,); other rows of `pictures` are not looked at.
        """
        if pictures is not None and has_picture is not None and not has_picture.any():
            pictures = None
        padding = tokens.eq(self.config.pad)
        states = self._text_states(tokens)
        grid = None
        if pictures is not None:
            grid = picture_grid(pictures)
            patches = self._patch_states(pictures, has_picture)
            absent = torch.zeros(patches.shape[:2], dtype=torch.bool, device=tokens.device)
            if has_picture is not None:
                absent |= ~has_picture[:, None]
            states = torch.cat([patches, states], dim=1)
            padding = torch.cat([absent, padding], dim=1)
        biases = self.biases(grid, tokens.shape[1])
        hidden = None
        if padding.any():
            states = states * ~padding[:, :, None]
            nothing = torch.zeros(padding.shape, dtype=biases[0].dtype, device=padding.device)
            hidden = nothing.masked_fill_(padding, -torch.inf)[:, None, None, :]
        for layer, bias in zip(self.layers, biases, strict=True):
            if self.config.gradient_checkpointing and self.training:
                states = checkpoint(layer, states, bias, hidden, use_reentrant=False)
            else:
                states = layer(states, bias, hidden)
        return Encoded(self.layer_norm(states), padding, self.position_states(grid, tokens.shape[1]), hidden)

    def _text_states(self, tokens: Tensor) -> Tensor:
        embedded = self.embed_tokens(tokens) + self.type_embedding.weight[TEXT]
        if self.config.entangled_positions:
            embedded = embedded + self.embed_positions.weight[: tokens.shape[1]]
        states: Tensor = self.dropout(self.layernorm_embedding(embedded))
        return states

    def _patch_states(self, pictures: Tensor, has_picture: Tensor | None) -> Tensor:
        """(rows, patches, width); zero, and unseen by batch norms, where a row has no picture."""
        everywhere = has_picture is None or bool(has_picture.all())
        features = self.embed_images(pictures if everywhere else pictures[has_picture])
        projected = self.image_proj(features.flatten(2).transpose(1, 2)) + self.type_embedding.weight[PICTURE]
        if self.config.entangled_positions:
            places = self._grid_positions(picture_grid(pictures))
            projected = projected + self.embed_image_positions.weight[places]
        present: Tensor = self.dropout(self.patch_layernorm_embedding(projected))
        if everywhere:
            return present
        states = present.new_zeros(pictures.shape[0], *present.shape[1:])
        return states.index_put((has_picture,), present)

    def position_states(self, grid: Grid | None, length: int) -> Tensor:
        """Normalised position states of patches and text: (1, patches + length, width)."""
        states: Tensor = self.pos_ln(self.embed_positions.weight[:length])
        if grid is not None:
            rows = self.embed_image_positions.weight[self._grid_positions(grid)]
            states = torch.cat([self.image_pos_ln(rows), states])
        return states[None]

    def biases(self, grid: Grid | None, length: int) -> list[Tensor]:
        """For each layer (1, heads, patches + length, patches + length)."""
        dtype = attention_dtype(self.pos_q_linear.weight)
        parameters = list(self._position_parameters())
        if torch.is_grad_enabled() and any(parameter.requires_grad for parameter in parameters):
            return self._make_biases(grid, length, dtype)
        # Text comes last, so that the biases of a shorter text are a corner of those of a longer.
        room = min(-(-length // _LENGTH_STEP) * _LENGTH_STEP, self.config.max_positions)
        kept = self._kept.get((grid, room, dtype), parameters, lambda: self._make_biases(grid, room, dtype))
        whole = length + (grid.patches if grid else 0)
        return [bias[:, :, :whole, :whole] for bias in kept]

    def _make_biases(self, grid: Grid | None, length: int, dtype: torch.dtype) -> list[Tensor]:
        config = self.config
        positions = self.position_states(grid, length)
        absolute = absolute_bias(
            positions,
            positions,
            self.pos_q_linear,
            self.pos_k_linear,
            config.encoder_heads,
            config.attention_scale_factor,
        )
        patches = grid.patches if grid else 0
        text = self.token_rp_bucket[:length, :length]
        blocks = [(slice(patches, None), self.token_rel_pos_table_list, text)]
        if grid is not None:
            rows = self._grid_positions(grid)
            pairs = self.image_rp_bucket[rows][:, rows]
            blocks.append((slice(patches), self.image_rel_pos_table_list, pairs))
        return list(layer_biases(absolute, blocks, dtype))

    def _position_parameters(self) -> Iterable[Tensor]:
        for module in (
            self.embed_positions,
            self.embed_image_positions,
            self.pos_ln,
            self.image_pos_ln,
            self.pos_q_linear,
            self.pos_k_linear,
            self.token_rel_pos_table_list,
            self.image_rel_pos_table_list,
        ):
            yield from module.parameters()

    def _grid_positions(self, grid: Grid) -> Tensor:
        return grid_positions(grid, self.config.image_grid).to(self.image_rp_bucket.device)


def picture_grid(pictures: Tensor) -> Grid:
    """The patches that the image trunk makes of pictures (rows, 3, height, width)."""
    return Grid(-(-pictures.shape[2] // STRIDE), -(-pictures.shape[3] // STRIDE))


def bias_tables(buckets: int, heads: int, layers: int) -> nn.ModuleList:
    """One table of relative biases (buckets, heads) for each layer."""
    return nn.ModuleList(nn.Embedding(buckets, heads) for _ in range(layers))
