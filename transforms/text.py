"""Rule `text_1`: how publishers' text becomes text of the tables."""

from __future__ import annotations

import re
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from schemas.token import RESERVED_MARKS

MOST_CHARACTERS: Final = 10_000
"""Longest cleaned text that is kept; captions, questions and names are far shorter."""

# Control characters (Cc) are C0, DEL and C1; separators (Z) are all other white space of Unicode.
_BLANKS: Final = r"[\x00-\x20\x7f-\x{9f}\p{Z}]+"

# Text of printable ASCII with single blanks inside is clean as it is: nearly all of it.
_PERHAPS_UNCLEAN: Final = r"[^ -~]|  |^ | $"

_RESERVED: Final = "|".join(re.escape(mark) for mark in RESERVED_MARKS)


def text_1(texts: pa.Array) -> pa.Array:
    """Cleans text by rule `text_1`.

    Unicode NFC; control characters become blanks; runs of white space become one blank; none is left
    at the ends. Case and the final period stay. `" A\\tman\\u00a0 here. "` becomes `"A man here."`.

    Args:
        texts: strings; nulls stay nulls.
    """
    unclean = pc.fill_null(pc.match_substring_regex(texts, _PERHAPS_UNCLEAN), False)
    composed = pc.utf8_normalize(texts.filter(unclean), "NFC")
    cleaned = pc.utf8_trim(pc.replace_substring_regex(composed, _BLANKS, " "), " ")
    return pc.replace_with_mask(texts, unclean, cleaned)


def holds_reserved_mark(texts: pa.Array) -> pa.Array:
    """Whether a text holds a mark that would be read as something this project put there."""
    return pc.match_substring_regex(texts, _RESERVED)
