"""What is irregular in VizWiz' votes, each of a picture of its own, all of the training part.

tie              blurred and too dark, with as many votes for either
few_votes        blurred, but only two people say so
no_votes         nobody ticked anything, not even that there is nothing to tick
flawed_and_none  badly framed, and two people say that there is no flaw
lying            a picture without a flaw, stored lying on its side
picture_absent   it is not in the archive
old_name         named as in 2019, with twelve digits
other_part       named as a picture of the validation part
six_votes        six of five people ticked a flaw
no_counts        nothing but its name, as in the file of the test part
repeated         the picture of `tie`, for the second time
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

Judged = dict[str, Any]
"""The entry of one picture: `image`, its `flaws` with their votes, and `unrecognizable`."""


def _votes(**flaws: int) -> Callable[[Judged], None]:
    def spoil(judged: Judged) -> None:
        judged["flaws"] = {code: flaws.get(code, 0) for code in judged["flaws"]}

    return spoil


def _named(image: str) -> Callable[[Judged], None]:
    return lambda judged: judged.update(image=image)


def _unchanged(judged: Judged) -> None:
    """It stays as it is."""


def _no_counts(judged: Judged) -> None:
    del judged["flaws"], judged["unrecognizable"]


JUDGED: Final[dict[str, tuple[tuple[str, ...], Callable[[Judged], None]]]] = {
    "tie": (("BLR", "DRK"), _votes(BLR=4, DRK=4)),
    "few_votes": (("BLR",), _votes(BLR=2)),
    "no_votes": ((), _votes()),
    "flawed_and_none": (("FRM",), _votes(FRM=4, NON=2)),
    "lying": ((), _unchanged),
    "picture_absent": ((), _unchanged),
    "old_name": ((), _named("VizWiz_train_000000028000.jpg")),
    "other_part": ((), _named("VizWiz_val_90000007.jpg")),
    "six_votes": (("OBS",), _votes(OBS=6)),
    "no_counts": ((), _no_counts),
    "repeated": ((), _named("VizWiz_train_90000000.jpg")),
}
"""What is done to the picture, and to its entry, in place."""
