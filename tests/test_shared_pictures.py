"""Photographs that the sample world trains on in one source and evaluates on in another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image
from typer.testing import CliRunner

from flows.cli import app
from sample_world.copies import COPIES
from sample_world.draw import encoded
from sample_world.formats.mocheg import Copied, copied
from schemas.artifact import Reference
from transforms import registry
from transforms.builder import Builder
from transforms.graph import default_tasks
from transforms.photographs import Photographs

TASK = "multimodal_factual_checking"
_SHARED_BY_ID = {
    "grounded_vqa": {"coco"},
    "text_vqa": {"coco"},
    "visual_entailment": {"coco", "vg"},
    "visual_spatial_relationship": {"vg"},
}
"""The other publishers that hold photographs of a held-out task under an id that tells it. Pictures of the
other held-out tasks have no id in common with anything."""


def _made(builder: Builder, name: str) -> Any:
    return builder.run(Reference("mixtures", f"multiinstruct.{name}"))


def _left_out(builder: Builder, task: str) -> Iterator[dict[str, Any]]:
    path = _made(builder, task).folder / "rejected.parquet"
    return (row for row in (pq.read_table(path).to_pylist() if path.exists() else []) if row["other_image"])


PLANTED = list(copied(0, 1.0))
HELD_OUT = [
    name
    for name in default_tasks()
    if registry.task(name).head.role == "eval" and not registry.task(name).head.extra
]
_IDS = {
    "commonsense_vqa": "vcr:{}",
    "disaster_type_classification": "medic:{}",
    "grounded_vqa": "vg:{}",
    "natural_language_for_visual_reasoning": "nlvr:{}",
    "text_vqa": "textvqa:{}",
    "visual_dialogue": "visdial_val2018:{}",
    "visual_entailment": "flickr30k:{}",
    "visual_spatial_relationship": "coco:{}",
    "visual_text_extraction": "hm:{}",
}
"""The id that the reader of each task's source gives a picture."""


def test_a_copy_of_every_kind_is_planted_for_each_held_out_task() -> None:
    assert sorted(_IDS) == HELD_OUT
    assert len(HELD_OUT) == 9
    pairs = [(copy.task, copy.kind) for copy in PLANTED]
    assert sorted(pairs) == sorted((task, kind) for task in HELD_OUT for kind in COPIES)


@pytest.mark.parametrize("task", HELD_OUT)
def test_each_planted_copy_is_barred_and_named(sample_build: Builder, task: str) -> None:
    mine = {f"mocheg:{copy.picture}": copy for copy in PLANTED if copy.task == task}
    found = {row["image_id"]: row for row in _left_out(sample_build, TASK) if row["image_id"] in mine}
    assert set(found) == set(mine)
    named = {image: _IDS[task].format(copy.original.name) for image, copy in mine.items()}
    assert set(named.values()) <= _tested(sample_build, task)
    # Twins may look alike: of a large picture with one word changed, either is as near.
    twins = set().union(*(_same(sample_build, original) for original in named.values()))
    for image, row in found.items():
        exact = mine[image].kind == "same_bytes"
        assert row["rejected"] == "shown_in_evaluation"
        assert row["other_image"] in (_same(sample_build, named[image]) if exact else twins)


@pytest.mark.parametrize("task", HELD_OUT)
def test_copies_are_what_they_are_called(sample_build: Builder, task: str) -> None:
    size = {}
    for copy in PLANTED:
        if copy.task == task:
            with Image.open(BytesIO(_copy(copy))) as picture:
                size[copy.kind] = (picture.size, picture.format)
                whole = copy.original.picture.size
            original = encoded(copy.original.picture, copy.original.kind)
            assert (_copy(copy) == original) == (copy.kind == "same_bytes")
            assert (size[copy.kind][0] == whole) == (copy.kind != "resized")
            assert (size[copy.kind][1] == copy.original.kind) or copy.kind in ("converted", "reencoded")


def _copy(copy: Copied) -> bytes:
    return COPIES[copy.kind](copy.original.picture, copy.original.kind)


def _tested(builder: Builder, task: str) -> set[str]:
    """The pictures of the rows that a task is evaluated on."""
    rows = pq.read_table(_made(builder, task).path("rows.parquet"))
    return {row["image_id"] for row in rows.to_pylist() if row["split"] == "test"}


