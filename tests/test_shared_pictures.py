"""Photographs that the sample world trains on in one source and evaluates on in another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pyarrow.parquet as pq
from typer.testing import CliRunner

from flows.cli import app
from sample_world.copies import COPIES, evaluated_twins
from sample_world.formats.mocheg import copied
from sample_world.scenes import flickr_id
from schemas.artifact import Reference
from transforms import registry
from transforms.builder import Builder
from transforms.photographs import Photographs

TASK = "multimodal_factual_checking"


def _made(builder: Builder, name: str) -> Any:
    return builder.run(Reference("mixtures", f"multiinstruct.{name}"))


def _left_out(builder: Builder, task: str) -> Iterator[dict[str, Any]]:
    path = _made(builder, task).folder / "rejected.parquet"
    return (row for row in (pq.read_table(path).to_pylist() if path.exists() else []) if row["other_image"])


def test_each_planted_copy_is_barred_and_named(sample_build: Builder) -> None:
    found = {row["image_id"]: (row["rejected"], row["other_image"]) for row in _left_out(sample_build, TASK)}
    originals = [f"flickr30k:{flickr_id(scene.number)}" for scene in evaluated_twins(0)]
    assert found == {
        f"mocheg:{told.picture}": ("shown_in_evaluation", originals[position % 2])
        for position, told in enumerate(copied(0).values())
    }
    assert len(found) == len(COPIES)


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
    for task in registry.task_names():
        if Reference("mixtures", f"multiinstruct.{task}") not in sample_build.steps:
            continue
        counts = pq.read_table(counted.path(f"{task}.parquet"))
        manifest = _made(sample_build, task).manifest
        asked = sum(counts["count"].to_pylist())
        assert manifest.rows_out + sum(manifest.rejected.values()) == asked
