"""What is left of a text when case, punctuation and the width of blanks are no difference.

The same rule as the macro `plain` of `macros.sql`, for code that reads texts one by one.
"""

from __future__ import annotations

import re
from typing import Final

_BETWEEN: Final = re.compile(r"[\s!-/:-@\[-`{-~]+", re.ASCII)


def plain(text: str) -> str:
    """`"The dog, asleep."` becomes `"the dog asleep"`."""
    return _BETWEEN.sub(" ", text.lower()).strip(" ")
