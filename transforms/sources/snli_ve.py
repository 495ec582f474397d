"""SNLI-VE: sentences that a photograph of Flickr30k bears out, contradicts, or leaves open.

Nobody gives the dataset out as files that are pinned. It follows from SNLI, whose sentences people wrote
about captions of Flickr30k, and from two lists of photographs, by the rule of the authors' generator
(`vet/tools/snli_ve_generator.py` of necla-ml/SNLI-VE): a pair of SNLI belongs to the photograph that its
`pairID` names, and to the part of the list that this is in. The caption itself is not used.

Only the test part is read: pairs of the other list count as not asked for.

Photographs are named by their numbers on Flickr, by which those are found that COCO or Visual Genome show
as well; their sizes are not published. Who wants them is to ask for them, so that a person fetches them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from schemas.source import Licence, Pin, RemoteFile, Source, Terms
from transforms.raw import NotAsked, Raw, Record, Rejected, Row

_LISTS: Final = (
    "https://raw.githubusercontent.com/necla-ml/SNLI-VE/e6cf745d2e677a2ad878b3cc095cde75c0bbb144/data"
)
_WITNESS: Final = "the git object at the commit in the address"
_FOLDER: Final = "flickr30k_images"
_ARCHIVE: Final = f"{_FOLDER}.tar.gz"
_FORM: Final = "https://shannon.cs.illinois.edu/DenotationGraph/"

_MEMBERS: Final = tuple(f"snli_1.0/snli_1.0_{part}.jsonl" for part in ("train", "dev", "test"))
"""In the order in which the generator reads them. Pairs of one photograph may stand in any of them."""

SOURCE: Final = Source(
    title="SNLI-VE",
    homepage="https://github.com/necla-ml/SNLI-VE",
    licence=Licence(
        name="CC BY-SA 4.0 (pictures: non-commercial research)",
        url="https://nlp.stanford.edu/projects/snli/",
    ),
    citation="""\
@article{xie2019visual,
  title = {Visual Entailment: A Novel Task for Fine-Grained Image Understanding},
  author = {Xie, Ning and Lai, Farley and Doran, Derek and Kadav, Asim},
  journal = {arXiv preprint arXiv:1901.06706},
  year = {2019}
}""",
    files={
        "snli": RemoteFile(
            urls=("https://nlp.stanford.edu/projects/snli/snli_1.0.zip",),
            pin=Pin(
                sha256="afb3d70a5af5d8de0d9d81e2637e0fb8c22d1235c2749d83125ca43dab0dbd3e",
                bytes=94_550_081,
                witness="published by third-party loaders of the dataset",
            ),
            members=_MEMBERS,
        ),
        "test_list": RemoteFile(
            urls=(f"{_LISTS}/flickr30k_test.lst",),
            pin=Pin(
                sha256="40d78add9de08ec73a269bd5f8fd5230c91e2705fb0b3640f44bc1dcdb329b30",
                bytes=10_732,
                witness=_WITNESS,
            ),
        ),
        "train_val_list": RemoteFile(
            urls=(f"{_LISTS}/flickr30k_train_val.lst",),
            pin=Pin(
                sha256="28eaa036eb6b718c1256565b9d267ea45bd7699cd309964106aef1846014c356",
                bytes=331_101,
                witness=_WITNESS,
            ),
        ),
        "images": RemoteFile(by_hand=_ARCHIVE, about_bytes=4_400_000_000, holds="pictures"),
    },
    steps=(
        f"Ask for the photographs of Flickr30k with the form at {_FORM}, and agree to its terms.",
        f"Fetch {_ARCHIVE} from where its answer says. AllenNLP has given out the same photographs at "
        f"https://storage.googleapis.com/allennlp-public-data/snli-ve/{_ARCHIVE}",
        f"Leave them in their archive, or unpack them to a folder {_FOLDER} of NUMBER.jpg: either will do.",
        "multiinstruct adopt snli_ve PATH --accept-terms snli_ve",
    ),
    terms=Terms(
        url=_FORM,
        summary="Use the photographs of Flickr30k for non-commercial research only; each belongs to whoever "
        "put it on Flickr.",
    ),
    accepts={"images": 1_000, "statements": 17_901},
)

_LABELS: Final[dict[str, bool | None]] = {"entailment": True, "contradiction": False, "neutral": None}

_NUMBER = re.compile(r"[0-9]{1,18}")
_PAIR = re.compile(r"([0-9]{1,18})\.jpg#.+", re.ASCII)


class _Pair(Record):
    pair_id: str = msgspec.field(name="pairID")
    gold_label: str
    sentence2: str


def images(test_list: Raw) -> Iterator[Row | Rejected]:
    """The photographs of the test list."""
    for place, line in test_list.text_lines():
        number = line.strip()
        if _NUMBER.fullmatch(number) is None:
            yield Rejected(place, "unknown_picture_address", msgspec.json.encode(line).decode())
            continue
        yield (
            place,
            {
                "image_id": f"flickr30k:{number}",
                "flickr_id": int(number),
                "published_split": "test",
                "archive": "images",
                "picture": f"{_FOLDER}/{number}.jpg",
            },
        )


def statements(snli: Raw, test_list: Raw, train_val_list: Raw) -> Iterator[Row | Rejected | NotAsked]:
    """The sentences about photographs of the test list: SNLI's hypotheses.

    Rejected are `visual_genome_caption` (SNLI's pairs that are not about Flickr30k), `unlisted_picture` (a
    photograph of neither list), `no_gold_label` (people did not agree) and `unknown_label`.
    """
    tested = _numbers(test_list)
    others = _numbers(train_val_list) - tested
    for member in _MEMBERS:
        not_asked = 0
        for place, pair in snli.lines(_Pair, member=member):
            found = _PAIR.fullmatch(pair.pair_id)
            number = found[1] if found is not None else ""
            if number in others:
                not_asked += 1
            elif number in tested and pair.gold_label in _LABELS:
                yield (
                    place,
                    {
                        "image_id": f"flickr30k:{number}",
                        "statement_id": pair.pair_id,
                        "text": pair.sentence2,
                        "label": _LABELS[pair.gold_label],
                    },
                )
            else:
                reason = _problem(pair, listed=number in tested)
                yield Rejected(place, reason, msgspec.json.encode(pair).decode())
        yield NotAsked(not_asked)


def _problem(pair: _Pair, *, listed: bool) -> str:
    if "vg_" in pair.pair_id:
        return "visual_genome_caption"
    if not listed:
        return "unlisted_picture"
    return "no_gold_label" if pair.gold_label == "-" else "unknown_label"


def _numbers(listed: Raw) -> frozenset[str]:
    return frozenset(line.strip() for _, line in listed.text_lines())
