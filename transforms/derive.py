"""From tables to the instances of one task: runs its query, holds it to the contract, closes its ledger.

One row in, of `visual_genome.regions`:

    image_id vg:1 · region_id 1382 · box (421, 57, 503, 196) · text "the clock is green in colour"

one row out, of `instances.grounded_captioning`:

    uid grounded_captioning/vg:1:1382 · image_id vg:1 · split train · regions [(421, 57, 503, 196)]
    target "the clock is green in colour"
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from schemas.errors import BuildError
from schemas.instance import FIXED, PICTURED, REJECTED, SLOTS, SPLITS
from schemas.task import TaskHead
from transforms.artifact import Draft
from transforms.duck import Database, errors, identifier, query_failed
from transforms.shape import shape

MOST_ROWS = 2**63 - 1
"""What `per_image = 0`, all rows, is for the query: the largest BIGINT."""

_RULES = {
    "key is empty": "key is null or key = ''",
    "split is not train, validation or test": f"split is null or split not in {SPLITS}",
    "target is not exactly one of the options": (
        "options is not null and len(list_filter(options, lambda option: option = target)) is distinct from 1"
    ),
    "two options are the same": "options is not null and len(options) <> len(list_distinct(options))",
    "there are fewer than two options": "options is not null and len(options) < 2",
    "option_keys and options differ in length": "len(option_keys) <> len(options)",
    "a region is empty": (
        "len(list_filter(regions, lambda box: not (box.x1 > box.x0 and box.y1 > box.y0))) > 0"
    ),
}
"""What must hold of every row that is kept: the rule, and the condition that breaks it."""

_OF_WORDS = {"target is empty": "target is null or target = ''"}

_OF_A_PICTURE = {
    "the answer has words beside its picture": "target is distinct from ''",
    "the picture that is the answer is not named": "target_image_id is null or target_image_id = ''",
    "the part that is the answer is empty": (
        "not (target_box.x1 > target_box.x0 and target_box.y1 > target_box.y0)"
    ),
}

_OF_A_BLANK = {
    "what is blanked is not the answer": (
        "image_id is distinct from target_image_id or regions[1] is distinct from target_box"
    ),
}


def derive(
    task: str,
    head: TaskHead,
    sql: str,
    views: Mapping[tuple[str, str], Path],
    asked_of: tuple[str, str],
    variables: Mapping[str, str | int],
    answers: Sequence[tuple[str, str]],
    making: Draft,
    threads: int | None = None,
    empty: Mapping[str, str] | None = None,
    waived: Sequence[str] = (),
    file: str | None = None,
) -> None:
    """Writes `data/instances.parquet` and the rows left out.

    Args:
        views: the file behind each table that the query reads.
        asked_of: the table whose rows are asked about; what the query does not ask is one number.
        variables: what `getvariable` gives; `seed` and `task` decide every draw.
        answers: pairs of words for a true and a false `label`.
        empty: what is said in a slot whose list is empty, by slot.
        waived: reasons of the query that leave no row out.
        file: where the query stands in the checkout, if it is not ours.

    Raises:
        BuildError: the query fails, or a kept row breaks the contract of instances.
    """
    where = file or f"transforms/tasks/{task}.sql"
    with Database(making.scratch, threads) as database:
        for (schema, name), path in views.items():
            database.view(schema, name, [path])
        database.set({**variables, "task": task})
        try:
            shape(database, task, head, sql, answers, where, empty, waived)
            _check(database, head, where)
            _write(database, making)
            looked_at = database.rows(
                f"select count(*) from {identifier(asked_of[0])}.{identifier(asked_of[1])}"
            )
        except errors() as error:
            raise query_failed(error, where) from error
    asked = (making.rows_out or 0) + sum(making.rejected.values())
    making.not_asked = max(0, looked_at[0][0] - asked)
    making.rows_in = asked + making.not_asked


def _check(database: Database, head: TaskHead, where: str) -> None:
    slots = [name for name in database.columns("from asked") if name in SLOTS]
    rules = {**_RULES, **{f"slot {slot} is empty": f"{slot} is null" for slot in slots}, **_outputs(head)}
    for rule, broken in rules.items():
        _none(database, rule, f"select uid from asked where {REJECTED} is null and ({broken})", where)
    repeated = "select uid from asked group by uid having count(*) > 1"
    _none(database, "one key is given to two rows", repeated, where)
    named = f"""
        select
            uid,
            len(regions) as known,
            concat_ws(' ', target, array_to_string(options, ' ')) as said,
            unnest(regexp_extract_all(said, {_REGION}, 1)) as place
        from asked where {REJECTED} is null
    """
    unknown = f"select uid from ({named}) where place::bigint >= known"
    _none(database, "a text names a region that the row does not have", unknown, where)


_REGION = "'<region_(\\d+)>'"


def _none(database: Database, rule: str, query: str, where: str) -> None:
    rows = database.rows(f"select distinct uid from ({query}) order by uid limit 3")
    if rows:
        shown = ", ".join(str(row[0]) for row in rows)
        raise BuildError(f"the task breaks a rule: {rule}", where=where, got=shown)


def _outputs(head: TaskHead) -> dict[str, str]:
    if head.output == "image":
        return _OF_A_PICTURE | (_OF_A_BLANK if head.blank else {})
    if head.output not in ("region", "regions", "region_option"):
        return _OF_WORDS
    one = "'^<region_\\d+>$'" if head.output != "regions" else "'^<region_\\d+>( <region_\\d+>)*$'"
    return {**_OF_WORDS, "the answer is not a region": f"not regexp_matches(target, {one})"}


def _write(database: Database, making: Draft) -> None:
    kept = f"select * exclude ({REJECTED}) from asked where {REJECTED} is null order by key"
    schema = stored_schema(database.table(f"{kept} limit 0").schema)
    with making.table("instances", schema) as writer:
        for batch in database.batches(kept):
            writer.write(batch)
    making.rows_out = writer.rows
    for batch in database.batches(f"select * from asked where {REJECTED} is not null order by key"):
        making.reject(batch.cast(stored_schema(batch.schema)))


def stored_schema(given: pa.Schema) -> pa.Schema:
    """The query's columns with the types of the contract where it has any."""
    known = {**{name: kind for name, (kind, _) in (FIXED | PICTURED).items()}, **SLOTS}
    return pa.schema([pa.field(field.name, known.get(field.name, field.type)) for field in given])
