"""`multiinstruct finetune`: exact counts first, then updates, weights and a page; stopped, it goes on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows.cli import app
from schemas.errors import BuildError, ExitCode
from schemas.training import METRICS
from shards.collection import COLLECTION, read_collection
from tests.conftest import ROOT
from tests.flows.training_lake import RECIPE, UPDATES, training_lake, write_recipe
from transforms import publish, training_store
from transforms.builder import Builder
from transforms.score_ask import folder_of


@pytest.fixture(scope="module")
def built(small_build: Builder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return training_lake(small_build, tmp_path_factory.mktemp("trained"))


@pytest.fixture
def lake(built: Path) -> Iterator[Path]:
    """The lake, before any training."""
    yield built
    shutil.rmtree(built / training_store.FOLDER, ignore_errors=True)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    return write_recipe(tmp_path / "tiny.toml")


def words(lake: Path, recipe: Path | str, *more: str) -> list[str]:
    common = ["finetune", "--recipe", str(recipe), "--lake", str(lake), "--device", "cpu"]
    return [*common, "--name", "mine", "--json", *more]


def said(arguments: list[str]) -> Any:
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_plan_is_exact_and_changes_nothing(lake: Path, recipe: Path) -> None:
    plan = said(words(lake, recipe, "--plan"))
    build, folder = folder_of(lake)
    tasks = read_collection(folder).tasks
    rows = {name: task.rows["train"] for name, task in tasks.items() if task.rows.get("train")}
    (stage,) = plan["stages"]
    assert stage["tasks"] == rows
    assert stage["updates"] == UPDATES
    assert plan["build"] == build.id
    assert not (lake / training_store.FOLDER).exists()


def test_a_blind_stage_is_planned_and_said(lake: Path, recipe: Path) -> None:
    path = folder_of(lake)[1] / COLLECTION
    before = path.read_text()
    try:
        path.write_text(before.replace('"blind": false', '"blind": true'))
        (stage,) = said(words(lake, recipe, "--plan"))["stages"]
        spoken = [word for word in words(lake, recipe, "--plan") if word != "--json"]
        told = CliRunner().invoke(app, spoken, env={"COLUMNS": "200"}).output
    finally:
        path.write_text(before)
    assert stage["blind"] is True
    assert "black pictures" in told


def test_it_trains_and_is_not_trained_twice(lake: Path, recipe: Path) -> None:
    ended = said(words(lake, recipe))
    assert ended["updates"] == UPDATES
    run = training_store.opened(lake, "mine")
    assert [line.update for line in run.lines() if line.kind == "update"] == list(range(1, UPDATES + 1))
    assert [line.epoch for line in run.lines() if line.kind == "validation"] == [1, 2]
    page = (run.folder / "index.html").read_text()
    assert f"{UPDATES} of {UPDATES} updates" in page
    assert "<script" not in page
    assert page.count("<path") == 5
    before = (run.folder / METRICS).read_bytes()
    assert said(words(lake, recipe)) == ended
    assert (run.folder / METRICS).read_bytes() == before
    scores = ["evaluate", "--checkpoint", str(run.folder), "--lake", str(lake), "--device", "cpu", "--json"]
    scored = said([*scores, "--rows", "1", "--beam", "1", "--task", "object_matching"])
    assert scored["tasks"][0]["unfinished"] == []


def test_a_person_sees_counts_and_what_is_next(lake: Path, recipe: Path) -> None:
    arguments = [word for word in words(lake, recipe) if word != "--json"]
    shown = CliRunner().invoke(app, arguments, catch_exceptions=False).output
    assert "object_matching" in shown
    assert f"{UPDATES} updates" in shown
    assert "multiinstruct evaluate --checkpoint" in shown


def test_ctrl_c_leaves_what_the_same_command_goes_on_from(lake: Path, recipe: Path, tmp_path: Path) -> None:
    """Several processes are stopped as one is."""
    arguments = words(lake, recipe, "--processes", "2")
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", *arguments],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Who runs the tests in the background has the signal ignored, and so would all that they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    metrics = lake / training_store.FOLDER / "mine" / METRICS
    while process.poll() is None and not (metrics.is_file() and metrics.read_bytes().count(b"\n") > 1):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=240)
    assert process.returncode == ExitCode.INTERRUPTED, complaint
    assert "run the same command again" in complaint
    done = metrics.read_bytes().count(b"\n")
    assert done < UPDATES
    assert said(words(lake, recipe))["updates"] == UPDATES
    run = training_store.opened(lake, "mine")
    assert [line.update for line in run.lines() if line.kind == "update"] == list(range(1, UPDATES + 1))


def test_what_processes_complain_of_is_passed_on(lake: Path, tmp_path: Path) -> None:
    path = tmp_path / "wild.toml"
    path.write_text(RECIPE.format(rows=75).replace("1e-3", "1e25").replace("average = 0.9", "clip_norm = 0"))
    with pytest.raises(BuildError, match="no number any more") as caught:
        CliRunner().invoke(app, words(lake, path, "--processes", "2"), catch_exceptions=False)
    assert "update" in str(caught.value)


def test_shards_come_from_elsewhere(lake: Path, recipe: Path, tmp_path: Path) -> None:
    """A lake that holds nothing yet takes the shards of a published build, and no more."""
    publish.publish(lake, (tmp_path / "there").as_uri())
    worker = tmp_path / "worker"
    arguments = words(worker, recipe, "--shards", (tmp_path / "there").as_uri())
    plan = said([*arguments, "--plan"])
    here = said(words(lake, recipe, "--plan"))
    assert plan["stages"] == here["stages"]
    assert {path.name for path in worker.iterdir() if path.is_dir()} >= {"shards", "builds"}
    assert not (worker / "tables").exists()
    assert said(arguments)["updates"] == UPDATES
    # A lake with a build of its own would lose sight of it.
    with pytest.raises(BuildError, match="holds a build of its own"):
        said(words(lake, recipe, "--shards", (tmp_path / "there").as_uri()))


def test_other_settings_are_another_run(lake: Path, recipe: Path) -> None:
    said(words(lake, recipe))
    with pytest.raises(BuildError, match="trains something else") as caught:
        said(words(lake, recipe, "--seed", "1"))
    assert "other seed" in str(caught.value)


def test_a_blind_twin_is_another_run(lake: Path, recipe: Path) -> None:
    arguments = words(lake, recipe, "--plan", "--blind")
    del arguments[arguments.index("--name") : arguments.index("--name") + 2]
    assert said(arguments)["name"].startswith("tiny-blind-")


def test_a_mixture_that_is_not_built_is_refused(lake: Path, recipe: Path) -> None:
    with pytest.raises(BuildError, match="another mixture") as caught:
        said(words(lake, recipe, "--mixture", "all"))
    assert "multiinstruct build --mixture all" in str(caught.value)


def test_published_sizes_need_weights(lake: Path) -> None:
    with pytest.raises(BuildError, match="no weights to begin with") as caught:
        said(words(lake, "paper", "--mixture", "quick"))
    assert "--source ofa_checkpoints" in str(caught.value)
