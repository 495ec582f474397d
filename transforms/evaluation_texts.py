"""What evaluation rows say, and which training rows say it too.

A text of six words or more that an evaluation row shows or answers with must not stand in any training
row, be it its text, its answer or one of its options: it could be learnt by heart. Texts are compared by
the macro `plain`, word by word. The lines of a list, such as those of a dialogue, are texts of their own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.instance import SLOTS
from transforms.artifact import Draft
from transforms.duck import Database, identifier, literal
from transforms.pictures import Picture
from transforms.select import Bar, Barred, Candidate

WORDS: Final = 6
"""Shorter texts are said by chance."""

REASON: Final = "evaluation_text"

TEXTS: Final = pa.schema([("text", pa.string()), ("opening", pa.string()), ("uid", pa.string())])
"""One row for each text of `WORDS` words or more, `plain`: the first `WORDS` of them, and the first row
by name that has it."""


def gather_texts(rows: Mapping[str, tuple[Path, Path]], ours: Collection[str], making: Draft) -> None:
    """Writes `TEXTS`, in order of text.

    Args:
        rows: instances and taken test rows of each evaluation task.
        ours: words that the instruction files bring in, such as answers: nobody else's text.
    """
    with Database(making.scratch) as database, making.table("texts", TEXTS) as writer:
        for task, (instances, taken) in rows.items():
            database.view("instances", task, [instances])
            database.view("taken", task, [taken])
        parts = " union all ".join(
            f"select uid, unnest(string_split(part, chr(10))) as part from ({_said(task, path)}) "
            f"semi join taken.{identifier(task)} using (uid)"
            for task, (path, _) in rows.items()
        )
        kept = ", ".join(literal(text) for text in sorted(ours)) or "''"
        for batch in database.batches(
            f"""
            select
                text,
                array_to_string(string_split(text, ' ')[1:{WORDS}], ' ') as opening,
                min(uid) as uid
            from (select uid, plain(part) as text from ({parts}))
            where len(string_split(text, ' ')) >= {WORDS}
                and text not in (select plain(unnest([{kept}])))
            group by text
            order by text
            """
        ):
            writer.write(batch)


def _said(task: str, instances: Path) -> str:
    """A query of every text of every instance of a task: `uid`, `part`."""
    slots = [name for name in pq.read_schema(instances).names if name in SLOTS]
    texts = ", ".join(["target", *slots])
    return (
        f"select uid, unnest(list_concat([{texts}], coalesce(options, []))) as part "
        f"from instances.{identifier(task)}"
    )


def rows_that_say(
    task: str, instances: Path, texts: Path, scratch: Path, threads: int | None
) -> dict[str, str]:
    """The training rows of a task that hold one of some texts, each with an evaluation row that has it.

    Args:
        texts: see `TEXTS`.
    """
    with Database(scratch, threads) as database:
        database.view("instances", task, [instances])
        database.view("held_out", "texts", [texts])
        training = f"select uid from instances.{identifier(task)} where split = 'train'"
        found = database.rows(
            f"""
            with
            said as materialized (
                select uid, plain(part) as text
                from ({_said(task, instances)})
                semi join ({training}) using (uid)
            ),
            -- A question that a thousand rows ask is looked at once.
            split as (
                select text, string_split(text, ' ') as words
                from (select distinct text from said)
                where len(words) >= {WORDS}
            ),
            begun as (
                select
                    text,
                    unnest(list_distinct(list_transform(
                        range(1, len(words) - {WORDS} + 2),
                        lambda place: array_to_string(words[place:place + {WORDS - 1}], ' ')
                    ))) as opening
                from split
            ),
            holding as (
                select begun.text, min(texts.uid) as other
                from begun
                join held_out.texts as texts using (opening)
                where contains(' ' || begun.text || ' ', ' ' || texts.text || ' ')
                group by begun.text
            )
            select said.uid, min(holding.other)
            from said
            join holding using (text)
            group by said.uid
            """
        )
    return dict(found)


def bar_texts(holding: Mapping[str, str]) -> Bar:
    """Bars the rows that say what an evaluation row says.

    Args:
        holding: see `rows_that_say`.
    """

    def bar(row: Candidate, _picture: Picture) -> Barred | None:
        other = holding.get(row.uid)
        return None if other is None else Barred(REASON, other_row=other)

    return bar


def bar_reported(reported: Sequence[str]) -> Bar:
    """Bars the rows that a person has marked as wrong."""
    marked = frozenset(reported)

    def bar(row: Candidate, _picture: Picture) -> Barred | None:
        return Barred("reported") if row.uid in marked else None

    return bar
