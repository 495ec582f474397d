"""`multiinstruct evaluate`: a checkpoint in, predictions, scores and a report out; killed, it goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows.cli import app
from ofa.weights import save
from schemas.errors import BuildError
from shards.collection import read_collection
from shards.vocabulary import Vocabulary
from tests.conftest import ROOT
from tests.ofa.tiny_model import tiny_model
from transforms import catalogue, score_ask, score_store
from transforms.builder import Builder

TASK = "visual_spatial_relationship"


def own_lake(built: Builder, folder: Path) -> Path:
    """A lake as far as it is read, with room for evaluations of its own."""
    mine = folder / "lake"
    mine.mkdir()
    for entry in built.settings.lake.iterdir():
        if entry.name not in (catalogue.NAME, score_store.FOLDER, "runs"):
            (mine / entry.name).symlink_to(entry.resolve())
    return mine


def tiny_checkpoint(lake: Path, folder: Path) -> Path:
    """A small model with the vocabulary of the lake's shards, as training writes it, before any training."""
    shards = score_ask.folder_of(lake)[1]
    size = Vocabulary.load(shards / read_collection(shards).vocabulary).size
    save(tiny_model(vocabulary=size, max_positions=256, patch_image_size=32), folder)
    return folder


@pytest.fixture
def lake(small_build: Builder, tmp_path: Path) -> Path:
    return own_lake(small_build, tmp_path)


@pytest.fixture
def checkpoint(lake: Path) -> Path:
    return tiny_checkpoint(lake, lake / "runs" / "tiny")


def words(lake: Path, checkpoint: Path, *more: str) -> list[str]:
    common = ["evaluate", "--checkpoint", str(checkpoint), "--lake", str(lake), "--device", "cpu", "--json"]
    return [*common, "--beam", "1", *more]


