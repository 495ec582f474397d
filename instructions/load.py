"""The instructions of a task: its TOML file here, or an own file laid over it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from instructions.render import TextSlot, Wording, parse
from schemas.errors import BuildError
from schemas.instruction import InstructionFile

SHIPPED = Path(__file__).parent
SHIPPED_AT_LEAST = 5
"""The paper writes five instructions for each task (MultiInstruct, section 3)."""


@dataclass(frozen=True)
class TaskInstructions:
    """What a task says to the model.

    Attributes:
        task: name of the task.
        wordings: its instructions, all different, all with the same slots. Evaluation uses the first five.
        answers: pairs of words for true and for false, for a task of two answers.
        empty: what is said where a list that a slot shows is empty, by slot.
    """

    task: str
    wordings: tuple[Wording, ...]
    answers: tuple[tuple[str, str], ...] = ()
    empty: Mapping[str, str] = field(default_factory=dict)

    @property
    def text_slots(self) -> tuple[str, ...]:
        """Text slots that every wording shows, in order of name."""
        return tuple(sorted(slot.name for slot in self.wordings[0].slots if isinstance(slot, TextSlot)))


def words_of_ours(loaded: Iterable[TaskInstructions]) -> list[str]:
    """What instruction files bring into rows: pairs of answers, and words for empty lists, in order."""
    words: set[str] = set()
    for one in loaded:
        words.update((word for pair in one.answers for word in pair), one.empty.values())
    return sorted(words)


def shipped_tasks() -> list[str]:
    """Tasks that have an instruction file here, in order of name."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def load_instructions(task: str, own: Path | None = None) -> TaskInstructions:
    """Reads and checks the instructions of a task.

    Args:
        task: name of the task.
        own: folder of files like the shipped ones. A task's file there replaces its instructions,
            any number from one, with the slots of the shipped ones; pairs of answers and words for
            empty lists that it does not give stay as they are.

    Raises:
        BuildError: a file is missing, is no instruction file, or holds a bad instruction.
    """
    shipped = _read(SHIPPED / f"{task}.toml", task)
    if len(shipped.wordings) < SHIPPED_AT_LEAST:
        raise BuildError(
            "a shipped task has too few instructions",
            where=SHIPPED / f"{task}.toml",
            got=len(shipped.wordings),
            expected=f"at least {SHIPPED_AT_LEAST}",
        )
    if own is None:
        return shipped
    _check_own_folder(own)
    path = own / f"{task}.toml"
    if not path.exists():
        return shipped
    mine = _read(path, task)
    _check_same_slots(path, mine.wordings[0], shipped.wordings[0])
    return TaskInstructions(
        task, mine.wordings, mine.answers or shipped.answers, {**shipped.empty, **mine.empty}
    )


def load_draft(task: str, text: str, own: Path | None = None) -> TaskInstructions:
    """A task with a draft as its only instruction, held to everything that an instruction file is held to.

    Args:
        text: the draft.
        own: folder laid over the shipped instructions, beside which the draft would stand.

    Raises:
        BuildError: a file with the draft in it would be refused.
    """
    known = load_instructions(task, own)
    where = "the draft"
    wording = _parse_in(where, text)
    _check_same_slots(where, wording, known.wordings[0])
    if text in {other.text for other in known.wordings}:
        raise BuildError("the task has this instruction already", where=where, got=text)
    draft = replace(known, wordings=(wording,))
    _check_answers(where, draft)
    return draft


def _read(path: Path, task: str) -> TaskInstructions:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise BuildError(
            "a task has no instruction file",
            where=path,
            next_step="write the file; the README shows what stands in it",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error
    return _checked(path, text, task)


def _unreadable(path: Path, error: Exception) -> BuildError:
    return BuildError(
        "an instruction file cannot be read",
        where=path,
        got=error,
        expected="TOML with a list `instructions` of strings, and pairs `answers` where there are two",
    )


@cache
def _checked(path: Path, text: str, task: str) -> TaskInstructions:
    """What stands in a file; a plan asks for the same one several times."""
    try:
        declared = InstructionFile.model_validate(tomllib.loads(text))
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, error) from error
    wordings = tuple(_parse_in(path, text) for text in declared.instructions)
    for wording in wordings[1:]:
        _check_same_slots(path, wording, wordings[0])
    if len({wording.text for wording in wordings}) < len(wordings):
        raise BuildError("an instruction stands twice in a file", where=path)
    instructions = TaskInstructions(task, wordings, declared.answers, declared.empty)
    _check_answers(path, instructions)
    _check_empty(path, instructions)
    return instructions


def _parse_in(path: Path | str, text: str) -> Wording:
    if text != text.strip() or not text:
        raise BuildError("an instruction begins or ends with white space", where=path, got=repr(text))
    for character in text:
        if character != "\n" and (ord(character) < 32 or 127 <= ord(character) < 160):
            raise BuildError("an instruction holds a control character", where=path, got=repr(text))
    if "\\" in text:
        raise BuildError(
            "an instruction holds a backslash",
            where=path,
            got=text,
            next_step="a line break is written as one, between three single quotes; no escapes are needed",
        )
    try:
        return parse(text)
    except BuildError as error:
        raise BuildError("an instruction is malformed", where=path, got=error) from error


def _check_same_slots(path: Path | str, wording: Wording, other: Wording) -> None:
    if sorted(wording.slot_names) != sorted(other.slot_names):
        raise BuildError(
            "the instructions of a task show different things",
            where=f"{path}: {wording.text}",
            got=sorted(wording.slot_names),
            expected=f"{sorted(other.slot_names)}, as in: {other.text}",
        )


def _check_answers(path: Path | str, instructions: TaskInstructions) -> None:
    for answer in (answer for pair in instructions.answers for answer in pair):
        if answer != " ".join(answer.split()):
            raise BuildError("an answer has stray white space", where=path, got=repr(answer))
        given_away = re.compile(rf"\b{re.escape(answer)}\b", re.IGNORECASE)
        for wording in instructions.wordings:
            if given_away.search(wording.text):
                raise BuildError(
                    "an instruction names an answer", where=f"{path}: {wording.text}", got=answer
                )
    if any(one.casefold() == other.casefold() for one, other in instructions.answers):
        raise BuildError("two answers are the same", where=path, got=instructions.answers)


def _check_empty(path: Path, instructions: TaskInstructions) -> None:
    for slot, words in instructions.empty.items():
        if slot not in instructions.text_slots:
            raise BuildError(
                "words are given for a list that no instruction shows",
                where=path,
                got=slot,
                expected=", ".join(instructions.text_slots),
            )
        if words != " ".join(words.split()):
            raise BuildError(
                "the words for an empty list have stray white space", where=path, got=repr(words)
            )


def _check_own_folder(own: Path) -> None:
    if not own.is_dir():
        raise BuildError("the folder of own instructions does not exist", where=own)
    known = shipped_tasks()
    for path in sorted(own.glob("*.toml")):
        if path.stem not in known:
            raise BuildError(
                "an own instruction file belongs to no task",
                where=path,
                expected=f"the name of a task, one of: {', '.join(known)}",
            )
