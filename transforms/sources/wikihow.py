"""wikiHow: what to do step by step, with a picture of most steps.

The articles are those that the authors of MultiInstruct took from the site, each a folder with a file
`wikihow.json` and its pictures. Nobody but them gives this archive out, by Google Drive, which refuses
often: a person fetches it. An article belongs to the part that the benchmark's own list says.

Names of articles are the site's words, with quotes, brackets and letters of any script: they are compared,
and never made into paths of ours. The size of the pictures is not published.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from schemas.errors import BuildError
from schemas.instance import Split
from schemas.source import Licence, Pin, RemoteFile, Source
from transforms.raw import Place, Raw, Record, Rejected, Row

_COMMIT: Final = "772af249d82f2c2f100621ee71df9b63d0d310a2"
_DRIVE: Final = "https://drive.google.com/uc?id=1vnDduJmuFpeT8yTgtBR9Bj8bXlI4zIJR"

SOURCE: Final = Source(
    title="wikiHow",
    homepage="https://www.wikihow.com/",
    licence=Licence(name="CC BY-NC-SA 3.0", url="https://creativecommons.org/licenses/by-nc-sa/3.0/"),
    citation="""\
@misc{wikihow,
  title = {{wikiHow}},
  howpublished = {https://www.wikihow.com/},
  note = {Articles as collected for MultiInstruct}
}""",
    files={
        "articles": RemoteFile(by_hand="wikihow.tar.gz", holds="pictures"),
        "split": RemoteFile(
            urls=(
                "https://raw.githubusercontent.com/VT-NLP/MultiInstruct/"
                f"{_COMMIT}/data_preprocessor/wikihow_split.json",
            ),
            pin=Pin(
                sha256="f16d312fac83eb444b01ffa70cfc6cde78e0b0baf1da08e701a8f4fae515a24f",
                bytes=403_352,
                witness="the git object at the commit in the address",
            ),
        ),
    },
    steps=(
        f"Open {_DRIVE} in a browser, and agree to download a file that is too large to be scanned. Google "
        "Drive refuses when too many people have asked that day: try again a day later.",
        "Keep it as wikihow.tar.gz. It holds data/ARTICLE/wikihow.json and data/ARTICLE/image/PICTURE, in a "
        "folder or not. Who has only the unpacked folder data packs it again: tar -czf wikihow.tar.gz data",
        "multiinstruct adopt wikihow wikihow.tar.gz",
    ),
    redistribution="allowed",
)

_ARTICLE: Final = re.compile(r"(?:.+/)?data/([^/]+)/wikihow\.json")

_PICTURE: Final = re.compile(r"(?!\.{1,2}$)[^/\\\0]+")
"""What may be the name of a file in the folder of an article's pictures."""


class _Parts(Record):
    """The articles of each part."""

    train: list[str]
    val: list[str]
    test: list[str]


class _Step(Record):
    headline: str | None = None
    img: str | None = None


class _Method(Record):
    name: str | None = None
    steps: list[_Step] = msgspec.field(default_factory=list)


class _Article(Record):
    title: object = None
    methods: list[_Method] | None = None


class _Told(NamedTuple):
    """An article that is in one of the lists.

    Attributes:
        member: its file in the archive.
        name: its name, as listed.
        split: the part it belongs to.
    """

    member: str
    name: str
    split: Split
    article: _Article

    def steps(self, file: str) -> Iterator[tuple[Place, _Method, _Step]]:
        """Its steps, method after method, each with the place of its method and its own in that."""
        for record, method in enumerate(self.article.methods or []):
            for item, step in enumerate(method.steps):
                yield (file, self.member, record, item), method, step

    def image_id(self, step: _Step) -> str | None:
        """Such as `wikihow:8942_use-a-sewing-machine/method_0_step_2.jpg`; None without a usable picture."""
        return f"wikihow:{self.name}/{step.img}" if step.img and _PICTURE.fullmatch(step.img) else None

    def picture(self, step: _Step) -> str:
        """Where the archive holds the picture of a step."""
        return f"{self.member.removesuffix('wikihow.json')}image/{step.img}"


def images(articles: Raw, split: Raw) -> Iterator[Row | Rejected]:
    """The pictures of the steps, each once. Whether the archive has them is seen when they are read."""
    for told in _told(articles, split):
        if isinstance(told, Rejected):
            yield told
            continue
        listed: set[str] = set()
        for place, _, step in told.steps("articles"):
            image_id = told.image_id(step)
            if image_id is None and step.img:
                yield Rejected(place, "unknown_picture_address", msgspec.json.encode(step).decode())
            elif image_id is not None and image_id not in listed:
                listed.add(image_id)
                yield (
                    place,
                    {
                        "image_id": image_id,
                        "published_split": told.split,
                        "archive": "articles",
                        "picture": told.picture(step),
                    },
                )


def steps(articles: Raw, split: Raw) -> Iterator[Row | Rejected]:
    """The steps. A step whose picture has no usable name is one without a picture."""
    for told in _told(articles, split):
        if isinstance(told, Rejected):
            yield told
            continue
        title = told.article.title
        for place, method, step in told.steps("articles"):
            yield (
                place,
                {
                    "image_id": told.image_id(step),
                    "article_id": told.name,
                    "method_position": place[2],
                    "position": place[3],
                    "title": title if isinstance(title, str) else None,
                    "method": method.name,
                    "text": step.headline,
                    "published_split": told.split,
                },
            )


def _told(articles: Raw, split: Raw) -> Iterator[_Told | Rejected]:
    """The articles of the archive.

    Rejected are `not_in_split` (an article that none of the lists has) and `without_methods` (one whose
    steps are not told as ways of doing something, which MultiInstruct leaves out as well).

    Raises:
        BuildError: the archive has no articles.
    """
    parts = split.document(_Parts)
    # Of an article in two lists nobody trains on what another one evaluates on.
    splits: dict[str, Split] = dict.fromkeys(parts.train, "train")
    splits |= dict.fromkeys(parts.val, "validation")
    splits |= dict.fromkeys(parts.test, "test")
    empty = True
    for place, member, article in articles.each(_Article, _ARTICLE):
        empty = False
        name = member.rsplit("/", 2)[1]
        if name not in splits:
            yield Rejected(place, "not_in_split", msgspec.json.encode(article).decode())
        elif not article.methods:
            yield Rejected(place, "without_methods", msgspec.json.encode(article).decode())
        else:
            yield _Told(member, name, splits[name], article)
    if empty:
        raise BuildError(
            "the archive holds no articles",
            where="wikihow.articles",
            expected="members data/ARTICLE/wikihow.json",
            next_step="`multiinstruct list sources wikihow` says which archive is meant; adopt that one",
        )
