"""Whether anything of what is evaluated on stands in what is trained on.

The rows were drawn with the same rules in mind, see `transforms.bars` and `transforms.evaluation_texts`.
Here they are held again by other means: pictures are compared each with each instead of looked up, and
texts are read by Python instead of SQL.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.audit import Rule, Violation
from schemas.instance import SLOTS
from shards.look import MOST_BITS, MOST_DIFFERENCE
from transforms.duck import Database, identifier, literal
from transforms.plain_words import plain

_WORDS: Final = 6
_EXAMPLES: Final = 3
_BLOCK: Final = 1 << 22
"""Pairs of pictures compared at once."""


@dataclass(frozen=True)
class TaskRows:
    """Where the rows of a task lie.

    Attributes:
        instances: all instances.
        rows: the taken ones.
        pictures: what they show.
    """

    role: str
    instances: Path
    rows: Path
    pictures: Path


def lay_out(database: Database, tasks: Mapping[str, TaskRows], listed: Mapping[str, Path]) -> None:
    """Makes the tables that the questions below ask.

    `photographs`: `image_id` and `picture_id` of every image. `shown`: task, uid, image and split of every
    instance. `taken`: the same of the rows that the mixture takes, with the role of the task.

    Args:
        listed: the table `pictures` of each source.
    """
    for source, path in listed.items():
        database.view(source, "pictures", [path])
    images = " union ".join(
        f"select image_id, picture_id from {identifier(name)}.pictures" for name in listed
    )
    nothing = "select null::varchar as image_id, null::varchar as picture_id where false"
    database.run(f"create table photographs as {images or nothing}")
    for task, files in tasks.items():
        database.view(_schema(task), "instances", [files.instances])
        database.view(_schema(task), "rows", [files.rows])
        database.view(_schema(task), "pictures", [files.pictures])
    shown = " union all ".join(
        f"select {literal(task)} as task, uid, {image} as image_id, split from {_here(task)}.instances"
        for task, files in tasks.items()
        for image in _images(files.instances)
    )
    taken = " union all ".join(
        f"select {literal(task)} as task, {literal(files.role)} as role, uid, split, image_id "
        f"from {_here(task)}.rows"
        for task, files in tasks.items()
    )
    database.run(f"create view shown as {shown}")
    database.run(f"create table taken as {taken}")
    seen = " union ".join(
        f"select image_id, sha256, look_hash, look_small from {_here(task)}.pictures" for task in tasks
    )
    database.run(f"create table seen as {seen}")


def _schema(task: str) -> str:
    # A source and a task may have one name.
    return f"task {task}"


def _here(task: str) -> str:
    return identifier(_schema(task))


def _images(instances: Path) -> list[str]:
    """Columns of an instance that name a picture."""
    return [name for name in ("image_id", "target_image_id") if name in pq.read_schema(instances).names]


def split_violations(database: Database) -> Iterator[Violation]:
    """Rows of any task whose photograph other rows show in another split."""
    rows = database.rows(
        """
        with parted as (
            select picture_id
            from shown
            join photographs using (image_id)
            group by picture_id
            having count(distinct split) > 1
        )
        select distinct task, uid, picture_id
        from shown
        join photographs using (image_id)
        semi join parted using (picture_id)
        order by task, uid
        """
    )
    yield from _told(
        "picture_in_two_splits", rows, "the rows show {}, which other rows show in another split"
    )


def picture_violations(database: Database) -> Iterator[Violation]:
    """Training rows whose picture is, by id, bytes or look, one that test rows show."""
    shared = _by_name(database) + _by_look(database)
    yield from _told("held_out_picture_in_training", sorted(shared), "the rows show {}, held out for tests")


def held_out_pictures(database: Database) -> int:
    """How many pictures test rows show."""
    ((count,),) = database.rows("select count(distinct image_id) from taken where split = 'test'")
    return int(count)


def _by_name(database: Database) -> list[tuple[str, str, str]]:
    return database.rows(
        """
        with known as (
            select task, uid, split, image_id, unnest([coalesce(picture_id, image_id), sha256]) as name
            from taken
            left join photographs using (image_id)
            left join seen using (image_id)
            where image_id is not null
        )
        select distinct task, uid, image_id
        from known
        where split = 'train' and name in (select name from known where split = 'test' and name is not null)
        """
    )


def _by_look(database: Database) -> list[tuple[str, str, str]]:
    columns = "image_id, any_value(look_hash) as look_hash, any_value(look_small) as look_small"
    held, trained = (
        database.table(
            f"select {columns} from seen semi join (from taken where split = {literal(split)}) "
            "using (image_id) where look_hash is not null group by image_id order by image_id"
        )
        for split in ("test", "train")
    )
    alike = _alike(held, trained)
    if not alike:
        return []
    named = ", ".join(literal(image) for image in alike)
    return database.rows(
        f"select distinct task, uid, image_id from taken where split = 'train' and image_id in ({named})"
    )


def _alike(held: pa.Table, trained: pa.Table) -> list[str]:
    """Pictures of the second table that look like one of the first, each compared with each."""
    ours, others = _hashes(held), _hashes(trained)
    if not len(ours) or not len(others):
        return []
    small, other_small = held["look_small"], trained["look_small"]
    found: dict[str, None] = {}
    step = max(1, _BLOCK // len(ours))
    for start in range(0, len(others), step):
        block = others[start : start + step]
        near = np.argwhere(np.bitwise_count(block[:, None] ^ ours[None, :]) <= MOST_BITS)
        for row, other in near.tolist():
            if _difference(other_small[start + row].as_py(), small[other].as_py()) <= MOST_DIFFERENCE:
                found[trained["image_id"][start + row].as_py()] = None
    return list(found)


def _hashes(table: pa.Table) -> npt.NDArray[np.uint64]:
    hashes: npt.NDArray[np.uint64] = table["look_hash"].to_numpy().astype(np.uint64)
    return hashes


def _difference(one: bytes, other: bytes) -> int:
    values = (np.frombuffer(data, np.uint8).astype(np.int16) for data in (one, other))
    return int(np.abs(next(values) - next(values)).max())


class HeldOutTexts:
    """The texts of evaluation rows, to look for in others.

    Attributes:
        texts: how many there are, of six words or more.
    """

    def __init__(self, ours: Collection[str]) -> None:
        """Begins with none.

        Args:
            ours: words that instruction files bring in.
        """
        self._ours = frozenset(plain(text) for text in ours)
        self._by_opening: dict[str, dict[str, str]] = defaultdict(dict)

    @property
    def texts(self) -> int:
        """How many there are."""
        return sum(map(len, self._by_opening.values()))

    def add(self, uid: str, said: str) -> None:
        """Takes the text of an evaluation row in; each of its lines is a text."""
        for line in said.split("\n"):
            text = plain(line)
            words = text.split(" ")
            if len(words) >= _WORDS and text not in self._ours:
                self._by_opening[" ".join(words[:_WORDS])].setdefault(text, uid)

    def find(self, said: str) -> str | None:
        """An evaluation row of which a text stands in this one, word by word."""
        text = plain(said)
        words = text.split(" ")
        for place in range(len(words) - _WORDS + 1):
            known = self._by_opening.get(" ".join(words[place : place + _WORDS]))
            if known is None:
                continue
            rest = " ".join(words[place:]) + " "
            for other, uid in known.items():
                if rest.startswith(other + " "):
                    return uid
        return None


def text_violations(
    database: Database, tasks: Mapping[str, TaskRows], held: HeldOutTexts
) -> Iterator[Violation]:
    """Training rows that say what an evaluation row says; fills `held` with what those say."""
    for task, files in tasks.items():
        if files.role == "eval":
            for uid, texts in _said(database, task, files, "test"):
                for text in texts:
                    held.add(uid, text)
    for task, files in tasks.items():
        known: dict[str, str | None] = {}
        found = []
        for uid, texts in _said(database, task, files, "train"):
            for text in texts:
                if text not in known:
                    known[text] = held.find(text)
                other = known[text]
                if other is not None:
                    found.append((task, uid, other))
                    break
        yield from _told("evaluation_text_in_training", found, "the rows hold a text of {}")


def _said(database: Database, task: str, files: TaskRows, split: str) -> Iterator[tuple[str, Sequence[str]]]:
    slots = [name for name in pq.read_schema(files.instances).names if name in SLOTS]
    texts = ", ".join(f"instances.{name}" for name in ("target", *slots))
    here = _here(task)
    for batch in database.batches(
        f"select uid, list_concat([{texts}], coalesce(options, [])) as texts from {here}.instances "
        f"semi join (from {here}.rows where split = {literal(split)}) using (uid) order by uid"
    ):
        for uid, said in zip(batch["uid"].to_pylist(), batch["texts"].to_pylist(), strict=True):
            yield uid, [text for text in said if text]


def _told(rule: Rule, rows: Iterable[tuple[str, str, str]], detail: str) -> Iterator[Violation]:
    """One violation a task.

    Args:
        rows: task, uid and what was found; a row may come more than once.
        detail: with a place for what was found in the first row.
    """
    by_task: dict[str, dict[str, str]] = defaultdict(dict)
    for task, uid, what in rows:
        by_task[task].setdefault(uid, what)
    for task, found in by_task.items():
        uids = list(found)
        told = detail.format(found[uids[0]])
        yield Violation(rule=rule, task=task, found=len(uids), rows=uids[:_EXAMPLES], detail=told)
