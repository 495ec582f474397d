"""Trains a small vocabulary and writes it as OFA's three files, for worlds that need no large one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from schemas.errors import BuildError
from schemas.token import SPECIALS
from shards.bpe_files import BYTE_OF, DICTIONARY, ENCODER, FILLER, HEADER, MERGES

_MULTIPLE = 8
"""fairseq fills its dictionary up to a multiple of this, specials counted."""


def train_vocabulary(texts: Iterable[str], folder: Path, pieces: int = 2_000) -> None:
    """Writes `encoder.json`, `vocab.bpe` and `dict.txt`, readable by `Vocabulary.load` and by OFA.

    Each text is taken with a leading blank. The bytes depend on the texts alone: not on their
    order, the number of threads or the hash seed.

    Args:
        texts: what the vocabulary should be good at.
        folder: where the files go; made if it is missing.
        pieces: most pieces, the 256 bytes included; few texts give fewer.

    Raises:
        BuildError: `pieces` leaves no room for the bytes.
    """
    if pieces < len(BYTE_OF):
        raise BuildError("too few pieces for a vocabulary", got=pieces, expected=f"at least {len(BYTE_OF)}")
    corpus = sorted(f" {text}" for text in texts)
    merges = _trained_merges(corpus, pieces)
    encoder = {spelling: number for number, spelling in enumerate(BYTE_OF)}
    for left, right in merges:
        encoder.setdefault(left + right, len(encoder))
    counts = _counts(corpus, encoder, merges)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ENCODER).write_text(json.dumps(encoder), encoding="utf-8")
    lines = [f"{HEADER}: 0.2", *(f"{left} {right}" for left, right in merges)]
    (folder / MERGES).write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / DICTIONARY).write_text(_dictionary(counts, len(encoder)), encoding="utf-8")


def _byte_level(model: models.BPE) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    return tokenizer


def _trained_merges(corpus: list[str], pieces: int) -> list[tuple[str, str]]:
    tokenizer = _byte_level(models.BPE())
    trainer = trainers.BpeTrainer(vocab_size=pieces, initial_alphabet=list(BYTE_OF), show_progress=False)
    tokenizer.train_from_iterator(corpus, trainer)
    trained = json.loads(tokenizer.to_str())["model"]["merges"]
    return [(left, right) for left, right in trained]


def _counts(corpus: list[str], encoder: dict[str, int], merges: list[tuple[str, str]]) -> Counter[int]:
    tokenizer = _byte_level(models.BPE(vocab=encoder, merges=merges))
    counts: Counter[int] = Counter()
    for text in corpus:
        counts.update(tokenizer.encode(text, add_special_tokens=False).ids)
    return counts


def _dictionary(counts: Counter[int], pieces: int) -> str:
    """The lines of `dict.txt`: most frequent first, then by number, then fillers."""
    order = sorted(range(pieces), key=lambda number: (-counts[number], number))
    fillers = -(len(SPECIALS) + pieces) % _MULTIPLE
    lines = [f"{number} {counts[number]}" for number in order]
    lines += [f"{FILLER}{number:04d} 0" for number in range(fillers)]
    return "\n".join(lines) + "\n"
