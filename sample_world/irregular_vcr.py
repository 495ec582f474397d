"""What is irregular in VCR's files, each about a picture of its own; its first questions have the name.

several            a question that names three things at once, and then one of them again
punctuation        an answer with commas, quotes, a bracket, a dash and two kinds of apostrophes
no_things_asked    a question that names no thing, and is the same otherwise
unknown_object     a question about a thing behind the last; a wrong answer about one before the first, in the
                   next; a reason about nothing, in the third
three_choices      a question with three answers; the next has five reasons
no_such_choice     the right answer would be the fifth; of the next question the right reason
repeated_choice    two answers are the same
empty_choice       an answer without words; in the next question a reason of blanks
empty_question     a question without words
reserved_mark      a question that says `<region_0>`
malformed          a question without labels, as in the file of the test part; the next is about thing 0.5
repeated_id        two questions of one id
other_objects      the second question lists one thing less
other_names        what lies beside the picture names the first thing otherwise
boxes_missing      what lies beside the picture lacks the last box
boxes              4 more things: 1 beyond the border, 1 outside the picture, 1 of no width, and one whose
                   box has three numbers
outlines           1 thing without an outline, 1 with two
no_metadata        nothing lies beside the picture
metadata_torn      what lies beside the picture ends in the middle
bad_address        the picture would lie outside its folder
other_metadata     a question names what lies beside another picture
picture_absent     listed, but not in the archive
picture_half       half the declared width and height
picture_grey       a JPEG without colours
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sample_world.irregular import PICTURES as VISUAL_GENOME_PICTURES

Records = dict[str, Any]
"""What is said of one picture: the lines of its `questions`, and the `metadata` beside it as JSON text or
as what becomes such text; None: there is none."""


def _asked(records: Records, position: int = 0) -> dict[str, Any]:
    question: dict[str, Any] = records["questions"][position]
    return question


def _wrong(question: dict[str, Any]) -> list[int]:
    """The places of the wrong answers."""
    return [place for place in range(4) if place != question["answer_label"]]


def _several(records: Records) -> None:
    first = _asked(records)
    named = next(word[0] for word in first["question"] if isinstance(word, list))
    count = len(first["objects"])
    others = [(named + 2) % count, named, (named + 1) % count]
    first["question"] = ["As", "for", others, ":", *first["question"]]


def _punctuation(records: Records) -> None:
    first = _asked(records)
    first["answer_choices"][first["answer_label"]][:0] = [
        *([1], "'", "s", "owner", "-", "a", "Greek", "(", "he", "isn", "'", "t", "here", ")", ",", "or"),
        *("the", "boys", "'", "friend", "-", "says", ":", '"', "look", '"', "...", "!"),
    ]


def _no_things_asked(records: Records) -> None:
    _asked(records)["question"] = ["What", "is", "to", "be", "seen", "?"]


def _unknown_object(records: Records) -> None:
    _asked(records, 0)["question"][1:1] = [[len(_asked(records)["objects"])]]
    _asked(records, 1)["answer_choices"][_wrong(_asked(records, 1))[0]] = [[-1], "."]
    _asked(records, 2)["rationale_choices"][3] = [[], "."]


def _three_choices(records: Records) -> None:
    first, second = _asked(records, 0), _asked(records, 1)
    first.update(answer_choices=first["answer_choices"][:3], answer_label=0)
    second["rationale_choices"].append(["No", "."])


def _no_such_choice(records: Records) -> None:
    _asked(records, 0)["answer_label"] = 4
    _asked(records, 1)["rationale_label"] = -1


def _repeated_choice(records: Records) -> None:
    first, second, _ = _wrong(_asked(records))
    choices = _asked(records)["answer_choices"]
    choices[first] = choices[second]


def _empty_choice(records: Records) -> None:
    _asked(records, 0)["answer_choices"][0] = []
    _asked(records, 1)["rationale_choices"][0] = ["", " "]


def _empty_question(records: Records) -> None:
    _asked(records)["question"] = []


def _reserved_mark(records: Records) -> None:
    _asked(records)["question"] = ["What", "is", "<region_0>", "for", "?"]


def _malformed(records: Records) -> None:
    for key in ("answer_label", "rationale_label"):
        del _asked(records, 0)[key]
    _asked(records, 1)["question"] = ["Where", "is", [0.5], "?"]


def _repeated_id(records: Records) -> None:
    _asked(records, 1)["annot_id"] = _asked(records, 0)["annot_id"]


def _other_objects(records: Records) -> None:
    last = _asked(records, 1)
    last["objects"] = last["objects"][:-1]


def _other_names(records: Records) -> None:
    records["metadata"]["names"][0] = "thing"


def _boxes_missing(records: Records) -> None:
    records["metadata"]["boxes"].pop()


def _boxes(records: Records) -> None:
    metadata = records["metadata"]
    width = metadata["width"]
    metadata["boxes"] += [
        [-4.5, -3.25, 60.0, 50.0, 0.9],
        [width + 5.0, 10.0, width + 50.0, 60.0, 0.8],
        [30.0, 20.0, 30.0, 60.0, 0.7],
        [1.0, 2.0, 3.0],
    ]
    metadata["segms"] += [[], [], [], []]
    metadata["names"] += ["corner", "edge", "edge", "corner"]
    for question in records["questions"]:
        question["objects"] = metadata["names"]


def _outlines(records: Records) -> None:
    outlines = records["metadata"]["segms"]
    outlines[0] = []
    outlines[1] = [*outlines[1], *outlines[2]]


def _no_metadata(records: Records) -> None:
    records["metadata"] = None


def _metadata_torn(records: Records) -> None:
    records["metadata"] = '{"boxes": [['


def _bad_address(records: Records) -> None:
    for question in records["questions"]:
        question.update(img_fn="../elsewhere.jpg", metadata_fn="../elsewhere.json")


def _other_metadata(records: Records) -> None:
    for question in records["questions"]:
        question["metadata_fn"] = question["metadata_fn"].replace("@", "@1")


RECORDS: Final[dict[str, Callable[[Records], None]]] = {
    "several": _several,
    "punctuation": _punctuation,
    "no_things_asked": _no_things_asked,
    "unknown_object": _unknown_object,
    "three_choices": _three_choices,
    "no_such_choice": _no_such_choice,
    "repeated_choice": _repeated_choice,
    "empty_choice": _empty_choice,
    "empty_question": _empty_question,
    "reserved_mark": _reserved_mark,
    "malformed": _malformed,
    "repeated_id": _repeated_id,
    "other_objects": _other_objects,
    "other_names": _other_names,
    "boxes_missing": _boxes_missing,
    "boxes": _boxes,
    "outlines": _outlines,
    "no_metadata": _no_metadata,
    "metadata_torn": _metadata_torn,
    "bad_address": _bad_address,
    "other_metadata": _other_metadata,
}
"""Changes what is said of one picture, in place."""

PICTURES: Final = {
    name: VISUAL_GENOME_PICTURES[name] for name in ("picture_absent", "picture_half", "picture_grey")
}
"""Makes the file of one picture; None: there is none."""
