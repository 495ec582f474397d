"""Small runs of training over the collection made by hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from ofa.train import Means, train
from schemas.training import METRICS, TRAINING, Recipe, Shape, Trained, TrainedStage, Training
from shards.collection import read_collection
from tests.conftest import ROOT

SHAPE = Shape(
    width=16,
    encoder_layers=1,
    decoder_layers=1,
    heads=2,
    ffn=32,
    resnet_layers=(1, 1, 1),
    picture_side=32,
    positions=512,
)

TIMES = ("seconds", "waited")
"""What two runs that do the same do not share."""


def recipe(**settings: Any) -> Recipe:
    """A recipe for a tiny model: nothing in it depends on how rows are parted."""
    held: dict[str, Any] = {
        "summary": "A tiny model, for tests.",
        "mixture": "made",
        "shape": SHAPE,
        "from_scratch": True,
        "epochs": 2,
        "rows": 10,
        "learning_rate": 3e-3,
        "warmup": 0.1,
        "dropout": 0.0,
        "batch_norm": "frozen",
        "save_every": 3,
    }
    return Recipe(**held | settings)


def begin(
    run: Path,
    collection: Path,
    recipe: Recipe,
    stages: list[list[str]] | None = None,
    blind: tuple[int, ...] = (),
) -> Path:
    """Writes `training.json` of a run over some tasks of a collection; `blind` are numbers of stages."""
    tasks = read_collection(collection).tasks
    held = []
    for number, names in enumerate(stages or [list(tasks)]):
        rows = {name: tasks[name].rows["train"] for name in names}
        updates = -(-sum(rows.values()) // recipe.rows) * recipe.epochs
        held.append(TrainedStage(name=f"stage {number}", tasks=rows, updates=updates, blind=number in blind))
    training = Training(
        name="a-run",
        build="0" * 16,
        mixture="made",
        collection="made",
        recipe=recipe,
        start=None,
        stages=tuple(held),
    )
    run.mkdir(parents=True, exist_ok=True)
    (run / TRAINING).write_text(training.model_dump_json())
    return run


def trained(run: Path, collection: Path, rows_at_once: int = 4) -> Trained:
    """Trains a run in this process."""
    return train(run, collection, None, Means("cpu", rows_at_once, threads=1))


def command(run: Path, collection: Path, processes: int = 1) -> list[str]:
    """The command that trains a run in processes of their own."""
    several = [
        *("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)),
        *("-m", "ofa.worker"),
    ]
    alone = ["-m", "ofa.worker"]
    means = ["--device", "cpu", "--rows-at-once", "4", "--threads", "1"]
    return [sys.executable, *(several if processes > 1 else alone), str(run), str(collection), *means]


def start(arguments: list[str]) -> subprocess.Popen[bytes]:
    """Starts a command with one thread, as sums of several come out in one order or another."""
    return subprocess.Popen(
        arguments,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def finish(process: subprocess.Popen[bytes]) -> int:
    """Waits for a process, and shows what it complains of where a test fails."""
    _, complaint = process.communicate(timeout=240)
    sys.stderr.write(complaint.decode())
    return process.returncode


def lines(run: Path) -> list[dict[str, Any]]:
    """Metrics of a run, without times."""
    held = [json.loads(line) for line in (run / METRICS).read_text().splitlines()]
    return [{name: value for name, value in line.items() if name not in TIMES} for line in held]
