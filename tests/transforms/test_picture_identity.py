"""Photograph and split over sources that list copies of the same photographs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.tables import IMAGES
from tests.transforms.source_tables import Tables
from tests.transforms.test_mscoco import image, instances, packed, thing
from tests.transforms.test_visual_genome import Source
from tests.transforms.test_vsr import statement, told
from transforms.artifact import Draft
from transforms.assign import assign

Listed = tuple[str, int | None, str | None] | tuple[str, int | None, str | None, int | None]
"""Image id, id in COCO, published split, id on Flickr."""


def decided(folder: Path, sources: Mapping[str, list[Listed]]) -> dict[str, dict[str, tuple[str, str]]]:
    """Photograph and split of each image, by source."""
    paths = {}
    for source, images in sources.items():
        rows = [
            {
                **dict.fromkeys((*IMAGES.schema.names, "item")),
                "image_id": image_id,
                "coco_id": coco_id,
                "flickr_id": next(iter(flickr_id), None),
                "published_split": split,
                "archive": "a",
                "picture": image_id,
                "source": source,
                "file": "f",
                "member": "m",
                "record": number,
            }
            for number, (image_id, coco_id, split, *flickr_id) in enumerate(images)
        ]
        paths[source] = folder / f"{source}.parquet"
        pq.write_table(pa.Table.from_pylist(rows, IMAGES.schema), paths[source])
    return {source: _assigned(source, paths, folder / source) for source in sources}


def _assigned(source: str, paths: Mapping[str, Path], folder: Path) -> dict[str, tuple[str, str]]:
    draft = Draft(folder)
    assign(source, paths, draft, threads=1)
    draft.close()
    rows = pq.read_table(folder / "data" / "pictures.parquet").to_pylist()
    return {row["image_id"]: (row["picture_id"], row["split"]) for row in rows}


def test_the_strictest_publisher_decides(tmp_path: Path) -> None:
    found = decided(
        tmp_path,
        {
            "mscoco": [("coco:1", 1, "train"), ("coco:2", 2, "validation"), ("coco:3", 3, "train")],
            "visual_genome": [("vg:10", 1, "validation"), ("vg:20", 2, "train"), ("vg:30", None, "train")],
            "vsr": [("coco:1", 1, "test"), ("coco:4", 4, "test")],
            "other": [("vg:20", None, "train"), ("vg:40", None, None)],
        },
    )
    assert found == {
        "mscoco": {
            "coco:1": ("coco:1", "test"),
            "coco:2": ("coco:2", "validation"),
            "coco:3": ("coco:3", "train"),
        },
        "visual_genome": {
            "vg:10": ("coco:1", "test"),
            "vg:20": ("coco:2", "validation"),
            "vg:30": ("vg:30", "train"),
        },
        "vsr": {"coco:1": ("coco:1", "test"), "coco:4": ("coco:4", "test")},
        "other": {"vg:20": ("coco:2", "validation"), "vg:40": ("vg:40", "train")},
    }


def test_a_chain_of_ids_carries_the_strictest_split_through(tmp_path: Path) -> None:
    """COCO names Visual Genome's copy, which names the one on Flickr, which alone is evaluated on."""
    sources: dict[str, list[Listed]] = {
        "mscoco": [("coco:1", 1, "train"), ("coco:2", 2, "train")],
        "visual_genome": [("vg:10", 1, "train", 501), ("vg:20", None, "validation", 502)],
        "flickr30k": [("flickr30k:501", None, "test", 501), ("flickr30k:503", None, "train", 503)],
        "text_vqa": [("textvqa:a", None, "train", 502)],
    }
    expected = {
        "mscoco": {"coco:1": ("coco:1", "test"), "coco:2": ("coco:2", "train")},
        "visual_genome": {"vg:10": ("coco:1", "test"), "vg:20": ("flickr:502", "validation")},
        "flickr30k": {"flickr30k:501": ("coco:1", "test"), "flickr30k:503": ("flickr:503", "train")},
        "text_vqa": {"textvqa:a": ("flickr:502", "validation")},
    }
    for order in (list(sources), list(reversed(sources))):
        folder = tmp_path / order[0]
        folder.mkdir()
        assert decided(folder, {name: sources[name] for name in order}) == expected


