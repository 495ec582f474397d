"""Which held-out pictures OFA may have seen before: `pretraining.toml` says what is known, and from where."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from schemas.audit import SeenPictures
from transforms.duck import Database, identifier

DECLARED: Final = Path(__file__).with_name("pretraining.toml")

Standing = Literal["used", "used_in_part"]
NOT_KNOWN: Final = "not_known"


class Used(BaseModel):
    """What is known of one source's pictures, and the page on which OFA's authors say it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    standing: Standing
    evidence: str


class Pretraining(BaseModel):
    """`pretraining.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sources: dict[str, Used]


def pretraining() -> Pretraining:
    """What is declared."""
    return Pretraining.model_validate(tomllib.loads(DECLARED.read_text()))


def seen_pictures(database: Database, listed: Mapping[str, Path]) -> Iterator[SeenPictures]:
    """For each task with test rows, its pictures by what is known of them.

    A photograph counts by the surest of the sources that list it.

    Args:
        database: with `taken` and `photographs`, see `transforms.audit_leaks.lay_out`, and the table
            `pictures` of each source.
        listed: those sources.
    """
    declared = {name: used for name, used in pretraining().sources.items() if name in listed}
    known: dict[str, str] = {}
    for standing in ("used_in_part", "used"):
        for source, used in declared.items():
            if used.standing == standing:
                rows = database.rows(f"select distinct picture_id from {identifier(source)}.pictures")
                known |= dict.fromkeys((row[0] for row in rows), standing)
    counted: dict[str, Counter[str]] = {}
    for task, picture in database.rows(
        """
        select distinct task, coalesce(picture_id, image_id)
        from taken
        left join photographs using (image_id)
        where split = 'test' and image_id is not null
        order by 1, 2
        """
    ):
        counted.setdefault(task, Counter())[known.get(picture, NOT_KNOWN)] += 1
    for task, counts in counted.items():
        yield SeenPictures(task=task, pictures=sum(counts.values()), standing=dict(sorted(counts.items())))
