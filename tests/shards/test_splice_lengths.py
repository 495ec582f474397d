"""Prompts before their ids are copied: how long they will be, and where they may go."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from instructions.load import TaskInstructions
from instructions.render import parse
from shards.prepare import prepare
from shards.splice import Splicer
from shards.vocabulary import Vocabulary
from tests.shards.shard_helpers import make_shard

ROWS = [
    {"text": "one two", "options": ["a", "b c", "d"], "target": "a"},
    {"text": "three", "options": ["e"], "target": "f g h"},
    {"text": "it's 4", "options": ["i", "j"], "target": "k"},
]
WORDINGS = ["Say {text} of {options}", "{options} for {text} now", '"{text}"? {options}']
WHOLE = 2
"""The wording that is encoded whole."""


def _splicer(folder: Path, vocabulary: Vocabulary) -> Splicer:
    shard, _ = make_shard(folder, vocabulary, ROWS, ("text",))
    wordings = tuple(parse(wording) for wording in WORDINGS)
    return Splicer(shard, prepare(TaskInstructions("t", wordings), vocabulary), vocabulary)


def test_lengths_are_known_before_anything_is_copied(vocabulary: Vocabulary, tmp_path: Path) -> None:
    splicer = _splicer(tmp_path, vocabulary)
    rows, which = np.repeat(np.arange(3), 3), np.tile(np.arange(3), 3)
    sources = splicer.sources(rows, which)
    lengths = splicer.source_lengths(rows, which)
    assert (lengths == sources.lengths)[which != WHOLE].all()
    assert (lengths < sources.lengths)[which == WHOLE].all()
    assert splicer.prompts(rows, which).lengths.tolist() == sources.lengths.tolist()
    assert splicer.target_lengths(rows).tolist() == splicer.targets(rows).lengths.tolist()
    assert splicer.source_lengths([], 0).tolist() == splicer.target_lengths([]).tolist() == []


def test_prompts_go_into_the_rows_of_a_matrix(vocabulary: Vocabulary, tmp_path: Path) -> None:
    splicer = _splicer(tmp_path, vocabulary)
    rows, which = [2, 0, 1, 0], [1, 2, 0, 0]
    prompts = splicer.prompts(rows, which)
    width = int(prompts.lengths.max()) + 3
    matrix = np.full((4, width), 1, np.uint16)
    prompts.write(matrix.reshape(-1), np.arange(4) * width)
    sources = splicer.sources(rows, which)
    for place in range(4):
        length = int(prompts.lengths[place])
        assert matrix[place, :length].tolist() == sources.row(place).tolist()
        assert (matrix[place, length:] == 1).all()
