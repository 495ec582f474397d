"""Real records of COCO-Text, RefCOCO, VQA, OK-VQA and TDIUC, packed as published, built beside COCO's own.

Known are 455 pictures of COCO-Text, 800 references of RefCOCOg and one of RefCOCO, 1,255 questions of VQA,
all validation questions of OK-VQA with the answers to 1,203, and 12 annotations of TDIUC. COCO's own list is
known of 1,326 pictures only, in which those of TDIUC are not.
"""

from __future__ import annotations

import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from schemas.artifact import Reference
from schemas.settings import BuildSettings
from tests.test_real_coco_vsr_nlvr import Packing
from tests.test_real_visual_genome import _mirror
from transforms import registry
from transforms.builder import Builder

SOURCES = ("coco_text", "mscoco", "ok_vqa", "refcoco", "tdiuc", "visual_genome", "vqa_v2")

GOLDEN: dict[str, tuple[int, int, dict[str, int]]] = {
    "coco_text.images": (455, 455, {}),
    "coco_text.texts": (2_081, 2_081, {}),
    "refcoco.images": (694, 694, {}),
    "refcoco.objects": (800, 0, {"unknown_category": 800}),
    "refcoco.regions": (1_528, 1_527, {"unknown_object": 1}),
    "vqa_v2.images": (1_224, 1_224, {}),
    "vqa_v2.questions": (1_255, 1_255, {}),
    "ok_vqa.images": (5_033, 5_033, {}),
    "ok_vqa.questions": (5_046, 1_203, {"no_annotation": 3_843}),
    "tdiuc.images": (12, 0, {"unknown_picture": 12}),
    "tdiuc.questions": (12, 0, {"unknown_image": 11, "no_question": 1}),
}
"""Rows in, rows out and rows rejected by reason."""


class FamilyPacking(Packing):
    """Puts records about COCO's pictures where a mirror has them."""

    def coco_text(self) -> None:
        """One archive. Sizes that are not known here are as large as COCO's pictures may be."""
        records = self.known("coco_text", "reconstructed", "cocotext.v2.json")
        for image in records["imgs"].values():
            image.update(width=image["width"] or 640, height=image["height"] or 640)
        self.zipped("coco_text", "annotations", {"cocotext.v2.json": json.dumps(records)})

    def refcoco(self) -> None:
        """RefCOCOg, and of RefCOCO one reference to a thing that is not known here."""
        folder = self.real / "refcoco" / "reconstructed" / "refcocog"
        single = self.real / "refcoco" / "real_single_ref" / "refcoco" / "refs(unc).p"
        nothing = json.dumps({"images": [], "annotations": [], "categories": []})
        archives: dict[str, dict[str, Any]] = {
            "refcoco": {
                "refcoco/refs(unc).p": single.read_bytes(),
                "refcoco/instances.json": nothing,
            },
            "refcoco_plus": {
                "refcoco+/refs(unc).p": pickle.dumps([], 2),
                "refcoco+/instances.json": nothing,
            },
            "refcocog": {
                f"refcocog/{file}": (folder / file).read_bytes() for file in ("refs(umd).p", "instances.json")
            },
        }
        for name, members in archives.items():
            self.zipped("refcoco", name, members)

    def vqa_v2(self) -> None:
        """The questions of both parts, as far as COCO's list tells the pictures of validation."""
        validated = {
            image["id"]
            for kind in ("instances", "captions")
            for image in self.known("coco", "reconstructed", f"{kind}_val2014.json")["images"]
        }
        for kind, name in (("questions", "OpenEnded_mscoco"), ("annotations", "mscoco")):
            records = self.known("vqav2", f"v2_{name}_subset_{kind}.json")
            for part, folder in (("train", "train2014"), ("val", "val2014")):
                ours = [one for one in records[kind] if (one["image_id"] in validated) == (part == "val")]
                member = f"v2_{name}_{folder}_{kind}.json"
                self.zipped("vqa_v2", f"{part}_{kind}", {member: json.dumps({**records, kind: ours})})

    def ok_vqa(self) -> None:
        """The validation part; nothing of the other."""
        for kind, name, *folders in (
            ("questions", "OpenEnded_mscoco_val2014_questions.json"),
            ("annotations", "mscoco_val2014_annotations.json", "reconstructed"),
        ):
            records = self.known("okvqa", *folders, name)
            self.zipped("ok_vqa", f"val_{kind}", {name: json.dumps(records)})
            nothing = json.dumps({kind: []})
            self.zipped("ok_vqa", f"train_{kind}", {name.replace("val2014", "train2014"): nothing})

    def tdiuc(self) -> None:
        """One archive, of which the training part is known."""
        members = {}
        for kind, folder, name in (
            ("questions", "Questions", "OpenEnded_mscoco"),
            ("annotations", "Annotations", "mscoco"),
        ):
            records = self.known("tdiuc", "reconstructed", f"{name}_train2014_{kind}.json")
            members[f"TDIUC/{folder}/{name}_train2014_{kind}.json"] = json.dumps(records)
            members[f"TDIUC/{folder}/{name}_val2014_{kind}.json"] = json.dumps({kind: []})
        self.zipped("tdiuc", "archive", members)

    def known(self, *parts: str) -> dict[str, Any]:
        """A file of real records."""
        found: dict[str, Any] = json.loads(self.real.joinpath(*parts).read_bytes())
        return found

    def zipped(self, source: str, file: str, members: dict[str, Any]) -> None:
        """An archive in its place in the mirror."""
        place = self.place(registry.declaration(source).files[file].urls[0])
        with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in members.items():
                archive.writestr(name, data)


