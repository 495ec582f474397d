"""COCO's, VSR's, NLVR's and Visual Genome's own records, packed as published, built together.

Known of COCO are 110 pictures, instances of 44 and captions of 1,319, most of them others; of VSR the
whole test split, but four of its 715 pictures; of NLVR the development split, which stands here for the
test split, with the pictures of 25 sentences.
"""

from __future__ import annotations

import csv
import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from schemas.artifact import Reference
from schemas.settings import BuildSettings
from tests.test_real_visual_genome import _mirror
from transforms import registry
from transforms.builder import Builder
from transforms.mirror import Mirror

SOURCES = ("mscoco", "nlvr", "visual_genome", "vsr")

SHARED = 13
"""Pictures of VSR's test split that are among those of COCO that are known here."""

GOLDEN: dict[str, tuple[int, int, dict[str, int]]] = {
    "mscoco.images": (1_326, 1_326, {}),
    "mscoco.objects": (460, 460, {}),
    "mscoco.captions": (6_601, 6_601, {}),
    "mscoco.pictures": (1_326, 1_326, {}),
    "vsr.images": (715, 715, {}),
    "vsr.statements": (1_222, 1_222, {}),
    "vsr.pictures": (715, 715, {}),
    "nlvr.images": (989, 989, {}),
    "nlvr.statements": (989, 989, {}),
    "nlvr.pictures": (989, 989, {}),
}
"""Rows in, rows out and rows rejected by reason."""


class Packing:
    """Puts real records where a mirror has them."""

    def __init__(self, real: Path, mirror: Mirror) -> None:
        self.real = real
        self._mirror = mirror

    def coco(self) -> None:
        """Captions and instances in one archive, the pictures in two."""
        declared = registry.declaration("mscoco").files
        known = self.real / "coco" / "reconstructed"
        with zipfile.ZipFile(self.place(declared["annotations"].urls[0]), "w", zipfile.ZIP_DEFLATED) as file:
            for name in ("instances_train2014", "instances_val2014", "captions_val2014"):
                file.write(known / f"{name}.json", f"annotations/{name}.json")
            nothing: dict[str, Any] = {"info": {}, "images": [], "licenses": [], "annotations": []}
            file.writestr("annotations/captions_train2014.json", json.dumps(nothing))
        for folder in ("train2014", "val2014"):
            with zipfile.ZipFile(self.place(declared[folder].urls[0]), "w") as file:
                for row in self.manifest():
                    if row["split_2014"] == folder:
                        file.write(self.picture(row), f"{folder}/{row['file_2014']}")

    def vsr(self) -> None:
        """The file of statements, and the pictures that are known, one by one."""
        declared = registry.declaration("vsr").files
        path = self.real / "vsr" / "data" / "splits" / "zeroshot" / "test.jsonl"
        self.place(declared["zeroshot_test"].urls[0]).write_bytes(path.read_bytes())
        known = {row["file_2017"]: row for row in self.manifest()}
        for line in path.read_text().splitlines():
            statement = json.loads(line)
            if statement["image"] in known:
                member = "/".join(statement["image_link"].split("/")[-2:])
                place = self.place(declared["images"].single[0].replace("{}", member))
                place.write_bytes(self.picture(known[statement["image"]]).read_bytes())

    def nlvr(self) -> None:
        """The development split under the names of the test split."""
        declared = registry.declaration("nlvr").files
        folder = self.real / "nlvr" / "nlvr" / "dev"
        self.place(declared["test"].urls[0]).write_bytes((folder / "dev.json").read_bytes())
        for path in folder.rglob("*-0.png"):
            name = path.relative_to(folder).as_posix().replace("dev-", "test-")
            member = f"nlvr/test/{name}"
            self.place(declared["images"].single[0].replace("{}", member)).write_bytes(path.read_bytes())

    def place(self, url: str) -> Path:
        """Where a file lies in the mirror; its folder is made."""
        path = self._mirror.local_path(url)
        assert path is not None
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def manifest(self) -> list[dict[str, str]]:
        """What is known of COCO's pictures whose files are here: the list is longer."""
        with (self.real / "coco" / "images_manifest.csv").open() as file:
            return [row for row in csv.DictReader(file) if self.picture(row).is_file()]

    def picture(self, row: dict[str, str]) -> Path:
        """The file of one of COCO's pictures."""
        return self.real / "coco" / "images" / row["file_2017"]


