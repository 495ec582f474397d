"""Pictures as text of the model: a square picture is the list of its image codes, row by row."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ofa.positions import CODE_STRIDE
from ofa.vqgan import VQGAN, load
from schemas.errors import BuildError
from schemas.token import IMAGE_CODES, LOCATION_BINS

_AT_ONCE = 256
"""Pictures that are read ahead of those that are encoded."""


@torch.no_grad()
def codes_of(model: VQGAN, pictures: Tensor) -> Tensor:
    """The codes of pictures: uint8 (rows, side, side, 3) RGB to int64 (rows, (side / 8) ** 2).

    Always in full single precision: half precision changes 7 to 9 % of the codes.

    Raises:
        BuildError: pictures are not square, or their side is no multiple of 8 pixels.
    """
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        return _codes_of(model, pictures)


def encoded(
    weights: Path, pictures: Iterable[npt.NDArray[np.uint8]], threads: int | None = None
) -> Iterator[npt.NDArray[np.uint16]]:
    """The codes of a stream of pictures, in its order, the same on any number of threads.

    Each picture is encoded by itself, by one thread of the processor: neither its neighbours nor the
    number of threads change the order of a sum, and so a code.

    Args:
        weights: a checkpoint of the VQ-GAN.
        pictures: uint8 (side, side, 3) RGB.
        threads: how many pictures are worked on at once; as many as there are processors if None.

    Yields:
        uint16 ((side / 8) ** 2,), from the top left, row by row.

    Raises:
        BuildError: as `codes_of` and `ofa.vqgan.load`.
    """
    model = load(weights)

    def one(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint16]:
        # A copy: what is decoded elsewhere may not be written to.
        codes = _codes_of(model, torch.from_numpy(picture[None].copy()))
        return codes[0].numpy().astype(np.uint16)

    before = torch.get_num_threads()
    count = threads or os.cpu_count() or 1
    stream = iter(pictures)
    try:
        torch.set_num_threads(1)
        with ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,)) as workers:
            while waiting := list(islice(stream, _AT_ONCE)):
                yield from workers.map(one, waiting)
    finally:
        torch.set_num_threads(before)


def decoded(weights: Path, codes: Sequence[npt.NDArray[np.uint16]]) -> list[npt.NDArray[np.uint8]]:
    """The pictures that codes stand for: uint8 (8 n, 8 n, 3) RGB for each list of n * n codes.

    Raises:
        BuildError: as `pictures_of` and `ofa.vqgan.load`.
    """
    model = load(weights)
    return [pictures_of(model, torch.from_numpy(one.astype(np.int64))[None])[0].numpy() for one in codes]


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


@torch.no_grad()
def _codes_of(model: VQGAN, pictures: Tensor) -> Tensor:
    _check(pictures)
    scaled = pictures.permute(0, 3, 1, 2).to(_device(model), torch.float32) / 255 * 2 - 1
    with torch.autocast(scaled.device.type, enabled=False):
        return model.encode(scaled).flatten(1).cpu()


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
