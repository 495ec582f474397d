"""VizWiz image quality: what five people found wrong with pictures that blind people took.

Of each picture it is counted how many of the five ticked a flaw, from 0 to 5: BLR blur, BRT too bright, DRK
too dark, FRM bad framing, OBS obscured, ROT rotation, OTH other, NON no flaws; and how many could not make
out what it shows. One person may tick several. Test pictures have no counts and are not read.

The size of the pictures is not published. Many are stored lying on their side, with an EXIF orientation that
says so; people saw them upright.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Final

import msgspec

from schemas.instance import Split
from schemas.source import Licence, RemoteFile, Source
from transforms.raw import Place, Raw, Record, Rejected, Row

_HOST: Final = "https://vizwiz.cs.colorado.edu/VizWiz_final"
_SPLITS: Final[dict[str, Split]] = {"train": "train", "val": "validation"}
"""The split of each part, which is also the name of its archive of pictures."""

SOURCE: Final = Source(
    title="VizWiz image quality issues",
    homepage="https://vizwiz.org/tasks-and-datasets/image-quality-issues/",
    licence=Licence(name="CC BY 4.0", url="https://creativecommons.org/licenses/by/4.0/"),
    citation="""\
@inproceedings{chiu2020assessing,
  title = {Assessing Image Quality Issues for Real-World Problems},
  author = {Chiu, Tai-Yin and Zhao, Yinan and Gurari, Danna},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2020}
}""",
    files={
        "annotations": RemoteFile(
            urls=(f"{_HOST}/image_quality/annotations.zip",),
            about_bytes=1_000_000,
            members=tuple(f"{part}.json" for part in _SPLITS),
        ),
        "train": RemoteFile(
            urls=(f"{_HOST}/images/train.zip",),
            about_bytes=10_600_000_000,
            holds="pictures",
            orient=True,
        ),
        "val": RemoteFile(
            urls=(f"{_HOST}/images/val.zip",),
            about_bytes=3_300_000_000,
            holds="pictures",
            orient=True,
        ),
    },
    redistribution="allowed",
    accepts={"images/train": 23_431, "images/validation": 7_750},
)

_NAME = re.compile(r"VizWiz_(train|val)_(\d{8})\.jpg")

Votes = Annotated[int, msgspec.Meta(ge=0, le=5)]


class _Judged(Record):
    image: str
    flaws: dict[str, Votes]
    unrecognizable: Votes


def images(annotations: Raw) -> Iterator[Row | Rejected]:
    """The pictures that were judged."""
    for part, place, judged in _judged(annotations):
        image_id = _image_id(judged, part)
        if image_id is None:
            yield Rejected(place, "unknown_picture_address", msgspec.json.encode(judged).decode())
            continue
        yield (
            place,
            {
                "image_id": image_id,
                "published_split": _SPLITS[part],
                "archive": part,
                "picture": f"{part}/{judged.image}",
            },
        )


def labels(annotations: Raw) -> Iterator[Row]:
    """How many people ticked each flaw, and how many could not make out what the picture shows."""
    for part, (file, member, record, _), judged in _judged(annotations):
        said = [("quality", flaw, votes) for flaw, votes in judged.flaws.items()]
        said.append(("unrecognizable", "unrecognizable", judged.unrecognizable))
        for position, (aspect, value, votes) in enumerate(said):
            row = {"image_id": _image_id(judged, part), "aspect": aspect, "value": value, "votes": votes}
            yield (file, member, record, position), row


def _judged(annotations: Raw) -> Iterator[tuple[str, Place, _Judged]]:
    """What the archive says of each picture of a part. Its members may lie in a folder."""
    for part in _SPLITS:
        inside = f"annotations/{part}.json"
        member = inside if annotations.has(inside) else f"{part}.json"
        for place, judged in annotations.records(_Judged, member=member):
            yield part, place, judged


def _image_id(judged: _Judged, part: str) -> str | None:
    """Such as `vizwiz:train_12`; None for a name that is not one of this part."""
    found = _NAME.fullmatch(judged.image)
    return f"vizwiz:{part}_{int(found[2])}" if found is not None and found[1] == part else None
