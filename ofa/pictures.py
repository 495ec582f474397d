"""Pictures as OFA reads them: decoded, squashed to a square, ahead of time and in threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from schemas.errors import BuildError
from shards.pictures import pixels, stretched


def square(data: bytes, side: int, parity: bool = False, orient: bool = False) -> Tensor:
    """A picture's file, scaled to a square whatever its shape: uint8 (side, side, 3) RGB.

    Twice as fast as Pillow and nearly the same: on photographs most levels are equal, few differ by more
    than one, and the signal-to-noise ratio is above 70 dB.

    Args:
        parity: use Pillow, bit for bit what OFA does.
        orient: whether the EXIF orientation is applied.

    Raises:
        BuildError: the picture is too large or cannot be decoded.
    """
    if parity:
        return torch.from_numpy(stretched(data, side, orient))
    whole = torch.from_numpy(pixels(data, orient))
    # Seen as one channels-last picture, which has a fast path of its own.
    rows = whole.unsqueeze(0).permute(0, 3, 1, 2)
    scaled = functional.interpolate(rows, (side, side), mode="bicubic", antialias=True)
    return scaled[0].permute(1, 2, 0)


def normalised(pictures: Tensor) -> Tensor:
    """Levels 0 to 255 as float32 -1 to 1, on the device where they are, in OFA's order of operations."""
    return pictures.float().div_(255.0).sub_(0.5).div_(0.5)


class DecodedAhead:
    """Decodes pictures in threads before they are needed, and keeps each until it is no longer.

    A context: on leaving it, pictures that nobody waits for are not decoded any more.
    """

    def __init__(self, decode: Callable[[int], Tensor], threads: int) -> None:
        self._decode = decode
        self._workers = ThreadPoolExecutor(threads, thread_name_prefix="pictures")
        self._held: dict[int, Future[Tensor]] = {}
        self._until: dict[int, int] = {}
        self._asked: deque[Future[Tensor]] = deque()

    def __enter__(self) -> DecodedAhead:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._workers.shutdown(wait=True, cancel_futures=True)

    def ask(self, pictures: Iterable[int], until: Iterable[int]) -> None:
        """Has pictures decoded, if they are not held, and keeps each until `forget` of a later number."""
        for picture, last in zip(pictures, until, strict=True):
            if picture not in self._held:
                self._held[picture] = self._workers.submit(self._decode, picture)
                self._asked.append(self._held[picture])
            self._until[picture] = max(last, self._until.get(picture, last))

    @property
    def unfinished(self) -> int:
        """Pictures that were asked for and are not decoded yet, at most."""
        while self._asked and self._asked[0].done():
            self._asked.popleft()
        return len(self._asked)

    @property
    def held(self) -> int:
        """Pictures that are kept, decoded or not yet."""
        return len(self._held)

    def get(self, picture: int) -> Tensor:
        """A picture that was asked for, waiting for it if need be.

        Raises:
            BuildError: it cannot be decoded.
        """
        return self._held[picture].result()

    def forget(self, number: int) -> None:
        """Lets go of the pictures that were to be kept until a number before this one."""
        for picture in [picture for picture, last in self._until.items() if last < number]:
            del self._held[picture], self._until[picture]


def stacked(pictures: Sequence[Tensor | None], side: int) -> Tensor:
    """Pictures of a batch, black for None: uint8 (rows, 3, side, side), channels last in memory."""
    # By numpy: torch would copy in several threads, and these go on spinning while others decode.
    levels = np.zeros((len(pictures), side, side, 3), np.uint8)
    for place, picture in enumerate(pictures):
        if picture is not None:
            levels[place] = picture.numpy()
    return torch.from_numpy(levels).permute(0, 3, 1, 2)


def check_side(side: int) -> None:
    """Raises BuildError unless pictures may have this side."""
    if side < 1:
        raise BuildError("no such side of a picture", got=side, expected="pixels, such as 384")
