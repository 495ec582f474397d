"""A fine-tuning run, from its first update to its weights; it goes on where it was stopped.

    <run>/training.json              what is trained; written before by whoever begins the run
    <run>/metrics.jsonl              one line an update
    <run>/checkpoints/*.pt           where it can go on; gone once it has ended
    <run>/model.safetensors          the weights, with config.json beside them; average.safetensors: averaged
    <run>/trained.json               written last

Stages follow one another as separate runs would: each with an optimizer and a schedule of its own, from the
weights of the one before.
"""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch.utils.data import DataLoader

from ofa import checkpoint, weights
from ofa.batch import Batch
from ofa.batches import Batches
from ofa.examples import Examples
from ofa.learner import Learner
from ofa.metrics import Metrics
from ofa.model import OFA
from ofa.order import permutation
from ofa.processes import Processes, joined
from ofa.recipes import drawn, model_of
from ofa.schedule import learning_rate
from schemas.errors import BuildError, ExitCode
from schemas.instance import Split
from schemas.training import (
    AVERAGED,
    ENDED,
    STOP,
    TRAINED,
    TRAINING,
    Ended,
    Trained,
    TrainedStage,
    Training,
    Update,
    Validated,
)
from shards.collection import read_collection
from shards.vocabulary import Vocabulary

VALIDATED_ROWS = 512
"""Validation rows that are looked at after each epoch, the same ones always."""

_LOCK = ".lock"

Told = Callable[[Update | Validated], None]


@dataclass(frozen=True)
class Means:
    """What a run is trained with; it may be another after an interruption.

    Attributes:
        device: see `ofa.processes.joined`.
        rows_at_once: rows of a process that the model sees together; those of an update are parted by it.
        workers: processes that prepare batches, besides the threads of this one.
        threads: that decode pictures, in each process; all processors if None.
    """

    device: str | None = None
    rows_at_once: int = 16
    workers: int = 0
    threads: int | None = None


def train(run: Path, collection: Path, start: Path | None, means: Means, told: Told | None = None) -> Trained:
    """Trains what `training.json` of a run says, or what is left of it.

    Args:
        run: folder of the run.
        collection: folder of the shards.
        start: the checkpoint that the run begins with, if it does; not read where it goes on.
        told: called with each line of metrics, in the first process.

    Raises:
        BuildError: something does not fit together, the loss is no number any more, the disk is full, or
            the process was asked to stop. What was learnt until the last checkpoint stays.
    """
    training = Training.model_validate_json((run / TRAINING).read_bytes())
    if (run / TRAINED).is_file():
        return Trained.model_validate_json((run / TRAINED).read_bytes())
    with joined(means.device) as processes, _alone(run, processes):
        try:
            return _Run(run, collection, training, means, processes, told).trained(start)
        except BuildError as error:
            # Said before this process leaves the others: they fail of that, and may be heard first.
            leave(run, str(error), error.exit_code)
            raise


def leave(run: Path, why: str, code: ExitCode) -> None:
    """Notes why a process could not go on; where several know, any one of them is right."""
    # Renamed into place: the others' end may end this process at any moment.
    aside = run / f"{ENDED}.{os.getpid()}"
    aside.write_text(Ended(why=why, code=int(code)).model_dump_json())
    aside.replace(run / ENDED)


