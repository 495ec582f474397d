"""What is irregular in wikiHow's articles, each in an article of its own of the training part.

odd_name         named with quotes, brackets, an apostrophe and letters beyond ASCII
no_pictures      a step whose picture is null, one of an empty name, one without the key
shared_picture   a second step that changes nothing has the picture of the first one
picture_absent   the picture of the second step is not in the archive
outside          pictures that would lie out of the folder: 1 above it, 1 at the root, 1 in another folder
empty_headline   a step that says nothing, and one that is null
no_name          the first method has no name
two_steps        the second method has two steps
repeated_step    the second step is said again at the end, where it changes nothing
no_steps         the second method has none
without_methods  the steps of the article are not told as methods
not_in_split     none of the lists has the article
other_title      the title is a number
other_type       the methods are a text
not_json         the file is cut off
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

Article = dict[str, Any]
"""What `wikihow.json` holds."""

ODD_NAME: Final = 'make-a-"dairy‐free"-mâché-(for-kids)-with-an-ipad’s-co₂'
"""The name of `odd_name`, behind its number."""


def _unchanged(article: Article) -> None:
    """It stays as it is."""


def _steps(article: Article, method: int = 0) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = article["methods"][method]["steps"]
    return steps


def _no_pictures(article: Article) -> None:
    first, second, third = _steps(article)[:3]
    first["img"], second["img"] = None, ""
    del third["img"]


def _shared_picture(article: Article) -> None:
    steps = _steps(article)
    steps.insert(1, {**steps[0], "headline": "Look at what is there."})


def _outside(article: Article) -> None:
    for step, name in zip(
        _steps(article), ("../../elsewhere.jpg", "/etc/passwd", "image\\a.jpg"), strict=False
    ):
        step["img"] = name


def _empty_headline(article: Article) -> None:
    first, second = _steps(article)[:2]
    first["headline"], second["headline"] = " \n", None


def _no_name(article: Article) -> None:
    article["methods"][0]["name"] = None


def _repeated_step(article: Article) -> None:
    steps = _steps(article)
    steps.append({**steps[-1], "headline": steps[1]["headline"].upper()})


def _no_steps(article: Article) -> None:
    _steps(article, 1).clear()


def _without_methods(article: Article) -> None:
    article["steps"] = article.pop("methods")[0]["steps"]


def _other_title(article: Article) -> None:
    article["title"] = 7


def _other_type(article: Article) -> None:
    article["methods"] = "none"


ARTICLES: Final[dict[str, Callable[[Article], None]]] = {
    "odd_name": _unchanged,
    "no_pictures": _no_pictures,
    "shared_picture": _shared_picture,
    "picture_absent": _unchanged,
    "outside": _outside,
    "empty_headline": _empty_headline,
    "no_name": _no_name,
    "two_steps": _unchanged,
    "repeated_step": _repeated_step,
    "no_steps": _no_steps,
    "without_methods": _without_methods,
    "not_in_split": _unchanged,
    "other_title": _other_title,
    "other_type": _other_type,
    "not_json": _unchanged,
}
"""Changes an article, in place."""
