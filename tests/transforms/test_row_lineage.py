"""From a row of a shard to the bytes that its publisher gave out."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from schemas.artifact import Reference
from schemas.errors import BuildError
from shards.read import Shard
from transforms.builder import Builder
from transforms.lineage import lineage

TASK = "visual_grounding_selection"


@pytest.fixture(scope="module")
def shard(sample_build: Builder) -> Shard:
    return Shard(sample_build.run(Reference("shards", f"multiinstruct.{TASK}")).path(""), "train")


def test_a_row_of_a_shard_is_found_again_at_every_stop(sample_build: Builder, shard: Shard) -> None:
    uid = shard.uids[7].as_py()
    found = lineage(sample_build.lake, uid)
    assert [stop.stage for stop in found.stops] == ["shards", "mixtures", "instances"]
    assert found.stops[0].says.startswith("row 7 of train.arrow")
    assert found.split == "train"
    for stop in found.stops:
        assert (sample_build.lake / stop.folder / "manifest.json").is_file()


def test_sizes_and_hashes_are_those_of_the_bytes(sample_build: Builder, shard: Shard) -> None:
    lake = sample_build.lake
    found = lineage(lake, shard.uids[0].as_py())
    (picture,) = found.pictures
    assert picture.pack is not None
    data = (lake / picture.pack).read_bytes()
    mine = data[picture.pack_offset or 0 :][: picture.pack_bytes]
    assert hashlib.sha256(mine).hexdigest() == picture.sha256
    assert {file.file for file in found.files} >= {"region_descriptions", "image_data"}
    for file in found.files:
        assert file.here
        assert file.url.startswith("https://")
        assert file.licence == "CC BY 4.0"
        (path,) = (lake / "raw" / f"{file.source}.{file.file}").glob("*/data/*")
        assert path.stat().st_size == file.bytes
        assert hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256


def test_a_picture_that_came_singly_has_an_address_of_its_own(sample_build: Builder) -> None:
    rows = pq.read_table(
        sample_build.run(Reference("mixtures", "multiinstruct.visual_spatial_relationship")).path(
            "rows.parquet"
        )
    )
    found = lineage(sample_build.lake, rows["uid"][0].as_py())
    single = [file for file in found.files if file.bytes is None]
    assert single
    for file in single:
        assert file.url.endswith(Path(found.pictures[0].member).name)


def test_a_picture_has_terms_of_its_own_where_its_publisher_gives_them(sample_build: Builder) -> None:
    terms = {}
    for task in ("image_captioning", "visual_grounding"):
        chosen = sample_build.run(Reference("mixtures", f"multiinstruct.{task}"))
        (picture,) = lineage(
            sample_build.lake, pq.read_table(chosen.path("rows.parquet"))["uid"][0].as_py()
        ).pictures
        terms[task] = picture.licence
    by = "http://creativecommons.org/licenses/by/2.0/"
    assert terms == {"image_captioning": by, "visual_grounding": None}


def test_the_answer_is_json(sample_build: Builder, shard: Shard) -> None:
    told = json.loads(json.dumps(lineage(sample_build.lake, shard.uids[1].as_py()).as_dict()))
    assert told["origin"]["proved"] is True
    assert told["origin"]["parts"][0]["origin"]["parts"][0]["place"]["file"] == "region_descriptions"


def test_a_row_that_was_not_drawn_says_so(sample_build: Builder) -> None:
    rejects = sample_build.run(Reference("mixtures", "multiinstruct.object_matching")).folder
    left_out = pq.read_table(rejects / "rejected.parquet").to_pylist()[0]
    found = lineage(sample_build.lake, left_out["uid"])
    assert found.stops[0].says == "not taken by the mixture"
    assert found.stops[1].says == f"left out as {left_out['rejected']}"


def test_a_row_that_was_left_out_of_its_task_has_a_reason(sample_build: Builder) -> None:
    folder = sample_build.run(Reference("instances", "object_matching")).folder
    left_out = pq.read_table(folder / "rejected.parquet").to_pylist()[0]
    with pytest.raises(BuildError, match=left_out["rejected"]):
        lineage(sample_build.lake, left_out["uid"])


@pytest.mark.parametrize("uid", ["visual_grounding/no:such:row", "no_such_task/vg:1", "", "visual_grounding"])
def test_a_name_that_nothing_has_is_misuse(sample_build: Builder, uid: str) -> None:
    with pytest.raises(BuildError) as caught:
        lineage(sample_build.lake, uid)
    assert caught.value.exit_code == 2
