"""MOCHEG: claims that fact checkers of Snopes and PolitiFact looked into, with pictures they found.

A claim is told in a row of `Corpus2.csv` for each piece of text that was found about it; its pictures lie
beside that table, `CLAIM-proof-…`, where the number of the claim may be padded with zeros. Of a picture
`CLAIM-DOCUMENT-…`, which only stood in some article, nothing is read. What the checkers concluded is
HTML, of which the words are kept.

Only the parts for training and validation are read. The archive is given out to who fills in a form.
The size of the pictures is not published.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from hashlib import md5
from typing import Final

import msgspec

from schemas.instance import Split
from schemas.source import Licence, RemoteFile, Source, Terms
from transforms.markup import without_markup
from transforms.raw import NotAsked, Place, Raw, Record, Rejected, Row

_FORM: Final = (
    "https://docs.google.com/forms/d/e/1FAIpQLScAGehM6X9ARZWW3Fgt7fWMhc_Cec6iiAAN4Rn1BHAk6KOfbw/viewform"
)

_SPLITS: Final[dict[str, Split]] = {"val": "validation", "train": "train"}
"""The split of each part. What stands in both parts is kept out of training by being read there last."""

SOURCE: Final = Source(
    title="MOCHEG",
    homepage="https://github.com/VT-NLP/Mocheg",
    licence=Licence(name="CC BY 4.0", url="https://creativecommons.org/licenses/by/4.0/"),
    citation="""\
@inproceedings{yao2023end,
  title = {End-to-End Multimodal Fact-Checking and Explanation Generation:
           A Challenging Dataset and Models},
  author = {Yao, Barry Menglong and Shah, Aditya and Sun, Lichao and Cho, Jin-Hee and Huang, Lifu},
  booktitle = {Proceedings of the 46th International {ACM} {SIGIR} Conference on Research and
               Development in Information Retrieval},
  year = {2023}
}""",
    files={
        # So large is mocheg_with_tweet_2023_03.tar.gz, as people say who have fetched it.
        "archive": RemoteFile(by_hand="mocheg.tar.gz", about_bytes=74_304_681_291, holds="pictures"),
    },
    steps=(
        f"Fill in {_FORM}: it answers with an address.",
        "Fetch the archive from there, and keep it as mocheg.tar.gz, whichever version it is and whatever "
        "its name. It holds mocheg/train/Corpus2.csv, mocheg/train/images/PICTURE and the same of val. Who "
        "has only the unpacked folder mocheg packs it again: tar -czf mocheg.tar.gz mocheg/train mocheg/val",
        "multiinstruct adopt mocheg mocheg.tar.gz --accept-terms mocheg",
    ),
    terms=Terms(url=_FORM, summary="Use the archive as its authors' form asks of whoever fills it in."),
    redistribution="allowed",
)

_NUMBER: Final = re.compile(r"[0-9]{1,18}")

_VERDICTS: Final = {"supported": "supported", "refuted": "refuted", "NEI": "not_enough_information"}


class _Claim(Record):
    """A claim, as each of its rows has it. The rows differ in their evidence."""

    claim_id: str
    claim: str = msgspec.field(name="Claim")
    verdict: str = msgspec.field(name="cleaned_truthfulness")
    ruling_outline: str


def images(archive: Raw) -> Iterator[Row]:
    """The pictures that were found about claims."""
    for part, split in _SPLITS.items():
        for place, _, image_id, member in _pictures(archive, part):
            yield (
                place,
                {
                    "image_id": image_id,
                    "published_split": split,
                    "archive": "archive",
                    "picture": member,
                },
            )


def claims(archive: Raw) -> Iterator[Row | Rejected | NotAsked]:
    """The claims, each as its first row has it. The others, with further evidence, are counted as not asked.

    Rejected are `unknown_claim_id` (no number), `unknown_verdict`, `empty_text`, and `differing_claim` (a
    further row that says something else of the claim than its first one).
    """
    for part, split in _SPLITS.items():
        shown: dict[int, list[str]] = defaultdict(list)
        for _, of_claim, image_id, _ in _pictures(archive, part):
            shown[of_claim].append(image_id)
        told: dict[int, bytes] = {}
        not_asked = 0
        for place, claim in _claims(archive, part):
            if (problem := _problem(claim)) is not None:
                yield Rejected(place, problem, msgspec.json.encode(claim).decode())
            elif (number := int(claim.claim_id)) not in told:
                told[number] = _digest(claim)
                yield (
                    place,
                    {
                        "claim_id": str(number),
                        "claim": claim.claim,
                        "context": without_markup(claim.ruling_outline),
                        "verdict": _VERDICTS[claim.verdict],
                        "image_ids": sorted(shown[number]),
                        "published_split": split,
                    },
                )
            elif told[number] == _digest(claim):
                not_asked += 1
            else:
                yield Rejected(place, "differing_claim", msgspec.json.encode(claim).decode())
        yield NotAsked(not_asked)


def _problem(claim: _Claim) -> str | None:
    """Why a row cannot stand for its claim, or None."""
    if _NUMBER.fullmatch(claim.claim_id) is None:
        return "unknown_claim_id"
    if claim.verdict not in _VERDICTS:
        return "unknown_verdict"
    return None if claim.claim.strip() else "empty_text"


def _claims(archive: Raw, part: str) -> Iterator[tuple[Place, _Claim]]:
    """The rows of a part's table, wherever in the archive its folder lies."""
    pattern = re.compile(rf"(?:.+/)?{part}/Corpus2\.csv")
    # Without a table, reading it where it should be says what is wrong.
    for member in [name for _, name in archive.names(pattern)] or [f"mocheg/{part}/Corpus2.csv"]:
        yield from archive.delimited(_Claim, member=member)


def _pictures(archive: Raw, part: str) -> Iterator[tuple[Place, int, str, str]]:
    """The pictures of a part: place, number of the claim, `mocheg:FILE`, and member."""
    pattern = re.compile(rf"(?:.+/)?{part}/images/[0-9]{{1,18}}-proof[^/]*")
    for place, member in archive.names(pattern):
        name = member.rpartition("/")[2]
        yield place, int(name.partition("-")[0]), f"mocheg:{name}", member


def _digest(claim: _Claim) -> bytes:
    return md5(msgspec.json.encode(claim), usedforsecurity=False).digest()