def test_an_id_that_half_of_a_source_shares_joins_nothing_and_is_reported(tmp_path: Path) -> None:
    images: list[Listed] = [(f"vg:{number}", None, "train", 77) for number in range(40)]
    paths: dict[str, list[Listed]] = {"visual_genome": images, "vsr": [("coco:1", 1, "test", 77)]}
    found = decided(tmp_path, paths)
    assert found["visual_genome"] == {f"vg:{n}": (f"vg:{n}", "train") for n in range(40)}
    assert found["vsr"] == {"coco:1": ("coco:1", "test")}
    draft = Draft(tmp_path / "again")
    assign("vsr", {name: tmp_path / f"{name}.parquet" for name in paths}, draft)
    assert draft.facts == {"ids_of_no_photograph": {"flickr:77": 41}}


LISTINGS = st.dictionaries(
    st.integers(0, 5),
    st.tuples(
        st.one_of(st.none(), st.integers(1, 4)), st.sampled_from([None, "train", "validation", "test"])
    ),
    max_size=4,
)


@settings(max_examples=25, deadline=None)
@given(one=LISTINGS, another=LISTINGS)
def test_an_image_and_a_photograph_have_one_split_in_all_sources(
    tmp_path_factory: Any, one: dict[int, Any], another: dict[int, Any]
) -> None:
    sources = {
        name: [(f"vg:{number}", *listed) for number, listed in images.items()]
        for name, images in (("one", one), ("another", another))
    }
    found = decided(tmp_path_factory.mktemp("assign"), sources)
    assert {name: set(images) for name, images in found.items()} == {
        name: {image_id for image_id, _, _ in images} for name, images in sources.items()
    }
    rows = [(image_id, *row) for images in found.values() for image_id, row in images.items()]
    assert len({image_id for image_id, _, _ in rows}) == len({row[:2] for row in rows})
    assert len({picture for _, picture, _ in rows}) == len({row[1:] for row in rows})
    strictness = ["train", "validation", "test"]
    for name, images in sources.items():
        for image_id, _, split in images:
            assert strictness.index(found[name][image_id][1]) >= strictness.index(split or "train")


def test_boxes_stay_in_the_frame_of_their_own_copy(tmp_path: Path) -> None:
    """A photograph of 640 x 480 pixels in COCO, of 500 x 375 in Visual Genome, and of no size in VSR."""
    listed = image(7, width=640, height=480)
    things = [thing(1, bbox=[256.0, 128.0, 384.0, 352.0])]
    region = {"region_id": 1, "x": 200, "y": 100, "width": 300, "height": 275, "phrase": "a cat"}
    address = "https://cs.stanford.edu/people/rak248/VG_100K/3.jpg"
    twin = {"image_id": 3, "width": 500, "height": 375, "url": address, "coco_id": 7}
    folders = [tmp_path / name for name in ("mscoco", "visual_genome", "vsr")]
    for folder in folders:
        folder.mkdir()
    coco: Tables = packed(folders[0], {"instances_train2014": instances([listed], things)})
    genome = Source(
        folders[1], {"image_data": [twin], "region_descriptions": [{"id": 3, "regions": [region]}]}
    )
    spatial = told([statement(7)], folders[2])

    (box,) = coco("objects")["box"].to_pylist()
    assert box == {"x0": 256.0, "y0": 128.0, "x1": 640.0, "y1": 480.0}
    (twin_box,) = genome.table("regions")[0]["box"].to_pylist()
    assert twin_box == {"x0": 200.0, "y0": 100.0, "x1": 500.0, "y1": 375.0}
    assert {side: value * 1.28 for side, value in twin_box.items()} == box

    paths = {
        "mscoco": coco.path("images"),
        "visual_genome": folders[1] / "images" / "data" / "images.parquet",
        "vsr": spatial.path("images"),
    }
    found = {source: _assigned(source, paths, tmp_path / f"{source}-pictures") for source in paths}
    assert found == {
        "mscoco": {"coco:7": ("coco:7", "test")},
        "visual_genome": {"vg:3": ("coco:7", "test")},
        "vsr": {"coco:7": ("coco:7", "test")},
    }
