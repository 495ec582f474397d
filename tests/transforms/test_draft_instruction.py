"""A draft of an instruction, before anybody writes it into a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from instructions.load import load_instructions
from schemas.errors import BuildError
from transforms.builder import Builder
from transforms.draft_instruction import Tried, closeness, try_draft

TASK = "visual_grounding"


def _try(builder: Builder, text: str, task: str = TASK, count: int = 5) -> Tried:
    return try_draft(builder.lake, task, text, count, 0)


def test_a_draft_is_rendered_with_real_rows(sample_build: Builder) -> None:
    tried = _try(sample_build, "Where is {text} to be seen?")
    assert len(tried.shown) == 5
    for one in tried.shown:
        (prompt,) = one.prompts
        assert prompt.startswith("Where is ")
        assert prompt.endswith(" to be seen?")
        assert one.target == "<region_0>"
    assert tried.slots == ["text"]
    assert tried.glued == []


def test_it_is_measured_by_the_vocabulary_of_the_build(sample_build: Builder) -> None:
    short, long = (_try(sample_build, text).lengths for text in ("{text}", "Words " * 40 + "{text}"))
    assert short is not None
    assert long is not None
    assert short.fewest <= short.median <= short.most
    assert short.rows == long.rows == 1_000
    assert long.fewest - short.fewest == long.most - short.most >= 40


def test_a_glued_slot_is_told(sample_build: Builder) -> None:
    assert _try(sample_build, 'Find "{text}" here').glued == ["{text}"]
    tried = _try(
        sample_build, "Do <region_0> and (<region_1>) touch? {options}", "region_overlapping_detection"
    )
    assert tried.glued == ["<region_1>"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("Find it", "show different things"),
        ("Find {text} and {question}", "show different things"),
        ("Find {text} {text}", "stands twice"),
        ("Find {txt}", "brace"),
        ("Find {text} {", "brace"),
        ("Find {text} [Options]: a", "meaning of its own"),
        ("Find {text} ", "white space"),
        ("", "white space"),
        ("Find\x1b {text}", "control character"),
        ("Find {text} \\n", "backslash"),
        ("Find " * 200 + "{text}", "too long"),
    ],
)
def test_what_a_file_would_be_refused_for_is_refused(
    sample_build: Builder, text: str, complaint: str
) -> None:
    with pytest.raises(BuildError, match=complaint) as caught:
        _try(sample_build, text)
    assert caught.value.exit_code == 1


def test_a_draft_that_names_an_answer_is_refused(sample_build: Builder) -> None:
    with pytest.raises(BuildError, match="names an answer"):
        _try(sample_build, "Yes or no: {text} ? {options}", "image_text_matching")


def test_a_draft_that_is_there_already_is_refused(sample_build: Builder) -> None:
    text = load_instructions(TASK).wordings[2].text
    with pytest.raises(BuildError, match="already"):
        _try(sample_build, text)
    # In other letters it is as close as can be.
    assert _try(sample_build, text.upper().replace("{TEXT}", "{text}")).siblings[0].closeness == 1


def test_siblings_come_closest_first(sample_build: Builder) -> None:
    known = [wording.text for wording in load_instructions(TASK).wordings]
    tried = _try(sample_build, known[0].replace("Which", "What", 1))
    assert tried.siblings[0].text == known[0]
    assert tried.siblings[0].closeness > 0.8
    assert sorted(sibling.text for sibling in tried.siblings) == sorted(known)
    assert [s.closeness for s in tried.siblings] == sorted(
        (s.closeness for s in tried.siblings), reverse=True
    )


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("a b c d", "a b c d", 1),
        ("A, b; c: d!", "a b c d", 1),
        ("a b c d", "a x c d", 0.75),
        ("a b c d", "a c d", 0.75),
        ("a b c d", "a b c d e f g h", 0.5),
        ("Find {text} here", "Find {question} here", 2 / 3),
        ("a b", "c d", 0),
        ("", "", 1),
        ("one two three", "two three one", 1 / 3),
    ],
)
def test_closeness_counts_words_to_be_changed(one: str, other: str, expected: float) -> None:
    assert closeness(one, other) == closeness(other, one) == pytest.approx(expected)


def test_own_instructions_count_as_siblings(sample_build: Builder, tmp_path: Path) -> None:
    (tmp_path / f"{TASK}.toml").write_text("instructions = ['Show {text} to me']\n")
    tried = try_draft(sample_build.lake, TASK, "Show {text} to him", 1, 0, tmp_path)
    assert [sibling.text for sibling in tried.siblings] == ["Show {text} to me"]
