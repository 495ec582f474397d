"""An instruction is parsed once into pieces; filling it copies data in and never formats it again.

`Pick what <region_0> shows. {options}` is the literal `Pick what `, region 0, the literal ` shows.`
and the options. What stands in the data, such as a caption that holds `{text}`, is never looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from schemas.errors import BuildError
from schemas.instruction import OPTIONS_SLOT, TEXT_SLOTS
from schemas.settings import OptionsStyle
from schemas.token import OPTIONS_HEADER, OPTIONS_SEPARATOR, RESERVED_MARKS, region_reference

OPTIONS_OPENING = f"\n\n{OPTIONS_HEADER}"
"""What `{options}` begins with; a blank and the first option follow."""

_SLOT = re.compile(r"\{(" + "|".join((*TEXT_SLOTS, OPTIONS_SLOT)) + r")\}|<region_(0|[1-9][0-9]{0,3})>")
_SEPARATORS: dict[OptionsStyle, str] = {
    "spaced": f" {OPTIONS_SEPARATOR} ",
    "published": OPTIONS_SEPARATOR,
}


@dataclass(frozen=True)
class Literal:
    """Words of the instruction itself."""

    text: str


@dataclass(frozen=True)
class TextSlot:
    """Where a text of the instance goes: `{question}`."""

    name: str


@dataclass(frozen=True)
class RegionSlot:
    """Where a region of the instance is named: `<region_0>`."""

    index: int

    @property
    def name(self) -> str:
        """`region_0`."""
        return f"region_{self.index}"


@dataclass(frozen=True)
class OptionsSlot:
    """Where the answers to choose from go. The blank before the slot is no part of any piece."""

    name: str = OPTIONS_SLOT


Slot = TextSlot | RegionSlot | OptionsSlot
Piece = Literal | Slot


@dataclass(frozen=True)
class Wording:
    """One instruction, parsed.

    Attributes:
        text: as written.
        pieces: literals and slots in order; no literal is empty.
        spliceable: every slot begins the prompt or follows a blank, and is followed by a blank, a
            line break or the end. Then the ids of the whole prompt are the ids of its parts, and
            any other instruction has to be rendered and encoded whole.
    """

    text: str
    pieces: tuple[Piece, ...]
    spliceable: bool

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The slots in the order of the text."""
        return tuple(piece for piece in self.pieces if not isinstance(piece, Literal))

    @property
    def slot_names(self) -> tuple[str, ...]:
        """`("region_0", "options")`, in the order of the text."""
        return tuple(slot.name for slot in self.slots)


def parse(text: str) -> Wording:
    """Parses one instruction.

    Raises:
        BuildError: an unknown slot, a stray brace, a malformed region, a slot that stands twice,
            or a mark that only this project may write.
    """
    pieces: list[Piece] = []
    spliceable = True
    end = 0
    for match in _SLOT.finditer(text):
        before, after = text[: match.start()][-1:], text[match.end() :][:1]
        spliceable &= before in ("", " ") and after in ("", " ", "\n")
        slot = _slot_of(match)
        literal = text[end : match.start()]
        if isinstance(slot, OptionsSlot):
            literal = literal.removesuffix(" ")
        pieces += [Literal(literal), slot]
        end = match.end()
    pieces.append(Literal(text[end:]))
    wording = Wording(text, tuple(piece for piece in pieces if piece != Literal("")), spliceable)
    _check(wording)
    return wording


def render(
    wording: Wording,
    texts: Mapping[str, str],
    options: Sequence[str] = (),
    style: OptionsStyle = "spaced",
) -> str:
    """The prompt. Region references stay in place, for the vocabulary to turn into location bins.

    Args:
        wording: a parsed instruction.
        texts: the instance's text for each text slot of the wording; others are not looked at.
        options: the answers in the order shown.
        style: what stands between two options.

    Raises:
        BuildError: a slot of the wording has no text, or there are no options for `{options}`.
    """
    return "".join(_filled(piece, wording, texts, options, style) for piece in wording.pieces)


def _filled(
    piece: Piece,
    wording: Wording,
    texts: Mapping[str, str],
    options: Sequence[str],
    style: OptionsStyle,
) -> str:
    if isinstance(piece, Literal):
        return piece.text
    if isinstance(piece, RegionSlot):
        return region_reference(piece.index)
    if isinstance(piece, OptionsSlot) and options:
        return f"{OPTIONS_OPENING} {_SEPARATORS[style].join(options)}"
    if isinstance(piece, TextSlot) and piece.name in texts:
        return texts[piece.name]
    raise BuildError(
        "an instruction shows a slot that the instance does not have",
        where=wording.text,
        got=f"texts for {sorted(texts)} and {len(options)} options",
        expected=f"something for {{{piece.name}}}",
        next_step="take the slot out of the instruction or return the column from the task's query",
    )


def _slot_of(match: re.Match[str]) -> Slot:
    name, region = match.groups()
    if region is not None:
        return RegionSlot(int(region))
    return OptionsSlot() if name == OPTIONS_SLOT else TextSlot(name)


def _check(wording: Wording) -> None:
    names = wording.slot_names
    for name in names:
        if names.count(name) > 1:
            raise BuildError("a slot stands twice in an instruction", where=wording.text, got=name)
    for piece in wording.pieces:
        if isinstance(piece, Literal):
            _check_literal(piece.text, wording.text)


def _check_literal(literal: str, text: str) -> None:
    if "{" in literal or "}" in literal:
        known = " ".join(f"{{{name}}}" for name in (*TEXT_SLOTS, OPTIONS_SLOT))
        raise BuildError("an instruction holds a brace that belongs to no slot", where=text, expected=known)
    for mark in RESERVED_MARKS:
        if mark in literal:
            raise BuildError(
                "an instruction holds a mark that has a meaning of its own",
                where=text,
                got=mark,
                expected="regions as <region_0>, options as {options}, no other mark",
            )
