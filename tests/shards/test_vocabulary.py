"""Text to ids and back: OFA's vectors, arbitrary text, whole columns, damaged files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.errors import BuildError
from shards.columns import TextRegions, encode_column
from shards.ragged import offsets_of
from shards.vocabulary import Vocabulary
from tests.shards.shard_helpers import HOSTILE, clean_texts, list_texts, plain_ids, with_references

quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

spaced = st.text(alphabet=" \n\t\u00a0\u2003ab'1é😀", max_size=12)


@pytest.fixture(scope="module")
def ofa(ofa_bpe: Path) -> Vocabulary:
    return Vocabulary.load(ofa_bpe)


def test_ofa_vectors(ofa: Vocabulary, vectors: Path) -> None:
    known = json.loads((vectors / "ofa_bpe_vectors.json").read_text())
    assert len(known["vectors"]) > 50 and len(known["symbol_vectors"]) > 8
    for vector in known["vectors"]:
        assert ofa.encode(vector["text"]) == vector["ids"]
        assert ofa.decode(vector["ids"]) == vector["text"]
    for vector in known["symbol_vectors"]:
        assert ofa.encode_symbols(vector["text"]) == vector["ids"]
    for example in known["example_sequences"]:
        assert [0, *ofa.encode(f" {example['prompt']}"), 2] == example["src_tokens"]
        assert [*ofa.encode(f" {example['target']}"), 2] == example["target_tokens"]


def test_ofa_layout(ofa: Vocabulary) -> None:
    assert (ofa.size, ofa.mask, ofa.first_code, ofa.first_bin) == (59_457, 50_264, 50_265, 58_457)


@given(text=st.text() | spaced)
@quick
def test_decode_gives_the_text_back(vocabulary: Vocabulary, text: str) -> None:
    assert vocabulary.decode(vocabulary.encode(text)) == text


def test_decode_writes_symbols_and_replaces_bad_bytes(vocabulary: Vocabulary) -> None:
    ids = [*vocabulary.encode(" on"), vocabulary.first_bin + 7, vocabulary.first_bin + 999, 2]
    assert vocabulary.decode(ids) == " on <bin_7> <bin_999> </s>"
    assert vocabulary.encode_marked(vocabulary.decode(ids[:-1])) == ids[:-1]
    assert vocabulary.decode(vocabulary.encode("é")[:1]) in ("é", "\ufffd")
    for outside in (-1, vocabulary.size):
        with pytest.raises(BuildError, match="outside"):
            vocabulary.decode([outside])


def test_half_a_surrogate_pair_is_refused(vocabulary: Vocabulary) -> None:
    with pytest.raises(BuildError, match="Unicode"):
        vocabulary.encode("\ud800")


@given(texts=st.lists(st.text() | spaced | clean_texts | list_texts, max_size=8))
@quick
def test_column_equals_whole_strings(vocabulary: Vocabulary, texts: list[str]) -> None:
    column = pa.chunked_array([texts[:3], texts[3:]], pa.string())
    encoded = encode_column(vocabulary, column)
    assert [encoded.row(row).tolist() for row in range(len(texts))] == [
        vocabulary.encode(f" {text}") for text in texts
    ]


def test_column_equals_whole_strings_on_known_texts(vocabulary: Vocabulary) -> None:
    breaks = [
        "a\nb c\nd",
        "a\n\nb",
        "a \nb",
        "a\n b",
        "a\n \nb",
        "  a",
        "a  ",
        "",
        " ",
        "\n",
        "a   b",
        "a \u2003 b",
    ]
    texts = [*HOSTILE, *breaks]
    encoded = encode_column(vocabulary, pa.array(texts))
    for row, text in enumerate(texts):
        assert encoded.row(row).tolist() == vocabulary.encode(f" {text}"), text


@given(texts=st.lists(with_references(clean_texts | spaced, 2), min_size=1, max_size=5), data=st.data())
@quick
def test_column_with_references(vocabulary: Vocabulary, texts: list[str], data: st.DataObject) -> None:
    bins = np.array(
        data.draw(
            st.lists(st.tuples(*[st.integers(0, 999)] * 4), min_size=2 * len(texts), max_size=2 * len(texts))
        )
    )
    counts = np.full(len(texts), 2)
    encoded = encode_column(vocabulary, pa.array(texts), TextRegions(bins, offsets_of(counts)[:-1], counts))
    for row, text in enumerate(texts):
        mine = bins[2 * row : 2 * row + 2]
        expected = plain_ids(vocabulary, f" {text}", mine.tolist())
        assert encoded.row(row).tolist() == expected == vocabulary.encode_marked(f" {text}", mine)


@pytest.mark.parametrize("text", ["<region_1>", "on <region_1> .", "(<region_1>)", f"<region_{'9' * 5000}>"])
def test_reference_to_no_region_is_refused(small: Vocabulary, text: str) -> None:
    one = TextRegions(np.zeros((1, 4), np.int64), np.array([0]), np.array([1]))
    with pytest.raises(BuildError, match="does not have"):
        encode_column(small, pa.array([text]), one)


@pytest.mark.parametrize("text", ["<region_\u0663>", "<region_x>", "<region_>", "< region_0>", "<REGION_0>"])
def test_what_only_looks_like_a_reference_is_text(small: Vocabulary, text: str) -> None:
    none = TextRegions(np.zeros((0, 4), np.int64), np.array([0]), np.array([0]))
    expected = small.encode(f" {text}")
    assert encode_column(small, pa.array([text]), none).row(0).tolist() == expected
    assert small.encode_marked(f" {text}") == expected


def test_null_text_is_refused(small: Vocabulary) -> None:
    with pytest.raises(BuildError, match="null"):
        encode_column(small, pa.array(["a", None]))


def cut_short(text: str) -> str:
    return text[: len(text) // 2]


def without_first_line(text: str) -> str:
    return text.split("\n", 1)[1]


def doubled_last_line(text: str) -> str:
    return text + text.rstrip("\n").rsplit("\n", 1)[1] + "\n"


def with_unknown_merge(text: str) -> str:
    return text + "zzzz qqqq\n"


def with_text_numbers(text: str) -> str:
    return text.replace(": 5,", ': "5",')


def too_many(text: str) -> str:
    return text + "".join(f"madeupword9{number:05d} 0\n" for number in range(60_000))


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("encoder.json", cut_short),
        ("encoder.json", with_text_numbers),
        ("encoder.json", lambda text: text.replace(": 5,", ": 6,")),
        ("encoder.json", lambda _: "[" * 100_000),
        ("encoder.json", lambda _: "[]"),
        ("encoder.json", lambda text: text.replace('"!"', '"€"')),
        ("vocab.bpe", without_first_line),
        ("vocab.bpe", with_unknown_merge),
        ("vocab.bpe", lambda _: ""),
        ("dict.txt", without_first_line),
        ("dict.txt", doubled_last_line),
        ("dict.txt", lambda text: text + "word 3\n"),
        ("dict.txt", lambda text: text + "madeupword0099 x\n"),
        ("dict.txt", too_many),
    ],
)
def test_damaged_file_is_named(
    small_files: Path, tmp_path: Path, name: str, damage: Callable[[str], str]
) -> None:
    shutil.copytree(small_files, tmp_path, dirs_exist_ok=True)
    text = (tmp_path / name).read_text(encoding="utf-8")
    damaged = damage(text)
    assert damaged != text
    (tmp_path / name).write_text(damaged, encoding="utf-8")
    with pytest.raises(BuildError, match="damaged") as caught:
        Vocabulary.load(tmp_path)
    assert name in str(caught.value)


@pytest.mark.parametrize("name", ["encoder.json", "vocab.bpe", "dict.txt"])
def test_missing_or_binary_file_is_named(small_files: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(small_files, tmp_path, dirs_exist_ok=True)
    (tmp_path / name).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BuildError, match="damaged"):
        Vocabulary.load(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(BuildError, match="damaged"):
        Vocabulary.load(tmp_path)


def test_fingerprint_follows_the_bytes(small_files: Path, small: Vocabulary, tmp_path: Path) -> None:
    shutil.copytree(small_files, tmp_path, dirs_exist_ok=True)
    assert Vocabulary.load(tmp_path).fingerprint == small.fingerprint
    with (tmp_path / "dict.txt").open("a") as file:
        file.write("madeupword0099 0\n")
    assert Vocabulary.load(tmp_path).fingerprint != small.fingerprint
