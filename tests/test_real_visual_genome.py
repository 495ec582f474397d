"""Visual Genome's own records of pictures 1, 2, 4 and 5, packed as published, built to all tasks."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from schemas.artifact import Reference
from schemas.settings import BuildSettings
from transforms import registry
from transforms.builder import Builder
from transforms.mirror import Mirror

PICTURES = (1, 2, 4, 5)
RECORDS = {
    "image_data": 4,
    "region_descriptions": 4,
    "objects": 4,
    "attributes": 4,
    "relationships": 4,
    "question_answers": 4,
}


def _mirror(real: Path, version: str, folder: Path) -> Mirror:
    """The publisher's archives, holding only what is known of the four pictures."""
    mirror = Mirror(str(folder))
    declared = registry.declaration("visual_genome")

    def place(file: str) -> Path:
        path = mirror.local_path(declared.files[file].urls[0])
        assert path is not None
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    for file in RECORDS:
        records = json.loads((real / "visual_genome" / version / f"{file}.json").read_bytes())
        ours = [record for record in records if record.get("image_id", record.get("id")) in PICTURES]
        if version == "v1.0.0" and file in ("objects", "attributes", "relationships"):
            ours = [record for record in records if record["id"] in PICTURES]
        assert len(ours) == RECORDS[file]
        with zipfile.ZipFile(place(file), "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{file}.json", json.dumps(ours))
    for file, folder_name, numbers in (("images", "VG_100K", (2, 4, 5)), ("images2", "VG_100K_2", (1,))):
        with zipfile.ZipFile(place(file), "w") as archive:
            for number in numbers:
                archive.write(
                    real / "visual_genome" / "images" / f"{number}.jpg", f"{folder_name}/{number}.jpg"
                )
    return mirror


@pytest.fixture(scope="module", params=["v1.0.0", "v1.2.0"])
def build(
    request: pytest.FixtureRequest, real: Path, ofa_bpe: Path, tmp_path_factory: pytest.TempPathFactory
) -> Builder:
    """All tasks, built from the real records in one version of their keys."""
    base = tmp_path_factory.mktemp(request.param)
    mirror = _mirror(real, request.param, base / "mirror")
    for file in registry.declaration("ofa_bpe").files.values():
        path = mirror.local_path(file.urls[0])
        assert path is not None
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((ofa_bpe / path.name).read_bytes())
    settings = BuildSettings(
        lake=base / "lake",
        mirror=str(base / "mirror"),
        offline=True,
        sample=True,
        sources=("visual_genome",),
    )
    builder = Builder(settings)
    builder.build()
    return builder


def tasks() -> list[str]:
    """The tasks that Visual Genome alone can feed."""
    return [name for name in registry.task_names() if registry.sources_of(name) == ("visual_genome",)]


def _rows(build: Builder, task: str) -> list[dict[str, Any]]:
    path = build.run(Reference("instances", task)).path("instances.parquet")
    found: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return found


def test_every_ledger_closes(build: Builder) -> None:
    for reference in build.steps:
        manifest = build.run(reference).manifest
        assert manifest.rows_in == manifest.rows_out + sum(manifest.rejected.values()) + manifest.not_asked


def test_every_task_has_rows(build: Builder) -> None:
    counts = {task: build.run(Reference("instances", task)).manifest.rows_out for task in tasks()}
    assert all(counts.values()), counts


def test_a_region_that_was_published_comes_out_as_published(build: Builder) -> None:
    (row,) = [row for row in _rows(build, "grounded_captioning") if row["key"] == "vg:1:1382"]
    assert row["target"] == "the clock is green in colour"
    assert row["regions"] == [{"x0": 421.0, "y0": 57.0, "x1": 503.0, "y1": 196.0}]
    assert row["split"] == "train"


def test_predicates_are_folded_to_one_case(build: Builder) -> None:
    said = Counter(row["target"] for row in _rows(build, "visual_object_relationship"))
    assert said["on"] > 10
    assert all(predicate == predicate.lower() for predicate in said)


def test_shards_hold_real_ids(build: Builder) -> None:
    selected = [Reference("mixtures", f"multiinstruct.{task}") for task in tasks()]
    taken = sum(build.run(ref).manifest.rows_out for ref in selected if ref in build.steps)
    assert build.run(Reference("shards", "multiinstruct")).manifest.rows_out == taken > 1_000
