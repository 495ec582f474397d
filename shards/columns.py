"""Texts by the million: every distinct word of a column is encoded once, then gathered.

GPT-2's pattern always begins a new piece at a blank before a word, so a text whose words stand
between single blanks is encoded word by word, each with its leading blank, to exactly the ids of
the whole string. Any other text (blanks next to other white space, references glued to
punctuation) is encoded whole. A test holds that both ways agree.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.errors import BuildError
from schemas.token import REGION
from shards.ragged import Integers, Ragged, offsets_of, positions
from shards.vocabulary import Vocabulary, ragged_of, region_bins

WHITE = r"\t-\r\x1c-\x1f\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"
"""White space other than the blank, as a character class of RE2 (whose `\\s` is ASCII only)."""

_UNUSUAL = rf"(?:^|[ {WHITE}]) | (?:[{WHITE}]|$)"
_GLUED = r"[^ ]<(?:region|bin)_\d|<region_\d+>[^ ]|<bin_\d"


class TextRegions(NamedTuple):
    """The regions that each text of a column may name.

    Attributes:
        bins: four bins a region for all rows, shape (regions, 4), int64.
        starts: for each text, where the regions of its row begin in `bins`.
        counts: for each text, how many regions its row has.
    """

    bins: Integers
    starts: Integers
    counts: Integers

    def of(self, text: int) -> Integers:
        """Bins of the regions of one text's row, shape (its regions, 4)."""
        start = self.starts[text]
        return self.bins[start : start + self.counts[text]]


def encode_column(
    vocabulary: Vocabulary, texts: pa.Array | pa.ChunkedArray, regions: TextRegions | None = None
) -> Ragged:
    """Ids of each text with a leading blank, as `vocabulary.encode(" " + text)`.

    Args:
        vocabulary: what to encode with.
        texts: strings, none of them null.
        regions: where given, texts are encoded as `vocabulary.encode_marked(" " + text, ...)`.

    Raises:
        BuildError: a text is null, or names a region that its row does not have.
    """
    texts = _one_array(texts)
    whole = _matches(texts, _UNUSUAL)
    if regions is not None:
        whole |= _matches(texts, _GLUED)
    # One row a text, which is a list of words, or of one entry for a text that is encoded whole.
    words = pc.split_pattern(texts.filter(pa.array(~whole)), " ")
    counts = np.ones(len(texts), np.int64)
    counts[~whole] = pc.list_value_length(words).to_numpy(zero_copy_only=False)
    entries = offsets_of(counts)
    starts = np.empty(entries[-1], np.int64)
    lengths = np.empty(entries[-1], np.int64)

    of_words = positions(entries[:-1][~whole], counts[~whole])
    pool, starts[of_words], lengths[of_words] = _encode_words(vocabulary, words.flatten())
    whole_rows = np.flatnonzero(whole)
    of_whole = entries[whole_rows]
    others = _encode_whole(vocabulary, texts, whole_rows, regions)
    starts[of_whole] = others.offsets[:-1] + len(pool)
    lengths[of_whole] = others.lengths
    pools = [pool, others.values]
    if regions is not None:
        owners = np.repeat(np.flatnonzero(~whole), counts[~whole])
        named, region_rows = _references(words.flatten(), owners, regions, texts)
        starts[of_words[named]] = len(pool) + len(others.values) + 4 * region_rows
        lengths[of_words[named]] = 4
        pools.append((vocabulary.first_bin + regions.bins).reshape(-1).astype(np.uint16))

    values = np.concatenate(pools)[positions(starts, lengths)]
    return Ragged(values, offsets_of(lengths)[entries])


def _one_array(texts: pa.Array | pa.ChunkedArray) -> pa.Array:
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    if texts.null_count:
        raise BuildError("a column of texts holds nulls", got=f"{texts.null_count} of {len(texts)}")
    return texts.cast(pa.large_string())


def _matches(texts: pa.Array, pattern: str) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False)
    return found.copy()


def _encode_words(vocabulary: Vocabulary, words: pa.Array) -> tuple[Any, Integers, Integers]:
    """Ids of the distinct words, and where each word's ids begin and how many they are."""
    table = pc.dictionary_encode(words)
    distinct = vocabulary.encode_all([f" {word}" for word in table.dictionary.to_pylist()])
    which = table.indices.to_numpy(zero_copy_only=False)
    return distinct.values, distinct.offsets[:-1][which], distinct.lengths[which]


def _encode_whole(
    vocabulary: Vocabulary, texts: pa.Array, rows: Integers, regions: TextRegions | None
) -> Ragged:
    strings = [f" {text}" for text in texts.take(pa.array(rows)).to_pylist()]
    if regions is None:
        return vocabulary.encode_all(strings)
    return ragged_of(
        [
            vocabulary.encode_marked(text, regions.of(row))
            for row, text in zip(rows.tolist(), strings, strict=True)
        ]
    )


def _references(
    words: pa.Array, owners: Integers, regions: TextRegions, texts: pa.Array
) -> tuple[Integers, Integers]:
    """Which words are region references, and the row of `regions.bins` that each stands for."""
    named = np.flatnonzero(_matches(words, rf"^{REGION.pattern}$"))
    rows = np.empty(len(named), np.int64)
    for place, (word, owner) in enumerate(
        zip(words.take(pa.array(named)).to_pylist(), owners[named].tolist(), strict=True)
    ):
        digits = word.removeprefix("<region_").removesuffix(">")
        region_bins(regions.of(owner), digits, texts[owner].as_py())
        rows[place] = regions.starts[owner] + int(digits)
    return named, rows
