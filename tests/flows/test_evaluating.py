"""`multiinstruct evaluate`: a checkpoint in, predictions and scores out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app
from ofa.weights import save
from schemas.errors import BuildError
from shards.collection import read_collection
from shards.vocabulary import Vocabulary
from tests.ofa.tiny_model import tiny_model
from transforms import score_ask, score_store
from transforms.builder import Builder
from transforms.catalogue import NAME


@pytest.fixture
def lake(sample_build: Builder, tmp_path: Path) -> Path:
    """The sample world's lake as far as it is read, with room for evaluations of its own."""
    mine = tmp_path / "lake"
    mine.mkdir()
    for entry in sample_build.settings.lake.iterdir():
        if entry.name != NAME:
            (mine / entry.name).symlink_to(entry.resolve())
    return mine


def test_a_checkpoint_is_evaluated_and_not_asked_twice(lake: Path, tmp_path: Path) -> None:
    folder = score_ask.folder_of(lake)[1]
    size = Vocabulary.load(folder / read_collection(folder).vocabulary).size
    checkpoint = tmp_path / "runs" / "tiny"
    save(tiny_model(vocabulary=size, max_positions=256, patch_image_size=32), checkpoint)
    command = ["evaluate", "--checkpoint", str(checkpoint), "--lake", str(lake), "--name", "mine", "--json"]
    command += ["--task", "visual_spatial_relationship", "--rows", "2", "--beam", "1", "--device", "cpu"]
    done = CliRunner().invoke(app, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    scores = json.loads(done.stdout)
    (task,) = scores["tasks"]
    assert set(task["metrics"]) == {"accuracy", "prefix_accuracy", "option_accuracy"}
    assert task["unfinished"] == []
    run = score_store.opened(lake, "mine")
    right = run.answers("visual_spatial_relationship").to_pylist()
    for number in range(5):
        predictions = run.predictions("visual_spatial_relationship", number)
        assert predictions is not None
        assert predictions["uid"].to_pylist() == [row["uid"] for row in right]
        said = predictions["chosen"].to_pylist()
        assert all(one in row["options"] for one, row in zip(said, right, strict=True))
    stored = {path: path.stat().st_mtime_ns for path in run.folder.rglob("*.parquet")}
    again = CliRunner().invoke(app, command, catch_exceptions=False)
    assert json.loads(again.stdout) == scores
    assert stored == {path: path.stat().st_mtime_ns for path in run.folder.rglob("*.parquet")}


def test_a_model_with_another_vocabulary_is_refused(lake: Path, tmp_path: Path) -> None:
    save(tiny_model(), tmp_path / "other")
    command = ["evaluate", "--checkpoint", str(tmp_path / "other"), "--lake", str(lake)]
    with pytest.raises(BuildError, match="another vocabulary"):
        CliRunner().invoke(app, [*command, "--rows", "1"], catch_exceptions=False)
