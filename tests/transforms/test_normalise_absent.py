"""Values that may be absent, lists of texts, marked texts, and rows without a picture."""

from __future__ import annotations

from math import inf, nan
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import BuildError
from schemas.tables import CLAIMS, QUESTIONS, REGIONS, STATEMENTS, STEPS, TEXTS, Table
from transforms import normalise as module
from transforms.artifact import Draft
from transforms.normalise import normalise

SIZES = pa.table(
    {
        "image_id": ["vg:1", "vg:2", "vg:unsized"],
        "width": pa.array([800, 100, None], pa.int32()),
        "height": pa.array([600, 50, None], pa.int32()),
    }
)

QUESTION: dict[str, Any] = {"image_id": "vg:1", "question_id": "1", "question": "What is it?"}
TEXT: dict[str, Any] = {"image_id": "vg:1", "text_id": "1"}
STEP: dict[str, Any] = {
    "article_id": "a",
    "method_position": 0,
    "position": 0,
    "method": "Tying",
    "text": "Cross the ends.",
}
CLAIM: dict[str, Any] = {
    "claim_id": "c",
    "claim": "It rained.",
    "verdict": "supported",
    "image_ids": ["vg:1"],
}


class Made:
    """What `normalise` wrote of some rows."""

    def __init__(self, folder: Path, table: Table, *rows: dict[str, Any], sizes: pa.Table = SIZES) -> None:
        draft = Draft(folder)
        places = [(("file", "member", number, None), row) for number, row in enumerate(rows)]
        normalise("test", table, places, sizes if table.having("image") else None, draft)
        draft.close()
        kept = pq.read_table(folder / "data" / f"{table.name}.parquet")
        assert kept.schema.equals(table.schema)
        assert draft.rows_in == kept.num_rows + draft.rejected.total()
        self.kept = kept.to_pylist()
        self.reasons = dict(draft.rejected)


def test_what_may_be_absent_need_not_be_named(tmp_path: Path) -> None:
    (row,) = Made(tmp_path, QUESTIONS, QUESTION).kept
    absent = {name for name, value in row.items() if value is None}
    assert absent == {
        *("question_marked", "question_objects", "context", "context_raw", "answer", "answer_raw"),
        *("answers", "answers_raw", "choices", "choices_raw", "answer_object", "choice_objects", "kind"),
        "item",
    }


def test_what_must_be_there_must_be_named(tmp_path: Path) -> None:
    row = {name: value for name, value in QUESTION.items() if name != "question"}
    with pytest.raises(BuildError, match="lacks a column") as caught:
        Made(tmp_path, QUESTIONS, row)
    assert "question" in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "cleaned", "raw"),
    [
        (" two\n birds ", "two birds", " two\n birds "),
        (" \n\u00a0", None, " \n\u00a0"),
        ("", None, ""),
        (None, None, None),
    ],
)
def test_a_text_that_may_be_absent_is_absent_where_it_is_empty(
    tmp_path: Path, answer: str | None, cleaned: str | None, raw: str | None
) -> None:
    (row,) = Made(tmp_path, QUESTIONS, {**QUESTION, "answer": answer}).kept
    assert (row["answer"], row["answer_raw"]) == (cleaned, raw)


@pytest.mark.parametrize(
    ("answers", "cleaned"),
    [
        (["yes", " yes\t"], ["yes", "yes"]),
        (["", "no", " "], ["no"]),
        ([None, "no"], ["no"]),
        (("no", "yes"), ["no", "yes"]),
        ([""], []),
        ([], []),
        (None, None),
    ],
)
def test_a_list_of_texts_is_cleaned_text_by_text(
    tmp_path: Path, answers: Any, cleaned: list[str] | None
) -> None:
    # Neighbours with other lengths, so that a text in the wrong row would show.
    before = {**QUESTION, "question_id": "0", "answers": ["one", "", "two"]}
    after = {**QUESTION, "question_id": "2", "answers": [" three "], "choices": ["x", "y"]}
    rows = Made(tmp_path, QUESTIONS, before, {**QUESTION, "answers": answers}, after).kept
    assert [row["answers"] for row in rows] == [["one", "two"], cleaned, ["three"]]
    assert rows[1]["answers_raw"] == (list(answers) if answers is not None else None)
    assert [row["choices"] for row in rows] == [None, None, ["x", "y"]]


TEXTS_OF_LISTS = st.lists(st.none() | st.sampled_from(["a", " b ", "", " ", "é", "c\n"]), max_size=4)


