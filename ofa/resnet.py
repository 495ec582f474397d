"""The image trunk: a ResNet v1.5 without its last stage, 1,024 channels at a sixteenth of the size.

Names of parameters are torchvision's, as in OFA's checkpoints (`encoder.embed_images`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ofa.config import BatchNorm

STRIDE = 16
"""Pixels along a side that one patch stands for."""

CHANNELS = 1_024
_PLANES = (64, 128, 256)
_EXPANSION = 4


class DropPath(nn.Module):
    """While training, drops the branch of whole rows and scales up those that stay.

    The mask has shape (rows, 1, ...): two ports of OFA kept a mask meant for another layout and
    drop positions across the batch instead.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, branch: Tensor) -> Tensor:
        """`branch` (rows, ...) with some rows zero."""
        if not self.training or self.rate == 0.0:
            return branch
        keep = 1.0 - self.rate
        shape = (branch.shape[0],) + (1,) * (branch.dim() - 1)
        return branch * branch.new_empty(shape).bernoulli_(keep).div_(keep)


def drop_path_rates(rate: float, count: int) -> list[float]:
    """Rates that grow linearly from 0 in the first of `count` layers to `rate` in the last."""
    return torch.linspace(0.0, rate, count, device="cpu", dtype=torch.float64).tolist()


class Bottleneck(nn.Module):
    """1x1, 3x3 (which carries the stride) and 1x1 convolution around a shortcut."""

    def __init__(self, channels: int, planes: int, stride: int, drop_path: float) -> None:
        super().__init__()
        out = planes * _EXPANSION
        self.conv1 = nn.Conv2d(channels, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out)
        self.downsample: nn.Module | None = None
        if stride != 1 or channels != out:
            shortcut = nn.Conv2d(channels, out, 1, stride=stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(out))
        self.drop_path = DropPath(drop_path)

    def forward(self, states: Tensor) -> Tensor:
        """(rows, channels, h, w) to (rows, 4 * planes, h / stride, w / stride)."""
        branch = functional.relu(self.bn1(self.conv1(states)), inplace=True)
        branch = functional.relu(self.bn2(self.conv2(branch)), inplace=True)
        branch = self.bn3(self.conv3(branch))
        shortcut = states if self.downsample is None else self.downsample(states)
        return functional.relu(self.drop_path(branch) + shortcut, inplace=True)


class ResNet(nn.Module):
    """Three stages of bottlenecks.

    Args:
        layers: blocks of each stage.
        batch_norm: `frozen` uses the stored statistics in training as well and trains no scale.
        drop_path: rate of the last block of each stage.
    """

    def __init__(self, layers: tuple[int, int, int], batch_norm: BatchNorm, drop_path: float) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = _stage(64, _PLANES[0], layers[0], 1, drop_path)
        self.layer2 = _stage(_PLANES[0] * _EXPANSION, _PLANES[1], layers[1], 2, drop_path)
        self.layer3 = _stage(_PLANES[1] * _EXPANSION, _PLANES[2], layers[2], 2, drop_path)
        self.frozen = batch_norm == "frozen"
        if self.frozen:
            for norm in self._norms():
                norm.requires_grad_(False)
                norm.eval()

    def _norms(self) -> list[nn.BatchNorm2d]:
        return [module for module in self.modules() if isinstance(module, nn.BatchNorm2d)]

    def train(self, mode: bool = True) -> ResNet:
        """Training mode for everything but frozen batch norms."""
        super().train(mode)
        if self.frozen:
            for norm in self._norms():
                norm.eval()
        return self

    def forward(self, pictures: Tensor) -> Tensor:
        """(rows, 3, height, width) in [-1, 1] to (rows, 1024, height / 16, width / 16), rounded up."""
        states = functional.relu(self.bn1(self.conv1(pictures)), inplace=True)
        states = functional.max_pool2d(states, 3, stride=2, padding=1)
        states = self.layer1(states)
        states = self.layer2(states)
        features: Tensor = self.layer3(states)
        return features


def _stage(channels: int, planes: int, blocks: int, stride: int, drop_path: float) -> nn.Sequential:
    rates = drop_path_rates(drop_path, blocks)
    first = Bottleneck(channels, planes, stride, rates[0])
    rest = [Bottleneck(planes * _EXPANSION, planes, 1, rate) for rate in rates[1:]]
    return nn.Sequential(first, *rest)
