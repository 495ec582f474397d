"""MOCHEG as its publisher gives it out: one tar.gz with a table and pictures for each part.

Each pair of twins makes three claims: one that the first supports and the second refutes, and one on which
the first has nothing to say. A claim has a picture of its own, and a row for each piece of text that was
found about it. The part for testing is there, as published, and differs in nothing. A few claims to train
on show copies of pictures that other sources are evaluated on.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from sample_world import checking
from sample_world.archive import tar_gz
from sample_world.checking import Checked
from sample_world.copies import COPIES
from sample_world.draw import draw, encoded
from sample_world.held_out import Original, originals
from sample_world.irregular_mocheg import CLAIMS, Claim
from sample_world.scene import Scene
from sample_world.scenes import further_scenes, pick

# Far above the pairs of all other scenes.
_FIRST_PAIR: Final = 140_000_000
_FIRST_SPARE_PAIR: Final = 145_000_000
_FIRST_COPY: Final = 900
_PAIRS_AT_SCALE_1: Final = 18
_PARTS: Final = ("train", "val", "train", "train", "test", "train")

_COLUMNS: Final = (
    *("", "claim_id", "Snopes URL", "Category", "Headline", "Claim", "cleaned_truthfulness"),
    *("Truthfulness", "Evidence", "evidence_id", "Origin", "ruling_outline"),
)


class Told(NamedTuple):
    """A claim: its part and number, the scene of its picture, and what was found out."""

    part: str
    number: int
    scene: Scene
    checked: Checked

    @property
    def picture(self) -> str:
        """Name of its picture."""
        return f"{self.number}-proof-00-{self.scene.things[0].category}.jpg"


class Copied(NamedTuple):
    """A claim about a copy of a picture that a task is evaluated on: its number, and what was found out.

    `kind` is the kind of the copy, one of `COPIES`.
    """

    task: str
    kind: str
    original: Original
    number: int
    checked: Checked

    @property
    def picture(self) -> str:
        """Name of its picture."""
        return f"{self.number}-proof-00-copy.jpg"


class _Written(NamedTuple):
    """A claim as it is written: its rows, and each of its pictures by name."""

    part: str
    rows: Sequence[dict[str, Any]]
    pictures: dict[str, bytes]


def write(mirror: Path, seed: int, scale: float) -> None:
    """Writes the archive below `mirror`, where a mirror has what only a person can fetch.

    Irregular claims (see `sample_world.irregular_mocheg`) come first, then those with copied pictures, then
    the regular ones.

    Raises:
        OSError: the folder cannot be written. The file is then as it was, or whole.
    """
    told = (_written(told, _told(told)) for told in regular(seed, scale))
    every = [*_irregular(seed), *_copied(seed, scale), *told]
    with tar_gz(mirror / "by-hand" / "mocheg" / "mocheg.tar.gz") as add:
        for part in ("train", "val", "test"):
            written = [one for one in every if one.part == part]
            add(f"mocheg/{part}/Corpus2.csv", _table(row for one in written for row in one.rows))
            for one in written:
                for name, data in one.pictures.items():
                    add(f"mocheg/{part}/images/{name}", data)
        add("mocheg/Corpus3.csv", b"relevant_document_id,claim_id,Origin Document\n")


def regular(seed: int, scale: float) -> Iterator[Told]:
    """The regular claims, three for each pair of twins."""
    for pair in range(max(2, round(_PAIRS_AT_SCALE_1 * scale))):
        scene, twin = further_scenes(seed, _FIRST_PAIR + pair, 1)
        told = (
            (scene, checking.of_twins(scene, twin)),
            (twin, checking.of_twins(twin, scene)),
            (scene, checking.unseen(scene)),
        )
        for position, (shown, checked) in enumerate(told):
            yield Told(_PARTS[pair % len(_PARTS)], 5_000 + 3 * pair + position, shown, checked)


def irregular(seed: int) -> dict[str, Told]:
    """The irregular claims as they would be, by the name of what is irregular, in file order."""
    found = {}
    for position, name in enumerate(CLAIMS):
        scene, twin = further_scenes(seed, _FIRST_SPARE_PAIR + position, 1)
        found[name] = Told("train", 100 + position, scene, checking.of_twins(scene, twin))
    return found


def copied(seed: int, scale: float) -> Iterator[Copied]:
    """The claims about copies of pictures that are evaluated on: of each task, a copy of every kind."""
    number = _FIRST_COPY
    for task, twins in originals(seed, scale).items():
        for position, kind in enumerate(COPIES):
            one, other = twins if position % 2 == 0 else twins[::-1]
            checked = checking.of_shown(one.shows, other.shows, seen=position < len(twins))
            yield Copied(task, kind, one, number, checked)
            number += 1


def _copied(seed: int, scale: float) -> Iterator[_Written]:
    for copy in copied(seed, scale):
        picture = COPIES[copy.kind](copy.original.picture, copy.original.kind)
        claim = _claim(copy.number, copy.checked, copy.checked.findings, copy.picture)
        yield _Written("train", claim["rows"], {copy.picture: picture})


def _irregular(seed: int) -> Iterator[_Written]:
    for name, told in irregular(seed).items():
        claim = _told(told)
        CLAIMS[name](claim)
        written = _written(told, claim)
        if name == "picture_unreadable":
            written.pictures[told.picture] = b"not a picture"
        yield written
        if name == "other_part":
            yield written._replace(part="val")


def _told(told: Told) -> Claim:
    return _claim(told.number, told.checked, told.scene.captions, told.picture)


def _claim(number: int, checked: Checked, said: Sequence[str], picture: str) -> Claim:
    """A claim as the table has it, with up to three of the texts that were found about it."""
    outline = " ".join(checked.sentences)
    if number % 2:
        outline = "".join(f"<p>{sentence}</p>" for sentence in checked.sentences)
    row = {
        "claim_id": str(number),
        "Snopes URL": f"https://www.example.org/claims/{number}/",
        "Category": "Pictures",
        "Headline": checked.claim.removesuffix(".") + "?",
        "Claim": checked.claim,
        "cleaned_truthfulness": checked.verdict,
        "Truthfulness": checked.word,
        "Origin": f"<p>Somebody says:\n{checked.claim}</p>",
        "ruling_outline": outline,
    }
    evidence = [f"<p>{text}</p>" for text in said[: 1 + pick(3, number)]]
    rows = [{**row, "Evidence": text, "evidence_id": str(position)} for position, text in enumerate(evidence)]
    return {"rows": rows, "pictures": [picture]}


def _written(told: Told, claim: Claim) -> _Written:
    drawn = draw(told.scene)
    pictures = {
        name: encoded(drawn, "PNG" if name.endswith(".png") else "JPEG") for name in claim["pictures"]
    }
    return _Written(told.part, claim["rows"], pictures)


def _table(rows: Iterable[dict[str, Any]]) -> bytes:
    """The rows as CSV, numbered in a column without a name. A row without a column has a cell less."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for number, row in enumerate(rows):
        writer.writerow([number, *(row[name] for name in _COLUMNS[1:] if name in row)])
    return text.getvalue().encode()
