"""Instructions and instances meet here: ids of whole prompts, a batch at a time.

The ids are exactly those of encoding the rendered prompt as one string. Where every slot stands
between blanks, GPT-2's pattern begins a new piece at each seam, so the ids are copied: literals
from the instruction, slots from the shard, one gather each. Any other prompt is decoded, rendered
and encoded.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from instructions.render import (
    OptionsSlot,
    RegionSlot,
    Slot,
    Wording,
    parse,
    render,
)
from schemas.errors import BuildError
from schemas.instruction import OPTIONS_SLOT
from schemas.settings import OptionsStyle
from schemas.token import BOS, EOS, SOURCE_LIMIT
from shards.format import InstructionSet
from shards.ragged import Ids, Integers, Ragged, offsets_of, positions
from shards.read import Shard
from shards.vocabulary import Vocabulary, ragged_of


class _Plan(NamedTuple):
    """The wordings of a task as arrays, one row a wording. Those that are not spliced have no ids.

    Attributes:
        literals: ids of all literals, with `<s>` before the first and `</s>` after the last.
        starts: where each literal begins in `literals`: (wordings, slots + 1).
        lengths: how many ids it has: (wordings, slots + 1).
        entries: which entry of the instance follows each literal, 0 for options: (wordings, slots).
        options: which slot is the options, -1 if there are none: (wordings,).
    """

    literals: Ids
    starts: Integers
    lengths: Integers
    entries: Integers
    options: Integers


class Splicer:
    """Puts the instances of one shard and the instructions of its task together.

    Attributes:
        shard: the instances.
        vocabulary: what both were encoded with.
        wordings: the instructions; prompts name them by number.
    """

    def __init__(self, shard: Shard, instructions: InstructionSet, vocabulary: Vocabulary) -> None:
        """Prepares the instructions for this shard.

        Raises:
            BuildError: shard, instructions and vocabulary do not belong together.
        """
        self.shard = shard
        self.vocabulary = vocabulary
        self.wordings = tuple(parse(wording.text) for wording in instructions.wordings)
        self._check_origin(instructions)
        self._style: OptionsStyle = shard.index.options_style
        self._separator = np.array(instructions.separator, np.uint16)
        self._entry = {name: 1 + place for place, name in enumerate(shard.index.text_slots)}
        entries = [[self._entry_of(slot) for slot in wording.slots] for wording in self.wordings]
        self._least_entries = 1 + max(max(shown, default=0) for shown in entries)
        self._shows_options = any(OPTIONS_SLOT in wording.slot_names for wording in self.wordings)
        glued = self._style == "published" and self._shows_options
        self._spliced = np.array([wording.spliceable and not glued for wording in instructions.wordings])
        self._plan = _planned(instructions, self.wordings, entries)

    def sources(self, rows: npt.ArrayLike, wordings: npt.ArrayLike) -> Ragged:
        """Ids of prompts: `<s>`, the prompt with its leading blank, `</s>`.

        Args:
            rows: instances of the shard, in any order, repeats allowed: (batch,).
            wordings: number of the instruction, one for all or one for each row.

        Raises:
            BuildError: there is no such row or instruction, a row lacks what the instructions show,
                or a prompt that had to be encoded whole has more than `SOURCE_LIMIT` ids.
        """
        chosen = self._rows(rows)
        which = self._which(wordings, len(chosen))
        self._check_shown(chosen)
        spliced = self._spliced[which]
        if spliced.all():
            return self._splice(chosen, which)
        some = self._splice(chosen[spliced], which[spliced])
        others = zip(chosen[~spliced].tolist(), which[~spliced].tolist(), strict=True)
        return _merged(spliced, some, ragged_of([self._encoded_whole(*pair) for pair in others]))

    def targets(self, rows: npt.ArrayLike) -> Ragged:
        """Ids of answers: the target with its leading blank, `</s>`.

        Raises:
            BuildError: there is no such row.
        """
        slots = self.shard.slots
        first = slots.rows[self._rows(rows)]
        starts = np.zeros((len(first), 2), np.int64)
        lengths = np.ones((len(first), 2), np.int64)
        starts[:, 0] = slots.ends[first]
        lengths[:, 0] = slots.ends[first + 1] - slots.ends[first]
        stored = np.zeros((len(first), 2), np.bool_)
        stored[:, 0] = True
        return _gathered(np.array([EOS], np.uint16), slots.values, starts, lengths, stored)

    def _splice(self, rows: Integers, which: Integers) -> Ragged:
        plan, slots = self._plan, self.shard.slots
        width = plan.starts.shape[1] + plan.entries.shape[1]
        starts = np.empty((len(rows), width), np.int64)
        lengths = np.empty((len(rows), width), np.int64)
        stored = np.zeros((len(rows), width), np.bool_)
        starts[:, ::2], lengths[:, ::2] = plan.starts[which], plan.lengths[which]
        entry = slots.rows[rows][:, None] + plan.entries[which]
        starts[:, 1::2] = slots.ends[entry]
        lengths[:, 1::2] = slots.ends[entry + 1] - slots.ends[entry]
        stored[:, 1::2] = True
        ours = plan.literals
        if self._shows_options:
            blocks = self._option_blocks(rows)
            place = np.arange(len(rows)), 2 * plan.options[which] + 1
            starts[place], lengths[place], stored[place] = (
                blocks.offsets[:-1] + len(ours),
                blocks.lengths,
                False,
            )
            ours = np.concatenate([ours, blocks.values])
        return _gathered(ours, slots.values, starts, lengths, stored)

    def _option_blocks(self, rows: Integers) -> Ragged:
        """All options of each row with the separator between them."""
        options = self.shard.options
        counts = (options.rows[rows + 1] - options.rows[rows]).astype(np.int64)
        entry = positions(options.rows[rows].astype(np.int64), counts)
        blocks = offsets_of(counts)
        starts = np.zeros((len(entry), 2), np.int64)
        lengths = np.full((len(entry), 2), len(self._separator), np.int64)
        lengths[blocks[:-1], 0] = 0
        starts[:, 1] = options.ends[entry]
        lengths[:, 1] = options.ends[entry + 1] - options.ends[entry]
        stored = np.zeros((len(entry), 2), np.bool_)
        stored[:, 1] = True
        gathered = _gathered(self._separator, options.values, starts, lengths, stored)
        return Ragged(gathered.values, gathered.offsets[blocks])

    def _encoded_whole(self, row: int, which: int) -> list[int]:
        entries = self.shard.slots.of(row)
        texts = {name: self._text(entries[entry]) for name, entry in self._entry.items()}
        options = [self._text(option) for option in self.shard.options.of(row)]
        prompt = render(self.wordings[which], texts, options, self._style)
        regions = entries[1 + len(texts) :]
        bins = np.array(regions, np.int64).reshape(-1, 4) - self.vocabulary.first_bin
        ids = [BOS, *self.vocabulary.encode_marked(f" {prompt}", bins), EOS]
        if len(ids) > SOURCE_LIMIT:
            raise BuildError(
                "a prompt is too long",
                where=self.shard.uids[row],
                got=f"{len(ids)} ids",
                expected=f"at most {SOURCE_LIMIT}",
                next_step="put blanks around the slots of the instruction",
            )
        return ids

    def _text(self, ids: Ids) -> str:
        """A text of the shard without its leading blank."""
        return self.vocabulary.decode(ids.tolist())[1:]

    def _entry_of(self, slot: Slot) -> int:
        if isinstance(slot, RegionSlot):
            return 1 + len(self._entry) + slot.index
        if isinstance(slot, OptionsSlot):
            return 0
        if slot.name not in self._entry:
            raise BuildError(
                "an instruction shows a text that the shard does not hold",
                where=self.shard.folder,
                got=slot.name,
                expected=f"one of {', '.join(self._entry) or 'no texts'}",
                next_step="build the shard again",
            )
        return self._entry[slot.name]

    def _check_origin(self, instructions: InstructionSet) -> None:
        prints = {self.shard.index.vocabulary_fingerprint, instructions.vocabulary_fingerprint}
        if prints != {self.vocabulary.fingerprint}:
            raise BuildError(
                "a shard was made with another vocabulary",
                where=self.shard.folder,
                got=", ".join(sorted(prints)),
                expected=self.vocabulary.fingerprint,
                next_step="name the vocabulary that it was built with, or build the shard again",
            )

    def _check_shown(self, rows: Integers) -> None:
        slots, options = self.shard.slots, self.shard.options
        lacking = slots.rows[rows + 1] - slots.rows[rows] < self._least_entries
        if self._shows_options:
            lacking |= options.rows[rows + 1] == options.rows[rows]
        if lacking.any():
            raise BuildError(
                "an instance lacks a region or the options that the instructions show",
                where=self.shard.uids[int(rows[lacking][0])],
                expected=self.wordings[0].text,
            )

    def _rows(self, rows: npt.ArrayLike) -> Integers:
        chosen = np.asarray(rows, np.int64).reshape(-1)
        if len(chosen) and (chosen.min() < 0 or chosen.max() >= self.shard.rows):
            expected = f"0 to {self.shard.rows - 1}"
            raise BuildError("no such row", where=self.shard.folder, got=chosen, expected=expected)
        return chosen

    def _which(self, wordings: npt.ArrayLike, count: int) -> Integers:
        which = np.broadcast_to(np.asarray(wordings, np.int64), (count,))
        if count and (which.min() < 0 or which.max() >= len(self.wordings)):
            expected = f"0 to {len(self.wordings) - 1}"
            raise BuildError("no such instruction", where=self.shard.folder, got=which, expected=expected)
        return which


def _planned(instructions: InstructionSet, wordings: tuple[Wording, ...], entries: list[list[int]]) -> _Plan:
    slots = len(entries[0])
    if any(sorted(wording.slot_names) != sorted(wordings[0].slot_names) for wording in wordings):
        raise BuildError("the instructions of a task show different things", where=wordings[0].text)
    literals: list[list[int]] = []
    for prepared in instructions.wordings:
        found = [list(literal) for literal in prepared.literals] or [[] for _ in range(slots + 1)]
        found[0].insert(0, BOS)
        found[-1].append(EOS)
        literals += found
    pool = ragged_of(literals)
    shape = (len(wordings), slots + 1)
    options = [
        wording.slot_names.index(OPTIONS_SLOT) if OPTIONS_SLOT in wording.slot_names else -1
        for wording in wordings
    ]
    return _Plan(
        pool.values,
        pool.offsets[:-1].reshape(shape),
        pool.lengths.reshape(shape),
        np.array(entries, np.int64).reshape(len(wordings), slots),
        np.array(options, np.int64),
    )


def _gathered(
    ours: Ids, stored_ids: Ids, starts: Integers, lengths: Integers, stored: npt.NDArray[np.bool_]
) -> Ragged:
    """Copies segments into rows; `stored` says which of two pools a segment comes from.

    Shapes of `starts`, `lengths` and `stored`: (rows, segments).
    """
    offsets = offsets_of(lengths.reshape(-1))
    to = offsets[:-1].reshape(starts.shape)
    values = np.empty(offsets[-1], np.uint16)
    for pool, mine in ((ours, ~stored), (stored_ids, stored)):
        values[positions(to[mine], lengths[mine])] = pool[positions(starts[mine], lengths[mine])]
    return Ragged(values, offsets[:: starts.shape[1]])


def _merged(first: npt.NDArray[np.bool_], some: Ragged, others: Ragged) -> Ragged:
    """Rows of `some` where `first` says so, else the next row of `others`."""
    starts, lengths = np.empty(len(first), np.int64), np.empty(len(first), np.int64)
    starts[first], lengths[first] = some.offsets[:-1], some.lengths
    starts[~first], lengths[~first] = others.offsets[:-1] + len(some.values), others.lengths
    values = np.concatenate([some.values, others.values])
    return Ragged(values[positions(starts, lengths)], offsets_of(lengths))