@pytest.fixture(scope="module")
def mirror(real: Path, ofa_bpe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All real records, where their publishers have them."""
    folder = tmp_path_factory.mktemp("mirror")
    packing = Packing(real, _mirror(real, "v1.2.0", folder))
    packing.coco()
    packing.vsr()
    packing.nlvr()
    for file in registry.declaration("ofa_bpe").files.values():
        place = packing.place(file.urls[0])
        place.write_bytes((ofa_bpe / place.name).read_bytes())
    return folder


@pytest.fixture(scope="module")
def build(mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> Builder:
    """All that is made of the four sources."""
    settings = BuildSettings(
        lake=tmp_path_factory.mktemp("lake"),
        mirror=str(mirror),
        offline=True,
        sample=True,
        sources=SOURCES,
    )
    builder = Builder(settings)
    builder.build()
    return builder


def rows(build: Builder, reference: Reference) -> list[dict[str, Any]]:
    (path,) = build.run(reference).tables
    found: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return found


def test_counts_are_golden(build: Builder) -> None:
    found = {}
    for name in GOLDEN:
        manifest = build.run(Reference("tables", name)).manifest
        found[name] = (manifest.rows_in, manifest.rows_out, manifest.rejected)
    assert found == GOLDEN


def test_every_ledger_closes(build: Builder) -> None:
    for reference in build.steps:
        manifest = build.run(reference).manifest
        assert manifest.rows_in == manifest.rows_out + sum(manifest.rejected.values()) + manifest.not_asked


def test_evaluation_pictures_are_test_in_every_source(build: Builder) -> None:
    pictures = {name: rows(build, Reference("tables", f"{name}.pictures")) for name in SOURCES}
    spatial = {row["picture_id"] for row in pictures["vsr"]}
    coco = pictures["mscoco"]
    both = {row["picture_id"] for row in coco} & spatial
    assert len(both) == SHARED
    assert all((row["split"] == "test") == (row["picture_id"] in spatial) for row in coco)
    for name in ("vsr", "nlvr"):
        assert {row["split"] for row in pictures[name]} == {"test"}
    splits = Counter(row["split"] for row in coco)
    # Of one photograph, COCO has a copy among its training pictures and one among the others.
    assert splits == {"train": 6, "validation": 1_320 - SHARED, "test": SHARED}


def test_statements_come_out_as_published(build: Builder) -> None:
    spatial = rows(build, Reference("instances", "visual_spatial_relationship"))
    assert len(spatial) == 1_222
    assert Counter(row["target"] for row in spatial).total() == 1_222
    reasoning = rows(build, Reference("instances", "natural_language_for_visual_reasoning"))
    assert len(reasoning) == 989
    assert {row["split"] for row in (*spatial, *reasoning)} == {"test"}


def test_rows_without_a_picture_are_counted(build: Builder) -> None:
    found = {}
    for task in ("visual_spatial_relationship", "natural_language_for_visual_reasoning"):
        manifest = build.run(Reference("mixtures", f"multiinstruct.{task}")).manifest
        found[task] = (manifest.rows_in, manifest.rows_out, manifest.rejected, manifest.not_asked)
    assert found == {
        "visual_spatial_relationship": (1_222, 4, {"picture_absent": 1_218}, 0),
        "natural_language_for_visual_reasoning": (989, 25, {"picture_absent": 964}, 0),
    }


def test_no_training_row_shows_a_picture_that_is_evaluated_on(build: Builder) -> None:
    tested = {row["picture_id"] for row in rows(build, Reference("tables", "vsr.pictures"))}
    photographs = {
        row["image_id"]: row["picture_id"]
        for name in SOURCES
        for row in rows(build, Reference("tables", f"{name}.pictures"))
    }
    tasks = [reference.name for reference in build.steps if reference.stage == "instances"]
    for task in tasks:
        if registry.task(task).head.role == "train":
            for row in rows(build, Reference("instances", task)):
                shown = row["image_id"] or row["target_image_id"]
                assert row["split"] == "test" or photographs[shown] not in tested


def test_every_task_that_reads_these_sources_has_rows(build: Builder) -> None:
    counts = {
        task: build.run(Reference("instances", task)).manifest.rows_out
        for task in registry.task_names()
        if set(registry.sources_of(task)) <= set(SOURCES)
    }
    assert all(counts.values()), counts
