"""Rule `text_1` against its definition."""

from __future__ import annotations

import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.token import RESERVED_MARKS
from transforms.text import holds_reserved_mark, text_1

# Characters that this Python's Unicode does not know may compose in Arrow's.
KNOWN = st.characters(exclude_categories=("Cs", "Cn"))
TEXTS = st.lists(
    st.none()
    | st.text(KNOWN, max_size=20)
    | st.text(
        alphabet=" \t\n\r\x00\x1f\x7f\x85\x9f\u00a0\u2003\u2028\u3000\ufeff\u200bAe\u0301.<", max_size=12
    ),
    max_size=8,
)


def by_definition(text: str) -> str:
    """The rule, one text at a time."""
    composed = unicodedata.normalize("NFC", text)
    plain = "".join(" " if unicodedata.category(character) == "Cc" else character for character in composed)
    return " ".join(plain.split())


@settings(max_examples=500, deadline=None)
@given(TEXTS)
def test_equals_its_definition(texts: list[str | None]) -> None:
    expected = [None if text is None else by_definition(text) for text in texts]
    cleaned = text_1(pa.array(texts, pa.string()))
    assert cleaned.to_pylist() == expected
    assert text_1(cleaned).to_pylist() == expected


@pytest.mark.parametrize(
    ("published", "cleaned"),
    [
        ("shade is along the street ", "shade is along the street"),
        (" A\tman\u00a0 here. ", "A man here."),
        ("Cafe\u0301", "Caf\u00e9"),
        ("ON", "ON"),
        ("a\x00b", "a b"),
        (" \n ", ""),
    ],
)
def test_examples(published: str, cleaned: str) -> None:
    assert text_1(pa.array([published])).to_pylist() == [cleaned]


def test_reserved_marks() -> None:
    texts = [f"a {mark} b" for mark in RESERVED_MARKS] + ["region_0 | bin_1 [options] < |||", None]
    found = holds_reserved_mark(pa.array(texts)).to_pylist()
    assert found == [True] * len(RESERVED_MARKS) + [False, None]
