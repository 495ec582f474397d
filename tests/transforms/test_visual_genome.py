"""The reader of Visual Genome on the publisher's own records, in all versions of their layout."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.tables import TABLES
from transforms.artifact import Draft
from transforms.normalise import normalise
from transforms.raw import Raw
from transforms.readers import generators, rows_of
from transforms.sources import ofa_bpe as bpe
from transforms.sources import visual_genome
from transforms.visual_genome_pictures import ARCHIVES


class Source:
    """Records packed as the publisher packs them, and the tables that are read out of them."""

    def __init__(self, folder: Path, records: Path | dict[str, Any]) -> None:
        self._folder = folder
        self._records = records
        self._sizes: pa.Table | None = None

    def table(self, name: str) -> tuple[pa.Table, dict[str, int]]:
        """One table, and its rejected rows by reason."""
        if name != "images" and self._sizes is None:
            self._sizes = self.table("images")[0]
        files = {file: self._packed(file) for file in generators(visual_genome)[name]}
        folder = self._folder / name
        draft = Draft(folder)
        rows = rows_of(getattr(visual_genome, name), files)
        normalise("visual_genome", TABLES[name], rows, None if name == "images" else self._sizes, draft)
        draft.close()
        table = pq.read_table(folder / "data" / f"{name}.parquet")
        assert draft.rows_in == table.num_rows + sum(draft.rejected.values())
        return table, dict(draft.rejected)

    def _packed(self, file: str) -> Raw:
        path = self._folder / f"{file}.json.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            if isinstance(self._records, Path):
                archive.write(self._records / f"{file}.json", f"{file}.json")
            else:
                archive.writestr(f"{file}.json", json.dumps(self._records[file]))
        return Raw("visual_genome", file, path)


V1_0 = {"images": 5, "regions": 1288, "objects": 224, "attributes": 245, "relations": 156, "questions": 721}
V1_2 = {"images": 5, "regions": 1278, "objects": 177, "attributes": 167, "relations": 158, "questions": 721}


@pytest.mark.parametrize(("version", "counts"), [("v1.0.0", V1_0), ("v1.2.0", V1_2)])
def test_counts(real: Path, tmp_path: Path, version: str, counts: dict[str, int]) -> None:
    source = Source(tmp_path, real / "visual_genome" / version)
    read = {name: source.table(name) for name in counts}
    assert {name: table.num_rows for name, (table, _) in read.items()} == counts
    assert {name: rejected for name, (_, rejected) in read.items() if rejected} == {}


def without_provenance(table: pa.Table, row: int) -> dict[str, Any]:
    kept = table.slice(row, 1).select(table.schema.names[:-5]).to_pylist()
    return {name: value for name, value in kept[0].items() if value is not None}


def test_first_rows(real: Path, tmp_path: Path) -> None:
    source = Source(tmp_path, real / "visual_genome" / "v1.2.0")
    assert without_provenance(source.table("images")[0], 0) == {
        "image_id": "vg:1",
        "width": 800,
        "height": 600,
        "published_split": "train",
        "archive": "images2",
        "picture": "VG_100K_2/1.jpg",
    }
    assert without_provenance(source.table("regions")[0], 1) == {
        "image_id": "vg:1",
        "region_id": "1383",
        "box": {"x0": 194.0, "y0": 372.0, "x1": 376.0, "y1": 481.0},
        "text": "shade is along the street",
        "text_raw": "shade is along the street ",
    }
    assert without_provenance(source.table("attributes")[0], 1) == {
        "image_id": "vg:1",
        "object_id": "1058498",
        "position": 1,
        "box": {"x0": 421.0, "y0": 91.0, "x1": 500.0, "y1": 430.0},
        "name": "clock",
        "name_raw": "clock",
        "attribute": "tall",
        "attribute_raw": "tall",
        "holds": True,
    }
    assert without_provenance(source.table("relations")[0], 0) == {
        "image_id": "vg:1",
        "relation_id": "15927",
        "predicate": "ON",
        "predicate_raw": "ON",
        "subject_id": "5045",
        "subject_name": "shade",
        "subject_name_raw": "shade",
        "subject_box": {"x0": 119.0, "y0": 338.0, "x1": 393.0, "y1": 530.0},
        "object_id": "5046",
        "object_name": "street",
        "object_name_raw": "street",
        "object_box": {"x0": 77.0, "y0": 328.0, "x1": 791.0, "y1": 590.0},
    }
    assert without_provenance(source.table("questions")[0], 0) == {
        "image_id": "vg:1",
        "question_id": "986768",
        "question": "What color is the clock?",
        "question_raw": "What color is the clock?",
        "answer": "Green.",
        "answer_raw": "Green.",
    }


def test_where_rows_come_from(real: Path, tmp_path: Path) -> None:
    folder = real / "visual_genome" / "v1.2.0"
    published = json.loads((folder / "region_descriptions.json").read_bytes())
    for row in Source(tmp_path, folder).table("regions")[0].to_pylist():
        assert (row["file"], row["member"]) == ("region_descriptions", "region_descriptions.json")
        region = published[row["record"]]["regions"][row["item"]]
        assert (row["text_raw"], row["region_id"]) == (region["phrase"], str(region["region_id"]))


def version_1_4(folder: Path) -> dict[str, Any]:
    """Records of version 1.4; of the images, whose file is not among them, a size that fits all boxes."""
    records = {
        name: json.loads((folder / f"{name}.json").read_bytes()) for name in ("objects", "relationships")
    }
    ids = sorted({record["image_id"] for file in records.values() for record in file if "image_id" in record})
    address = "https://cs.stanford.edu/people/rak248/VG_100K/{}.jpg"
    images = [
        {"image_id": image, "width": 2_000, "height": 2_000, "url": address.format(image)} for image in ids
    ]
    return {**records, "image_data": images, "region_descriptions": [{"id": image} for image in ids]}


def test_version_1_4(real: Path, tmp_path: Path) -> None:
    source = Source(tmp_path, version_1_4(real / "visual_genome" / "subset_garima"))
    objects, rejected = source.table("objects")
    assert (objects.num_rows, rejected) == (460, {})
    # One record lacks the id of its image; 315 ends have a list of names in place of a name.
    relations, rejected = source.table("relations")
    assert (relations.num_rows, rejected) == (1606, {"unknown_image": 44})
    predicates = relations["predicate"].to_pylist()
    assert (predicates.count("ON"), predicates.count("has"), predicates.count("")) == (577, 200, 0)


def test_splits_are_those_of_the_published_positions() -> None:
    listed = range(visual_genome.PUBLISHED)
    found = [visual_genome._split(position, len(listed)) for position in listed]
    assert found == ["train"] * 86_462 + ["validation"] * 10_808 + ["test"] * 10_807
    # In a file of another size the shares are the same.
    shares = [visual_genome._split(position, 1_000) for position in range(1_000)]
    assert [shares.count(split) for split in ("train", "validation", "test")] == [801, 100, 99]


def picture(**changed: Any) -> dict[str, Any]:
    url = "https://cs.stanford.edu/people/rak248/VG_100K/7.jpg"
    return {"image_id": 7, "width": 10, "height": 10, "url": url, "coco_id": 3, **changed}


def test_pictures_lie_where_their_address_says(tmp_path: Path) -> None:
    listed = [
        picture(),
        picture(image_id=8, url="https://elsewhere.org/VG_100K_2/8.jpg"),
        picture(image_id=9, url="https://elsewhere.org/VG_100K_3/9.jpg"),
        picture(image_id=10, url="https://elsewhere.org/VG_100K/../10.jpg"),
        picture(image_id=11, width=0),
        picture(image_id=12, height=None),
    ]
    regions = [{"id": 8, "regions": []}]
    source = Source(tmp_path, {"image_data": listed, "region_descriptions": regions})
    table, rejected = source.table("images")
    columns = ["image_id", "published_split", "archive", "picture"]
    assert [tuple(row.values()) for row in table.select(columns).to_pylist()] == [
        ("vg:7", None, "images", "VG_100K/7.jpg"),
        ("vg:8", "train", "images2", "VG_100K_2/8.jpg"),
    ]
    assert rejected == {"unknown_picture_address": 2, "malformed": 2}


def test_defects_that_the_publisher_is_known_for(tmp_path: Path) -> None:
    """Boxes that leave the picture or have no size, blanks for text, ids and items that come twice."""
    place = {"x": 1, "y": 1, "width": 5, "height": 5}
    regions = [
        {"region_id": 1, **place, "phrase": "a\n\tthing"},
        {"region_id": 2, **place, "x": -3, "phrase": "half outside"},
        {"region_id": 3, **place, "x": 10, "phrase": "outside"},
        {"region_id": 4, **place, "width": 0, "phrase": "no width"},
        {"region_id": 5, **place, "y": 5, "height": -2, "phrase": "less than none"},
        {"region_id": 6, **place, "phrase": " "},
        {"region_id": 1, **place, "phrase": "twice"},
        {"region_id": 7, **place, "phrase": None},
        {"region_id": 8, **place, "y": "1", "phrase": "text for a number"},
        {**place, "phrase": "no id"},
        "no region",
    ]
    records = {
        "image_data": [picture()],
        "region_descriptions": [{"id": 7, "regions": regions}, {"id": 99, "regions": [regions[0]]}],
    }
    table, rejected = Source(tmp_path, records).table("regions")
    assert table["text"].to_pylist() == ["a thing", "half outside"]
    assert rejected == {
        "malformed": 4,
        "box_outside": 1,
        "box_degenerate": 2,
        "empty_text": 1,
        "duplicate_id": 1,
        "unknown_image": 1,
    }


def test_no_file_comes_from_the_host_that_was_taken_over() -> None:
    for source in (visual_genome.SOURCE, bpe.SOURCE):
        for file in source.files.values():
            assert all(url.startswith("https://") and "visualgenome.org" not in url for url in file.urls)
    assert set(ARCHIVES.values()) <= set(visual_genome.SOURCE.files)


def test_the_vocabulary_is_the_pinned_one(ofa_bpe: Path) -> None:
    for file in bpe.SOURCE.files.values():
        data = (ofa_bpe / file.urls[0].rpartition("/")[2]).read_bytes()
        assert file.pin is not None
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (file.pin.sha256, file.pin.bytes)
