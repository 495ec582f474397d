"""VisDial 1.0: dialogues about pictures, ten questions and answers each, by two people of whom one sees it.

Only the part for validation is read, for the test answers are not public: this is the part that the benchmark
evaluates on, so its pictures are test pictures here. They come from Flickr, and their numbers are no ids of
COCO, as those of the training part are.

Questions and answers are numbers into two lists of texts for the whole file. The hundred answers that are
offered at every turn are not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final

import msgspec

from schemas.source import Licence, RemoteFile, Source
from transforms.raw import Raw, Record, Rejected, Row

_MEMBER: Final = "visdial_1.0_val.json"
_DIALOGUES: Final = ("data", "dialogs")
_PICTURES: Final = "VisualDialog_val2018"

SOURCE: Final = Source(
    title="VisDial 1.0",
    homepage="https://visualdialog.org/data",
    licence=Licence(
        name="CC BY 4.0 (pictures: Flickr terms of use)",
        url="https://creativecommons.org/licenses/by/4.0/",
    ),
    citation="""\
@inproceedings{das2017visual,
  title = {Visual Dialog},
  author = {Das, Abhishek and Kottur, Satwik and Gupta, Khushi and Singh, Avi and Yadav, Deshraj and
            Moura, Jos{\\'e} M. F. and Parikh, Devi and Batra, Dhruv},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition},
  year = {2017}
}""",
    files={
        # Without `dl=1` the host answers with a page about the file.
        "dialogues": RemoteFile(
            urls=(
                "https://www.dropbox.com/s/ibs3a0zhw74zisc/visdial_1.0_val.zip?dl=1",
                "https://dl.dropboxusercontent.com/s/ibs3a0zhw74zisc/visdial_1.0_val.zip",
            ),
            members=(_MEMBER,),
        ),
        "images": RemoteFile(
            urls=(
                f"https://www.dropbox.com/s/twmtutniktom7tu/{_PICTURES}.zip?dl=1",
                f"https://dl.dropboxusercontent.com/s/twmtutniktom7tu/{_PICTURES}.zip",
            ),
            about_bytes=300_000_000,
            holds="pictures",
        ),
    },
    redistribution="allowed",
    accepts={"images": 2_064, "captions": 2_064, "turns": 20_640},
)

Number = Annotated[int, msgspec.Meta(ge=0)]


class _Dialogue(Record):
    image_id: Number


class _Described(_Dialogue):
    caption: str


class _Turn(Record):
    question: Number
    answer: Number


class _Texts(Record):
    questions: list[str]
    answers: list[str]


class _File(Record):
    data: _Texts


def images(dialogues: Raw) -> Iterator[Row]:
    """The pictures, one to a dialogue. Their size is not published."""
    for place, dialogue in dialogues.records(_Dialogue, member=_MEMBER, under=_DIALOGUES):
        yield (
            place,
            {
                "image_id": _image_id(dialogue),
                "published_split": "test",
                "archive": "images",
                "picture": f"{_PICTURES}/{_PICTURES}_{dialogue.image_id:012}.jpg",
            },
        )


def captions(dialogues: Raw) -> Iterator[Row]:
    """The caption from which a dialogue begins: all that the one who asks is told of the picture."""
    for place, dialogue in dialogues.records(_Described, member=_MEMBER, under=_DIALOGUES):
        yield (
            place,
            {
                "image_id": _image_id(dialogue),
                "caption_id": str(dialogue.image_id),
                "text": dialogue.caption,
            },
        )


def turns(dialogues: Raw) -> Iterator[Row | Rejected]:
    """The turns, named by their place in the dialogue, which is named by its picture.

    A second dialogue about one picture is left out as a whole (`repeated_dialogue`), so that no turn is
    taken for one of the first. A number behind the end of its list is `unknown_question` or `unknown_answer`.
    """
    said = dialogues.document(_File, member=_MEMBER).data
    first: dict[int, int] = {}
    for place, dialogue, turn in dialogues.items(
        "dialog", _Turn, of=_Dialogue, member=_MEMBER, under=_DIALOGUES
    ):
        if first.setdefault(dialogue.image_id, place[2]) != place[2]:
            problem = "repeated_dialogue"
        elif turn.question >= len(said.questions):
            problem = "unknown_question"
        elif turn.answer >= len(said.answers):
            problem = "unknown_answer"
        else:
            yield (
                place,
                {
                    "image_id": _image_id(dialogue),
                    "dialogue_id": str(dialogue.image_id),
                    "position": place[3],
                    "question": said.questions[turn.question],
                    "answer": said.answers[turn.answer],
                },
            )
            continue
        yield Rejected(place, problem, msgspec.json.encode(turn).decode())


def _image_id(dialogue: _Dialogue) -> str:
    return f"visdial_val2018:{dialogue.image_id}"
