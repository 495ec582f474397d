"""Pictures as answers: from instances to ids of codes, by a small VQ-GAN instead of the real one."""

from __future__ import annotations

import html.parser
import io
import re
import shutil
import sys
import zipfile
from base64 import b64decode
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from flows import building, codes, looking
from flows.sample import with_sample
from ofa import vqgan
from ofa.codes import codes_of, decoded, encoded, pictures_of
from ofa.vqgan import VQGAN, VQGANConfig
from schemas.artifact import Reference
from schemas.box import Box
from schemas.errors import BuildError
from schemas.settings import BuildSettings
from shards.collection import read_collection
from shards.format import read_instructions
from shards.pictures import squared
from shards.read import Shard
from shards.splice import Splicer
from shards.vocabulary import Vocabulary
from transforms import registry
from transforms.builder import Builder
from transforms.gallery import page
from transforms.lake import current
from transforms.mirror import Mirror
from transforms.show import drawn
from transforms.steps_shards import IMAGE_CODER

INFILLING = "image_infilling"
GENERATION = "image_generation"
INSTANCES = {f"instances/{INFILLING}", f"instances/{GENERATION}"}
TASKS = (INFILLING, GENERATION, "visual_grounding")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a small VQ-GAN with random weights, in the layout of the published one."""
    torch.manual_seed(0)
    model = VQGAN(VQGANConfig(channels=32, multipliers=(1, 1, 1, 1), blocks=1, embedding=32, codes=64))
    path = tmp_path_factory.mktemp("weights") / "last.ckpt"
    torch.save({"state_dict": model.state_dict() | {"loss.weight": torch.zeros(1)}}, path)
    return path


@pytest.fixture(scope="module")
def settings(weights: Path, sample_build: Builder, tmp_path_factory: pytest.TempPathFactory) -> BuildSettings:
    """A sample world of ten pictures whose mirror has the small checkpoint in the place of the real one."""
    folder = tmp_path_factory.mktemp("codes")
    asked = BuildSettings(lake=folder / "lake", sample=True, sample_scale=0.1, tasks=TASKS)
    asked = with_sample(asked)
    (file,) = registry.declaration(IMAGE_CODER).files.values()
    place = Mirror(str(asked.mirror)).local_path(file.urls[0])
    assert place is not None
    place.parent.mkdir(parents=True)
    shutil.copyfile(weights, place)
    return asked


def _fetch(settings: BuildSettings) -> None:
    """Fetches the weights as a person does: by naming their source."""
    asked = settings.model_copy(update={"tasks": (), "sources": (IMAGE_CODER,)})
    builder = Builder(asked)
    assert [str(reference) for reference in builder.steps] == [f"raw/{IMAGE_CODER}.weights"]
    builder.build()


@pytest.fixture(scope="module")
def built(settings: BuildSettings) -> Builder:
    """A build with codes. Tests only read it."""
    _fetch(settings)
    builder = Builder(settings, encoder=codes.encoder())
    builder.build()
    return builder


def _instances(builder: Builder, task: str) -> dict[str, dict[str, Any]]:
    path = builder.run(Reference("instances", task)).path("instances.parquet")
    return {row["uid"]: row for row in pq.read_table(path).to_pylist()}


def test_targets_are_the_codes_of_the_middle(built: Builder, weights: Path) -> None:
    folder = built.run(Reference("shards", "multiinstruct")).path("")
    collection = read_collection(folder)
    vocabulary = Vocabulary.load(folder / collection.vocabulary)
    task = collection.tasks[INFILLING]
    shard = Shard(folder / task.shard, "train")
    assert (shard.index.target, shard.index.blank) == ("codes", True)
    splicer = Splicer(shard, read_instructions(folder / task.instructions), vocabulary)
    rows = _instances(built, INFILLING)
    model = vqgan.load(weights)
    assert shard.rows > 3
    for number in range(0, shard.rows, 3):
        row = rows[shard.uids[number].as_py()]
        image = Image.open(io.BytesIO(_picture(built, row["image_id"]))).convert("RGB")
        box = (image.width / 4, image.height / 4, image.width * 3 / 4, image.height * 3 / 4)
        cut = image.resize((128, 128), Image.Resampling.LANCZOS, box=box)
        expected = codes_of(model, torch.from_numpy(np.array(cut))[None])[0] + vocabulary.first_code
        assert splicer.targets([number]).row(0).tolist() == [*expected.tolist(), 2]
        blanked = shard.slots.of(number)[1].astype(int) - vocabulary.first_bin
        assert np.round(blanked / 999 * 480).tolist() == [120, 120, 360, 360]


def _picture(builder: Builder, image_id: str) -> bytes:
    images = builder.run(Reference("tables", "visual_genome.images")).path("images.parquet")
    (row,) = pq.read_table(images, filters=[("image_id", "=", image_id)]).to_pylist()
    path = next(builder.run(Reference("raw", f"visual_genome.{row['archive']}")).path("").iterdir())
    with zipfile.ZipFile(path) as archive:
        return archive.read(row["picture"])


def test_a_drawn_picture_is_that_of_its_caption_and_none_is_shown(built: Builder) -> None:
    rows = _instances(built, GENERATION)
    captions = {row["key"]: row for row in _instances(built, "image_captioning").values()}
    for row in rows.values():
        caption = captions[row["key"]]
        assert (row["text"], row["target_image_id"]) == (caption["target"], caption["image_id"])
        assert (row["image_id"], row["split"]) == (None, caption["split"])
    folder = built.run(Reference("shards", f"multiinstruct.{GENERATION}")).path("")
    shard = Shard(folder, "train")
    assert shard.rows and set(shard.picture.tolist()) == {-1}
    assert {len(shard.slots.of(number)[0]) for number in range(shard.rows)} == {256}
    assert (shard.index.target, shard.index.blank) == ("codes", False)


def test_rows_whose_picture_cannot_be_read_are_counted(built: Builder) -> None:
    manifest = built.run(Reference("shards", f"multiinstruct.{INFILLING}.codes")).manifest
    assert manifest.rows_in == manifest.rows_out + sum(manifest.rejected.values())
    taken = built.run(Reference("mixtures", f"multiinstruct.{INFILLING}")).manifest
    assert manifest.rows_in == taken.rows_out


def test_a_second_build_runs_nothing(built: Builder) -> None:
    again = Builder(built.settings, encoder=codes.encoder())
    assert {entry.action for entry in again.plan()} == {"done"}


def _reason(builder: Builder, task: str) -> str:
    """Why the shards of a task wait."""
    return next(one.reason for one in builder.waiting if (one.kind, one.name) == ("shards", task))


def test_without_torch_the_build_succeeds_and_says_what_waits(
    built: Builder, capsys: pytest.CaptureFixture[str]
) -> None:
    with patch.dict(sys.modules, {"torch": None}):
        assert codes.encoder() is None
        assert codes.decoder(built.lake) is None
        building.show_plan(built.settings, as_json=False)
        builder = Builder(built.settings, encoder=codes.encoder())
    told = " ".join(capsys.readouterr().out.split())
    assert "tasks that get instances, but no shards: image_infilling, image_generation" in told
    assert "torch" in _reason(builder, INFILLING)
    names = {str(reference) for reference in builder.steps}
    assert names >= INSTANCES
    assert not any(task in name for task in (INFILLING, GENERATION) for name in names - INSTANCES)
    assert f"raw/{IMAGE_CODER}.weights" not in names
    before = current(built.lake)
    assert before is not None
    build = builder.build()
    assert build.id != before.id
    # The build with codes is there all the same, and becomes the current one again.
    assert built.finish().id == before.id


def test_without_the_weights_nothing_is_fetched(settings: BuildSettings, tmp_path: Path) -> None:
    asked = settings.model_copy(update={"lake": tmp_path, "sample": False, "unpinned": True})
    builder = Builder(asked, encoder=codes.encoder())
    assert IMAGE_CODER in _reason(builder, INFILLING)
    assert not any(IMAGE_CODER in str(reference) for reference in builder.steps)


def test_show_draws_the_codes_beside_the_picture(
    built: Builder, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    looking.show(built.lake, INFILLING, 2, 0, tmp_path / "look.html", None, as_json=False)
    text = (tmp_path / "look.html").read_text()
    drawings = re.findall(r'<img src="data:image/png;base64,([^"]+)"', text)
    shown = drawn(built.lake, INFILLING, 2, 0)
    assert len(drawings) == len(shown) == 2
    for one, drawing in zip(shown, drawings, strict=True):
        assert one.codes is not None
        picture = pictures_of(vqgan.load(weights), torch.tensor([one.codes]))[0].numpy()
        assert np.array_equal(np.array(Image.open(io.BytesIO(b64decode(drawing)))), picture)
    assert "<img" not in page(built.lake, INFILLING, shown)
    html.parser.HTMLParser().feed(text)
    looking.show(built.lake, INFILLING, 1, 0, None, None, as_json=False)
    assert "256 codes" in capsys.readouterr().out


def test_codes_do_not_depend_on_threads_or_neighbours(weights: Path) -> None:
    random = np.random.default_rng(0)
    pictures = [random.integers(0, 256, (64, 64, 3), dtype=np.uint8) for _ in range(5)]
    before = torch.get_num_threads()
    alone = [next(encoded(weights, [picture], 1)) for picture in pictures]
    together = list(encoded(weights, iter(pictures), 3))
    assert torch.get_num_threads() == before
    assert [one.tolist() for one in alone] == [one.tolist() for one in together]
    assert {(one.dtype.name, one.shape) for one in together} == {("uint16", (64,))}
    assert [one.shape for one in decoded(weights, together[:1])] == [(64, 64, 3)]


def _png(pixels: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_a_part_is_what_is_cut_out_of_the_scaled_picture() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    scaled = np.array(Image.fromarray(pixels).resize((256, 256), Image.Resampling.LANCZOS))
    middle = squared(_png(pixels), 128, Box(100, 75, 300, 225))
    assert np.array_equal(middle, scaled[64:192, 64:192])


def test_without_a_box_it_is_the_largest_square_in_the_middle() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (128, 200, 3), dtype=np.uint8)
    assert np.array_equal(squared(_png(pixels), 128), pixels[:, 36:164])
    assert np.array_equal(squared(_png(pixels.transpose(1, 0, 2)), 128), pixels[:, 36:164].transpose(1, 0, 2))


@pytest.mark.parametrize("box", [Box(-1, 0, 5, 5), Box(0, 0, 11, 5), Box(9, 0, 3, 5)])
def test_a_part_outside_its_picture_is_an_error(box: Box) -> None:
    with pytest.raises(BuildError, match="part"):
        squared(_png(np.zeros((10, 10, 3), np.uint8)), 16, box)
