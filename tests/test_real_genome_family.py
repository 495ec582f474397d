"""Real records of Visual7W, GQA, VAW, TextVQA and VizWiz, packed as published, built beside Visual Genome's.

Known of Visual Genome are four pictures. Of Visual7W one telling and one pointing question were put back into
the publishers' containers; names of three of four boxes are not known. The known questions of GQA are about
pictures that are not Visual Genome's, and the picture of the one known thing of VAW is not among the four. So
their rows come to nothing here, and say why; each reader's own test lists the pictures and keeps the rows.
"""

from __future__ import annotations

import json
import zipfile
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

SOURCES = ("gqa", "text_vqa", "vaw", "visual7w", "visual_genome", "vizwiz_iqa")

GOLDEN: dict[str, tuple[int, int, dict[str, int]]] = {
    "visual7w.images": (2, 1, {"not_in_visual_genome": 1}),
    "visual7w.objects": (4, 1, {"malformed": 3}),
    "visual7w.questions": (2, 1, {"unknown_image": 1}),
    "visual7w.pictures": (1, 1, {}),
    "gqa.images": (398, 0, {"not_in_visual_genome": 398}),
    "gqa.questions": (4_624, 0, {"unknown_image": 4_624}),
    "gqa.pictures": (0, 0, {}),
    "vaw.images": (1, 0, {"not_in_visual_genome": 1}),
    "vaw.objects": (1, 0, {"unknown_image": 1}),
    "vaw.attributes": (8, 0, {"unknown_image": 8}),
    "vaw.pictures": (0, 0, {}),
    "text_vqa.images": (4, 4, {}),
    "text_vqa.questions": (5, 5, {}),
    "text_vqa.texts": (0, 0, {}),
    "text_vqa.pictures": (4, 4, {}),
    "vizwiz_iqa.images": (13_750, 13_750, {}),
    "vizwiz_iqa.labels": (123_750, 123_750, {}),
    "vizwiz_iqa.pictures": (13_750, 13_750, {}),
}
"""Rows in, rows out and rows rejected by reason."""


class Packing:
    """Puts real records where a mirror has them."""

    def __init__(self, real: Path, mirror: Mirror) -> None:
        self._real = real
        self._mirror = mirror

    def place(self, source: str, file: str) -> Path:
        """Where a declared file lies in the mirror; its folder is made."""
        path = self._mirror.local_path(registry.declaration(source).files[file].urls[0])
        assert path is not None
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def packed(self, source: str, file: str, members: dict[str, bytes]) -> None:
        """A declared file that is a zip."""
        with zipfile.ZipFile(self.place(source, file), "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in members.items():
                archive.writestr(name, data)

    def visual7w(self) -> None:
        """Both files as they were put back together."""
        for file in ("telling", "pointing"):
            name = f"dataset_v7w_{file}.json"
            data = (self._real / "visual7w" / "reconstructed" / name).read_bytes()
            self.packed("visual7w", file, {name: data})

    def gqa(self) -> None:
        """Questions of testdev and for few-shot training, which share 232, and those for validation."""
        known = self._real / "gqa"
        trained = json.loads((known / "xgqa_en_few_shot" / "train_48.json").read_bytes())
        trained |= json.loads((known / "testdev_balanced_questions.iglue.json").read_bytes())
        validated = (known / "xgqa_en_few_shot" / "dev.json").read_bytes()
        members = {
            "train_balanced_questions.json": json.dumps(trained).encode(),
            "val_balanced_questions.json": validated,
        }
        self.packed("gqa", "questions", members)

    def vaw(self) -> None:
        """The one known thing, and nothing in the other files."""
        for file in registry.declaration("vaw").files:
            self.place("vaw", file).write_text("[]")
        known = self._real / "vaw" / "single_real_record" / "val.json"
        self.place("vaw", "val").write_bytes(known.read_bytes())

    def text_vqa(self) -> None:
        """Questions and pictures; the words that were read are not known."""
        known = self._real / "textvqa"
        self.place("text_vqa", "val").write_bytes((known / "TextVQA_0.5.1_val.json").read_bytes())
        self.place("text_vqa", "ocr_val").write_text('{"data": []}')
        shown = sorted((known / "images" / "train_images").glob("*.jpg"))
        members = {f"train_images/{path.name}": path.read_bytes() for path in shown}
        self.packed("text_vqa", "images", members)

    def vizwiz_iqa(self) -> None:
        """The votes that are known; no picture is."""
        known = self._real / "vizwiz" / "quality_annotations"
        files = {"train": "train.first6000", "val": "val", "test": "test"}
        members = {f"{part}.json": (known / f"{name}.json").read_bytes() for part, name in files.items()}
        self.packed("vizwiz_iqa", "annotations", members)
        for part in ("train", "val"):
            self.packed("vizwiz_iqa", part, {})


@pytest.fixture(scope="module")
def build(real: Path, tmp_path_factory: pytest.TempPathFactory) -> Builder:
    """The tables of all six sources."""
    folder = tmp_path_factory.mktemp("genome_family")
    packing = Packing(real, _mirror(real, "v1.2.0", folder / "mirror"))
    packing.visual7w()
    packing.gqa()
    packing.vaw()
    packing.text_vqa()
    packing.vizwiz_iqa()
    settings = BuildSettings(
        lake=folder / "lake",
        mirror=str(folder / "mirror"),
        offline=True,
        sample=True,
        sources=SOURCES,
        until="tables",
    )
    builder = Builder(settings)
    builder.build()
    return builder


def rows(build: Builder, name: str) -> list[dict[str, Any]]:
    (path,) = build.run(Reference("tables", name)).tables
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


def test_a_pointing_question_makes_its_picture_a_test_picture_everywhere(build: Builder) -> None:
    (asked,) = rows(build, "visual7w.questions")
    assert asked["question"] == "Which item in the photo is the chair at the desk?"
    (chair,) = rows(build, "visual7w.objects")
    assert (chair["object_id"], chair["name"]) == (asked["answer_object"], "chair")
    assert chair["box"] == {"x0": 144.0, "y0": 358.0, "x1": 318.0, "y1": 598.0}
    (image,) = rows(build, "visual7w.images")
    assert (image["archive"], image["picture"]) == ("visual_genome.images", "VG_100K/5.jpg")
    splits = {row["image_id"]: row["split"] for row in rows(build, "visual_genome.pictures")}
    published = {row["image_id"]: row["published_split"] for row in rows(build, "visual_genome.images")}
    assert splits["vg:5"] == "test"
    assert {image for image, split in splits.items() if split != published[image]} <= {"vg:5"}


def test_the_answer_is_the_one_that_most_people_gave(build: Builder) -> None:
    answers = [row["answer"] for row in rows(build, "text_vqa.questions")]
    assert answers == ["dakota", "copenhagen", "ale", "bowmore", "10 years"]


def test_most_votes_of_the_first_real_pictures(build: Builder) -> None:
    first = rows(build, "vizwiz_iqa.labels")[:9]
    assert {row["value"]: row["votes"] for row in first} == {
        "unrecognizable": 4,
        "BLR": 5,
        "BRT": 3,
        "FRM": 1,
        **dict.fromkeys(("DRK", "OBS", "OTH", "NON", "ROT"), 0),
    }
    assert {row["image_id"] for row in first} == {"vizwiz:train_22585"}
