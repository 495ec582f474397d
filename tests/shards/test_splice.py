"""Spliced ids are the ids of the rendered prompt encoded as one string, whatever the data."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instructions.load import TaskInstructions, load_instructions, shipped_tasks
from instructions.render import parse, render
from schemas.errors import BuildError
from schemas.instruction import TEXT_SLOTS
from schemas.settings import OptionsStyle
from schemas.token import INSTRUCTION_LIMIT, RESERVED_MARKS
from shards.prepare import prepare
from shards.quantise import quantise
from shards.splice import Splicer
from shards.vocabulary import Vocabulary
from tests.shards.shard_helpers import (
    HOSTILE,
    box,
    clean_texts,
    list_texts,
    make_shard,
    plain_ids,
    table_of,
    text_1,
    with_references,
)

REGIONS = 3
SIZE = (640, 480)
STYLES: tuple[OptionsStyle, ...] = ("spaced", "published")
property_test = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

texts_with_regions = with_references(clean_texts, REGIONS) | list_texts
rows_of_anything = st.lists(
    st.fixed_dictionaries(
        {
            "target": clean_texts | with_references(clean_texts, REGIONS),
            "options": st.lists(texts_with_regions, min_size=1, max_size=4),
            "regions": st.lists(
                st.builds(
                    box,
                    st.integers(0, 300),
                    st.integers(0, 200),
                    st.integers(301, 640),
                    st.integers(201, 480),
                ),
                min_size=REGIONS,
                max_size=REGIONS + 1,
            ),
            **dict.fromkeys(TEXT_SLOTS, texts_with_regions),
        }
    ),
    min_size=1,
    max_size=3,
)

SPLICEABLE = [
    "{text}",
    "{text} {question} {context}",
    "<region_1> {text} <region_0>",
    "Q: {question}\n\nNow 's {history} end",
    "see {options} of {text}",
    "{options}",
    "{options} then  {text}",
    "two  {text}   three {relation}\n\n <region_0>\nx",
    "no slots",
    "{method}\n\n {text}",
]
GLUED = [
    '"{text} now',
    "x\n{text} {question}",
    "it's({question}\n{options}",
    '"{text}"?',
    "is {question}? {options}",
    "('<region_0>') '{text}'s",
    "<region_0><region_1>{text}",
    "a{text}b{question}",
    "x\n{text}\n\n{options}.",
    "{text}\u00a0{relation}",
]


def bins_of(row: dict[str, Any]) -> list[list[int]]:
    boxes = [list(region.values()) for region in row["regions"]]
    sizes = np.tile(SIZE, (len(boxes), 1)).reshape(-1, 2)
    bins: list[list[int]] = quantise(boxes, sizes[:, 0], sizes[:, 1], "whole_image_999").tolist()
    return bins


def check_all(
    vocabulary: Vocabulary, rows: list[dict[str, Any]], tasks: list[list[str]], style: OptionsStyle
) -> None:
    """Every row under every wording of each task, against rendering and encoding the whole."""
    with tempfile.TemporaryDirectory() as folder:
        shard, written = make_shard(Path(folder), vocabulary, rows, TEXT_SLOTS, style)
    assert written.rejected.num_rows == 0
    for wordings in tasks:
        parsed = tuple(parse(wording) for wording in wordings)
        splicer = Splicer(shard, prepare(TaskInstructions("task", parsed), vocabulary), vocabulary)
        which = np.tile(np.arange(len(parsed)), len(rows))
        order = np.repeat(np.arange(len(rows)), len(parsed))
        sources, targets = splicer.sources(order, which), splicer.targets(order)
        for place, (row, wording) in enumerate(zip(order, which, strict=True)):
            prompt = render(parsed[wording], rows[row], rows[row]["options"], style)
            bins = bins_of(rows[row])
            assert sources.row(place).tolist() == [0, *plain_ids(vocabulary, f" {prompt}", bins), 2], prompt
            answer = plain_ids(vocabulary, f" {rows[row]['target']}", bins)
            assert targets.row(place).tolist() == [*answer, 2]


SHIPPED = [[wording.text for wording in load_instructions(task).wordings] for task in shipped_tasks()]


@pytest.mark.parametrize("style", STYLES)
@given(rows=rows_of_anything)
@settings(property_test, max_examples=10)
def test_shipped_instructions(
    vocabulary: Vocabulary, style: OptionsStyle, rows: list[dict[str, Any]]
) -> None:
    check_all(vocabulary, rows, SHIPPED, style)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("wording", SPLICEABLE + GLUED)
@given(rows=rows_of_anything)
@settings(property_test, max_examples=12)
def test_own_instructions(
    vocabulary: Vocabulary, style: OptionsStyle, wording: str, rows: list[dict[str, Any]]
) -> None:
    assert parse(wording).spliceable is (wording in SPLICEABLE)
    check_all(vocabulary, rows, [[wording]], style)


SHORT = 16
"""Bytes of a literal: five of them, blanks and the header of the options stay within `INSTRUCTION_LIMIT`,
since no id stands for less than a byte."""

literal_text = (
    st.text(max_size=SHORT).map(text_1)
    | st.sampled_from(HOSTILE)
    | st.sampled_from(["", "'s", "?", '"', "\n", "\n\n", " ", "  ", "x\n", "(", ":"])
).filter(
    lambda text: (
        len(text.encode()) <= SHORT
        and not set("{}") & set(text)
        and not any(mark in text for mark in RESERVED_MARKS)
    )
)
slots = st.permutations(["{text}", "{question}", "{options}", "<region_0>", "<region_1>"])


@given(data=st.data(), rows=rows_of_anything, blanks=st.booleans(), style=st.sampled_from(STYLES))
@property_test
def test_generated_instructions(
    vocabulary: Vocabulary, data: st.DataObject, rows: list[dict[str, Any]], blanks: bool, style: OptionsStyle
) -> None:
    """Slots in any order with anything between them; two wordings of a task in one batch."""
    wordings = []
    for _ in range(2):
        text = ""
        for slot in data.draw(slots):
            before, after = (" " if blanks else data.draw(st.sampled_from(["", " "])) for _ in range(2))
            text += f"{data.draw(literal_text)}{before}{slot}{after}"
        wordings.append(text.strip())
    check_all(vocabulary, rows, [wordings], style)


def test_ofa_example_sequence(ofa_bpe: Path, vectors: Path, tmp_path: Path) -> None:
    vocabulary = Vocabulary.load(ofa_bpe)
    row = {"target": "no", "options": ["no", "yes"]}
    shard, _ = make_shard(tmp_path, vocabulary, [row], style="published")
    wording = parse("Are there any couches in the photo? {options}")
    splicer = Splicer(shard, prepare(TaskInstructions("t", (wording,)), vocabulary), vocabulary)
    # From the vectors of OFA's own encoder.
    expected = [
        0,
        3945,
        89,
        143,
        15763,
        5559,
        11,
        5,
        1345,
        116,
        50118,
        50118,
        10975,
        47261,
        42645,
        117,
        49859,
    ]
    assert splicer.sources([0], 0).row(0).tolist() == [*expected, 10932, 2]
    assert splicer.targets([0]).row(0).tolist() == [117, 2]


def test_cut_slots_are_spliced_exactly(vocabulary: Vocabulary, tmp_path: Path) -> None:
    """A cut history is still the encoding of its text, under spliced and under glued wordings."""
    words = ["old", "'quoted'", "<region_0>", "😀", "café", "(x)", "it's\n12", '"y"', "end"]
    rows = [
        {"target": "a", "history": " ".join(words * 150 + ["last"] * extra), "regions": [box(0, 0, 64, 48)]}
        for extra in range(12)
    ]
    shard, written = make_shard(tmp_path, vocabulary, rows, ("history",), truncate="history")
    assert written.rows == len(rows)
    wordings = [parse("Talk: {history} then?"), parse('Talk: "{history}"?')]
    splicer = Splicer(shard, prepare(TaskInstructions("t", tuple(wordings)), vocabulary), vocabulary)
    for row in range(len(rows)):
        kept = vocabulary.decode(shard.slots.of(row)[1].tolist())
        assert kept[0] == " " and kept[1] != " " and kept.endswith("last" if row else "end")
        for which, wording in enumerate(wordings):
            prompt = render(wording, {"history": kept[1:]})
            ids = splicer.sources([row], which).row(0).tolist()
            assert ids == [0, *vocabulary.encode_marked(f" {prompt}"), 2]
            assert len(ids) <= 1_024


def test_batches_of_nothing_and_of_repeats(small: Vocabulary, tmp_path: Path) -> None:
    rows = [{"target": "a", "text": "b"}, {"target": "c c", "text": "d d"}]
    shard, _ = make_shard(tmp_path, small, rows, ("text",))
    splicer = Splicer(shard, prepare(TaskInstructions("t", (parse("x {text}"),)), small), small)
    assert len(splicer.sources([], 0).values) == 0 and len(splicer.targets([]).lengths) == 0
    twice = splicer.sources([1, 0, 1], 0)
    assert twice.row(0).tolist() == twice.row(2).tolist() != twice.row(1).tolist()


def test_what_does_not_fit_together_is_refused(small: Vocabulary, tmp_path: Path) -> None:
    rows = [{"target": "a", "text": "b"}]
    shard, _ = make_shard(tmp_path, small, rows, ("text",))

    def splicer(*wordings: str) -> Splicer:
        parsed = tuple(parse(wording) for wording in wordings)
        return Splicer(shard, prepare(TaskInstructions("t", parsed), small), small)

    with pytest.raises(BuildError, match="no such row"):
        splicer("{text}").sources([1], 0)
    with pytest.raises(BuildError, match="no such row"):
        splicer("{text}").targets([-1])
    with pytest.raises(BuildError, match="no such instruction"):
        splicer("{text}").sources([0], 1)
    with pytest.raises(BuildError, match="lacks a region or the options"):
        splicer("{text} <region_0>").sources([0], 0)
    with pytest.raises(BuildError, match="lacks a region or the options"):
        splicer("{text} {options}").sources([0], 0)
    with pytest.raises(BuildError, match="does not hold"):
        splicer("{question}")
    with pytest.raises(BuildError, match="different things"):
        splicer("{text}", "x")
    with pytest.raises(BuildError, match="too long"):
        splicer("word " * (INSTRUCTION_LIMIT + 1) + "{text}")
    foreign = prepare(TaskInstructions("t", (parse("{text}"),)), small)
    with pytest.raises(BuildError, match="another vocabulary"):
        Splicer(shard, foreign.model_copy(update={"vocabulary_fingerprint": "0" * 64}), small)


def test_text_rule_of_these_tests() -> None:
    assert text_1(" a\x00\t b\u2003\u0085c\n e\u0301 ") == "a b c é"
    assert table_of([{"target": "x"}]).num_rows == 1
