"""What is in a batch: ids, pictures, masks, instructions; and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from ofa.batches import Batches
from ofa.examples import Examples
from ofa.model import OFA
from ofa.pictures import square
from schemas.artifact import Reference
from schemas.errors import BuildError
from schemas.token import BOS, EOS, PAD
from shards.collection import read_collection
from shards.format import read_instructions
from shards.pictures import PicturePack, open_rgb
from shards.read import Shard
from shards.splice import Splicer
from shards.vocabulary import Vocabulary
from tests.ofa.made_collection import BLANK, SIDE, WORDINGS, encoded, make_collection, unpadded
from tests.ofa.tiny_model import tiny_config
from transforms.builder import Builder


def test_ids_are_those_of_the_splicer(sample_build: Builder) -> None:
    """Over the tasks of the sample build, in batches that mix them."""
    folder = sample_build.run(Reference("shards", "multiinstruct")).path("")
    collection = read_collection(folder)
    vocabulary = Vocabulary.load(folder / collection.vocabulary)
    examples = Examples(folder, "train", SIDE, blind=True)
    splicers = {
        name: Splicer(
            Shard(folder / collection.tasks[name].shard, "train"),
            read_instructions(folder / collection.tasks[name].instructions),
            vocabulary,
        )
        for name in examples.tasks
    }
    rows_in = {
        uid: (name, row)
        for name, splicer in splicers.items()
        for row, uid in enumerate(splicer.shard.uids.to_pylist())
    }
    assert len(rows_in) == len(examples) and len(splicers) > 5
    seen = 0
    for batch in Batches(examples, 64):
        for place, uid in enumerate(examples.uids(batch.rows.tolist())):
            if (seen := seen + 1) % 13:
                continue
            name, row = rows_in[uid]
            prompt = splicers[name].sources([row], int(batch.instructions[place])).row(0).tolist()
            target = splicers[name].targets([row]).row(0).tolist()
            assert unpadded(batch.source[place]) == prompt and prompt[0] == BOS and prompt[-1] == EOS
            assert unpadded(batch.targets[place]) == target and target[-1] == EOS
            assert unpadded(batch.target_inputs[place]) == [BOS, *target[:-1]]
            # Padding stands on the right only.
            assert batch.source[place, : len(prompt)].tolist() == prompt


def test_a_batch_is_shaped_as_told(examples: Examples) -> None:
    batch = examples[[3, 0, 70]]
    rows = len(batch)
    assert rows == 3 and batch.rows.tolist() == [3, 0, 70] and len(examples[3]) == 1
    for ids in (batch.source, batch.target_inputs, batch.targets):
        assert ids.dtype == torch.int64 and ids.shape[0] == rows
    assert batch.target_inputs.shape == batch.targets.shape
    assert batch.pictures.dtype == torch.uint8 and batch.pictures.shape == (rows, 3, SIDE, SIDE)
    assert batch.pictures.is_contiguous(memory_format=torch.channels_last)
    assert batch.has_picture.tolist() == [True, False, True]
    assert examples.uids([3, 0, 70]) == ["telling/3", "telling/0", "choosing/10"]
    moved = batch.to("meta")
    assert moved.source.is_meta and moved.pictures.is_meta and moved.rows.shape == (3,)


def test_pictures_are_normalised_as_ofa_does(examples: Examples) -> None:
    batch = examples[[1, 5]]
    shown = batch.inputs()["pictures"]
    assert shown.dtype == torch.float32
    assert shown.equal((batch.pictures.float() / 255 - 0.5) / 0.5)
    assert -1 <= shown.min() < -0.5 and 0.5 < shown.max() <= 1


def test_a_row_without_a_picture_shows_black(examples: Examples) -> None:
    batch = examples[[0, 1]]
    assert batch.has_picture.tolist() == [False, True]
    assert batch.pictures[0].eq(0).all() and not batch.pictures[1].eq(0).all()
    shown = batch.inputs()["pictures"]
    assert shown[0].eq(-1).all()


def test_a_picture_is_turned_where_its_source_says_so(folder: Path, examples: Examples) -> None:
    """The files of both pictures ask for it."""
    pack = PicturePack(folder / "pictures")
    batch = examples[[12, 1]]
    turned = open_rgb(pack.read(0)).transpose(Image.Transpose.ROTATE_270)
    for place, image in enumerate((turned, open_rgb(pack.read(1)))):
        expected = square(encoded(image, "PNG"), SIDE)
        assert batch.pictures[place].permute(1, 2, 0).equal(expected)


def test_blind_shows_black_and_changes_nothing_else(folder: Path, examples: Examples) -> None:
    rows = list(range(len(examples)))
    blind, seeing = Examples(folder, "train", SIDE, blind=True)[rows], examples[rows]
    assert blind.pictures.eq(0).all() and blind.blanks is None
    shown = blind.inputs()["pictures"]
    assert shown.eq(-1).all()
    for name in ("source", "targets", "target_inputs", "has_picture", "instructions"):
        assert getattr(blind, name).equal(getattr(seeing, name))


def test_the_blank_of_a_picture_is_grey(examples: Examples) -> None:
    drawing = len(examples) - 1
    batch = examples[[1, drawing]]
    assert batch.blanks is not None and batch.writes_codes is not None
    assert batch.writes_codes.tolist() == [False, True]
    x0, y0, x1, y1 = (round(place / size * SIDE) for place, size in zip(BLANK, (640, 480) * 2, strict=True))
    assert batch.blanks.tolist() == [[0, 0, 0, 0], [x0, y0, x1, y1]]
    shown = batch.inputs()["pictures"]
    inside = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    inside[y0:y1, x0:x1] = True
    assert shown[1][:, inside].eq(0).all() and not shown[1][:, ~inside].eq(0).any()
    assert not shown[0].eq(0).any()


def test_a_model_takes_a_batch(folder: Path, examples: Examples) -> None:
    torch.manual_seed(0)
    vocabulary = Vocabulary.load(folder / "vocabulary").size
    model = OFA(tiny_config(vocabulary=vocabulary, max_positions=512, code_image_size=128))
    for rows in ([1, 2], [0, 5], [0, 3, 70, len(examples) - 1]):
        batch = examples[rows].to("cpu")
        sums = model.loss(targets=batch.targets, **batch.inputs())
        assert torch.isfinite(sums.loss) and sums.tokens == int((batch.targets != PAD).sum())
        torch.autograd.backward(sums.loss)


def test_a_drawn_instruction_depends_on_the_instance_alone(folder: Path, examples: Examples) -> None:
    whole = examples[list(range(60))].instructions
    assert examples[[41, 7]].instructions.tolist() == whole[[41, 7]].tolist()
    assert set(whole.tolist()) == set(range(5))
    assert not examples.in_epoch(1)[list(range(60))].instructions.equal(whole)
    assert not Examples(folder, "train", SIDE, seed=1)[list(range(60))].instructions.equal(whole)
    # Without the other tasks, in which its rows have other numbers.
    alone = Examples(folder, "train", SIDE, tasks=["choosing"])
    assert alone[list(range(30))].instructions.equal(examples[list(range(60, 90))].instructions)


def test_evaluation_shows_each_instruction_with_the_options_in_one_order(folder: Path) -> None:
    vocabulary = Vocabulary.load(folder / "vocabulary")
    prompts = []
    for number, wording in enumerate(WORDINGS["choosing"]):
        examples = Examples(folder, "train", SIDE, tasks=["choosing"], instruction=number)
        (batch,) = Batches(examples, 64, shuffle="none", threads=1)
        assert batch.instructions.eq(number).all()
        prompts.append([vocabulary.decode(unpadded(row)[1:-1]) for row in batch.source])
        assert all(prompt.startswith(f" {wording.split()[0]} one ") for prompt in prompts[-1])
        options = [[vocabulary.decode(one) for one in examples.options(row)] for row in range(30)]
        for prompt, shown in zip(prompts[-1], options, strict=True):
            assert prompt.endswith("\n\n[Options]:" + " ||||".join(shown))
    told = {tuple(prompt.partition("[Options]:")[2] for prompt in some) for some in prompts}
    assert len(told) == 1 and len({some[0] for some in prompts}) == 5


def test_a_sampler_of_lists_gives_batches(examples: Examples) -> None:
    lists = [[3, 1], [70], [0, 5, 90]]
    for workers, context in ((0, None), (1, "spawn")):
        loader = DataLoader(
            examples, sampler=lists, batch_size=None, num_workers=workers, multiprocessing_context=context
        )
        assert [batch.rows.tolist() for batch in loader] == lists


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"split": "test"}, "no rows of these tasks in split 'test'"),
        ({"tasks": ["telling", "singing"]}, "singing"),
        ({"tasks": []}, "no tasks"),
        ({"instruction": 2}, "no such instruction"),
        ({"instruction": -1}, "no such instruction"),
        ({"side": 0}, "no such side"),
        ({"folder": Path("/nowhere")}, "cannot be opened"),
    ],
)
def test_examples_that_there_are_not(folder: Path, asked: dict[str, Any], message: str) -> None:
    whole: dict[str, Any] = {"folder": folder, "split": "train", "side": SIDE} | asked
    with pytest.raises(BuildError, match=message):
        Examples(**whole)


def test_instances_that_there_are_not(examples: Examples) -> None:
    for rows in (len(examples), -1, [0, 500]):
        with pytest.raises(BuildError, match="no such instance"):
            examples[rows]
    with pytest.raises(BuildError, match="empty"):
        examples[[]]


@pytest.mark.parametrize(
    "name", ["telling/train.arrow", "pictures/pictures.zip", "telling/instructions.json"]
)
def test_damaged_files_are_named(tmp_path: Path, name: str) -> None:
    folder = make_collection(tmp_path, rows=10)
    path = folder / name
    data = bytearray(path.read_bytes())
    if name.endswith(".zip"):
        # Inside the first picture: only reading it can tell.
        data[600] ^= 1
        path.write_bytes(data)
        with pytest.raises(BuildError, match=r"is damaged(.|\n)*made:0"):
            list(Batches(Examples(folder, "train", SIDE), 4, threads=2))
        return
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(BuildError, match=path.name):
        Examples(folder, "train", SIDE)


def test_lengths_are_those_of_the_texts(examples: Examples) -> None:
    rows = np.arange(len(examples))
    source, target = examples.lengths(rows)
    batch = examples[rows.tolist()]
    assert target.tolist() == (batch.targets != PAD).sum(1).tolist()
    # A wording that is encoded whole counts without its words, as nothing is encoded for this.
    told = (batch.source != PAD).sum(1).numpy()
    whole = (batch.instructions.numpy() == 2) & (rows < 60)
    assert (source == told)[~whole].all() and (source < told)[whole].all() and whole.any()
