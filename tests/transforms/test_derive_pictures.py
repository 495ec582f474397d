"""Tasks whose answer is a picture: what their query gives, and the rules that hold of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from schemas.artifact import Reference
from schemas.box import BOX_TYPE
from schemas.errors import BuildError
from schemas.task import TaskHead
from transforms.artifact import Artifact, draft, publish
from transforms.derive import derive

SOURCE = ("a_source", "rows")
BOX = {"x0": 2.0, "y0": 1.0, "x1": 6.0, "y1": 4.0}


def _head(**other: Any) -> TaskHead:
    usual: dict[str, Any] = {
        "summary": "A task of the tests.",
        "category": "miscellaneous",
        "origin": "derived",
        "role": "train",
        "output": "image",
        "metrics": (),
    }
    return TaskHead(**usual | other)


def _derive(tmp_path: Path, columns: str, **head: Any) -> Artifact:
    path = tmp_path / "rows.parquet"
    schema = pa.schema([("key", pa.string()), ("image_id", pa.string()), ("box", BOX_TYPE)])
    pq.write_table(pa.Table.from_pylist([{"key": "k", "image_id": "a:1", "box": BOX}], schema), path)
    reference = Reference("instances", "task")
    sql = f"select key, 'train' as split, {columns} from a_source.rows order by key"
    with draft(tmp_path, reference, "0") as making:
        derive("task", _head(**head), sql, {SOURCE: path}, SOURCE, {"seed": "0"}, (), making)
        return publish(tmp_path, reference, "0", making, inputs={}, asked={}, licences=[])


def _row(artifact: Artifact) -> dict[str, Any]:
    (row,) = pq.read_table(artifact.path("instances.parquet")).to_pylist()
    assert isinstance(row, dict)
    return row


def test_a_picture_is_the_answer_whole(tmp_path: Path) -> None:
    row = _row(_derive(tmp_path, "image_id as target_image_id, 'a dog' as text, 3 as fact"))
    assert row == {
        "uid": "task/k",
        "key": "k",
        "image_id": None,
        "split": "train",
        "regions": [],
        "options": None,
        "option_keys": None,
        "target": "",
        "text": "a dog",
        "target_image_id": "a:1",
        "target_box": None,
        "fact": 3,
    }


BLANKED = "image_id, [box] as regions, image_id as target_image_id, box as target_box"


def test_a_part_is_the_answer_and_blanked(tmp_path: Path) -> None:
    row = _row(_derive(tmp_path, BLANKED, blank=True))
    assert (row["regions"], row["target_box"]) == ([BOX], BOX)


@pytest.mark.parametrize(
    ("columns", "rule"),
    [
        ("image_id", "lacks a column"),
        ("image_id as target_image_id, true as label, 'x' as target", "has words"),
        ("null::varchar as target_image_id", "not named"),
        ("'' as target_image_id", "not named"),
        ("'a:1' as target_image_id, struct_pack(x0 := 1, y0 := 1, x1 := 1, y1 := 2) as target_box", "empty"),
    ],
)
def test_a_broken_rule_is_named(tmp_path: Path, columns: str, rule: str) -> None:
    with pytest.raises(BuildError, match=rule):
        _derive(tmp_path, columns)


@pytest.mark.parametrize(
    "columns",
    [
        BLANKED.replace("[box]", "[]"),
        BLANKED.replace(", box as target_box", ""),
        BLANKED.replace("image_id as target_image_id", "'a:2' as target_image_id"),
    ],
)
def test_what_is_blanked_is_what_is_asked(tmp_path: Path, columns: str) -> None:
    with pytest.raises(BuildError, match="blanked"):
        _derive(tmp_path, columns, blank=True)


@pytest.mark.parametrize(
    "other",
    [{"metrics": ("accuracy",)}, {"output": "text"}, {"output": "text", "metrics": ["iou"], "blank": True}],
)
def test_a_head_that_contradicts_itself_is_refused(other: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        _head(**other)
