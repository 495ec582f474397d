"""What is irregular in the files of questions and annotations of VQA, OK-VQA and TDIUC.

The records are about photographs that COCO lists, but that are irregular there. They stand before the
regular ones in the training files, and there are as many at every scale. Each begins with three
questions and their annotations:

    no_annotation       1 question without
    no_question         1 annotation without
    second_annotation   1 annotation more of the first question
    other_picture       1 annotation about another picture than its question
    no_answer           1 question to which all answers are blank
    blank_answers       1 question to which half the answers are empty, and none is the publisher's
    tied                1 question with two answers that are given equally often, none the publisher's
    spellings           1 question with quotes and outer blanks, 1 answer beyond ASCII, 1 of more than
                        50 characters
    repeated_question   the second question is the first under its own id
    repeated_id         the second question has the first one's id
    reserved_mark       1 question that holds one
    malformed           1 question that is a number, 1 annotation without a list of answers
    other_order         annotations that stand in the opposite order
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from sample_world.coco import folder_2014, spare_photographs
from sample_world.scene import Scene
from schemas.token import RESERVED_MARKS

Records = dict[str, Any]
"""What a source asks about one photograph: the lists `questions` and `annotations`."""

QUESTIONS: Final = 3
"""Questions of each irregular record."""

_APART: Final = 10


def irregular(seed: int, asked: Callable[[Scene, int], Records]) -> Iterator[tuple[str, Records]]:
    """The irregular records of a source, by name.

    Args:
        asked: what the source asks about the photograph of a scene, in questions whose ids count from a
            number on.
    """
    # Before those that COCO lists under another name, or whose picture cannot be had.
    hosts = [s for s in spare_photographs(seed, 0, 10) if folder_2014(s.number) == "train2014"]
    for position, (name, spoil) in enumerate(RECORDS.items()):
        records = asked(hosts[position % len(hosts)], _APART * position)
        for part in records.values():
            del part[QUESTIONS:]
        spoil(records)
        yield name, records


def _say(annotation: dict[str, Any], answers: Callable[[str], Sequence[str]]) -> None:
    """Replaces the answers, as many as there are, and takes the publisher's own away.

    Args:
        answers: ten answers, given the true one.
    """
    if "multiple_choice_answer" in annotation:
        annotation["multiple_choice_answer"] = ""
    said = answers(annotation["answers"][-1]["answer"])
    for given, answer in zip(annotation["answers"], said, strict=False):
        given["answer"] = answer
        if "raw_answer" in given:
            given["raw_answer"] = answer


def _no_annotation(records: Records) -> None:
    del records["annotations"][0]


def _no_question(records: Records) -> None:
    del records["questions"][0]


def _second_annotation(records: Records) -> None:
    records["annotations"].append(records["annotations"][0])


def _other_picture(records: Records) -> None:
    records["annotations"][0]["image_id"] += 1


def _no_answer(records: Records) -> None:
    _say(records["annotations"][0], lambda _: [" "] * 10)


def _blank_answers(records: Records) -> None:
    _say(records["annotations"][0], lambda true: [true, *[""] * 5, *[true] * 4])


def _tied(records: Records) -> None:
    _say(records["annotations"][0], lambda true: [true, "not sure"] * 5)


def _spellings(records: Records) -> None:
    first = records["questions"][0]
    first["question"] = f' What does "{first["question"]}" mean? '
    _say(records["annotations"][1], lambda true: [f"“{true}”"] * 10)
    _say(
        records["annotations"][2],
        lambda true: [f"{true}, as everybody can see who looks long enough at it"] * 10,
    )


def _repeated_question(records: Records) -> None:
    records["questions"][1]["question"] = records["questions"][0]["question"]


def _repeated_id(records: Records) -> None:
    records["questions"][1]["question_id"] = records["questions"][0]["question_id"]


def _reserved_mark(records: Records) -> None:
    records["questions"][0]["question"] += f" {RESERVED_MARKS[0]}0>"


def _malformed(records: Records) -> None:
    records["questions"][0]["question"] = 7
    records["annotations"][1]["answers"] = None


def _other_order(records: Records) -> None:
    records["annotations"].reverse()


RECORDS: Final[dict[str, Callable[[Records], None]]] = {
    "no_annotation": _no_annotation,
    "no_question": _no_question,
    "second_annotation": _second_annotation,
    "other_picture": _other_picture,
    "no_answer": _no_answer,
    "blank_answers": _blank_answers,
    "tied": _tied,
    "spellings": _spellings,
    "repeated_question": _repeated_question,
    "repeated_id": _repeated_id,
    "reserved_mark": _reserved_mark,
    "malformed": _malformed,
    "other_order": _other_order,
}
"""Changes what is asked about one photograph, in place."""
