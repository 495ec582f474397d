"""All real records that are known, of all sources in one lake, built as far as they go: no invariant breaks.

A build that breaks one does not become the current one, see `transforms.audit_gate`. Here it is looked at
again, over all instances and by other means. Pictures are known of Visual Genome, COCO, NLVR and TextVQA;
rows without theirs end at the mixture, and count there.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from sample_world.archive import tar_gz
from schemas.artifact import Reference
from schemas.settings import BuildSettings
from tests import test_real_genome_family as genome
from tests import test_real_text_sources as texts
from tests import test_real_vcr_snli_ve as vcr_snli_ve
from tests import test_real_visdial_memes_medic as visdial_medic
from tests.test_real_coco_family import FamilyPacking
from tests.test_real_visual_genome import _mirror
from transforms import registry
from transforms.audit_build import read_build_audit
from transforms.audit_task import AUDIT
from transforms.builder import Builder
from transforms.mirror import Mirror
from transforms.readers import generators
from transforms.steps_audit import audited

UNKNOWN = "hateful_memes"
"""The source of which no record is known here."""

SOURCES = tuple(
    name for name in registry.source_names() if generators(registry.reader(name)) and name != UNKNOWN
)


@pytest.fixture(scope="module")
def build(real: Path, ofa_bpe: Path, tmp_path_factory: pytest.TempPathFactory) -> Builder:
    """Everything that can be made of all real records."""
    folder = tmp_path_factory.mktemp("everything")
    mirror = _mirror(real, "v1.2.0", folder / "mirror")
    _pack(real, mirror, folder / "mirror")
    family = FamilyPacking(real, mirror)
    for file in registry.declaration("ofa_bpe").files.values():
        place = family.place(file.urls[0])
        place.write_bytes((ofa_bpe / place.name).read_bytes())
    settings = BuildSettings(
        lake=folder / "lake", mirror=str(folder / "mirror"), offline=True, sample=True, sources=SOURCES
    )
    builder = Builder(settings)
    builder.build()
    return builder


def _pack(real: Path, mirror: Mirror, folder: Path) -> None:
    coco = FamilyPacking(real, mirror)
    for pack in (coco.coco, coco.vsr, coco.nlvr, coco.coco_text, coco.refcoco, coco.vqa_v2, coco.ok_vqa):
        pack()
    coco.tdiuc()
    vg = genome.Packing(real, mirror)
    for pack in (vg.visual7w, vg.gqa, vg.vaw, vg.text_vqa, vg.vizwiz_iqa):
        pack()
    told = texts.Packing(real, mirror)
    told.wikihow()
    told.mocheg()
    told.natural_instructions()
    films = vcr_snli_ve.Packing(real, folder)
    films.vcr()
    films.snli_ve()
    visdial_medic.pack(real, mirror)
    for source in SOURCES:
        for file in registry.declaration(source).files.values():
            place = mirror.local_path(file.urls[0]) if file.urls else None
            if file.holds == "pictures" and place is not None and not place.exists():
                _nothing(place, tar=file.is_tar)


def _nothing(place: Path, *, tar: bool) -> None:
    """An archive of pictures of which none is known."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if tar:
        with tar_gz(place):
            return
    with zipfile.ZipFile(place, "w"):
        return


def _instances(build: Builder) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for reference in build.steps:
        if reference.stage == "instances":
            path = build.run(reference).path("instances.parquet")
            known = set(pq.read_schema(path).names)
            columns = [name for name in ("uid", "image_id", "split", "options", "target") if name in known]
            yield reference.name, pq.read_table(path, columns=columns).to_pylist()


def test_tasks_of_all_real_records_are_made(build: Builder) -> None:
    made = {task: len(rows) for task, rows in _instances(build)}
    expected = {name for name in registry.task_names() if UNKNOWN not in registry.sources_of(name)}
    assert set(made) == expected
    # Of GQA, TDIUC and VAW no picture is known that Visual Genome or COCO lists here.
    without = {name for name, rows in made.items() if not rows}
    assert {source for name in without for source in registry.sources_of(name)} <= UNLISTED
    assert sum(made.values()) > 50_000


UNLISTED = {"coco_text", "gqa", "mocheg", "refcoco", "tdiuc", "text_vqa", "vaw", "visual7w", "wikihow"}


def test_every_photograph_is_in_one_split_and_none_is_trained_and_tested_on(build: Builder) -> None:
    photograph: dict[str, str] = {}
    for reference in build.steps:
        if reference.stage == "tables" and reference.name.endswith(".pictures"):
            for row in pq.read_table(build.run(reference).path("pictures.parquet")).to_pylist():
                photograph[row["image_id"]] = row["picture_id"]
    splits: dict[str, set[str]] = {}
    for task, rows in _instances(build):
        for row in rows:
            if row["image_id"] is not None:
                splits.setdefault(photograph[row["image_id"]], set()).add(row["split"])
            if registry.task(task).head.role == "eval":
                assert row["split"] == "test"
    assert {len(found) for found in splits.values()} == {1}
    assert Counter(split for found in splits.values() for split in found).keys() == {
        "train",
        "validation",
        "test",
    }


def test_the_answer_is_one_of_the_options_and_names_are_given_once(build: Builder) -> None:
    names = Counter[str]()
    for _, rows in _instances(build):
        names.update(row["uid"] for row in rows)
        for row in rows:
            assert row["options"] is None or row["options"].count(row["target"]) == 1
    assert max(names.values()) == 1


def test_the_audit_of_the_build_finds_nothing(build: Builder) -> None:
    audit = read_build_audit(build.run(audited("multiinstruct")).path(AUDIT))
    assert audit.violations == []
    assert audit.held_out_pictures > 0
    assert audit.evaluation_texts > 0
    assert set(audit.shared_pictures.values()) == {0}
    assert Reference("audits", "multiinstruct.visual_grounding") in build.steps
