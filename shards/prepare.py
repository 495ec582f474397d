"""The instructions of a task as ids: what `instructions.json` of a shard holds."""

from __future__ import annotations

from instructions.load import TaskInstructions
from instructions.render import OPTIONS_OPENING, Literal, OptionsSlot, Wording
from schemas.errors import BuildError
from schemas.token import INSTRUCTION_LIMIT, OPTIONS_SEPARATOR
from shards.format import InstructionSet, PreparedWording
from shards.vocabulary import Vocabulary


def prepare(instructions: TaskInstructions, vocabulary: Vocabulary) -> InstructionSet:
    """Encodes the words of a task's instructions.

    Raises:
        BuildError: the words of an instruction have more than `INSTRUCTION_LIMIT` ids.
    """
    return InstructionSet(
        vocabulary_fingerprint=vocabulary.fingerprint,
        separator=tuple(vocabulary.encode(f" {OPTIONS_SEPARATOR}")),
        wordings=tuple(_prepared(wording, vocabulary) for wording in instructions.wordings),
    )


def _prepared(wording: Wording, vocabulary: Vocabulary) -> PreparedWording:
    literals = [tuple(vocabulary.encode(text)) for text in _literals(wording)]
    if sum(map(len, literals)) > INSTRUCTION_LIMIT:
        raise BuildError(
            "an instruction is too long",
            where=wording.text,
            got=f"{sum(map(len, literals))} ids",
            expected=f"at most {INSTRUCTION_LIMIT}",
        )
    return PreparedWording(
        text=wording.text,
        spliceable=wording.spliceable,
        slots=wording.slot_names if wording.spliceable else (),
        literals=tuple(literals) if wording.spliceable else (),
    )


def _literals(wording: Wording) -> list[str]:
    """The text before, between and after the slots, with the prompt's leading blank, without the
    blank that belongs to the slot after it, and with the header of the options."""
    texts = [" "]
    for piece in wording.pieces:
        if isinstance(piece, Literal):
            texts[-1] += piece.text
        elif isinstance(piece, OptionsSlot):
            texts[-1] += OPTIONS_OPENING
            texts.append("")
        else:
            texts[-1] = texts[-1].removesuffix(" ")
            texts.append("")
    return texts
