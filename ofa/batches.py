"""Batches for training: shuffled, shared out among ranks and workers, and resumed where they stopped.

    examples = Examples(lake / "shards/multiinstruct/<fingerprint>/data", "train", side=384)
    batches = Batches(examples, batch_size=64, epochs=3, shuffle="window")
    for batch in DataLoader(batches, batch_size=None, num_workers=2, pin_memory=True):
        batch = batch.to("cuda")
        sums = model.loss(targets=batch.targets, **batch.inputs())
        ...
        saved = batch.state        # Batches(..., state=saved) goes on after this batch

What comes is decided by the seed, the settings and the number of the batch alone. So the state is two
numbers, whatever the number of workers and ranks was or will be; and nothing is lost that workers had
prepared.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Mapping
from itertools import groupby, islice
from typing import Any, NamedTuple

import torch
from torch.utils.data import IterableDataset, get_worker_info

from ofa.batch import Batch
from ofa.collate import Text, batch_of
from ofa.examples import Examples
from ofa.order import POOL_ROWS, Order, Planned, Shuffle, batches_of
from ofa.pictures import DecodedAhead
from schemas.errors import BuildError

WINDOW = 128
"""Pictures of a window: at 384 pixels, 57 MB. Two windows are held at most, and two batches ahead of them."""

TEXTS_AT_ONCE = 4_096
"""Rows of all ranks whose texts are put together in one go: one of 4,096 costs a seventh of one of 64."""

_MOST_ROWS_AHEAD = 4_096
"""Rows that wait for their pictures at most."""

_SHUFFLES: tuple[Shuffle, ...] = ("global", "window", "none")


class _Share(NamedTuple):
    """What this rank and worker gives of a batch.

    Attributes:
        number: of the batch, counted through all epochs.
        planned: its rows.
    """

    number: int
    planned: Planned


class Batches(IterableDataset[Batch]):
    """All instances, once an epoch, as batches; give it to a `DataLoader` with `batch_size=None`.

    A batch of all ranks together has at most `batch_size` rows, and rank `r` of `n` gets its rows
    `r, r + n, ...`. Sizes of the batches of an epoch differ by one at most. Workers take batches in turn,
    and decode in threads. Iterating anew begins at the same place again.

    With the shuffle `window` a process decodes each picture once an epoch, so threads of one process or
    few workers are best; see `ofa.order.Order` for what the shuffles are.
    """

    def __init__(
        self,
        examples: Examples,
        batch_size: int,
        *,
        epochs: int = 1,
        shuffle: Shuffle = "global",
        window: int = WINDOW,
        pool: int = POOL_ROWS,
        state: Mapping[str, Any] | None = None,
        rank: int | None = None,
        ranks: int | None = None,
        threads: int | None = None,
    ) -> None:
        """Prepares the stream; nothing is read yet.

        Args:
            examples: what is read; its seed is the seed of the order.
            batch_size: rows of a batch of all ranks together.
            epochs: where the stream ends, counted from the very beginning.
            window: pictures of a window, for that shuffle.
            pool: see `ofa.order.Order`.
            state: of the last batch that was used, to go on after it.
            rank, ranks: of `torch.distributed` if that is up, else one rank.
            threads: that decode, in each process; if None, all processors, shared among the workers. Say how
                many where several ranks run on one machine.

        Raises:
            BuildError: a setting makes no sense, or the state belongs to other batches.
        """
        self._examples = examples
        self._batch_size, self._epochs = batch_size, epochs
        self._shuffle, self._window, self._pool, self._threads = shuffle, window, pool, threads
        self._rank, self._ranks = _ranks(rank, ranks)
        self._check()
        self._settings = {
            "batch_size": batch_size,
            "shuffle": shuffle,
            "window": window if shuffle == "window" else None,
            "pool": pool if shuffle == "global" else None,
            "seed": examples.seed,
            "content": examples.content,
        }
        self._of_epoch = batches_of(len(examples), batch_size)
        self._first = 0 if state is None else self._number(state)

    def __len__(self) -> int:
        """Batches that are left."""
        return max(0, self._epochs * self._of_epoch - self._first)

    def __iter__(self) -> Iterator[Batch]:
        info = get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        threads = self._threads or max(1, _processors() // workers)
        enough = max(2 * threads, 2 * self._batch_size // self._ranks)
        most = enough + (2 * self._window if self._shuffle == "window" else enough)
        waiting: deque[tuple[int, Text]] = deque()
        with DecodedAhead(self._examples.picture, threads) as pictures:
            for share, text in self._texts(worker, workers):
                shown = text.pictures >= 0
                pictures.ask(text.pictures[shown].tolist(), share.planned.until[shown].tolist())
                waiting.append((share.number, text))
                rows = sum(len(text.rows) for _, text in waiting)
                while waiting and (
                    pictures.unfinished >= enough or pictures.held >= most or rows >= _MOST_ROWS_AHEAD
                ):
                    rows -= len(waiting[0][1].rows)
                    yield self._finished(*waiting.popleft(), pictures)
            while waiting:
                yield self._finished(*waiting.popleft(), pictures)

    def _texts(self, worker: int, workers: int) -> Iterator[tuple[_Share, Text]]:
        """The texts of the batches of a worker, made for many batches at a time."""
        together = max(1, TEXTS_AT_ONCE // self._batch_size)
        for epoch, shares in groupby(
            self._shares(worker, workers), key=lambda share: share.number // self._of_epoch
        ):
            examples = self._examples.in_epoch(epoch)
            while some := list(islice(shares, together)):
                yield from zip(some, examples.texts([share.planned.rows for share in some]), strict=True)

    def _shares(self, worker: int, workers: int) -> Iterator[_Share]:
        order: tuple[int, Order] | None = None
        for number in range(self._first + worker, self._epochs * self._of_epoch, workers):
            epoch, place = divmod(number, self._of_epoch)
            if order is None or order[0] != epoch:
                order = epoch, self._order(epoch)
            rows, until = order[1].batch(place)
            mine = slice(self._rank, None, self._ranks)
            yield _Share(number, Planned(rows[mine], until[mine] + epoch * self._of_epoch))

    def _order(self, epoch: int) -> Order:
        examples = self._examples
        return Order(
            examples.pictures,
            self._batch_size,
            examples.in_epoch(epoch).lengths,
            (examples.seed, epoch),
            self._shuffle,
            self._window,
            self._pool,
        )

    def _finished(self, number: int, text: Text, pictures: DecodedAhead) -> Batch:
        shown = [pictures.get(picture) if picture >= 0 else None for picture in text.pictures.tolist()]
        pictures.forget(number + 1)
        epoch, batches = divmod(number + 1, self._of_epoch)
        state = {"epoch": epoch, "batches": batches, **self._settings}
        return batch_of(text, shown, self._examples.side, state)

    def _number(self, state: Mapping[str, Any]) -> int:
        """The first batch after a state."""
        place: list[Any] = [state.get(name) for name in ("epoch", "batches")]
        settings = {name: value for name, value in state.items() if name not in ("epoch", "batches")}
        if set(settings) != set(self._settings) or not all(type(one) is int and one >= 0 for one in place):
            names = ", ".join(("epoch", "batches", *self._settings))
            raise BuildError("not a state of batches", got=dict(state), expected=f"a batch's state: {names}")
        for name, value in self._settings.items():
            if settings[name] != value:
                raise BuildError(
                    "a state belongs to other batches",
                    got=f"{name} {settings[name]}",
                    expected=f"{name} {value}",
                    next_step="go on with the settings, shards and instructions of then, or begin without it",
                )
        epoch, batches = place
        return int(epoch * self._of_epoch + batches)

    def _check(self) -> None:
        for name, value in (
            ("batch_size", self._batch_size),
            ("epochs", self._epochs),
            ("window", self._window),
            ("pool", self._pool),
            ("threads", self._threads or 1),
        ):
            if value < 1:
                raise BuildError("batches cannot be made so", got=f"{name} {value}", expected="1 or more")
        if self._shuffle not in _SHUFFLES:
            raise BuildError("no such shuffle", got=self._shuffle, expected=", ".join(_SHUFFLES))
        if not 0 <= self._rank < self._ranks:
            raise BuildError(
                "no such rank", got=f"{self._rank} of {self._ranks}", expected=f"0 to {self._ranks - 1}"
            )
        smallest = len(self._examples) // batches_of(len(self._examples), self._batch_size)
        if smallest < self._ranks:
            raise BuildError(
                "a batch has fewer rows than there are ranks",
                got=f"batches of {smallest} rows",
                expected=f"at least {self._ranks}",
                next_step="raise batch_size, which counts the rows of all ranks together",
            )


def _ranks(rank: int | None, ranks: int | None) -> tuple[int, int]:
    if rank is not None and ranks is not None:
        return rank, ranks
    if rank is not None or ranks is not None:
        raise BuildError("rank and ranks belong together", got=f"rank {rank}, ranks {ranks}")
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1


def _processors() -> int:
    """Processors that this process may use, where the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
