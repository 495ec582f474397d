"""A task's rows in the shape of instances: answers and the order of options drawn, labels balanced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from schemas.box import SIDES
from schemas.errors import BuildError
from schemas.instance import FIXED, LABEL, PICTURED, REJECTED, SLOTS
from schemas.task import TaskHead
from transforms.duck import Database, identifier, literal

_DEFAULTS = {
    "image_id": "null::varchar",
    "regions": "[]",
    "options": "null::varchar[]",
    "option_keys": "null::varchar[]",
    "target": "''",
    "target_box": f"null::struct({', '.join(f'{side} double' for side in SIDES)})",
    REJECTED: "null::varchar",
}
"""What a query need not say."""


def shape(
    database: Database,
    task: str,
    head: TaskHead,
    sql: str,
    answers: Sequence[tuple[str, str]],
    where: str,
    empty: Mapping[str, str] | None = None,
    waived: Sequence[str] = (),
) -> None:
    """Makes the table `asked` out of a task's query.

    Args:
        answers: pairs of words for a true and a false `label`.
        empty: what is said in a slot whose list is empty, by slot.
        waived: reasons of the query that leave no row out.

    Raises:
        BuildError: the query lacks a column, or has a label and its instructions no answers, or a
            list as a slot and its instructions no words for an empty one.
    """
    query = sql.rstrip().rstrip(";")
    types = database.types(query)
    given = list(types)
    _check_columns(given, head, answers, where)
    pictured = PICTURED if head.output == "image" else {}
    fixed = [
        f"{literal(task + '/')} || key as uid" if name == "uid" else f"{_source(name, given)} as {name}"
        for name in FIXED
    ]
    slots = [f"{_slot(name, types[name], empty or {}, where)} as {name}" for name in SLOTS if name in given]
    answer = [f"{_source(name, given)} as {name}" for name in pictured]
    facts = [identifier(name) for name in given if name not in {*FIXED, *SLOTS, *pictured, REJECTED}]
    reason = _source(REJECTED, given)
    if waived:
        reason = f"case when {reason} not in ({', '.join(map(literal, waived))}) then {reason} end"
    columns = ", ".join([*fixed, *slots, *answer, *facts, f"{reason} as {REJECTED}"])
    database.run(f"create table asked as select {columns} from ({query}\n)")
    if LABEL in given:
        _answer(database, answers)
    if head.balance:
        _balance(database)
    _order_options(database)


def _check_columns(given: list[str], head: TaskHead, answers: Sequence[tuple[str, str]], where: str) -> None:
    wanted = ["key", "split"]
    if head.output == "image":
        wanted.append("target_image_id")
    elif LABEL in given:
        if not answers:
            raise BuildError(
                "a task with a label needs pairs of answers",
                where=where,
                next_step="write them into the task's instruction file: answers = [['yes', 'no']]",
            )
    else:
        wanted.append("target")
        if head.output in ("option", "region_option"):
            wanted.append("options")
        if head.balance:
            wanted.append(LABEL)
    for name in wanted:
        if name not in given:
            raise BuildError(
                f"the query lacks a column, as its output is {head.output}",
                where=where,
                got=", ".join(given),
                expected=name,
            )


def _slot(name: str, kind: str, empty: Mapping[str, str], where: str) -> str:
    """A slot as text: a list is joined by line breaks, or replaced by words if it is empty."""
    if not kind.endswith("[]"):
        return f"{name}::varchar"
    if name not in empty:
        raise BuildError(
            "a slot is a list, and nothing says what stands there if it is empty",
            where=where,
            got=name,
            next_step=f"write it into the task's instruction file: [empty] {name} = 'nothing yet'",
        )
    return f"case when len({name}) = 0 then {literal(empty[name])} else array_to_string({name}, chr(10)) end"


def _source(name: str, given: list[str]) -> str:
    return identifier(name) if name in given else _DEFAULTS[name]


def _answer(database: Database, answers: Sequence[tuple[str, str]]) -> None:
    """Draws a pair of answers for each row; its label says which of the two is right."""
    pairs = ", ".join(f"[{literal(yes)}, {literal(no)}]" for yes, no in answers)
    database.run(
        f"""
        create or replace table asked as
        select * exclude (pair) replace (
            pair as options,
            case {LABEL} when true then pair[1] when false then pair[2] end as target
        )
        from (
            select *, list_sort(list_transform(
                [{pairs}],
                lambda pair: {{'lot': draw('answers of ' || key, array_to_string(pair, '|')), 'pair': pair}}
            ))[1].pair as pair
            from asked
        )
        """
    )


def _balance(database: Database) -> None:
    """Rejects the surplus of the more frequent label in each split, by draw."""
    database.run(
        f"""
        create or replace table asked as
        with placed as (
            select *, row_number() over (
                partition by split, {LABEL}, {REJECTED} is null
                order by draw('balance', key), key
            ) as place
            from asked
        ),
        rarer as (
            select
                split,
                least(count(*) filter (where {LABEL}), count(*) filter (where not {LABEL})) as most
            from asked
            where {REJECTED} is null
            group by split
        )
        select placed.* exclude (place) replace (
            case when placed.{REJECTED} is null and placed.place > rarer.most
                then 'balance' else placed.{REJECTED} end as {REJECTED}
        )
        from placed
        left join rarer using (split)
        """
    )


def _order_options(database: Database) -> None:
    """Puts options into drawn order, once for all tasks: a query cannot put the answer last.

    The owner of these lots is no key: a query that chose an option because of `draw(key, option)`
    would give it a place of its own.
    """
    database.run(
        """
        create or replace table asked as
        select * exclude (lots) replace (
            list_transform(lots, lambda lot: lot.option) as options,
            case when option_keys is not null
                then list_transform(lots, lambda lot: lot.option_key) end as option_keys
        )
        from (
            select *, list_sort(list_transform(
                options,
                lambda option, place: {
                    'lot': draw('options of ' || key, option),
                    'option': option,
                    'option_key': option_keys[place]
                }
            )) as lots
            from asked
        )
        """
    )
