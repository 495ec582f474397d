"""A model small enough for tests, and batches for it."""

from __future__ import annotations

from typing import Any

import torch

from ofa.config import OFAConfig
from ofa.model import OFA
from schemas.token import IMAGE_CODES, LOCATION_BINS

WORDS = 40
"""Ids below the image codes and location bins."""


def tiny_config(**settings: Any) -> OFAConfig:
    """Two layers a side, 16 wide; pictures of at most 8 x 8 patches."""
    sizes: dict[str, Any] = {
        "d_model": 16,
        "encoder_layers": 2,
        "decoder_layers": 2,
        "encoder_heads": 2,
        "decoder_heads": 4,
        "encoder_ffn": 24,
        "decoder_ffn": 32,
        "resnet_layers": (1, 1, 1),
        "vocabulary": WORDS + IMAGE_CODES + LOCATION_BINS,
        "max_positions": 128,
        "token_buckets": 16,
        "image_grid": 8,
        "code_image_size": 32,
        "dropout": 0.0,
    }
    return OFAConfig(**sizes | settings)


def tiny_model(**settings: Any) -> OFA:
    """A model whose weights differ from place to place, in evaluation mode."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = OFA(tiny_config(**settings))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model.eval()


def tiny_batch() -> dict[str, Any]:
    """Three rows: sources of 9, 5 and 7 ids, targets of up to 6, pictures of 3 x 2 patches."""
    torch.manual_seed(1)
    source = torch.randint(4, WORDS, (3, 9))
    source[1, 5:], source[2, 7:] = 1, 1
    inputs = torch.randint(4, WORDS, (3, 6))
    inputs[:, 0] = 0
    inputs[1, 4:] = 1
    return {
        "source": source,
        "target_inputs": inputs,
        "pictures": torch.rand(3, 3, 48, 32) * 2 - 1,
        "has_picture": torch.tensor([True, False, True]),
    }
