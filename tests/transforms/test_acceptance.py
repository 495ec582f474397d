"""Counts that a publisher states, held against what came out of the publisher's own bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.artifact import Reference
from schemas.report import Unexpected
from tests.transforms.invented import Invented, invented
from transforms.acceptance import unexpected
from transforms.builder import Builder
from transforms.report import read as read_report

__all__ = ["invented"]


def test_rows_are_counted_by_the_split_of_their_picture(tmp_path: Path) -> None:
    images = pa.table({"image_id": ["a", "b", "c"], "published_split": ["train", "test", None]})
    rows = pa.table({"image_id": ["a", "a", "b", "c", None]})
    pq.write_table(images, tmp_path / "images.parquet")
    pq.write_table(rows, tmp_path / "captions.parquet")
    accepts = {"captions": 5, "captions/train": 2, "captions/test": 2, "captions/validation": 1, "regions": 9}
    found = unexpected(accepts, "captions", tmp_path / "captions.parquet", tmp_path / "images.parquet")
    assert found == [
        Unexpected(what="captions/test", got=1, expected=2),
        Unexpected(what="captions/validation", got=0, expected=1),
    ]
    assert unexpected({"regions": 9}, "captions", tmp_path / "captions.parquet", None) == []


def test_a_split_of_its_own_is_what_counts(tmp_path: Path) -> None:
    pq.write_table(pa.table({"published_split": ["train", "test", "test"]}), tmp_path / "steps.parquet")
    accepts = {"steps/train": 1, "steps/test": 3, "steps": 4}
    assert unexpected(accepts, "steps", tmp_path / "steps.parquet", None) == [
        Unexpected(what="steps/test", got=2, expected=3),
        Unexpected(what="steps", got=3, expected=4),
    ]


def test_different_values_of_a_column_are_counted(tmp_path: Path) -> None:
    pq.write_table(pa.table({"kind": ["color", "counting", "color", None]}), tmp_path / "questions.parquet")
    accepts = {"questions": 4, "questions.kind": 12}
    assert unexpected(accepts, "questions", tmp_path / "questions.parquet", None) == [
        Unexpected(what="questions.kind", got=2, expected=12)
    ]


@pytest.mark.parametrize("pinned", [True, False])
def test_only_pinned_bytes_are_held_to_the_publishers_counts(
    invented: Invented, tmp_path: Path, pinned: bool
) -> None:
    data = (invented.mirror / "hill.example" / "records.json").read_bytes()
    if pinned:
        text = (invented.sources / "hill.py").read_text().partition("\n\n\nclass Picture")[2]
        pin = f'pin=Pin(sha256="{hashlib.sha256(data).hexdigest()}", witness="this test")'
        old = 'RemoteFile(urls=("https://hill.example/records.json",))'
        assert old in text
        invented.source("hill", "\n\n\nclass Picture" + text.replace(old, old[:-1] + f", {pin})"))
    settings = invented.settings(tmp_path / "lake", sources=("hill",), until="tables")
    builder = Builder(settings)
    build = builder.build()
    facts = builder.run(Reference("tables", "hill.captions")).manifest.facts
    # The invented hill says five captions, of which one is of the test split; it has six to train on.
    wanted = [
        {"what": "captions", "got": 6, "expected": 5},
        {"what": "captions/test", "got": 0, "expected": 1},
    ]
    assert facts == ({"unexpected": wanted} if pinned else {})
    (source,) = read_report(settings.lake, build).sources
    assert [one.model_dump() for one in source.unexpected] == (wanted if pinned else [])
