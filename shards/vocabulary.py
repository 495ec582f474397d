"""The unified vocabulary: text, image codes and location bins as one space of ids.

Layout as in OFA (fairseq `Dictionary` and its `add_symbol` calls, in order): four specials, the
lines of `dict.txt`, `<mask>`, 8,192 image codes, 1,000 location bins. With OFA's own files:

    0..3  4..50263                50264   50265..58456           58457..59456
    <s>   pieces and fillers      <mask>  <code_0>..<code_8191>  <bin_0>..<bin_999>

Text is encoded by GPT-2's BPE over the whole string. A blank stands before a prompt and before a
target; callers put it there. A region reference `<region_0>` becomes the region's four bins, and
the one blank before it is swallowed: ` on <region_0> now` is ` on`, four bins, ` now`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer, models, pre_tokenizers

from schemas.errors import BuildError
from schemas.token import IMAGE_CODES, LOCATION_BINS, MASK, REGION, SPECIALS, UNKNOWN
from shards.bpe_files import BpeFiles, read_bpe_files
from shards.ragged import Ids, Ragged, offsets_of

_MARK: Final = re.compile(rf" ?(?:{REGION.pattern}|<bin_(\d{{1,3}})>)", re.ASCII)


class Vocabulary:
    """One unified vocabulary; made by `Vocabulary.load`.

    Attributes:
        size: number of ids.
        mask: id of `<mask>`.
        first_code: id of `<code_0>`.
        first_bin: id of `<bin_0>`.
        fingerprint: sha256 over the three files.
    """

    def __init__(self, files: BpeFiles) -> None:
        unified = {symbol: len(SPECIALS) + place for place, symbol in enumerate(files.dictionary)}
        self.mask = len(SPECIALS) + len(files.dictionary)
        self.first_code = self.mask + 1
        self.first_bin = self.first_code + IMAGE_CODES
        self.size = self.first_bin + LOCATION_BINS
        self.fingerprint = files.fingerprint
        self._symbols = [
            *SPECIALS,
            *files.dictionary,
            MASK,
            *(f"<code_{code}>" for code in range(IMAGE_CODES)),
            *(f"<bin_{place}>" for place in range(LOCATION_BINS)),
        ]
        self._id_of = {symbol: number for number, symbol in enumerate(self._symbols)}
        self._pieces: list[bytes | None] = [None] * self.size
        for number, piece in enumerate(files.pieces):
            self._pieces[unified[str(number)]] = piece
        self._tokenizer = _tokenizer(files, unified)

    @classmethod
    def load(cls, folder: Path) -> Vocabulary:
        """Reads `encoder.json`, `vocab.bpe` and `dict.txt`.

        Raises:
            BuildError: a file is missing or damaged.
        """
        return cls(read_bpe_files(folder))

    def encode(self, text: str) -> list[int]:
        """Ids of a text by BPE over the whole string; nothing in it has a meaning of its own.

        `" what does the image describe?"` is `[99, 473, 5, 2274, 6190, 116]` with OFA's files.

        Raises:
            BuildError: the text holds half of a surrogate pair, which is no character.
        """
        try:
            ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        except TypeError as error:
            raise BuildError("a text is not valid Unicode", got=repr(text[:80])) from error
        return ids

    def encode_all(self, texts: Sequence[str]) -> Ragged:
        """Ids of many texts, each as by `encode`."""
        encodings: list[Any] = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return ragged_of([encoding.ids for encoding in encodings])

    def encode_marked(self, text: str, bins: npt.NDArray[np.integer[Any]] | None = None) -> list[int]:
        """Ids of a text in which `<region_i>` and `<bin_i>` stand for location bins.

        The one blank before a mark is swallowed; the texts between marks are encoded each as a whole.

        Args:
            text: with its leading blank.
            bins: four bins for each region of the instance, shape (regions, 4).

        Raises:
            BuildError: the text names a region that there is not.
        """
        ids: list[int] = []
        end = 0
        for mark in _MARK.finditer(text):
            ids += self.encode(text[end : mark.start()])
            region, place = mark.groups()
            if place is not None:
                ids.append(self.first_bin + int(place))
            else:
                ids += (self.first_bin + region_bins(bins, region, text)).tolist()
            end = mark.end()
        return ids + self.encode(text[end:])

    def encode_symbols(self, text: str) -> list[int]:
        """Ids of symbols between white space, such as `<bin_12> <code_3>`; 3 for an unknown one."""
        return [self._id_of.get(symbol, UNKNOWN) for symbol in text.split()]

    def decode(self, ids: Iterable[int]) -> str:
        """The text that ids stand for.

        Lossless for encoded text. An id that is no piece of text is written as its symbol after a
        blank, ` <bin_7>`, so that `encode_marked` gives bins back. Bytes that are no UTF-8, which
        a model may generate, come out as U+FFFD.

        Raises:
            BuildError: an id is outside the vocabulary.
        """
        written: list[str] = []
        pending = bytearray()
        for number in ids:
            if not 0 <= number < self.size:
                raise BuildError(
                    "an id is outside the vocabulary", got=number, expected=f"0 to {self.size - 1}"
                )
            piece = self._pieces[number]
            if piece is not None:
                pending += piece
                continue
            written += (pending.decode("utf-8", "replace"), f" {self._symbols[number]}")
            pending.clear()
        return "".join(written) + pending.decode("utf-8", "replace")

    def begins_word(self, number: int) -> bool:
        """Whether an id is a blank and the beginning of a word: text may be cut before it."""
        piece = self._pieces[number]
        return piece is not None and piece[:1] == b" " and piece.strip() != b""


def region_bins(bins: npt.NDArray[np.integer[Any]] | None, digits: str, text: str) -> npt.NDArray[np.int64]:
    """The four bins of the region that a text names.

    Raises:
        BuildError: there is no such region.
    """
    count = 0 if bins is None else len(bins)
    # Longer numbers are never converted: that would be slow, and Python refuses very long ones.
    if bins is None or len(digits) > 4 or int(digits) >= count:
        raise BuildError(
            "a text names a region that its row does not have",
            where=text[:200],
            got=f"<region_{digits[:20]}>",
            expected=f"one of {count} regions, numbered from 0",
            next_step="compare the regions and the texts that the task's query returns",
        )
    four: npt.NDArray[np.int64] = bins[int(digits)].astype(np.int64)
    return four


def ragged_of(rows: Sequence[Sequence[int]]) -> Ragged:
    """Lists of ids as one ragged array."""
    offsets = offsets_of([len(row) for row in rows])
    values: Ids = np.fromiter((number for row in rows for number in row), np.uint16, int(offsets[-1]))
    return Ragged(values, offsets)


def _tokenizer(files: BpeFiles, unified: dict[str, int]) -> Tokenizer:
    """Byte-level BPE with GPT-2's pattern, whose pieces carry unified ids."""
    pieces = {spelling: unified[str(number)] for number, spelling in enumerate(files.spellings)}
    tokenizer = Tokenizer(models.BPE(vocab=pieces, merges=list(files.merges)))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    return tokenizer
