"""VCR: questions about stills of films that take common sense, with four answers and four reasons each.

Only the validation questions are read, for the answers to the test questions are not public: this is the
part that the benchmark evaluates on, so its pictures are test pictures here. Each is told twice: with its
answers (kind `answer`), and, with the right answer as `context`, with its reasons (kind `rationale`).

Texts are lists of words, in which a list of numbers, from 0, stands for things of the picture. It becomes
their names, joined by `and`: things of a kind are counted from 1, so that the second person is `person 2`.
Only `question_marked` says where they are. The strings `*_orig`, which count from 1, are not used.

Words are joined by blanks, but for punctuation: none before `. , ; : ? ! )`, none behind `(`, and none
around an apostrophe that `s`, `t`, `re`, `ve`, `ll`, `d` or `m` follows. A hyphen may be a dash, and stays
between blanks.

Boxes and sizes lie beside the pictures, in a JSON file for each: x0, y0, x1, y1 in pixels, and a score,
which is dropped. Outlines are not used, so that it does not matter where they are empty.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Annotated, Any, Final, NamedTuple

import msgspec

from schemas.source import Licence, RemoteFile, Source, Terms
from schemas.token import region_reference
from transforms.raw import Place, Raw, Record, Rejected, Row

_QUESTIONS: Final = "val.jsonl"
_FOLDER: Final = "vcr1images"

SOURCE: Final = Source(
    title="VCR",
    homepage="https://visualcommonsense.com/",
    licence=Licence(name="VCR dataset licence", url="https://visualcommonsense.com/license/"),
    citation="""\
