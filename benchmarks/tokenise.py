"""What instructions cost when a batch is put together: spliced from stored ids, against rendered and encoded.

    pip install -e '.[train,benchmarks]'
    python -m benchmarks.tokenise
    python -m benchmarks.tokenise --rows 100000 --vocabulary FOLDER

With 1, 5 and 150 instructions a task, rows in a shuffled order become padded batches of sources and targets.
The peer renders each prompt with `str.format` and encodes it with tiktoken, on one thread, and pads. Both
give the same ids, which is compared for every row before anything is timed. Printed are microseconds a row,
medians over the repeats, both in turn; and the bytes that are stored, against those of storing each instance
under each instruction.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.exercises import TASKS, instances, vocabulary, wordings, write_collection
from benchmarks.peers import Encoder, rendered, template
from ofa.batches import TEXTS_AT_ONCE
from ofa.examples import Examples
from ofa.order import permutation
from shards.format import INSTRUCTIONS, instances_file
from shards.ragged import Integers

Pair = tuple[Tensor, Tensor]


class Compared:
    """One collection, and the same rows for the peer."""

    def __init__(self, folder: Path, words: Path, rows: int, instructions: int, batch: int) -> None:
        made = instances(rows, 1, with_pictures=False)
        write_collection(folder, made, [], words, instructions)
        self.examples = Examples(folder, "train", side=1)
        self._encoder = Encoder(words)
        by_uid = {one.uid: one for one in made}
        self._made = [by_uid[uid] for uid in self.examples.uids(range(rows))]
        self._forms = {task: [template(text) for text in wordings(task, instructions)] for task in TASKS}
        order = permutation(rows, "order")
        self._batches = np.split(order, range(batch, rows, batch))
        drawn = [text.instructions for text in self.examples.texts(self._batches)]
        self._drawn = [which.tolist() for which in drawn]
        files = [folder / task / name for task in TASKS for name in (INSTRUCTIONS, instances_file("train"))]
        self.stored = sum(path.stat().st_size for path in files)

    def ours(self, at_once: int = TEXTS_AT_ONCE) -> Iterator[Pair]:
        """All batches, texts put together for about `at_once` rows at a time."""
        step = max(1, at_once // len(self._batches[0]))
        groups = (self._batches[first : first + step] for first in range(0, len(self._batches), step))
        texts = chain.from_iterable(map(self.examples.texts, groups))
        return ((_long(text.source), _long(text.targets)) for text in texts)

    def peer(self) -> Iterator[Pair]:
        """The same batches, rendered and encoded."""
        return map(self._encoded, self._batches, self._drawn)

    def _encoded(self, batch: Integers, drawn: Sequence[int]) -> Pair:
        rows = [self._made[row] for row in batch.tolist()]
        prompts = [
            rendered(self._forms[one.task][which], one) for one, which in zip(rows, drawn, strict=True)
        ]
        return self._encoder.batch(prompts, [one.target for one in rows])


def _long(ids: np.ndarray[tuple[int, ...], np.dtype[np.uint16]]) -> Tensor:
    return torch.from_numpy(ids.astype(np.int64))


def main(arguments: list[str] | None = None) -> None:
    """Prints one line for each number of instructions."""
    options = _options(arguments)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        made = instances(2_000, 1, with_pictures=False)
        held, words = vocabulary(options.vocabulary, Path(scratch), made)
        print(
            f"{options.rows:,} rows, batches of {options.batch}, {held.size:,} ids, one thread of "
            f"{os.cpu_count()} processors, median of {options.repeats}"
        )
        print("instructions  ids a row     ours  batch by batch  tiktoken   ratio    stored  stored rendered")
        for count in options.instructions:
            compared = Compared(Path(scratch) / str(count), words, options.rows, count, options.batch)
            _check(compared)
            _report(compared, count, options)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.tokenise", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--instructions", type=int, nargs="+", default=[1, 5, 150], help="at most 155")
    parser.add_argument("--vocabulary", type=Path, help="folder of OFA's three files; a small one is trained")
    return parser.parse_args(arguments)


def _check(compared: Compared) -> None:
    for ours, theirs in zip(compared.ours(), compared.peer(), strict=True):
        if not all(mine.equal(other) for mine, other in zip(ours, theirs, strict=True)):
            raise SystemExit("spliced ids are not those of the rendered prompts")


def _report(compared: Compared, count: int, options: argparse.Namespace) -> None:
    found: dict[str, list[float]] = {"ours": [], "single": [], "peer": []}
    ways = {"ours": compared.ours, "single": lambda: compared.ours(1), "peer": compared.peer}
    for _ in range(options.repeats):
        for name, way in ways.items():
            began = time.perf_counter()
            deque(way(), maxlen=0)
            found[name].append((time.perf_counter() - began) / options.rows * 1e6)
    ours, single, peer = (statistics.median(times) for times in found.values())
    source, target = compared.examples.lengths(np.arange(options.rows))
    ids = int(source.sum() + target.sum())
    print(
        f"{count:>12}  {ids / options.rows:>9.1f}  {ours:>5.2f}us  {single:>12.2f}us  {peer:>6.2f}us"
        f"  {peer / ours:>5.1f}x  {compared.stored / 1e6:>5.1f} MB  {ids * 2 * count / 1e6:>12.1f} MB"
    )


if __name__ == "__main__":
    main()
