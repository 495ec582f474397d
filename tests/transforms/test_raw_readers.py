"""What a reader is given of files in other formats than arrays and lines of JSON."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from sample_world.archive import tar_gz
from schemas.errors import BuildError
from transforms import json_stream, raw
from transforms.raw import Raw, Record

MEMBERS = {
    "data/1_tie/wikihow.json": b'{"a": 1}',
    "data/1_tie/image/a.jpg": b"a picture",
    "data/2_fly/wikihow.json": b'{"a": "one"}',
    "data/3_sit/wikihow.json": b"no JSON",
    "data/4_run/wikihow.json": b'{"a": 4, "b": "four", "c": []}',
    "table.tsv": b"a\tb\r\n1\tone\r\n",
    "list.json": b"[3, 4]",
}
ARTICLES = re.compile(r"data/[^/]+/wikihow\.json")


class Shape(Record):
    """A record of tests."""

    a: int
    b: str = "-"


class Cells(Record):
    """A row of tests."""

    a: str
    b: str = "-"


@pytest.fixture(params=["members.zip", "members.tar.gz"])
def packed(request: pytest.FixtureRequest, tmp_path: Path) -> Raw:
    """The members in both kinds of archive."""
    path = tmp_path / request.param
    if path.suffix == ".zip":
        with ZipFile(path, "w") as archive:
            for name, data in MEMBERS.items():
                archive.writestr(name, data)
    else:
        with tar_gz(path) as add:
            for name, data in MEMBERS.items():
                # As `tar czf members.tar.gz ./data ./table.tsv` has it.
                add(f"./{name}", data)
    return Raw("somewhere", "file", path)


def alone(tmp_path: Path, data: bytes) -> Raw:
    path = tmp_path / "alone"
    path.write_bytes(data)
    return Raw("somewhere", "file", path)


def test_each_member_is_one_document_and_a_bad_one_is_left_out_alone(packed: Raw) -> None:
    found = [(place, name, shape.a) for place, name, shape in packed.each(Shape, ARTICLES)]
    assert found == [
        (("file", "data/1_tie/wikihow.json", 0, None), "data/1_tie/wikihow.json", 1),
        (("file", "data/4_run/wikihow.json", 0, None), "data/4_run/wikihow.json", 4),
    ]
    assert [(left_out.place[1], left_out.reason) for left_out in packed.malformed] == [
        ("data/2_fly/wikihow.json", "malformed"),
        ("data/3_sit/wikihow.json", "malformed"),
    ]


def test_members_may_be_asked_for_by_name(packed: Raw) -> None:
    wanted = {"data/4_run/wikihow.json", "data/3_sit/wikihow.json", "data/5_eat/wikihow.json"}
    assert [(name, shape.a) for _, name, shape in packed.each(Shape, wanted)] == [
        ("data/4_run/wikihow.json", 4)
    ]
    assert [left_out.place[1] for left_out in packed.malformed] == ["data/3_sit/wikihow.json"]


def test_a_part_of_a_name_is_no_match(packed: Raw) -> None:
    assert list(packed.each(Shape, re.compile("wikihow"))) == []
    assert list(packed.names(re.compile("image"))) == []


def test_names_and_members_of_both_archives_are_the_same(packed: Raw) -> None:
    names = [name for _, name in packed.names(re.compile(r".*"))]
    assert names == list(MEMBERS)
    assert [place[2] for place, _ in packed.names(ARTICLES)] == [0, 1, 2, 3]
    assert packed.has("table.tsv")
    assert not packed.has("data")
    assert packed.document(list[int], member="list.json") == [3, 4]
    (row,) = packed.delimited(Cells, member="table.tsv", delimiter="\t")
    assert row == (("file", "table.tsv", 0, None), Cells("1", "one"))


def test_a_member_that_is_not_there_is_named(packed: Raw) -> None:
    with pytest.raises(BuildError, match="lacks a member") as caught:
        packed.document(list[int], member="other.json")
    assert "other.json" in str(caught.value)


def test_a_member_that_is_too_large_is_refused(packed: Raw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw, "MOST_ELEMENT_BYTES", 7)
    with pytest.raises(BuildError, match="too large") as caught:
        list(packed.each(Shape, ARTICLES))
    assert "data/1_tie/wikihow.json" in str(caught.value)


def test_a_file_that_is_no_archive_has_no_members(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="cannot be read"):
        alone(tmp_path, b"<html>quota exceeded</html>").has("a")


@pytest.mark.parametrize("block", [1, 3, 50, 1 << 20])
def test_entries_are_streamed_with_their_names(
    tmp_path: Path, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole: dict[str, Any] = {
        "info": {"version": "2", "deep": [{"a": {}}]},
        "imgs": {f"{number}": {"a": number, "b": 'with } and "', "c": {"d": [1]}} for number in range(30)},
        "none": {},
        "anns": {'an "odd" näme': {"a": 7}},
        "cats": [1, 2],
        "number": 3,
    }
    monkeypatch.setattr(json_stream, "BLOCK_BYTES", block)
    file = alone(tmp_path, json.dumps(whole, ensure_ascii=False).encode())
    found = [(place[2], key, shape) for place, key, shape in file.entries(Shape, under="imgs")]
    assert found == [(number, f"{number}", Shape(number, 'with } and "')) for number in range(30)]
    assert [key for _, key, _ in file.entries(Shape, under="anns")] == ['an "odd" näme']
    assert list(file.entries(Shape, under="none")) == []
    assert not file.malformed


def test_entries_may_be_the_whole_file_and_of_any_shape(tmp_path: Path) -> None:
    file = alone(tmp_path, b'{"a": [1, 2], "b": []}')
    assert [(key, value) for _, key, value in file.entries(list[int])] == [("a", [1, 2]), ("b", [])]


def test_a_bad_entry_and_a_repeated_name_are_left_out_alone(tmp_path: Path) -> None:
    file = alone(tmp_path, b'{"x": {"a": 1}, "y": {"a": "1"}, "x": {"a": 2}, "y": {"a": 3}, "z": {"a": 4}}')
    assert [(key, shape.a) for _, key, shape in file.entries(Shape)] == [("x", 1), ("z", 4)]
    assert [(left_out.place[2], left_out.reason) for left_out in file.malformed] == [
        (1, "malformed"),
        (2, "duplicate_key"),
        (3, "duplicate_key"),
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"[]", "got: '\\['"),
        (b'{"imgs": {"a": {"a": 1}}', "end of the file"),
        (b'{"imgs": {"a": {"a": 1}', "end of the file"),
        (b'{"imgs": {"a" {"a": 1}}}', "a name and a colon"),
        (b'{"imgs": {"a": {"a": 1}}} {}', "more after its end"),
        (b'{"other": {}}', "an object named 'imgs'"),
        (b'{"imgs": {}, "imgs": {}}', "second time"),
        (b'{"imgs": {"a": {"a": 1},}}', "a name and a colon"),
        (b'{"imgs": {"a": nothing}}', "JSON"),
        (b"", "end of the file"),
    ],
)
def test_what_is_no_object_of_objects_stops_with_its_place(tmp_path: Path, text: bytes, problem: str) -> None:
    with pytest.raises(BuildError, match=problem) as caught:
        list(alone(tmp_path, text).entries(Shape, under="imgs"))
    assert "byte" in str(caught.value)


@pytest.mark.parametrize("text", [b"[1, 2", b'{"a": 1}', b'[1, "2"]', b"\xff", b"[" * 100_000])
def test_a_document_of_another_shape_is_a_clear_error(tmp_path: Path, text: bytes) -> None:
    with pytest.raises(BuildError, match="not the JSON that it should be") as caught:
        alone(tmp_path, text).document(list[int])
    assert "somewhere.file, alone" in str(caught.value)


def test_a_document_may_be_a_table_to_look_things_up(tmp_path: Path) -> None:
    assert alone(tmp_path, b'{"a": "b"}').document(dict[str, str]) == {"a": "b"}


def test_lines_of_text_are_numbered_and_clean(tmp_path: Path) -> None:
    file = alone(tmp_path, b"\xef\xbb\xbf1001.jpg\r\n\r\n 2002.jpg \n\xff\nlast")
    assert [(place[2], text) for place, text in file.text_lines()] == [
        (0, "1001.jpg"),
        (2, " 2002.jpg "),
        (4, "last"),
    ]
    assert [left_out.place[2] for left_out in file.malformed] == [3]


def test_a_pickled_record_of_another_shape_is_left_out_alone(tmp_path: Path) -> None:
    records = [{"a": 1}, {"a": "1"}, {"b": "no a"}, 7, {"a": 4, "b": "four", "more": [{}]}]
    file = alone(tmp_path, pickle.dumps(records, 2))
    assert [(place[2], shape) for place, shape in file.pickled(Shape)] == [
        (0, Shape(1)),
        (4, Shape(4, "four")),
    ]
    assert [left_out.place[2] for left_out in file.malformed] == [1, 2, 3]


def test_a_pickled_record_may_be_as_deep_as_it_likes(tmp_path: Path) -> None:
    deep = b"(" + b"]" * 100_000 + b"a" * 99_999 + b"l."
    file = alone(tmp_path, deep)
    assert list(file.pickled(Shape)) == []
    (left_out,) = file.malformed
    assert len(left_out.record) < 100


def test_a_pickle_of_something_else_than_a_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="no list"):
        list(alone(tmp_path, pickle.dumps({"a": 1}, 2)).pickled(Shape))
