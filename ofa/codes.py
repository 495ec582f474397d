"""Pictures as text of the model: a square picture is the list of its image codes, row by row."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ofa.positions import CODE_STRIDE
from ofa.vqgan import VQGAN
from schemas.errors import BuildError
from schemas.token import IMAGE_CODES, LOCATION_BINS


@torch.no_grad()
def codes_of(model: VQGAN, pictures: Tensor) -> Tensor:
    """The codes of pictures: uint8 (rows, side, side, 3) RGB to int64 (rows, (side / 8) ** 2).

    Always in full single precision: half precision changes 7 to 9 % of the codes.

    Raises:
        BuildError: pictures are not square, or their side is no multiple of 8 pixels.
    """
    _check(pictures)
    scaled = pictures.permute(0, 3, 1, 2).to(_device(model), torch.float32) / 255 * 2 - 1
    with (
        torch.autocast(scaled.device.type, enabled=False),
        torch.backends.cudnn.flags(enabled=True, allow_tf32=False),
    ):
        return model.encode(scaled).flatten(1).cpu()


@torch.no_grad()
def pictures_of(model: VQGAN, codes: Tensor) -> Tensor:
    """The pictures that codes stand for: int64 (rows, n * n) to uint8 (rows, 8 n, 8 n, 3) RGB.

    Raises:
        BuildError: the number of codes is no square, or a code is unknown.
    """
    side = math.isqrt(codes.shape[1])
    if side * side != codes.shape[1] or not side:
        raise BuildError("codes of no square picture", got=f"{codes.shape[1]} codes", expected="n * n codes")
    if not bool(((codes >= 0) & (codes < model.config.codes)).all()):
        raise BuildError(
            "no such image code",
            got=f"{int(codes.min())} to {int(codes.max())}",
            expected=f"0 to {model.config.codes - 1}",
        )
    decoded = model.decode(codes.view(-1, side, side).to(_device(model)))
    # Cut off rather than rounded, as OFA does.
    levels = (decoded.float().clamp(-1, 1) + 1) / 2 * 255
    return levels.to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu()


def middle(pictures: Tensor) -> Tensor:
    """The middle of pictures (rows, side, side, 3), half as wide and high.

    Its codes are those of this cut-out; they differ from the middle codes of the whole picture.
    """
    _check(pictures)
    side = pictures.shape[1]
    inner = slice(side // 4, side // 4 + side // 2)
    return pictures[:, inner, inner]


def first_code_id(vocabulary: int) -> int:
    """The id of `<code_0>` in a unified vocabulary of this size: 50,265 of OFA's 59,457."""
    return vocabulary - LOCATION_BINS - IMAGE_CODES


def code_text(codes: Tensor) -> str:
    """One picture's codes (n,) as text, such as `<code_17> <code_4>`."""
    return " ".join(f"<code_{code}>" for code in codes.tolist())


def _check(pictures: Tensor) -> None:
    shape = tuple(pictures.shape)
    square = pictures.dim() == 4 and shape[1] == shape[2] and shape[3] == 3
    if pictures.dtype != torch.uint8 or not square or shape[1] % CODE_STRIDE or not shape[1]:
        raise BuildError(
            "pictures that have no codes",
            got=f"{pictures.dtype} of shape {shape}",
            expected=f"uint8 (rows, side, side, 3), the side a multiple of {CODE_STRIDE}",
            next_step="scale the shorter side and cut out the middle",
        )


def _device(model: VQGAN) -> torch.device:
    return model.quantize.embed.weight.device
