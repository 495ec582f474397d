"""A trained vocabulary has the form of OFA's, and the same bytes whatever runs it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.errors import BuildError
from shards.train_vocabulary import train_vocabulary
from shards.vocabulary import Vocabulary

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("encoder.json", "vocab.bpe", "dict.txt")
SCRIPT = """
import sys
from pathlib import Path
from shards.train_vocabulary import train_vocabulary
texts = [f"a {colour} {thing} {place} the {thing}" for colour in ("red", "blue", "green")
         for thing in ("square", "circle", "cat's hat") for place in ("on", "under", "beside")]
train_vocabulary(texts[::int(sys.argv[2])], Path(sys.argv[1]), 400)
"""


def hashes(folder: Path) -> list[str]:
    return [hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in NAMES]


def test_same_bytes_for_any_hash_seed_threads_and_order(tmp_path: Path) -> None:
    found = []
    for number, (seed, threads, order) in enumerate((("0", "1", "1"), ("1", "4", "-1"), ("2", "2", "1"))):
        folder = tmp_path / str(number)
        variables = {**os.environ, "PYTHONHASHSEED": seed, "RAYON_NUM_THREADS": threads}
        command = [sys.executable, "-c", SCRIPT, str(folder), order]
        subprocess.run(command, check=True, env=variables, cwd=ROOT)
        found.append(hashes(folder))
    assert found[0] == found[1] == found[2]


def test_files_have_ofas_form(tmp_path: Path) -> None:
    train_vocabulary(["a red square", "a blue square under a red square"] * 3, tmp_path, 290)
    encoder = json.loads((tmp_path / "encoder.json").read_text())
    merges = (tmp_path / "vocab.bpe").read_text().splitlines()
    lines = [line.split(" ") for line in (tmp_path / "dict.txt").read_text().splitlines()]
    assert list(encoder.values()) == list(range(len(encoder))) and 256 < len(encoder) <= 290
    assert list(encoder)[:3] == ["!", '"', "#"] and (tmp_path / "encoder.json").read_bytes().isascii()
    assert merges[0] == "#version: 0.2" and len(merges) - 1 == len(encoder) - 256
    assert (4 + len(lines)) % 8 == 0
    numbers = [(-int(count), int(symbol)) for symbol, count in lines if symbol.isdecimal()]
    assert numbers == sorted(numbers) and len(numbers) == len(encoder)
    assert [symbol for symbol, _ in lines[len(encoder) :]] == [
        f"madeupword{number:04d}" for number in range(len(lines) - len(encoder))
    ]
    vocabulary = Vocabulary.load(tmp_path)
    assert vocabulary.size == 4 + len(lines) + 1 + 8192 + 1000
    assert len(vocabulary.encode(" square")) == 1


def test_no_texts_give_the_bytes(tmp_path: Path) -> None:
    train_vocabulary([], tmp_path)
    vocabulary = Vocabulary.load(tmp_path)
    assert vocabulary.decode(vocabulary.encode("é 😀\n")) == "é 😀\n"


def test_too_few_pieces(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="too few"):
        train_vocabulary(["a"], tmp_path, 255)
