"""MEDIC: pictures from social media in times of disaster, sorted by four questions.

Only the test part is read. Its labels say how bad the damage is (`damage_severity`), whether the picture
tells anything of use (`informative`), what kind of help it speaks of (`humanitarian`), and what has happened
(`disaster_types`). Not every picture has all four.

One archive holds everything. A picture is named by its path there, for its file name alone may come twice;
its size is not published.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from schemas.source import Licence, RemoteFile, Source
from transforms.raw import Raw, Record, Rejected, Row

_MEMBER: Final = "MEDIC_test.tsv"

SOURCE: Final = Source(
    title="MEDIC",
    homepage="https://crisisnlp.qcri.org/medic/",
    licence=Licence(name="CC BY-NC-SA 4.0", url="https://creativecommons.org/licenses/by-nc-sa/4.0/"),
    citation="""\
@article{alam2022medic,
  title = {{MEDIC}: A Multi-Task Learning Dataset for Disaster Image Classification},
  author = {Alam, Firoj and Alam, Tanvirul and Hasan, Md. Arid and Hasnat, Abul and Imran, Muhammad and
            Ofli, Ferda},
  journal = {Neural Computing and Applications},
  year = {2022},
  doi = {10.1007/s00521-022-07717-0}
}""",
    files={
        "archive": RemoteFile(urls=("https://crisisnlp.qcri.org/data/medic/MEDIC.tar.gz",), holds="pictures"),
    },
    redistribution="allowed",
    accepts={"images": 15_688},
)

# Folders and a file below `data`, none of them hidden or a way out.
_PATH = re.compile(r"data(?:/[^/\\.\x00][^/\\\x00]*)+")


class _Picture(Record):
    image_path: str


class _Labelled(_Picture):
    damage_severity: str
    informative: str
    humanitarian: str
    disaster_types: str


_ASPECTS: Final = ("damage_severity", "informative", "humanitarian", "disaster_types")


def images(archive: Raw) -> Iterator[Row | Rejected]:
    """The pictures. One that is listed again is rejected, whatever is said of it the second time."""
    for place, picture in archive.delimited(_Picture, member=_MEMBER, delimiter="\t"):
        if _PATH.fullmatch(picture.image_path) is None:
            yield Rejected(place, "unknown_picture_address", msgspec.json.encode(picture).decode())
            continue
        yield (
            place,
            {
                "image_id": _image_id(picture),
                "published_split": "test",
                "archive": "archive",
                "picture": picture.image_path,
            },
        )


def labels(archive: Raw) -> Iterator[Row | Rejected]:
    """The labels in lower case, each named by its column.

    An empty cell, which some programs have made `nan`, is `unlabelled`. All of a picture that is listed again
    is `repeated_picture`: two answers to one question would contradict each other.
    """
    seen: set[str] = set()
    for (file, member, record, _), labelled in archive.delimited(_Labelled, member=_MEMBER, delimiter="\t"):
        repeated = labelled.image_path in seen
        seen.add(labelled.image_path)
        for position, aspect in enumerate(_ASPECTS):
            place = (file, member, record, position)
            value = getattr(labelled, aspect).strip().lower()
            row = {"image_id": _image_id(labelled), "aspect": aspect, "value": value}
            if repeated or value in ("", "nan"):
                reason = "repeated_picture" if repeated else "unlabelled"
                yield Rejected(place, reason, msgspec.json.encode(row).decode())
            else:
                yield place, row


def _image_id(picture: _Picture) -> str:
    return f"medic:{picture.image_path}"