def _same(builder: Builder, image: str) -> set[str]:
    """The held-out pictures that are one by id or by bytes: Visual Genome and COCO share photographs."""
    shown = pq.read_table(_made(builder, "pictures.test").path("shown.parquet")).to_pylist()
    bytes_of = {row["image_id"]: row["sha256"] for row in shown}
    photograph: dict[str, str] = {}
    for reference in builder.steps:
        if reference.stage == "tables" and reference.name.endswith(".pictures"):
            for row in pq.read_table(builder.run(reference).path("pictures.parquet")).to_pylist():
                photograph[row["image_id"]] = row["picture_id"]
    return {
        other
        for other, sha256 in bytes_of.items()
        if sha256 == bytes_of[image] or photograph[other] == photograph[image]
    }


def test_a_photograph_with_a_common_id_is_in_no_training_split(sample_build: Builder) -> None:
    """Sources whose files say which photograph it is: COCO's, Visual Genome's, or one on Flickr."""
    trained: dict[str, set[str]] = {}
    photograph: dict[str, str] = {}
    for source in registry.source_names():
        reference = Reference("tables", f"{source}.pictures")
        if reference in sample_build.steps:
            for row in pq.read_table(sample_build.run(reference).path("pictures.parquet")).to_pylist():
                photograph[row["image_id"]] = row["picture_id"]
                trained.setdefault(row["picture_id"], set()).add(row["split"])
    for task, others in _SHARED_BY_ID.items():
        shared = set()
        for image in _tested(sample_build, task):
            assert trained[photograph[image]] == {"test"}
            shared |= {
                other.partition(":")[0]
                for other, picture in photograph.items()
                if picture == photograph[image] and other != image
            }
        assert shared >= others, task


def test_no_picture_that_is_trained_on_looks_like_one_that_is_evaluated_on(sample_build: Builder) -> None:
    shown = {
        split: pq.read_table(_made(sample_build, f"pictures.{split}").path("shown.parquet"))
        for split in ("train", "validation", "test")
    }
    assert min(table.num_rows for table in shown.values()) > 20
    for split, stricter in (("train", "validation"), ("train", "test"), ("validation", "test")):
        known = set(shown[stricter]["sha256"].to_pylist())
        assert not known & set(shown[split]["sha256"].to_pylist())
    # Independent of the bars: every picture with every other one.
    tested = Photographs(shown["test"])
    for row in shown["train"].to_pylist():
        assert tested.find(row["sha256"], None) is None


def test_the_report_of_overlaps_says_what_is_shared(sample_build: Builder) -> None:
    answer = CliRunner().invoke(app, ["list", "overlaps", "--lake", str(sample_build.lake), "--json"])
    assert answer.exit_code == 0, answer.output
    pairs = {(row["source"], row["other"]): row["photographs"] for row in json.loads(answer.output)}
    listed = {}
    for source in ("mscoco", "visual_genome", "vsr"):
        path = sample_build.run(Reference("tables", f"{source}.pictures")).path("pictures.parquet")
        listed[source] = set(pq.read_table(path)["picture_id"].to_pylist())
    for pair in (("mscoco", "visual_genome"), ("mscoco", "vsr"), ("visual_genome", "vsr")):
        assert pairs[pair]["id"] == len(listed[pair[0]] & listed[pair[1]]) > 0
    assert pairs["mscoco", "visual_genome"]["look"] > 0
    assert all(source < other for source, other in pairs)
    words = CliRunner().invoke(app, ["list", "overlaps", "--lake", str(sample_build.lake)])
    assert "mscoco" in words.output and f"{len(pairs)} pairs" in words.output


def test_every_row_that_could_be_shown_is_taken_or_named(sample_build: Builder) -> None:
    counted = sample_build.run(Reference("mixtures", "multiinstruct"))
    for task in default_tasks():
        if Reference("mixtures", f"multiinstruct.{task}") not in sample_build.steps:
            continue
        counts = pq.read_table(counted.path(f"{task}.parquet"))
        manifest = _made(sample_build, task).manifest
        asked = sum(counts["count"].to_pylist())
        assert manifest.rows_out + sum(manifest.rejected.values()) == asked
