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
from shards.ragged import Ids, Integers, Ragged, copy_segments, offsets_of, positions
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


class _Pieces(NamedTuple):
    """Segments of one pool of ids, and where in which prompt they go.

    Attributes:
        pool: what they are copied from.
        owners: the prompt that each piece, or each row of pieces, belongs to: (prompts,) or (pieces,).
        within: place of its first id in that prompt: (prompts, pieces of each) or (pieces,).
        starts: place of its first id in `pool`, shaped like `within`.
        lengths: ids, shaped like `within`.
    """

    pool: Ids
    owners: Integers
    within: Integers
    starts: Integers
    lengths: Integers


class Prompts(NamedTuple):
    """Prompts whose ids are still where they are stored.

    Attributes:
        lengths: ids of each, `<s>` and `</s>` counted: (prompts,) int64.
        pieces: what they are made of.
    """

    lengths: Integers
    pieces: tuple[_Pieces, ...]

    def write(self, out: Ids, starts: Integers) -> None:
        """Copies the ids of prompt `i` to `out[starts[i] : starts[i] + lengths[i]]`.

        So they may go one behind the other, or into the rows of a padded matrix.
        """
        for pool, owners, within, begins, lengths in self.pieces:
            to = starts[owners]
            if within.ndim == 2:
                to = to[:, None]
            copy_segments(out, (to + within).reshape(-1), pool, begins.reshape(-1), lengths.reshape(-1))


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

    def prompts(self, rows: npt.ArrayLike, wordings: npt.ArrayLike) -> Prompts:
        """Prompts of instances, before their ids are copied; arguments and errors as in `sources`."""
        chosen = self._rows(rows)
        which = self._which(wordings, len(chosen))
        self._check_shown(chosen)
        spliced = self._spliced[which]
        if spliced.all():
            return self._splice(chosen, which)
        some = self._splice(chosen[spliced], which[spliced])
        others = zip(chosen[~spliced].tolist(), which[~spliced].tolist(), strict=True)
        return _merged(spliced, some, ragged_of([self._encoded_whole(*pair) for pair in others]))

    def sources(self, rows: npt.ArrayLike, wordings: npt.ArrayLike) -> Ragged:
        """Ids of prompts: `<s>`, the prompt with its leading blank, `</s>`.

        Args:
            rows: instances of the shard, in any order, repeats allowed: (batch,).
            wordings: number of the instruction, one for all or one for each row.

        Raises:
            BuildError: there is no such row or instruction, a row lacks what the instructions show,
                or a prompt that had to be encoded whole has more than `SOURCE_LIMIT` ids.
        """
        prompts = self.prompts(rows, wordings)
        offsets = offsets_of(prompts.lengths)
        values = np.empty(offsets[-1], np.uint16)
        prompts.write(values, offsets[:-1])
        return Ragged(values, offsets)

    def source_lengths(self, rows: npt.ArrayLike, wordings: npt.ArrayLike) -> Integers:
        """Ids that each prompt will have: (batch,). Encodes nothing.

        Exact for prompts that are spliced; of others, the words of the instruction are not counted.
        Arguments and errors as in `sources`.
        """
        chosen = self._rows(rows)
        which = self._which(wordings, len(chosen))
        self._check_shown(chosen)
        lengths: Integers = self._plan.lengths[which].sum(axis=1) + self._shown(chosen, which)[1].sum(axis=1)
        return lengths

    def target_lengths(self, rows: npt.ArrayLike) -> Integers:
        """Ids of each answer, `</s>` counted: (batch,)."""
        slots = self.shard.slots
        first = slots.rows[self._rows(rows)]
        return slots.ends[first + 1] - slots.ends[first] + np.int64(1)

    def targets(self, rows: npt.ArrayLike) -> Ragged:
        """Ids of answers: the target with its leading blank, `</s>`.

        Raises:
            BuildError: there is no such row.
        """
        slots = self.shard.slots
        first = slots.ends[slots.rows[self._rows(rows)]].astype(np.int64)
        lengths = self.target_lengths(rows)
        offsets = offsets_of(lengths)
        values = np.full(offsets[-1], EOS, np.uint16)
        copy_segments(values, offsets[:-1], slots.values, first, lengths - 1)
        return Ragged(values, offsets)

    def _splice(self, rows: Integers, which: Integers) -> Prompts:
        plan = self._plan
        starts, lengths = self._shown(rows, which)
        width = plan.starts.shape[1] + starts.shape[1]
        all_lengths = np.empty((len(rows), width), np.int64)
        all_lengths[:, ::2], all_lengths[:, 1::2] = plan.lengths[which], lengths
        within = np.cumsum(all_lengths, axis=1)
        ends = within[:, -1].copy()
        within -= all_lengths
        owners = np.arange(len(rows))
        pieces = [_Pieces(plan.literals, owners, within[:, ::2], plan.starts[which], plan.lengths[which])]
        if self._shows_options:
            place = owners, plan.options[which]
            pieces += self._option_pieces(rows, within[:, 1::2][place])
            lengths[place] = 0
        pieces.append(_Pieces(self.shard.slots.values, owners, within[:, 1::2], starts, lengths))
        return Prompts(ends, tuple(pieces))

    def _shown(self, rows: Integers, which: Integers) -> tuple[Integers, Integers]:
        """Where the entry of each slot begins in the shard's ids, and its length: (rows, slots) each.

        For the options, the length is that of all of them with the separators between them.
        """
        plan, slots, options = self._plan, self.shard.slots, self.shard.options
        entry = slots.rows[rows][:, None] + plan.entries[which]
        starts = slots.ends[entry].astype(np.int64)
        lengths = slots.ends[entry + 1] - starts
        if self._shows_options:
            first, last = options.rows[rows], options.rows[rows + 1]
            block = options.ends[last] - options.ends[first] + len(self._separator) * (last - first - 1)
            lengths[np.arange(len(rows)), plan.options[which]] = block
        return starts, lengths

    def _option_pieces(self, rows: Integers, to: Integers) -> list[_Pieces]:
        """All options of each row, from place `to` of its prompt on, and the separators between them."""
        options, gap = self.shard.options, len(self._separator)
        first = options.rows[rows].astype(np.int64)
        counts = options.rows[rows + 1] - first
        entry = positions(first, counts)
        starts = options.ends[entry].astype(np.int64)
        lengths = options.ends[entry + 1] - starts
        owners = np.repeat(np.arange(len(rows)), counts)
        block = offsets_of(counts)
        before = offsets_of(lengths + gap)[:-1]
        within = before + np.repeat(to - before[block[:-1]], counts)
        between = np.ones(len(entry), np.bool_)
        between[block[1:] - 1] = False
        after = (within + lengths)[between]
        gaps = np.full(len(after), gap, np.int64)
        return [
            _Pieces(options.values, owners, within, starts, lengths),
            _Pieces(self._separator, owners[between], after, np.zeros_like(gaps), gaps),
        ]

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


def _merged(first: npt.NDArray[np.bool_], some: Prompts, others: Ragged) -> Prompts:
    """Rows of `some` where `first` says so, else the next row of `others`."""
    mine, theirs = np.flatnonzero(first), np.flatnonzero(~first)
    lengths = np.empty(len(first), np.int64)
    lengths[mine], lengths[theirs] = some.lengths, others.lengths
    pieces = tuple(piece._replace(owners=mine[piece.owners]) for piece in some.pieces)
    whole = _Pieces(others.values, theirs, np.zeros_like(theirs), others.offsets[:-1], others.lengths)
    return Prompts(lengths, (*pieces, whole))
