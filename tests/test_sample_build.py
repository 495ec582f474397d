"""The sample world from native files to ids: every target is true of the scene that was drawn."""

from __future__ import annotations

import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image

from instructions.load import load_instructions
from instructions.render import render
from sample_world.formats.visual_genome import irregular_images
from sample_world.genome import image_id
from sample_world.scene import Scene
from sample_world.scenes import scenes
from schemas.artifact import Reference
from schemas.box import Box
from schemas.instance import SLOTS
from schemas.token import REGION
from shards.collection import read_collection
from shards.format import read_index, read_instructions
from shards.pictures import PicturePack
from shards.quantise import quantise
from shards.read import Shard
from shards.splice import Splicer
from shards.vocabulary import Vocabulary
from transforms import registry
from transforms.builder import Builder
from transforms.graph import default_tasks
from transforms.lake import current

# Answers that are pictures wait for weights that the sample world does not have.
TASKS = [name for name in default_tasks() if registry.task(name).head.output != "image"]
BY_IMAGE = {f"vg:{image_id(scene.number)}": scene for scene in scenes(0, 1.0)}
IRREGULAR = {name: f"vg:{number}" for name, number in irregular_images(1.0).items()}


def _instances(builder: Builder, task: str) -> list[dict[str, Any]]:
    path = builder.run(Reference("instances", task)).path("instances.parquet")
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


def _regular(builder: Builder, task: str) -> Iterator[tuple[Scene, dict[str, Any], list[Box]]]:
    """Rows of scenes without irregularities: the scene, the row, its boxes."""
    found = False
    for row in _instances(builder, task):
        if row["image_id"] in BY_IMAGE:
            found = True
            yield BY_IMAGE[row["image_id"]], row, [Box(**box) for box in row["regions"]]
    assert found


def _said(scene: Scene, box: Box) -> set[str]:
    """Everything that is true of a box by construction of the scene."""
    return {description.phrase for description in scene.descriptions if Box(*description.box) == box}


def test_relations_are_true(sample_build: Builder) -> None:
    for scene, row, (subject, other) in _regular(sample_build, "visual_object_relationship"):
        true = {
            relation.predicate
            for relation in scene.relations
            if Box(*scene.things[relation.subject].box) == subject
            and other
            == Box(
                *(
                    scene.things[relation.object].part_box
                    if relation.predicate == "has"
                    else scene.things[relation.object].box
                )
            )
        }
        assert row["target"] in true


def test_captions_are_true(sample_build: Builder) -> None:
    for scene, row, (box,) in _regular(sample_build, "grounded_captioning"):
        assert row["target"] in _said(scene, box)


def test_grounding_finds_the_place(sample_build: Builder) -> None:
    for scene, row, (box,) in _regular(sample_build, "visual_grounding"):
        assert row["text"] in _said(scene, box)
        assert row["target"] == "<region_0>"


def test_the_caption_chosen_is_the_only_true_one(sample_build: Builder) -> None:
    for scene, row, (box,) in _regular(sample_build, "grounded_caption_selection"):
        true = _said(scene, box)
        assert [option for option in row["options"] if option in true] == [row["target"]]
        assert len(row["options"]) == 5


def test_the_region_chosen_is_the_only_true_one(sample_build: Builder) -> None:
    for scene, row, boxes in _regular(sample_build, "visual_grounding_selection"):
        named = [boxes[int(REGION.fullmatch(option)[1])] for option in row["options"]]  # type: ignore[index]
        true = [
            option
            for option, box in zip(row["options"], named, strict=True)
            if row["text"] in _said(scene, box)
        ]
        assert true == [row["target"]]
        assert len(row["options"]) == 5
        assert max(one.iou(other) for one in boxes for other in boxes if one is not other) < 0.95