class _Run:
    def __init__(
        self,
        folder: Path,
        collection: Path,
        training: Training,
        means: Means,
        processes: Processes,
        told: Told | None,
    ) -> None:
        self._folder, self._training = folder, training
        self._collection, self._collected = collection, read_collection(collection)
        self._means, self._processes, self._told = means, processes, told
        self._metrics: Metrics | None = None
        self._update = 0

    def trained(self, start: Path | None) -> Trained:
        newest = checkpoint.newest(self._folder)
        held = None if newest is None else self._read(newest)
        self._update = 0 if held is None else held["update"]
        first = 0 if held is None else held["stage"]
        vocabulary = Vocabulary.load(self._collection / self._collected.vocabulary).size
        recipe, seed = self._training.recipe, self._training.seed
        # A checkpoint brings its own weights.
        model = model_of(recipe, vocabulary, None if held else start, seed)
        self._processes.wait()
        if self._processes.first:
            self._metrics = Metrics(self._folder, self._update)
        with _asked_to_stop() as stop:
            for number, stage in enumerate(self._training.stages):
                if number >= first:
                    self._stage(number, stage, model, held if number == first else None, stop)
        return self._finished()

    def _read(self, path: Path) -> checkpoint.Held:
        held = checkpoint.read(path)
        if held["training"] != _sha256(self._folder / TRAINING):
            step = "delete the folder of the checkpoints"
            raise BuildError("a checkpoint is of another training", where=path, next_step=step)
        return held

    def _stage(
        self, number: int, stage: TrainedStage, model: OFA, held: checkpoint.Held | None, stop: list[int]
    ) -> None:
        """Trains one stage, or what is left of it."""
        recipe = self._training.recipe
        examples = self._examples("train", model, stage)
        _check_rows(examples, stage)
        learner = Learner(
            model,
            recipe,
            self._processes,
            self._means.rows_at_once,
            mixed=bool((examples.pictures < 0).any()),
            codes=examples.write_codes,
        )
        if held:
            learner.load(held)
        batches = Batches(
            examples,
            recipe.rows,
            epochs=recipe.epochs,
            # Each update is a fair draw of the tasks. Batches of like length would each be of a few of them,
            # and a model that begins with drawn weights then learns what is asked most, and not to read.
            pool=recipe.rows,
            state=held["batches"] if held else None,
            rank=self._processes.rank,
            ranks=self._processes.ranks,
            threads=self._means.threads,
        )
        of_epoch = stage.updates // recipe.epochs
        place = stage.updates - len(batches)
        for batch, waited in _timed(self._loader(batches)):
            began = time.monotonic()
            torch.manual_seed(drawn(self._training.seed, "update", self._update, self._processes.rank))
            rate = learning_rate(place, stage.updates, recipe)
            learnt = self._learn(learner, batch, examples, rate, self._is_to_stop(stop))
            self._update, place = self._update + 1, place + 1
            epoch, ends = -(-place // of_epoch), place % of_epoch == 0
            self._tell(
                Update(
                    update=self._update,
                    stage=stage.name,
                    epoch=epoch,
                    loss=learnt.loss,
                    nll=learnt.nll,
                    rows=learnt.rows,
                    ids=learnt.ids,
                    learning_rate=rate,
                    gradient=learnt.gradient,
                    seconds=round(waited + time.monotonic() - began, 4),
                    waited=round(waited, 4),
                )
            )
            if ends:
                self._validate(learner, model, stage, epoch)
            if ends or self._update % recipe.save_every == 0 or learnt.stop:
                self._save(number, learner, batch)
            if learnt.stop:
                raise BuildError(
                    "interrupted",
                    where=self._folder,
                    got=f"{self._update} of {self._training.updates} updates",
                    next_step="run the same command again: it goes on with the next update",
                    exit_code=ExitCode.INTERRUPTED,
                )
        if self._processes.first and self._update == self._training.updates:
            self._write_weights(learner, model)

    def _is_to_stop(self, asked: list[int]) -> bool:
        return bool(asked) or (self._processes.first and (self._folder / STOP).exists())

    def _learn(self, learner: Learner, batch: Batch, examples: Examples, rate: float, stop: bool) -> Any:
        try:
            return learner.learn(batch, rate, stop)
        except BuildError as error:
            raise BuildError(
                error.what,
                where=f"{self._folder}, update {self._update + 1}, "
                f"rows {', '.join(examples.uids(batch.rows.tolist())[:3])}, …",
                got=f"learning rate {rate:.3g}; {error}",
                next_step="; ".join(str(error).split("next: ")[1:]) or None,
            ) from error

    def _examples(self, split: Split, model: OFA, stage: TrainedStage) -> Examples:
        tasks = [task for task in stage.tasks if self._collected.tasks[task].rows.get(split)]
        return Examples(
            self._collection,
            split,
            model.config.patch_image_size,
            tasks=tasks,
            seed=self._training.seed,
            blind=self._training.blind or stage.blind,
        )

    def _loader(self, batches: Batches) -> DataLoader[Batch]:
        workers = self._means.workers
        return DataLoader(
            batches,
            batch_size=None,
            num_workers=workers,
            pin_memory=self._processes.device.type == "cuda",
            # Forked ones could wait for ever for a lock that a thread of this process holds.
            multiprocessing_context="spawn" if workers else None,
        )

    def _validate(self, learner: Learner, model: OFA, stage: TrainedStage, epoch: int) -> None:
        """Tells what the model makes of validation rows, if any of the stage's tasks has some."""
        if not any(self._collected.tasks[task].rows.get("validation") for task in stage.tasks):
            return
        # Statistics of trained batch norms count here, and each process has its own.
        learner.agree()
        examples = self._examples("validation", model, stage)
        chosen = permutation(len(examples), self._training.seed, "validation")[:VALIDATED_ROWS]
        mine = chosen[self._processes.rank :: self._processes.ranks]
        step = self._means.rows_at_once
        parts = (examples[mine[first : first + step].tolist()] for first in range(0, len(mine), step))
        nll, count = self._processes.sums(*learner.nll(parts))
        self._tell(
            Validated(update=self._update, stage=stage.name, epoch=epoch, nll=nll / count, rows=len(chosen))
        )

    def _save(self, stage: int, learner: Learner, batch: Batch) -> None:
        learner.agree()
        if self._processes.first:
            held = {"stage": stage, "batches": batch.state, **learner.state()}
            held["training"] = _sha256(self._folder / TRAINING)
            checkpoint.write(self._folder, self._update, held)
        self._processes.wait()

    def _tell(self, line: Update | Validated) -> None:
        if self._metrics is not None:
            self._metrics.add(line)
        if self._processes.first and self._told is not None:
            self._told(line)

    def _write_weights(self, learner: Learner, model: OFA) -> None:
        weights.save(model, self._folder)
        if learner.average:
            with learner.average.shown():
                weights.save(model, self._folder, AVERAGED)

    def _finished(self) -> Trained:
        peak = int(self._processes.largest(_peak_memory(self._processes.device)))
        files = {path.name: _sha256(path) for path in sorted(self._folder.glob("*.safetensors"))}
        trained = Trained(
            updates=self._update,
            files=files,
            peak_memory=peak,
            processes=self._processes.ranks,
            device=_name_of(self._processes.device),
        )
        if self._metrics is not None:
            self._metrics.close()
            aside = self._folder / f".{TRAINED}"
            aside.write_text(trained.model_dump_json(indent=1) + "\n")
            aside.replace(self._folder / TRAINED)
            checkpoint.remove(self._folder)
        self._processes.wait()
        return trained


def _timed(batches: DataLoader[Batch]) -> Iterator[tuple[Batch, float]]:
    """Each batch, with the seconds that it was waited for."""
    stream = iter(batches)
    while True:
        began = time.monotonic()
        batch = next(stream, None)
        if batch is None:
            return
        yield batch, time.monotonic() - began


@contextmanager
def _alone(run: Path, processes: Processes) -> Iterator[None]:
    """A context in which nobody else trains this run; the lock goes with its process, however that ends."""
    if not processes.first:
        yield
        return
    with (run / _LOCK).open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BuildError(
                "another process trains this run",
                where=run,
                next_step="wait for it, or end it, and run the same command again",
                exit_code=ExitCode.LAKE_BUSY,
            ) from error
        yield


@contextmanager
def _asked_to_stop() -> Iterator[list[int]]:
    """A context whose value is filled once Ctrl-C or a request to end comes; a second one ends at once."""
    asked: list[int] = []

    def ask(number: int, _frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _check_rows(examples: Examples, stage: TrainedStage) -> None:
    if len(examples) != stage.rows:
        raise BuildError(
            "the shards have other rows than the run",
            where=f"stage {stage.name}",
            got=f"{len(examples)} rows",
            expected=f"{stage.rows}",
            next_step="train the current build under another --name",
        )


def _peak_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    # Kilobytes on Linux, bytes on macOS.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _name_of(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