def evaluated(lake: Path, checkpoint: Path, *more: str) -> dict[str, Any]:
    done = CliRunner().invoke(app, words(lake, checkpoint, *more), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    scores: dict[str, Any] = json.loads(done.stdout)
    return scores


def stored(run: score_store.Run) -> dict[str, tuple[bytes, int]]:
    return {
        path.relative_to(run.folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in run.folder.rglob("*.parquet")
    }


def test_a_checkpoint_is_evaluated_and_not_asked_twice(lake: Path, checkpoint: Path) -> None:
    asked = ("--name", "mine", "--task", TASK, "--rows", "2")
    scores = evaluated(lake, checkpoint, *asked)
    (task,) = scores["tasks"]
    assert set(task["metrics"]) == {"accuracy", "prefix_accuracy", "option_accuracy"}
    assert task["unfinished"] == []
    run = score_store.opened(lake, "mine")
    assert json.loads((run.folder / "scores.json").read_text()) == scores
    assert "Evaluation mine" in (run.folder / "index.html").read_text()
    right = run.answers(TASK).to_pylist()
    for number in range(5):
        predictions = run.predictions(TASK, number)
        assert predictions is not None
        assert predictions["uid"].to_pylist() == [row["uid"] for row in right]
        said = predictions["chosen"].to_pylist()
        assert all(one in row["options"] for one, row in zip(said, right, strict=True))
    before = stored(run)
    # The file of weights is the same checkpoint as its folder.
    assert evaluated(lake, checkpoint / "model.safetensors", *asked) == scores
    assert stored(run) == before


def test_runs_are_named_by_what_they_ask(lake: Path, checkpoint: Path) -> None:
    few = ("--task", "object_matching", "--rows", "2")
    blind = evaluated(lake, checkpoint, *few, "--split", "validation", "--blind")["evaluation"]
    assert (blind["name"], blind["blind"]) == ("tiny-validation-2-beam1-blind", True)
    assert blind["tasks"]["object_matching"]["split"] == "validation"
    held_out = evaluated(lake, checkpoint, "--task", TASK, "--rows", "2", "--blind")
    assert held_out["multimodal"]["remark"].startswith("not comparable: black pictures; 1 tasks")
    seeing = evaluated(lake, checkpoint, *few, "--split", "validation")["evaluation"]
    assert (seeing["name"], seeing["blind"]) == ("tiny-validation-2-beam1", False)
    # Whoever does not look gives other scores to its answers.
    queries = [f'select sum(score) from predictions."{one["name"]}"' for one in (blind, seeing)]
    sums = [catalogue.ask(lake, query)[1][0][0] for query in queries]
    assert sums[0] != sums[1]


def test_beams_find_what_is_at_least_as_likely(lake: Path, checkpoint: Path) -> None:
    greedy = evaluated(lake, checkpoint, "--task", TASK, "--rows", "2", "--name", "greedy")
    five = evaluated(lake, checkpoint, "--task", TASK, "--rows", "2", "--name", "five", "--beam", "5")
    assert (greedy["evaluation"]["search"], five["evaluation"]["search"][:7]) == ("greedy", "5 beams")
    better = (
        "select count(*), count(*) filter (five.score > greedy.score - 1e-4) "
        "from predictions.greedy join predictions.five using (uid, instruction)"
    )
    assert catalogue.ask(lake, better)[1] == [(10, 10)]


def test_a_killed_evaluation_goes_on_to_the_same_answers(lake: Path, checkpoint: Path) -> None:
    asked = ("--task", TASK, "--task", "natural_language_for_visual_reasoning", "--rows", "6")
    whole = evaluated(lake, checkpoint, *asked, "--name", "whole")
    command = [sys.executable, "-m", "flows.cli", *words(lake, checkpoint, *asked, "--name", "killed")]
    # Scores are sums, whose last bits are as threads share them out: here is one, as for `whole`.
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    folder = lake / score_store.FOLDER / "killed" / "predictions"
    deadline = time.monotonic() + 200
    while len(list(folder.glob("[!.]*.parquet"))) < 2 and time.monotonic() < deadline:
        assert process.poll() is None, "it has ended by itself"
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    run = score_store.opened(lake, "killed")
    before = stored(run)
    assert 0 < len(list(run.unfinished())) < 10
    again = evaluated(lake, checkpoint, *asked, "--name", "killed")
    after = stored(run)
    assert before == {name: after[name] for name in before}
    other = stored(score_store.opened(lake, "whole"))
    assert {name: data for name, (data, _) in after.items()} == {
        name: data for name, (data, _) in other.items()
    }
    assert again["tasks"] == whole["tasks"]


def test_what_cannot_be_evaluated_is_said(lake: Path, checkpoint: Path, tmp_path: Path) -> None:
    save(tiny_model(), tmp_path / "other")
    for where, more, message in (
        (tmp_path / "other", (), "another vocabulary"),
        (tmp_path, (), "no such checkpoint"),
        (checkpoint, ("--name", "../mine"), "cannot have this name"),
        (checkpoint, ("--task", "text_vqa"), "no such task"),
    ):
        with pytest.raises(BuildError, match=message):
            CliRunner().invoke(app, words(lake, where, "--rows", "1", *more), catch_exceptions=False)


def test_answers_are_shown_with_their_instances(lake: Path, checkpoint: Path, tmp_path: Path) -> None:
    evaluated(lake, checkpoint, "--task", TASK, "--rows", "3", "--name", "mine")
    show = ["show", TASK, "--predictions", "mine", "--lake", str(lake), "-n", "2"]
    page = tmp_path / "answers.html"
    done = CliRunner().invoke(app, [*show, "--json", "--html", str(page)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    shown = json.loads(done.stdout)
    assert len(shown) == 2
    for one in shown:
        assert [answer["instruction"] for answer in one["answers"]] == [0, 1, 2, 3, 4]
        query = f"select text from predictions.mine where uid = '{one['uid']}' order by instruction"
        assert [(answer["text"],) for answer in one["answers"]] == catalogue.ask(lake, query)[1]
    text = page.read_text()
    assert text.count("<article>") == 2
    assert text.count("data:image/jpeg;base64,") == 2
    told = CliRunner().invoke(app, show, catch_exceptions=False).output
    assert shown[0]["uid"] in told
    with pytest.raises(BuildError, match="has not asked this task"):
        CliRunner().invoke(app, ["show", "object_matching", *show[2:]], catch_exceptions=False)