@pytest.fixture(scope="module")
def build(real: Path, tmp_path_factory: pytest.TempPathFactory) -> Builder:
    """The tables of all seven sources."""
    folder = tmp_path_factory.mktemp("mirror")
    packing = FamilyPacking(real, _mirror(real, "v1.2.0", folder))
    packing.coco()
    for pack in (packing.coco_text, packing.refcoco, packing.vqa_v2, packing.ok_vqa, packing.tdiuc):
        pack()
    settings = BuildSettings(
        lake=tmp_path_factory.mktemp("lake"),
        mirror=str(folder),
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


def test_nothing_is_fetched_twice(build: Builder) -> None:
    fetched = [reference.name for reference in build.steps if reference.stage == "raw"]
    assert len(set(fetched)) == len(fetched)
    assert not any(name.endswith(("train2014", "val2014")) for name in fetched)


def test_a_picture_has_the_strictest_split_of_all_sources(build: Builder) -> None:
    order = ["train", "validation", "test"]
    published: dict[str, str] = {}
    for source in SOURCES:
        for row in rows(build, f"{source}.images"):
            picture = f"coco:{row['coco_id']}" if row["coco_id"] is not None else row["image_id"]
            split = row["published_split"] or "train"
            published[picture] = max(published.get(picture, "train"), split, key=order.index)
    decided: dict[str, str] = {}
    for source in SOURCES:
        for row in rows(build, f"{source}.pictures"):
            assert decided.setdefault(row["picture_id"], row["split"]) == row["split"]
    # One photograph lies in COCO twice, by its id on Flickr: for training and for validation.
    assert published.pop("coco:464689") == "validation" and published["coco:89"] == "train"
    assert decided == {**published, "coco:89": "validation"}
    # RefCOCOg tests on pictures that COCO, and VQA with it, trains on.
    tested = {row["image_id"] for row in rows(build, "refcoco.images") if row["published_split"] == "test"}
    trained = {row["image_id"] for row in rows(build, "vqa_v2.images") if row["published_split"] == "train"}
    both = tested & trained
    assert both and {decided[picture] for picture in both} == {"test"}