@settings(max_examples=100, deadline=None)
@given(lists=st.lists(st.none() | TEXTS_OF_LISTS, min_size=1, max_size=8), batch=st.integers(1, 4))
def test_lists_stay_with_their_rows(
    tmp_path_factory: pytest.TempPathFactory, lists: list[list[str | None] | None], batch: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BATCH", batch)
        rows = [
            {**QUESTION, "question_id": str(number), "answers": answers}
            for number, answers in enumerate(lists)
        ]
        made = Made(tmp_path_factory.mktemp("lists"), QUESTIONS, *rows)
    wanted = [
        None if answers is None else [text.strip() for text in answers if text and text.strip()]
        for answers in lists
    ]
    assert [row["answers"] for row in made.kept] == wanted


REJECTS: list[tuple[Table, str, dict[str, Any]]] = [
    (QUESTIONS, "malformed", {**QUESTION, "answer": 3}),
    (QUESTIONS, "malformed", {**QUESTION, "answer": "\ud800"}),
    (QUESTIONS, "malformed", {**QUESTION, "answers": ["yes", 3]}),
    (QUESTIONS, "malformed", {**QUESTION, "answers": "yes"}),
    (QUESTIONS, "malformed", {**QUESTION, "answers": ["\ud800"]}),
    (QUESTIONS, "malformed", {**QUESTION, "answers": [["yes"]]}),
    (QUESTIONS, "malformed", {**QUESTION, "choice_objects": [1]}),
    (QUESTIONS, "malformed", {**QUESTION, "kind": 1}),
    (QUESTIONS, "malformed", {**QUESTION, "question_marked": 1}),
    (QUESTIONS, "malformed", {**QUESTION, "question": None}),
    (QUESTIONS, "empty_text", {**QUESTION, "question": " "}),
    (QUESTIONS, "reserved_mark", {**QUESTION, "answer": "<region_0>"}),
    (QUESTIONS, "reserved_mark", {**QUESTION, "answers": ["no", "a |||| b"]}),
    (QUESTIONS, "reserved_mark", {**QUESTION, "context": "[Options]: a"}),
    (QUESTIONS, "text_too_long", {**QUESTION, "context": "a" * 10_001}),
    (QUESTIONS, "text_too_long", {**QUESTION, "choices": ["b", "a" * 10_001]}),
    (QUESTIONS, "unknown_image", {**QUESTION, "image_id": None}),
    (STATEMENTS, "malformed", {"image_id": "vg:1", "statement_id": "1", "text": "It is.", "label": "yes"}),
    (TEXTS, "malformed", {**TEXT, "box": (1, 2, 3)}),
    (TEXTS, "malformed", {**TEXT, "box": "1234"}),
    (TEXTS, "malformed", {**TEXT, "legible": 2}),
    (TEXTS, "box_not_finite", {**TEXT, "box": (1, 2, nan, 4)}),
    (TEXTS, "box_not_finite", {**TEXT, "box": (-inf, 2, 3, 4)}),
    (TEXTS, "box_outside", {**TEXT, "box": (800, 0, 900, 9)}),
    (TEXTS, "box_degenerate", {**TEXT, "box": (5, 5, 5, 9)}),
    (TEXTS, "unknown_image", {**TEXT, "image_id": "vg:3"}),
    (STEPS, "unknown_image", {**STEP, "image_id": "vg:3"}),
    (STEPS, "malformed", {**STEP, "image_id": 1}),
    (STEPS, "malformed", {**STEP, "position": "0"}),
    (STEPS, "malformed", {**STEP, "position": None}),
    (STEPS, "malformed", {**STEP, "position": 2**63}),
    (STEPS, "empty_text", {**STEP, "text": ""}),
    (CLAIMS, "malformed", {**CLAIM, "verdict": None}),
    (CLAIMS, "malformed", {**CLAIM, "image_ids": None}),
    (CLAIMS, "malformed", {**CLAIM, "image_ids": "vg:1"}),
    (CLAIMS, "reserved_mark", {**CLAIM, "context": "<bin_3>"}),
]


@pytest.mark.parametrize(("table", "reason", "row"), REJECTS)
def test_a_bad_row_is_left_out_and_its_neighbours_stay(
    tmp_path: Path, table: Table, reason: str, row: dict[str, Any]
) -> None:
    statement: dict[str, Any] = {"image_id": "vg:1", "statement_id": "1", "text": "It is.", "label": True}
    good = {
        "questions": QUESTION,
        "texts": TEXT,
        "steps": STEP,
        "claims": CLAIM,
        "statements": statement,
    }[table.name]
    key = table.having("key")[-1].name
    other = {**good, key: 7 if isinstance(good[key], int) else "other"}
    made = Made(tmp_path, table, other, row)
    assert made.reasons == {reason: 1}
    assert len(made.kept) == 1


def test_a_box_that_may_be_absent_is_absent_or_clipped(tmp_path: Path) -> None:
    boxes = [None, (-5, 10, 900, 20.006), None, (1, 2, 30, 40)]
    rows = [{**TEXT, "text_id": str(number), "box": box} for number, box in enumerate(boxes)]
    found = [row["box"] for row in Made(tmp_path, TEXTS, *rows, {**TEXT, "text_id": "unnamed"}).kept]
    clipped = {"x0": 0.0, "y0": 10.0, "x1": 800.0, "y1": 20.01}
    whole = {"x0": 1.0, "y0": 2.0, "x1": 30.0, "y1": 40.0}
    assert found == [None, clipped, None, whole, None]


def test_an_absent_box_is_no_malformed_one_beside_others_that_are(tmp_path: Path) -> None:
    boxes: list[Any] = [None, (1, 2, 3), (1, 2, 30, 40), "no box"]
    rows = [{**TEXT, "text_id": str(number), "box": box} for number, box in enumerate(boxes)]
    made = Made(tmp_path, TEXTS, *rows)
    assert [row["text_id"] for row in made.kept] == ["0", "2"]
    assert made.reasons == {"malformed": 2}


def test_only_absent_boxes_in_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BATCH", 2)
    rows = [{**TEXT, "text_id": str(number)} for number in range(4)] + [
        {**TEXT, "text_id": "5", "box": (1, 2, 9, 9)}
    ]
    found = Made(tmp_path, TEXTS, *rows).kept
    assert [row["box"] is None for row in found] == [True] * 4 + [False]


def test_a_picture_of_unknown_size_bounds_a_box_on_two_sides(tmp_path: Path) -> None:
    row = {"image_id": "vg:unsized", "region_id": "1", "box": (-4, -3, 90_000, 7), "text": "sky"}
    below = {**row, "region_id": "2", "box": (-4, -3, -1, 7)}
    made = Made(tmp_path, REGIONS, row, below)
    assert [row["box"] for row in made.kept] == [{"x0": 0.0, "y0": 0.0, "x1": 90_000.0, "y1": 7.0}]
    assert made.reasons == {"box_outside": 1}


def test_a_marked_text_keeps_its_marks_and_is_cleaned(tmp_path: Path) -> None:
    marked = " Why is <region_0>\nbehind  <region_1>? "
    question = {**QUESTION, "question_marked": marked, "question_objects": ["1", "2"]}
    (row,) = Made(tmp_path, QUESTIONS, question).kept
    assert row["question_marked"] == "Why is <region_0> behind <region_1>?"
    assert row["question_objects"] == ["1", "2"]


def test_a_publisher_cannot_mark_a_text(tmp_path: Path) -> None:
    question = {**QUESTION, "question": "Why is <region_7>?", "question_marked": "Why is <region_7>?"}
    assert Made(tmp_path, QUESTIONS, question).reasons == {"reserved_mark": 1}


@pytest.mark.parametrize("label", [True, False, None])
def test_a_statement_is_true_false_or_neither(tmp_path: Path, label: bool | None) -> None:
    row = {"image_id": "vg:1", "statement_id": "1", "text": "It is.", "label": label}
    assert [found["label"] for found in Made(tmp_path, STATEMENTS, row).kept] == [label]


def test_a_row_may_have_a_picture_or_none(tmp_path: Path) -> None:
    rows = [{**STEP, "position": 0, "image_id": "vg:2"}, {**STEP, "position": 1, "image_id": None}]
    rows += [{**STEP, "position": 2}]
    found = Made(tmp_path, STEPS, *rows).kept
    assert [row["image_id"] for row in found] == ["vg:2", None, None]


def test_where_a_picture_may_be_absent_it_is_no_part_of_the_name(tmp_path: Path) -> None:
    rows = [STEP, {**STEP, "image_id": "vg:1"}, {**STEP, "image_id": "vg:2"}, {**STEP, "position": 1}]
    made = Made(tmp_path, STEPS, *rows)
    assert [(row["image_id"], row["position"]) for row in made.kept] == [(None, 0), (None, 1)]
    assert made.reasons == {"duplicate_id": 2}


def test_without_pictures_the_keys_are_the_whole_name(tmp_path: Path) -> None:
    rows = [CLAIM, {**CLAIM, "claim": "It snowed."}, {**CLAIM, "claim_id": "d"}]
    made = Made(tmp_path, CLAIMS, *rows)
    assert [(row["claim_id"], row["claim"]) for row in made.kept] == [
        ("c", "It rained."),
        ("d", "It rained."),
    ]
    assert made.reasons == {"duplicate_id": 1}


def test_with_pictures_a_key_may_come_once_a_picture(tmp_path: Path) -> None:
    rows = [QUESTION, {**QUESTION, "image_id": "vg:2"}, {**QUESTION, "question": "Again?"}]
    made = Made(tmp_path, QUESTIONS, *rows)
    assert [row["image_id"] for row in made.kept] == ["vg:1", "vg:2"]
    assert made.reasons == {"duplicate_id": 1}


def test_keys_of_several_parts_are_not_run_together(tmp_path: Path) -> None:
    parts = [("a", 1, 23), ("a", 12, 3), ("a1", 2, 3), ("a 1", 1, 1), ("a", 11, 1), ("a\0", 1, 23)]
    rows = [
        {**STEP, "article_id": article, "method_position": method, "position": position}
        for article, method, position in parts
    ]
    assert len(Made(tmp_path, STEPS, *rows).kept) == len(parts)


def test_a_row_that_was_left_out_does_not_use_up_its_name(tmp_path: Path) -> None:
    rows = [{**STEP, "text": ""}, STEP, STEP]
    made = Made(tmp_path, STEPS, *rows)
    assert len(made.kept) == 1
    assert made.reasons == {"empty_text": 1, "duplicate_id": 1}