@inproceedings{zellers2019recognition,
  title = {From Recognition to Cognition: Visual Commonsense Reasoning},
  author = {Zellers, Rowan and Bisk, Yonatan and Farhadi, Ali and Choi, Yejin},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2019}
}""",
    files={
        "annotations": RemoteFile(by_hand="vcr1annots.zip", members=(_QUESTIONS,)),
        "pictures": RemoteFile(by_hand="vcr1images.zip", holds="pictures", about_bytes=25_000_000_000),
    },
    steps=(
        "Read the terms at https://visualcommonsense.com/download/ and agree to them there.",
        "Download vcr1annots.zip (questions) and vcr1images.zip (pictures and what is in them, about 25 GB).",
        "Leave the pictures in their archive, for sizes and boxes lie between them. Where only the unpacked "
        "folder is left, `zip -0 -r vcr1images.zip vcr1images` makes one again. Of the questions, an "
        "unpacked val.jsonl does as well.",
        "Run `multiinstruct adopt vcr PATH`; PATH is the folder that holds both.",
    ),
    terms=Terms(
        url="https://visualcommonsense.com/license/",
        summary="Use the dataset for research only, and do not give its pictures, stills of films, on.",
    ),
    redistribution="forbidden",
    # Each question is told twice.
    accepts={"questions": 2 * 26_534},
)

_ADDRESS = re.compile(r"([^/\\\x00-\x1f.][^/\\\x00-\x1f]*/[^/\\\x00-\x1f.][^/\\\x00-\x1f]*)\.jpg")

_METADATA = re.compile(rf"{_FOLDER}/.+\.json")
_CLOSING = re.compile(r"[.,;:?!)]+")
_ENDINGS: Final = frozenset({"s", "t", "re", "ve", "ll", "d", "m"})
_CHOICES: Final = 4

Pixels = Annotated[int, msgspec.Meta(ge=1, lt=1 << 31)]
Words = list[str | list[int]]
"""What is said: words, and the numbers of the things that are named together in place of one."""


class _Listed(Record):
    img_fn: str
    metadata_fn: str
    objects: list[str]


class _Question(_Listed, kw_only=True):
    annot_id: str
    question: Words
    answer_choices: list[Words]
    answer_label: int
    rationale_choices: list[Words]
    rationale_label: int


class _Size(Record):
    width: Pixels
    height: Pixels


class _Things(Record):
    names: list[str]
    boxes: list[list[float]]


class _Picture(NamedTuple):
    """A picture as the first question about it has it; `name` is its path without the ending."""

    place: Place
    listed: _Listed
    name: str


def images(annotations: Raw, pictures: Raw) -> Iterator[Row | Rejected]:
    """The pictures that questions are about, each once, in the order of their archive.

    One whose file of size and boxes is not there is rejected as `no_metadata`.
    """
    # There are a hundred thousand of them, too many to look each one up in the archive.
    beside = {name for _, name in pictures.names(_METADATA)}
    wanted: dict[str, _Picture] = {}
    for found in _pictures(annotations):
        if isinstance(found, Rejected):
            yield found
        elif (member := f"{_FOLDER}/{found.name}.json") in beside:
            wanted[member] = found
        else:
            yield Rejected(found.place, "no_metadata", msgspec.json.encode(found.listed).decode())
    for place, member, size in pictures.each(_Size, wanted.keys()):
        yield (
            place,
            {
                "image_id": f"vcr:{wanted[member].listed.img_fn}",
                "width": size.width,
                "height": size.height,
                "published_split": "test",
                "archive": "pictures",
                "picture": f"{_FOLDER}/{wanted[member].name}.jpg",
            },
        )


def objects(annotations: Raw, pictures: Raw) -> Iterator[Row | Rejected]:
    """The things in these pictures, each named by its number.

    All of a picture are rejected as `other_objects` if they are not those that the first question about it
    lists, or do not have one box each.
    """
    found = (one for one in _pictures(annotations) if not isinstance(one, Rejected))
    wanted = {f"{_FOLDER}/{one.name}.json": one.listed for one in found}
    for (file, member, record, _), _, things in pictures.each(_Things, wanted.keys()):
        listed = wanted[member]
        if things.names != listed.objects or len(things.boxes) != len(things.names):
            place = (file, member, record, None)
            said = f"listed are {', '.join(listed.objects)}"
            yield Rejected(place, "other_objects", msgspec.json.encode(things).decode(), said)
            continue
        for number, (name, box) in enumerate(zip(_names(things.names), things.boxes, strict=True)):
            yield (
                (file, member, record, number),
                {
                    "image_id": f"vcr:{listed.img_fn}",
                    "object_id": str(number),
                    "box": tuple(box[:4]),
                    "name": name,
                    "crowd": False,
                },
            )


def questions(annotations: Raw) -> Iterator[Row | Rejected]:
    """The questions, each with its answers and again with its reasons.

    Rejected are `other_objects` (an earlier question about the picture lists other things),
    `wrong_number_of_choices` (not four), `no_such_choice` (the right one is none of them), `unknown_object`
    (a number of no thing) and `empty_choice`. Equal choices are kept: whether they matter, a task decides.
    """
    listed: dict[str, list[str]] = {}
    for (file, member, record, _), asked in annotations.lines(_Question, member=_QUESTIONS):
        agrees = listed.setdefault(asked.img_fn, asked.objects) == asked.objects
        for item, telling in enumerate(_tellings(asked)):
            place = (file, member, record, item)
            problem = _problem(asked, telling) if agrees else "other_objects"
            if problem is None:
                yield place, _told(asked, telling)
            else:
                yield Rejected(place, problem, msgspec.json.encode(asked).decode(), telling.kind)


class _Telling(NamedTuple):
    """A question with its answers or with its reasons; `right` is the place of the right one.

    `context` is empty where nothing has to be known before, and None if nobody can tell.
    """

    kind: str
    choices: list[Words]
    right: int
    context: Words | None


def _tellings(asked: _Question) -> Iterator[_Telling]:
    answers, right = asked.answer_choices, asked.answer_label
    yield _Telling("answer", answers, right, [])
    answer = answers[right] if 0 <= right < len(answers) else None
    yield _Telling("rationale", asked.rationale_choices, asked.rationale_label, answer)


def _problem(asked: _Question, telling: _Telling) -> str | None:
    if len(telling.choices) != _CHOICES:
        return "wrong_number_of_choices"
    if telling.context is None or not 0 <= telling.right < _CHOICES:
        return "no_such_choice"
    for words in (asked.question, telling.context, *telling.choices):
        if [] in words or not all(0 <= number < len(asked.objects) for number in _numbers(words)):
            return "unknown_object"
    names = _names(asked.objects)
    return None if all(_said(choice, names).strip() for choice in telling.choices) else "empty_choice"


def _told(asked: _Question, telling: _Telling) -> dict[str, Any]:
    """The row of a question that has no problem."""
    names = _names(asked.objects)
    texts = [_said(choice, names) for choice in telling.choices]
    mentioned = _numbers(asked.question)
    marked = dict(enumerate(names))
    for region, number in enumerate(mentioned):
        marked[number] = f"{names[number]} {region_reference(region)}"
    return {
        "image_id": f"vcr:{asked.img_fn}",
        "question_id": f"{asked.annot_id}:{telling.kind}",
        "question": _said(asked.question, names),
        "question_marked": _said(asked.question, marked) if mentioned else None,
        "question_objects": [str(number) for number in mentioned] or None,
        "context": _said(telling.context or [], names) or None,
        "answer": texts.pop(telling.right),
        "choices": texts,
        "kind": telling.kind,
    }


def _pictures(annotations: Raw) -> Iterator[_Picture | Rejected]:
    """The pictures of the questions, each where it is named first."""
    seen: set[str] = set()
    for place, listed in annotations.lines(_Listed, member=_QUESTIONS):
        if listed.img_fn in seen:
            continue
        seen.add(listed.img_fn)
        found = _ADDRESS.fullmatch(listed.img_fn)
        if found is None or listed.metadata_fn != f"{found[1]}.json":
            yield Rejected(place, "unknown_picture_address", msgspec.json.encode(listed).decode())
        else:
            yield _Picture(place, listed, found[1])


def _names(objects: Sequence[str]) -> list[str]:
    """What things are called: `person 1`, `person 2`, `car 1`."""
    counted: Counter[str] = Counter()
    names = []
    for kind in objects:
        counted[kind] += 1
        names.append(f"{kind} {counted[kind]}")
    return names


def _numbers(words: Words) -> list[int]:
    """The numbers of the things that are named, each once, in the order of their first mention."""
    return list(dict.fromkeys(number for word in words if isinstance(word, list) for number in word))


def _said(words: Words, names: Mapping[int, str] | Sequence[str]) -> str:
    """Words put together, with a name for each thing."""
    said = [
        word if isinstance(word, str) else " and ".join(names[number] for number in word) for word in words
    ]
    text, glued = "", True
    for word, following in zip_longest(said, said[1:], fillvalue=""):
        shortens = word == "'" and following.lower() in _ENDINGS
        text += word if glued or shortens or _CLOSING.fullmatch(word) else f" {word}"
        glued = shortens or word == "("
    return text
