"""Marks that have a meaning inside text, and the layout of the unified vocabulary.

The vocabulary is OFA's: four specials, the dictionary of BPE pieces in file order, a mask,
8,192 image codes and 1,000 location bins (OFA, fairseq `Dictionary` plus `add_symbol` order).
"""

from __future__ import annotations

import re

BOS, PAD, EOS, UNKNOWN = 0, 1, 2, 3
SPECIALS = ("<s>", "<pad>", "</s>", "<unk>")
MASK = "<mask>"
IMAGE_CODES = 8_192
LOCATION_BINS = 1_000

SOURCE_LIMIT = 1_024
"""Most ids a source sequence may have, `<s>` and `</s>` counted (OFA's position table)."""

TARGET_LIMIT = 512
"""Most ids a target sequence may have, `</s>` counted (MultiInstruct, training details)."""

INSTRUCTION_LIMIT = 128
"""Most ids the words of one instruction may have. Rows leave this much room in the source,
so that no instruction written later can push a stored row over `SOURCE_LIMIT`."""

TARGET_PICTURE_SIDE = 128
"""Pixels on a side of a picture that is an answer: 16 x 16 codes of 8 pixels a side, row by row, as in
OFA's pretraining (`code_image_size`). At 256 pixels, as in its fine-tuning for pictures, the 1,024 codes
would exceed `TARGET_LIMIT`."""

OPTIONS_HEADER = "[Options]:"
OPTIONS_SEPARATOR = "||||"

REGION = re.compile(r"<region_(\d+)>")
"""A reference to a region of the instance; the vocabulary turns it into four location bins."""

RESERVED_MARKS = ("<region_", "<bin_", "<code_", "[Options]", OPTIONS_SEPARATOR)
"""Text of a publisher that holds one of these is rejected as `reserved_mark`: it would be read
as something that this project put there."""


def region_reference(index: int) -> str:
    """The text that names region `index` (0-based) of an instance, such as `<region_0>`."""
    return f"<region_{index}>"