def test_the_answer_flips_between_twins(sample_build: Builder) -> None:
    captions: dict[tuple[int, Box], set[str]] = {}
    for scene, row, (box,) in _regular(sample_build, "grounded_captioning"):
        captions.setdefault((scene.number, box), set()).add(row["target"])
    grounded = {
        (scene.number, row["text"]): box for scene, row, (box,) in _regular(sample_build, "visual_grounding")
    }
    said: dict[tuple[int, Box, Box], set[str]] = {}
    for scene, row, (subject, other) in _regular(sample_build, "visual_object_relationship"):
        said.setdefault((scene.number, subject, other), set()).add(row["target"])
    flips = Counter[str]()
    for scene in BY_IMAGE.values():
        difference, twin = scene.difference, BY_IMAGE[f"vg:{image_id(scene.number ^ 1)}"]
        assert difference is not None
        thing, there = scene.things[difference.thing], twin.things[difference.thing]
        box, box_there = Box(*thing.box), Box(*there.box)
        flips[difference.kind] += 1
        if difference.kind == "colour":
            phrases = f"the {thing.category} is {thing.colour}", f"the {there.category} is {there.colour}"
            assert phrases[0] in captions[scene.number, box]
            assert phrases[0] not in captions[twin.number, box_there]
            assert phrases[1] in captions[twin.number, box_there]
        elif difference.kind == "place":
            text = next(text for _, text in grounded if text in (f"a {thing.name}", f"an {thing.name}"))
            assert (grounded[scene.number, text], grounded[twin.number, text]) == (box, box_there)
            assert box != box_there
        else:
            lower = _below(scene, difference.thing)
            here = said[scene.number, box, Box(*scene.things[lower].box)]
            elsewhere = said[twin.number, box_there, Box(*twin.things[lower].box)]
            assert (difference.here in here, difference.here in elsewhere) == (True, False)
            assert (difference.there in here, difference.there in elsewhere) == (False, True)
    assert set(flips) == {"colour", "place", "relation"}


def _below(scene: Scene, thing: int) -> int:
    """The thing that a thing is on or above."""
    return next(
        relation.object
        for relation in scene.relations
        if relation.subject == thing and relation.predicate in ("on", "above")
    )


@pytest.mark.parametrize("task", TASKS)
def test_the_place_of_the_answer_says_nothing(sample_build: Builder, task: str) -> None:
    drawn: dict[int, Counter[int]] = {}
    for row in _instances(sample_build, task):
        if row["options"]:
            offered = len(row["options"])
            drawn.setdefault(offered, Counter())[row["options"].index(row["target"])] += 1
    for offered, places in drawn.items():
        rows, share = places.total(), 1 / offered
        for place in range(offered):
            # Five standard deviations of a fair draw.
            assert abs(places[place] - rows * share) <= 5 * (rows * share * (1 - share)) ** 0.5


def _pictures(builder: Builder) -> dict[str, tuple[str, str]]:
    """Photograph and split of every image of every source."""
    found: dict[str, tuple[str, str]] = {}
    for reference in builder.steps:
        if reference.stage == "tables" and reference.name.endswith(".pictures"):
            for row in pq.read_table(builder.run(reference).path("pictures.parquet")).to_pylist():
                known = found.setdefault(row["image_id"], (row["picture_id"], row["split"]))
                assert known == (row["picture_id"], row["split"])
    return found


@pytest.mark.parametrize("task", TASKS)
def test_options_come_from_the_split_of_their_row(sample_build: Builder, task: str) -> None:
    splits = {image: split for image, (_, split) in _pictures(sample_build).items()}
    for row in _instances(sample_build, task):
        for key in row["option_keys"] or []:
            assert splits[key.rpartition(":")[0]] == row["split"]


def test_every_photograph_is_in_one_split(sample_build: Builder) -> None:
    picture_of = {image: picture for image, (picture, _) in _pictures(sample_build).items()}
    splits: dict[str, set[str]] = {}
    for task in TASKS:
        for row in _instances(sample_build, task):
            if row["image_id"] is not None:
                splits.setdefault(picture_of[row["image_id"]], set()).add(row["split"])
    assert {len(found) for found in splits.values()} == {1}
    assert set().union(*splits.values()) == {"train", "validation", "test"}


def test_no_training_row_shows_a_photograph_that_is_evaluated_on(sample_build: Builder) -> None:
    picture_of = {image: picture for image, (picture, _) in _pictures(sample_build).items()}
    shown: dict[str, set[str]] = {"train": set(), "eval": set()}
    for task in TASKS:
        role = registry.task(task).head.role
        rows = _selected(sample_build, task)
        shown[role] |= {picture_of[row["image_id"]] for row in rows if row["image_id"] is not None}
    assert shown["eval"]
    assert not shown["train"] & shown["eval"]


def _selected(builder: Builder, task: str) -> list[dict[str, Any]]:
    """The rows of a task that the mixture takes; none if the task is not part of the shards."""
    reference = Reference("mixtures", f"multiinstruct.{task}")
    if reference not in builder.steps:
        return []
    rows: list[dict[str, Any]] = pq.read_table(builder.run(reference).path("rows.parquet")).to_pylist()
    return rows


