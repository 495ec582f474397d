"""Filling an instruction: what is literal stays literal, and data is never formatted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instructions.render import parse, render
from schemas.errors import BuildError
from schemas.token import OPTIONS_SEPARATOR


def test_one_of_everything() -> None:
    wording = parse("Given {text} choose what fits <region_0> here. {options}")
    assert wording.slot_names == ("text", "region_0", "options")
    assert render(wording, {"text": "a dog"}, ["yes", "no", "<region_1>"]) == (
        "Given a dog choose what fits <region_0> here.\n\n[Options]: yes |||| no |||| <region_1>"
    )


def test_published_style_joins_without_blanks() -> None:
    wording = parse("Are there any couches in the photo? {options}")
    expected = "Are there any couches in the photo?\n\n[Options]: no||||yes"
    assert render(wording, {}, ["no", "yes"], "published") == expected


@given(st.text(), st.lists(st.text(), min_size=1, max_size=3))
def test_data_stays_as_it_is(text: str, options: list[str]) -> None:
    wording = parse("A {text} B {options} C")
    joined = f" {OPTIONS_SEPARATOR} ".join(options)
    assert render(wording, {"text": text}, options) == f"A {text} B\n\n[Options]: {joined} C"


@pytest.mark.parametrize(
    "hostile", ["{text}", "{0}", "%s", "$x", "{options}", "{", "}", "\\1", "{text.__class__}"]
)
def test_hostile_data_stays_as_it_is(hostile: str) -> None:
    wording = parse("A {text} B {question} C")
    assert render(wording, {"text": hostile, "question": hostile}) == f"A {hostile} B {hostile} C"


@pytest.mark.parametrize(
    ("text", "spliceable"),
    [
        ("no slots at all", True),
        ("{text}", True),
        ("{text} and {question}", True),
        ("say {text}\nnow", True),
        ("say {text} {options}", True),
        ("say {text}?", False),
        ('say "{text}"', False),
        ("say\n{text} now", False),
        ("say {text}\u00a0now", False),
        ("say (<region_0>)", False),
        ("<region_0><region_1>", False),
        ("pick {options}.", False),
    ],
)
def test_slots_between_blanks_can_be_spliced(text: str, spliceable: bool) -> None:
    assert parse(text).spliceable is spliceable


def test_missing_value_is_named() -> None:
    with pytest.raises(BuildError, match="question"):
        render(parse("A {question} ."), {"text": "x"})
    with pytest.raises(BuildError, match="options"):
        render(parse("A {options}"), {"options": "no list"})
