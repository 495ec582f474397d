"""Fine-tuning: says what will be trained, trains it here or in several processes, and reports."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from schemas.errors import BuildError, ExitCode
from schemas.training import ENDED, STOP, Ended, Trained, Training, Update, Validated
from shards.format import stored_file
from transforms import training_report, training_store
from transforms.lake import whole
from transforms.pull import pull
from transforms.steps import Progress, silent
from transforms.training_store import Run

Told = Callable[[Update | Validated], None]

_LOG = "processes.log"
"""What the processes of a run of several say, in its folder."""

_LOOK_SECONDS = 0.5
"""How often the metrics of other processes are looked at."""


class Asked(NamedTuple):
    """What somebody wants to be trained; see the command's options.

    Attributes:
        shards: address of a published build whose shards are fetched first, kept in the lake.
        recipe: name, or path of a file.
        start: weights to begin with.
        mixture: that is trained on instead of the recipe's.
        processes: how many train together.
        rows_at_once: rows that the model sees together in each process.
        workers: processes that prepare batches, for each that trains.
    """

    lake: Path
    recipe: str
    name: str | None = None
    start: Path | None = None
    shards: str | None = None
    mixture: str | None = None
    blind: bool = False
    seed: int = 0
    processes: int = 1
    device: str | None = None
    rows_at_once: int = 16
    workers: int = 0


def prepared(asked: Asked, progress: Progress = silent) -> Training:
    """What would be trained: exact rows of each task and updates, of the shards as they are.

    Raises:
        BuildError: torch is missing, or something that is asked for is not there.
    """
    _check_torch()
    from ofa import recipes

    if asked.shards is not None:
        pull(asked.shards, asked.lake, progress, only="shards")
    recipe = recipes.recipe(asked.recipe)
    start = beginning(asked)
    build = whole(asked.lake).id
    return training_store.planned(
        asked.lake,
        asked.name or f"{Path(asked.recipe).stem}{'-blind' if asked.blind else ''}-{build[:8]}",
        recipe,
        None if start is None else _named(start),
        mixture=asked.mixture,
        blind=asked.blind,
        seed=asked.seed,
    )


def beginning(asked: Asked) -> Path | None:
    """The checkpoint that is begun with: the one named, else the lake's of that size; None for drawn weights.

    Raises:
        BuildError: the recipe needs a checkpoint, and there is none.
    """
    from ofa import recipes

    recipe = recipes.recipe(asked.recipe)
    if asked.start is not None or recipe.from_scratch:
        return asked.start
    found = recipe.size and training_store.pretrained(asked.lake, recipe.size)
    if not found:
        raise BuildError(
            "there are no weights to begin with",
            where=asked.lake,
            got="neither --checkpoint nor the published weights in the lake",
            expected=f"OFA-{recipe.size}",
            next_step="name them with --checkpoint, or fetch the published ones, of all sizes: "
            "multiinstruct build --source ofa_checkpoints --unpinned",
            exit_code=ExitCode.USAGE,
        )
    return found


def finetune(asked: Asked, training: Training, told: Told) -> Run:
    """Trains, or goes on training, and writes the report of the run.

    Args:
        training: from `prepared`.
        told: called with each line of metrics that is new.

    Raises:
        BuildError: as `ofa.train.train`, and `training_store.begun`.
    """
    run = training_store.begun(asked.lake, training)
    collection = asked.lake / run.training.collection
    (run.folder / STOP).unlink(missing_ok=True)
    try:
        if asked.processes == 1:
            _here(run, collection, asked, told)
        else:
            _together(run, collection, asked, told)
    finally:
        training_report.write(run)
    return run


def _named(start: Path) -> str:
    from ofa.weights import file_of

    path = file_of(start)
    if not path.is_file():
        raise BuildError("no such checkpoint", where=path, exit_code=ExitCode.USAGE)
    return f"{path.name} sha256:{stored_file(path).sha256}"


def _check_torch() -> None:
    if any(find_spec(name) is None for name in ("torch", "safetensors")):
        raise BuildError(
            "training needs torch",
            next_step="pip install -e '.[train]' in this environment",
            exit_code=ExitCode.USAGE,
        )


def _here(run: Run, collection: Path, asked: Asked, told: Told) -> Trained:
    from ofa.train import Means, train

    means = Means(asked.device, asked.rows_at_once, asked.workers)
    return train(run.folder, collection, beginning(asked), means, told)


def _together(run: Run, collection: Path, asked: Asked, told: Told) -> None:
    """Trains in several processes that `torchrun` starts, and follows what the first of them writes."""
    (run.folder / ENDED).unlink(missing_ok=True)
    with (run.folder / _LOG).open("ab") as log:
        process = _started(run, collection, asked, log.fileno())
        try:
            _follow(process, run, told)
        except KeyboardInterrupt:
            _stop(process, run)
    if process.returncode:
        raise _failed(run, process.returncode)


def _started(run: Run, collection: Path, asked: Asked, log: int) -> subprocess.Popen[bytes]:
    threads = max(1, (os.cpu_count() or 1) // asked.processes)
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
        *("--nproc-per-node", str(asked.processes), "-m", "ofa.worker", str(run.folder), str(collection)),
        *("--rows-at-once", str(asked.rows_at_once), "--workers", str(asked.workers)),
        *("--threads", str(threads)),
        *(("--device", asked.device) if asked.device else ()),
    ]
    start = beginning(asked)
    if start is not None:
        command += ["--start", str(start)]
    # In a session of their own: Ctrl-C is ours to pass on, so that none of them stops in mid-update.
    return subprocess.Popen(  # noqa: S603
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": str(threads)},
    )


def _follow(process: subprocess.Popen[bytes], run: Run, told: Told) -> None:
    """Tells each new line of a run's metrics until its processes have ended."""
    seen = len(run.lines())
    ended = False
    while not ended:
        try:
            process.wait(_LOOK_SECONDS)
            ended = True
        except subprocess.TimeoutExpired:
            pass
        lines = run.lines()
        # Where a run goes on, its processes first drop the lines after its checkpoint.
        for line in lines[seen:]:
            told(line)
        seen = len(lines)


def _stop(process: subprocess.Popen[bytes], run: Run) -> None:
    """Lets the processes store where they are; a second Ctrl-C ends them at once."""
    (run.folder / STOP).touch()
    try:
        process.wait()
    finally:
        process.terminate()
        process.wait()


def _failed(run: Run, code: int) -> BuildError:
    try:
        ended = Ended.model_validate_json((run.folder / ENDED).read_bytes())
    except (OSError, ValidationError):
        return BuildError(
            "a process of the training has ended",
            where=run.folder / _LOG,
            got=f"exit code {code}",
            next_step="its log says why; run the same command again to go on from the last checkpoint",
        )
    return BuildError(ended.why, exit_code=ExitCode(ended.code))