def test_every_ledger_closes_and_every_rejected_row_is_kept(sample_build: Builder) -> None:
    for reference in sample_build.steps:
        artifact = sample_build.run(reference)
        manifest = artifact.manifest
        rejected = sum(manifest.rejected.values())
        assert manifest.rows_in == manifest.rows_out + rejected + manifest.not_asked
        kept = artifact.folder / "rejected.parquet"
        assert (pq.read_metadata(kept).num_rows if kept.exists() else 0) == rejected
        if kept.exists():
            reasons = Counter(pq.read_table(kept)["rejected"].to_pylist())
            assert dict(reasons) == manifest.rejected


def test_irregular_records_are_rows_or_named_rejects(sample_build: Builder) -> None:
    regions = sample_build.run(Reference("tables", "visual_genome.regions")).manifest
    assert regions.rejected == {
        "box_degenerate": 2,
        "box_outside": 1,
        "empty_text": 2,
        "malformed": 3,
        "reserved_mark": 5,
    }
    relations = sample_build.run(Reference("tables", "visual_genome.relations")).manifest
    assert relations.rejected == {"empty_text": 1}
    said = sample_build.run(Reference("instances", "visual_object_relationship")).manifest
    assert said.rejected == {"duplicate": 1, "same_place": 1}
    captions = sample_build.run(Reference("instances", "grounded_captioning")).manifest
    assert captions.rejected == {"duplicate": 1}
    grounding = sample_build.run(Reference("instances", "visual_grounding")).manifest
    assert grounding.rejected == {"ambiguous_text": 2, "duplicate": 1}


def test_rows_whose_picture_cannot_be_shown_are_left_out_by_name(sample_build: Builder) -> None:
    problems = {
        "picture_absent": "picture_absent",
        "picture_truncated": "picture_unreadable",
        "picture_other_shape": "picture_resized",
    }
    found: dict[str, set[str]] = {}
    for task in TASKS:
        reference = Reference("mixtures", f"multiinstruct.{task}")
        kept = (
            sample_build.run(reference).folder / "rejected.parquet" if _selected(sample_build, task) else None
        )
        for row in pq.read_table(kept).to_pylist() if kept and kept.exists() else []:
            if row["image_id"].startswith("vg:") and row["rejected"].startswith("picture_"):
                found.setdefault(row["image_id"], set()).add(row["rejected"])
    assert found == {IRREGULAR[name]: {problem} for name, problem in problems.items()}


def test_a_smaller_file_keeps_its_boxes_in_proportion(sample_build: Builder) -> None:
    folder = sample_build.run(Reference("mixtures", "multiinstruct.grounded_captioning"))
    pictures = pq.read_table(folder.path("pictures.parquet")).to_pylist()
    (half,) = [row for row in pictures if row["image_id"] == IRREGULAR["picture_half"]]
    assert (half["width"] * 2, half["height"] * 2) == (half["declared_width"], half["declared_height"])
    shard = Shard(
        sample_build.run(Reference("shards", "multiinstruct.grounded_captioning")).path(""), "train"
    )
    rows = {row["uid"]: row for row in _instances(sample_build, "grounded_captioning")}
    checked = 0
    for number, uid in enumerate(shard.uids.to_pylist()):
        row = rows[uid]
        if row["image_id"] == half["image_id"]:
            box = [list(row["regions"][0].values())]
            bins = quantise(box, half["declared_width"], half["declared_height"], "whole_image_999")
            region = shard.slots.of(number)[1]
            assert abs(region.astype(int) - bins - int(region[0] - bins[0][0])).max() <= 1
            checked += 1
    assert checked


