"""The VQ-GAN (Gumbel, factor 8, 8,192 codes) that writes pictures as OFA's image codes.

Structure and names of parameters after CompVis/taming-transformers `GumbelVQ`
(`modules/diffusionmodules/model.py`, `modules/vqvae/quantize.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ofa.state import check_shapes, read_state
from schemas.errors import BuildError


@dataclass(frozen=True)
class VQGANConfig:
    """Sizes of the model; the defaults are those of the published weights.

    Attributes:
        channels: of the first level.
        multipliers: channels of each level, in multiples of `channels`; the last level has attention.
        blocks: residual blocks a level in the encoder; the decoder has one more.
        embedding: width of the states that are quantised.
        codes: how many codes there are.
    """

    channels: int = 128
    multipliers: tuple[int, ...] = (1, 1, 2, 4)
    blocks: int = 2
    embedding: int = 256
    codes: int = 8_192


class _ResnetBlock(nn.Module):
    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.norm1 = _norm(channels)
        self.conv1 = nn.Conv2d(channels, out, 3, padding=1)
        self.norm2 = _norm(out)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1)
        self.nin_shortcut: nn.Module | None = None
        if channels != out:
            self.nin_shortcut = nn.Conv2d(channels, out, 1)

    def forward(self, states: Tensor) -> Tensor:
        branch = self.conv1(functional.silu(self.norm1(states)))
        branch = self.conv2(functional.silu(self.norm2(branch)))
        shortcut = states if self.nin_shortcut is None else self.nin_shortcut(states)
        return torch.add(shortcut, branch)


class _AttentionBlock(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = _norm(channels)
        self.q = nn.Conv2d(channels, channels, 1)
        self.k = nn.Conv2d(channels, channels, 1)
        self.v = nn.Conv2d(channels, channels, 1)
        self.proj_out = nn.Conv2d(channels, channels, 1)

    def forward(self, states: Tensor) -> Tensor:
        normed = self.norm(states)
        places = (part(normed).flatten(2).transpose(1, 2)[:, None] for part in (self.q, self.k, self.v))
        mixed = functional.scaled_dot_product_attention(*places)
        projected: Tensor = self.proj_out(mixed[:, 0].transpose(1, 2).reshape(states.shape))
        return states + projected


class _Downsample(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, states: Tensor) -> Tensor:
        # One pixel to the right and below only, as the weights were trained.
        halved: Tensor = self.conv(functional.pad(states, (0, 1, 0, 1)))
        return halved


class _Upsample(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, states: Tensor) -> Tensor:
        doubled: Tensor = self.conv(functional.interpolate(states, scale_factor=2.0, mode="nearest"))
        return doubled


class _Middle(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.block_1 = _ResnetBlock(channels, channels)
        self.attn_1 = _AttentionBlock(channels)
        self.block_2 = _ResnetBlock(channels, channels)

    def forward(self, states: Tensor) -> Tensor:
        middle: Tensor = self.block_2(self.attn_1(self.block_1(states)))
        return middle


class _Level(nn.Module):
    """Residual blocks, each followed by attention where there is any, then a change of size."""

    def __init__(
        self, channels: int, out: int, blocks: int, attention: bool, resize: tuple[str, nn.Module] | None
    ) -> None:
        super().__init__()
        widths = [channels] + [out] * (blocks - 1)
        self.block = nn.ModuleList(_ResnetBlock(width, out) for width in widths)
        self.attn = nn.ModuleList(_AttentionBlock(out) for _ in widths if attention)
        self._resize = None
        if resize is not None:
            self._resize, module = resize
            self.add_module(self._resize, module)

    def forward(self, states: Tensor) -> Tensor:
        for index, block in enumerate(self.block):
            states = block(states)
            if len(self.attn):
                states = self.attn[index](states)
        if self._resize is not None:
            states = self.get_submodule(self._resize)(states)
        return states


class _Encoder(nn.Module):
    def __init__(self, config: VQGANConfig) -> None:
        super().__init__()
        widths = _widths(config)
        last = len(widths) - 1
        self.conv_in = nn.Conv2d(3, config.channels, 3, padding=1)
        self.down = nn.ModuleList(
            _Level(
                widths[level - 1] if level else config.channels,
                width,
                config.blocks,
                attention=level == last,
                resize=("downsample", _Downsample(width)) if level < last else None,
            )
            for level, width in enumerate(widths)
        )
        self.mid = _Middle(widths[-1])
        self.norm_out = _norm(widths[-1])
        self.conv_out = nn.Conv2d(widths[-1], config.embedding, 3, padding=1)

    def forward(self, pictures: Tensor) -> Tensor:
        states = self.conv_in(pictures)
        for level in self.down:
            states = level(states)
        encoded: Tensor = self.conv_out(functional.silu(self.norm_out(self.mid(states))))
        return encoded


class _Decoder(nn.Module):
    def __init__(self, config: VQGANConfig) -> None:
        super().__init__()
        widths = _widths(config)
        last = len(widths) - 1
        self.conv_in = nn.Conv2d(config.embedding, widths[-1], 3, padding=1)
        self.mid = _Middle(widths[-1])
        # Numbered by resolution, run from the smallest: `up.3` first.
        self.up = nn.ModuleList(
            _Level(
                widths[level + 1] if level < last else width,
                width,
                config.blocks + 1,
                attention=level == last,
                resize=("upsample", _Upsample(width)) if level else None,
            )
            for level, width in enumerate(widths)
        )
        self.norm_out = _norm(widths[0])
        self.conv_out = nn.Conv2d(widths[0], 3, 3, padding=1)

    def forward(self, states: Tensor) -> Tensor:
        states = self.mid(self.conv_in(states))
        for level in reversed(self.up):
            states = level(states)
        decoded: Tensor = self.conv_out(functional.silu(self.norm_out(states)))
        return decoded


class _Quantizer(nn.Module):
    def __init__(self, config: VQGANConfig) -> None:
        super().__init__()
        self.proj = nn.Conv2d(config.embedding, config.codes, 1)
        self.embed = nn.Embedding(config.codes, config.embedding)


class VQGAN(nn.Module):
    """Pictures to codes and back; works on any size that is a multiple of 8 pixels."""

    def __init__(self, config: VQGANConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = _Encoder(config)
        self.decoder = _Decoder(config)
        self.quantize = _Quantizer(config)
        self.quant_conv = nn.Conv2d(config.embedding, config.embedding, 1)
        self.post_quant_conv = nn.Conv2d(config.embedding, config.embedding, 1)

    def states(self, pictures: Tensor) -> Tensor:
        """(rows, 3, height, width) in [-1, 1] to what is quantised: (rows, embedding, h / 8, w / 8)."""
        states: Tensor = self.quant_conv(self.encoder(pictures))
        return states

    def logits(self, pictures: Tensor) -> Tensor:
        """Scores of each code: (rows, codes, h / 8, w / 8)."""
        logits: Tensor = self.quantize.proj(self.states(pictures))
        return logits

    def encode(self, pictures: Tensor) -> Tensor:
        """The likeliest code of each place: int64 (rows, h / 8, w / 8).

        The published code draws codes at random even in evaluation mode; this does not.
        """
        return self.logits(pictures).argmax(1)

    def decode(self, codes: Tensor) -> Tensor:
        """int64 (rows, h, w) to pictures (rows, 3, 8 h, 8 w), nominally in [-1, 1]."""
        states = self.quantize.embed(codes).permute(0, 3, 1, 2)
        pictures: Tensor = self.decoder(self.post_quant_conv(states))
        return pictures


def config_of(state: Mapping[str, Tensor]) -> VQGANConfig:
    """The sizes of a model, read off the shapes of its tensors; what is missing has the default."""
    default = VQGANConfig()
    weights = {name: tensor.shape for name, tensor in state.items() if name.endswith(".weight")}
    channels = next(iter(weights.get("encoder.conv_in.weight", ())), default.channels)
    last_of = {
        int(found[1]): shape[0]
        for name, shape in weights.items()
        if (found := re.match(r"^encoder\.down\.(\d+)\.block\.0\.conv1\.weight$", name))
    }
    blocks = sum(bool(re.match(r"^encoder\.down\.0\.block\.\d+\.conv1\.weight$", name)) for name in weights)
    embedding: Any = weights.get("quantize.embed.weight", (default.codes, default.embedding))
    return VQGANConfig(
        channels=channels,
        multipliers=tuple(last_of[level] // channels for level in sorted(last_of)) or default.multipliers,
        blocks=blocks or default.blocks,
        codes=embedding[0],
        embedding=embedding[1],
    )


def load(path: Path) -> VQGAN:
    """The model of a checkpoint, in single precision on the CPU, in evaluation mode.

    Weights of the training loss (`loss.*`) are left out; anything else must fit exactly.

    Raises:
        BuildError: the file cannot be read safely, or tensors are missing, unknown or of another shape.
    """
    return model_of(read_state(path), where=path)


def model_of(state: Mapping[str, Tensor], where: object = None) -> VQGAN:
    """The model with these weights; see `load`."""
    given = {name: tensor.float() for name, tensor in state.items() if not name.startswith("loss.")}
    try:
        with torch.device("meta"):
            model = VQGAN(config_of(given))
    except (ValueError, IndexError, ZeroDivisionError, RuntimeError) as error:
        raise BuildError("these shapes make no VQ-GAN", where=where, got=error) from error
    check_shapes(given, {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}, where)
    model.load_state_dict(given, assign=True)
    return model.eval().requires_grad_(False)


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(32, channels, eps=1e-6)


def _widths(config: VQGANConfig) -> list[int]:
    return [config.channels * multiplier for multiplier in config.multipliers]
