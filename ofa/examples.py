"""The instances of a collection as a map-style dataset: any rows, in any order, as a batch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset

from ofa.batch import Batch
from ofa.collate import Padded, Text, batch_of, cut
from ofa.order import choices
from ofa.pictures import check_side, square
from schemas.errors import BuildError
from schemas.instance import Split
from shards.format import instances_file
from shards.opened import OpenTask, blanks, open_tasks
from shards.ragged import Integers, copy_segments, offsets_of


class Examples(Dataset[Batch]):
    """Instances of some tasks and one split, each with one of its instructions.

    `examples[7]` is a batch of one instance and `examples[[7, 3]]` of two, so a `DataLoader` takes it with
    `batch_size=None` and a sampler of numbers or of lists. `ofa.batches.Batches` is the faster way to all of
    them in a shuffled order.

    Instances are numbered from 0, task after task in the order of the collection. What is pickled is how to
    open the files, not what is in them.

    Attributes:
        tasks: names of the tasks.
        split: name of the split.
        epoch: which draw of instructions is used, see `in_epoch`.
        seed: of all draws.
        side: pixels on a side of the pictures.
    """

    def __init__(
        self,
        folder: Path,
        split: Split,
        side: int,
        *,
        tasks: Sequence[str] | None = None,
        instruction: int | None = None,
        seed: int = 0,
        blind: bool = False,
        parity: bool = False,
    ) -> None:
        """Opens a collection.

        Args:
            folder: of its `collection.json`.
            side: pixels that pictures are squashed to, such as `OFAConfig.patch_image_size`.
            tasks: all that have rows in this split if None.
            instruction: number of the instruction that every instance has, as evaluation wants it; drawn for
                each instance and epoch if None.
            seed: of the draws.
            blind: show black pictures only; which rows have one is told as ever.
            parity: decode and scale with Pillow, bit for bit as OFA does, in twice the time.

        Raises:
            BuildError: there is no such task or instruction, a task has no rows in this split, or a file is
                missing or damaged.
        """
        self._asked = {
            "folder": folder,
            "split": split,
            "side": side,
            "tasks": tasks,
            "instruction": instruction,
            "seed": seed,
            "blind": blind,
            "parity": parity,
        }
        check_side(side)
        self.split, self.side, self.seed, self.epoch = split, side, seed, 0
        self._instruction, self._blind, self._parity = instruction, blind, parity
        self._tasks, self._pack = open_tasks(folder, split, tasks)
        self.tasks = tuple(task.name for task in self._tasks)
        for task in self._tasks:
            self._check_instruction(task)
        self._starts = offsets_of([task.shard.rows for task in self._tasks])

    def __getstate__(self) -> tuple[dict[str, Any], int]:
        return self._asked, self.epoch

    def __setstate__(self, state: tuple[dict[str, Any], int]) -> None:
        asked, epoch = state
        Examples.__init__(self, **asked)
        self.epoch = epoch

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, rows: int | Sequence[int]) -> Batch:
        """A batch of these instances, in this order; pictures are decoded one after the other."""
        text = self.texts([np.atleast_1d(np.asarray(rows, np.int64))])[0]
        pictures = [self.picture(number) if number >= 0 else None for number in text.pictures.tolist()]
        return batch_of(text, pictures, self.side)

    def in_epoch(self, epoch: int) -> Examples:
        """The same instances with the instructions of another epoch, over the same open files."""
        other = object.__new__(Examples)
        other.__dict__ |= self.__dict__ | {"epoch": epoch}
        return other

    def uids(self, rows: Sequence[int]) -> list[str]:
        """Names of instances."""
        found = [""] * len(rows)
        for task, places, own in self._by_task(self._checked(np.asarray(rows, np.int64))):
            for place, row in zip(places.tolist(), own.tolist(), strict=True):
                found[place] = task.shard.uids[row].as_py()
        return found

    def options(self, row: int) -> list[list[int]]:
        """Ids of the options of an instance in the order shown, as `ofa.constraints.Options` takes them."""
        ((task, _, own),) = self._by_task(self._checked(np.array([row])))
        return [option.tolist() for option in task.shard.options.of(int(own[0]))]

    @property
    def pictures(self) -> Integers:
        """Row of each instance's picture in the pack, -1 without one: (instances,) int64."""
        return np.concatenate([task.pictures for task in self._tasks])

    @property
    def write_codes(self) -> bool:
        """Whether the answers of any task are image codes."""
        return any(task.shard.index.target == "codes" for task in self._tasks)

    @property
    def content(self) -> str:
        """What the instances and their prompts are, as 16 hex digits: another content is in another order."""
        digest = hashlib.sha256(f"{self.split}|{self._instruction}".encode())
        for task in self._tasks:
            stored = task.shard.index.files[instances_file(self.split)]
            digest.update(f"|{task.name}|{stored.sha256}".encode())
            digest.update("|".join(wording.text for wording in task.splicer.wordings).encode())
            digest.update(task.pictures.tobytes())
        return digest.hexdigest()[:16]

    def lengths(self, rows: Integers) -> tuple[Integers, Integers]:
        """Ids of the source and of the target of each row; see `Splicer.source_lengths`."""
        source, target = np.empty(len(rows), np.int64), np.empty(len(rows), np.int64)
        for task, places, own in self._by_task(rows):
            source[places] = task.splicer.source_lengths(own, self._wordings(task, own))
            target[places] = task.splicer.target_lengths(own)
        return source, target

    def texts(self, batches: Sequence[Integers]) -> list[Text]:
        """The texts of several batches. Many at once cost much less than one by one.

        Raises:
            BuildError: there is no such row, a batch is empty, or as `Splicer.sources`.
        """
        rows = self._checked(np.concatenate(batches))
        sizes = np.array([len(batch) for batch in batches])
        if not sizes.all():
            raise BuildError("a batch is empty", expected="instances")
        instructions = np.empty(len(rows), np.int64)
        pictures = np.empty(len(rows), np.int64)
        codes = np.zeros(len(rows), np.bool_)
        grey = np.zeros((len(rows), 4), np.int64)
        parts = []
        for task, places, own in self._by_task(rows):
            instructions[places] = wordings = self._wordings(task, own)
            parts.append((places, task.splicer.prompts(own, wordings), task.splicer.targets(own)))
            pictures[places] = task.pictures[own]
            codes[places] = task.shard.index.target == "codes"
            if task.shard.index.blank and not self._blind:
                grey[places] = blanks(task, own, self.side)
        lengths = np.empty((2, len(rows)), np.int64)
        for places, prompts, answers in parts:
            lengths[:, places] = prompts.lengths, answers.lengths
        sources, targets = Padded.of(sizes, lengths[0]), Padded.of(sizes, lengths[1])
        for places, prompts, answers in parts:
            prompts.write(sources.values, sources.starts[places])
            to = targets.starts[places]
            copy_segments(targets.values, to, answers.values, answers.offsets[:-1], answers.lengths)
        shown = np.full_like(pictures, -1) if self._blind else pictures
        columns = (shown, pictures >= 0, codes, grey)
        return [
            Text(*parts)
            for parts in zip(
                batches,
                cut(instructions, sizes),
                sources.matrices(),
                targets.matrices(),
                *(cut(column, sizes) for column in columns),
                strict=True,
            )
        ]

    def picture(self, number: int) -> Tensor:
        """A picture of the pack, decoded and scaled: uint8 (side, side, 3).

        Raises:
            BuildError: it is damaged.
        """
        data = self._pack.read(number, check=True)
        try:
            return square(data, self.side, self._parity, bool(self._pack.oriented[number]))
        except BuildError as error:
            raise BuildError(
                "a picture of the pack cannot be decoded",
                where=self._pack.image_ids[number],
                got=error,
                next_step="build the mixture again",
            ) from error

    def _wordings(self, task: OpenTask, rows: Integers) -> Integers:
        """Number of the instruction of each row of a task; it depends on no other row."""
        if self._instruction is not None:
            return np.full(len(rows), self._instruction)
        return choices(
            rows, len(task.splicer.wordings), self.seed, self.epoch, "instructions", task.name, self.split
        )

    def _by_task(self, rows: Integers) -> Iterator[tuple[OpenTask, Integers, Integers]]:
        """The tasks of rows, with the places of their rows in `rows`, and the rows in the task's shard."""
        number = np.searchsorted(self._starts, rows, side="right") - 1
        together = np.argsort(number, kind="stable")
        present, first = np.unique(number[together], return_index=True)
        for task, places in zip(present.tolist(), np.split(together, first[1:]), strict=True):
            yield self._tasks[task], places, rows[places] - self._starts[task]

    def _checked(self, rows: Integers) -> Integers:
        if len(rows) and not (rows.min() >= 0 and rows.max() < len(self)):
            raise BuildError(
                "no such instance", got=f"{rows.min()} to {rows.max()}", expected=f"0 to {len(self) - 1}"
            )
        return rows

    def _check_instruction(self, task: OpenTask) -> None:
        count = len(task.splicer.wordings)
        if self._instruction is not None and not 0 <= self._instruction < count:
            raise BuildError(
                "a task has no such instruction",
                where=task.name,
                got=self._instruction,
                expected=f"0 to {count - 1}",
            )
