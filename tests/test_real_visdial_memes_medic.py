"""Real records of VisDial and MEDIC, packed as published and built to tables.

Known of VisDial are 76 dialogues, whose lists of texts are cut to what they need; of MEDIC parts of one row.
Nothing of Hateful Memes is known here, on purpose. No picture of the three is.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from sample_world.archive import tar_gz
from schemas.artifact import Reference
from schemas.settings import BuildSettings
from transforms import registry
from transforms.builder import Builder
from transforms.mirror import Mirror

SOURCES = ("medic", "visdial")

GOLDEN: dict[str, tuple[int, int, dict[str, int]]] = {
    "visdial.images": (76, 76, {}),
    "visdial.captions": (76, 76, {}),
    "visdial.turns": (760, 760, {}),
    "visdial.pictures": (76, 76, {}),
    "medic.images": (1, 1, {}),
    "medic.labels": (4, 3, {"unlabelled": 1}),
    "medic.pictures": (1, 1, {}),
}
"""Rows in, rows out and rows rejected by reason."""


def pack(real: Path, mirror: Mirror) -> None:
    """Puts the records of both sources where a mirror has them."""

    def place(source: str, file: str) -> Path:
        path = mirror.local_path(registry.declaration(source).files[file].urls[0])
        assert path is not None
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    with zipfile.ZipFile(place("visdial", "dialogues"), "w", zipfile.ZIP_DEFLATED) as archive:
        known = real / "visdial" / "visdial_1.0_val_vispro.reindexed.json"
        archive.write(known, "visdial_1.0_val.json")
    with tar_gz(place("medic", "archive")) as add:
        add("MEDIC_test.tsv", (real / "medic" / "PARTIAL_MEDIC_test.tsv").read_bytes())


@pytest.fixture(scope="module")
def build(real: Path, tmp_path_factory: pytest.TempPathFactory) -> Builder:
    """The tables of both sources."""
    folder = tmp_path_factory.mktemp("real")
    pack(real, Mirror(str(folder / "mirror")))
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


def test_every_picture_is_one_of_its_own_to_test_on(build: Builder) -> None:
    for source in SOURCES:
        for row in rows(build, f"{source}.pictures"):
            assert (row["picture_id"], row["split"]) == (row["image_id"], "test")


def test_turns_come_in_their_order_with_where_they_are_from(build: Builder) -> None:
    turns = rows(build, "visdial.turns")
    assert [turn["position"] for turn in turns] == [*range(10)] * 76
    assert [turn["record"] for turn in turns] == [number for number in range(76) for _ in range(10)]
    assert [turn["item"] for turn in turns] == [turn["position"] for turn in turns]
    last = turns[-1]
    assert (last["file"], last["member"]) == ("dialogues", "visdial_1.0_val.json")
    # A few answers of the lists have blanks around them; none of these is given here.
    assert sum(turn["answer"] != turn["answer_raw"] for turn in turns) == 0


def test_the_label_that_is_not_known_is_left_out(build: Builder) -> None:
    labels = {row["aspect"]: row["value"] for row in rows(build, "medic.labels")}
    assert labels == {"damage_severity": "mild", "informative": "informative", "disaster_types": "earthquake"}