@pytest.mark.parametrize("task", TASKS)
def test_the_ids_are_those_of_the_rendered_instance(sample_build: Builder, task: str) -> None:
    folder = sample_build.run(Reference("shards", "multiinstruct")).path("")
    collection = read_collection(folder)
    vocabulary = Vocabulary.load(folder / collection.vocabulary)
    collected = collection.tasks[task]
    rows = {row["uid"]: row for row in _instances(sample_build, task)}
    wordings = load_instructions(task).wordings
    for split, count in collected.rows.items():
        shard = Shard(folder / collected.shard, split)
        splicer = Splicer(shard, read_instructions(folder / collected.instructions), vocabulary)
        sizes = {row["image_id"]: (row["width"], row["height"]) for row in shard.pictures.to_pylist()}
        assert shard.rows == count
        for number in range(0, shard.rows, 29):
            row = rows[shard.uids[number].as_py()]
            declared = BY_IMAGE.get(row["image_id"])
            if declared is None:
                continue
            width, height = sizes[row["image_id"]]
            assert (width, height) == (declared.width, declared.height)
            bins = quantise([list(box.values()) for box in row["regions"]], width, height, "whole_image_999")
            for which, wording in enumerate(wordings):
                texts = {str(slot): row[slot] for slot in SLOTS if slot in row}
                prompt = render(wording, texts, row["options"] or ())
                ids = [0, *vocabulary.encode_marked(f" {prompt}", bins), 2]
                assert splicer.sources([number], which).row(0).tolist() == ids
            target = [*vocabulary.encode_marked(f" {row['target']}", bins), 2]
            assert splicer.targets([number]).row(0).tolist() == target


def test_each_picture_is_packed_once_and_as_published(sample_build: Builder) -> None:
    folder = sample_build.run(Reference("shards", "multiinstruct")).path("")
    collection = read_collection(folder)
    pack = PicturePack(folder / collection.pictures)
    shown = set[str]()
    for collected in collection.tasks.values():
        for split in collected.rows:
            shown |= set(Shard(folder / collected.shard, split).pictures["image_id"].to_pylist())
    assert sorted(shown) == pack.image_ids.to_pylist()
    published = _published(sample_build)
    for row, name in enumerate(pack.image_ids.to_pylist()):
        assert pack.read(row, check=True) in published[name]
    pack.close()


def _published(builder: Builder) -> dict[str, list[bytes]]:
    """By image: every picture of its file's name, in the sample world's archives or beside them."""
    files: dict[str, list[bytes]] = {}
    mirror = Path(str(builder.settings.mirror))
    for path in sorted(mirror.rglob("*")):
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                for member in archive.namelist():
                    files.setdefault(PurePosixPath(member).name, []).append(archive.read(member))
        elif path.name.endswith(".tar.gz"):
            with tarfile.open(path) as tar:
                for part in filter(tarfile.TarInfo.isfile, tar):
                    opened = tar.extractfile(part)
                    assert opened is not None
                    files.setdefault(PurePosixPath(part.name).name, []).append(opened.read())
        elif path.suffix in (".jpg", ".png"):
            files.setdefault(path.name, []).append(path.read_bytes())
    return {
        row["image_id"]: files.get(PurePosixPath(row["picture"]).name, [])
        for reference in builder.steps
        if reference.stage == "tables" and reference.name.endswith(".images")
        for row in pq.read_table(builder.run(reference).tables).to_pylist()
    }


def test_the_pack_opens_with_any_zip_tool(sample_build: Builder) -> None:
    path = sample_build.run(Reference("shards", "multiinstruct.pictures")).path("pictures.zip")
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        Image.open(BytesIO(archive.read(archive.namelist()[0]))).load()


@pytest.mark.parametrize("task", TASKS)
def test_counts_of_the_mixture_are_reached(sample_build: Builder, task: str) -> None:
    taken = Counter(row["split"] for row in _selected(sample_build, task))
    if not taken:
        pytest.skip("the task is not part of the shards")
    path = sample_build.run(Reference("mixtures", "multiinstruct")).path(f"{task}.parquet")
    available = Counter(row["split"] for row in _instances(sample_build, task))
    limits = {"train": {"train": 10_000, "validation": 1_000}, "eval": {"test": available["test"]}}
    limit = limits[registry.task(task).head.role]
    for count in pq.read_table(path).to_pylist():
        split = count["split"]
        assert count["available"] == available[split]
        assert count["count"] == min(limit[split], available[split])
        assert taken[split] <= count["count"]


def test_the_index_says_what_the_numbers_mean(sample_build: Builder) -> None:
    for task in TASKS:
        folder = sample_build.run(Reference("shards", f"multiinstruct.{task}")).path("")
        index = read_index(folder)
        assert (index.task, index.mixture) == (task, "multiinstruct")
        assert (index.quantisation, index.options_style) == ("whole_image_999", "spaced")
        for split in index.rows:
            Shard(folder, split).verify()


def test_the_current_build_lists_every_artifact(sample_build: Builder) -> None:
    build = current(sample_build.lake)
    assert build is not None
    assert {entry.reference for entry in build.members} == set(sample_build.steps)
