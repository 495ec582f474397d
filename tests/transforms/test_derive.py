"""A task's query becomes instances: options drawn, rules held, every row accounted for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.artifact import Reference
from schemas.box import BOX_TYPE
from schemas.errors import BuildError
from schemas.task import Output, TaskHead
from transforms.artifact import Artifact, draft, publish
from transforms.derive import derive

SOURCE = ("a_source", "rows")


YES_OR_NO = (("yes", "no"), ("true", "false"))


def _head(output: Output, balance: bool = False) -> TaskHead:
    return TaskHead(
        balance=balance,
        summary="A task of the tests.",
        category="grounded_matching",
        origin="derived",
        role="train",
        output=output,
        metrics=("accuracy",),
    )


def _rows(tmp_path: Path, count: int = 40) -> Path:
    path = tmp_path / "rows.parquet"
    box = {"x0": 0.0, "y0": 0.0, "x1": 10.0, "y1": 5.0}
    rows = [{"key": f"k{number:03}", "image_id": f"a:{number // 8}", "box": box} for number in range(count)]
    schema = pa.schema([("key", pa.string()), ("image_id", pa.string()), ("box", BOX_TYPE)])
    pq.write_table(pa.Table.from_pylist(rows, schema), path)
    return path


def _derive(
    tmp_path: Path,
    sql: str,
    output: Output = "text",
    seed: int = 0,
    threads: int | None = None,
    answers: tuple[tuple[str, str], ...] = (),
    balance: bool = False,
) -> Artifact:
    reference, rows = Reference("instances", "task"), _rows(tmp_path)
    with draft(tmp_path, reference, "0") as making:
        variables: dict[str, str | int] = {"seed": str(seed), "per_image": 3}
        head = _head(output, balance)
        derive("task", head, sql, {SOURCE: rows}, SOURCE, variables, answers, making, threads)
        return publish(tmp_path, reference, f"{seed}", making, inputs={}, asked={}, licences=[])


def _instances(artifact: Artifact) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(artifact.path("instances.parquet")).to_pylist()
    return found


PLAIN = "select key, image_id, 'train' as split, key as target from a_source.rows order by key"

OPTIONS = """
    select key, image_id, 'train' as split, 'right' as target,
        ['right', 'wrong', 'also wrong'] as options, [key, key || 'w', key || 'a'] as option_keys,
        7 as fact
    from a_source.rows order by key
"""


def test_what_a_query_leaves_out_has_the_values_of_the_contract(tmp_path: Path) -> None:
    first = _instances(_derive(tmp_path, PLAIN))[0]
    assert first == {
        "uid": "task/k000",
        "key": "k000",
        "image_id": "a:0",
        "split": "train",
        "regions": [],
        "options": None,
        "option_keys": None,
        "target": "k000",
    }


def test_options_are_drawn_and_keep_their_keys(tmp_path: Path) -> None:
    rows = _instances(_derive(tmp_path, OPTIONS, "option"))
    keys = {"right": "", "wrong": "w", "also wrong": "a"}
    for row in rows:
        assert sorted(row["options"]) == sorted(keys)
        assert row["option_keys"] == [row["key"] + keys[option] for option in row["options"]]
        assert row["fact"] == 7
    assert {row["options"].index("right") for row in rows} == {0, 1, 2}


def test_the_seed_decides_and_threads_do_not(tmp_path: Path) -> None:
    ids = {
        (seed, threads): _derive(tmp_path, OPTIONS, "option", seed, threads).manifest.content_id
        for seed in (0, 1)
        for threads in (1, 2)
    }
    assert ids[0, 1] == ids[0, 2] != ids[1, 1] == ids[1, 2]


def test_rows_are_kept_rejected_or_not_asked_and_all_counted(tmp_path: Path) -> None:
    artifact = _derive(
        tmp_path,
        """
        select key, image_id, 'train' as split, key as target,
            case when key < 'k016' then 'early' when key like '%1' then 'ends_in_one' end as rejected
        from a_source.rows qualify rank_drawn(image_id, key) <= getvariable('per_image') order by key
        """,
    )
    manifest = artifact.manifest
    assert manifest.rows_in == 40
    assert manifest.rows_out + sum(manifest.rejected.values()) == 15
    assert manifest.not_asked == 25
    assert set(manifest.rejected) == {"early", "ends_in_one"}
    kept = pq.read_table(artifact.folder / "rejected.parquet").to_pylist()
    assert {row["rejected"] for row in kept} == {"early", "ends_in_one"}
    assert all((row["key"] < "k016") == (row["rejected"] == "early") for row in kept)


@pytest.mark.parametrize(
    ("select", "output", "complaint"),
    [
        ("key, 'train' as split, '' as target", "text", "target is empty"),
        ("key, 'dev' as split, key as target", "text", "split is not"),
        ("key, 'train' as split, key as target, null::varchar as question", "text", "slot question is empty"),
        ("'same' as key, 'train' as split, 'x' as target", "text", "one key is given to two rows"),
        ("key, 'train' as split, 'x' as target, ['y', 'z'] as options", "option", "not exactly one"),
        ("key, 'train' as split, 'x' as target, ['x', 'x'] as options", "option", "not exactly one"),
        ("key, 'train' as split, 'x' as target, ['x', 'y', 'y'] as options", "option", "two options"),
        ("key, 'train' as split, 'x' as target, ['x'] as options", "option", "fewer than two"),
        ("key, 'train' as split, 'x' as target", "option", "lacks a column"),
        ("key, 'train' as split, '<region_1>' as target, [box] as regions", "region", "does not have"),
        ("key, 'train' as split, 'left' as target, [box] as regions", "region", "not a region"),
        (
            "key, 'train' as split, 'x' as target, [{x0: 1.0, y0: 1.0, x1: 1.0, y1: 2.0}] as regions",
            "text",
            "a region is empty",
        ),
        ("key, 'train' as split", "text", "lacks a column"),
        ("no_such_column as key, 'train' as split, 'x' as target", "text", "the query failed"),
    ],
)
def test_a_broken_rule_stops_the_build_and_is_named(
    tmp_path: Path, select: str, output: Output, complaint: str
) -> None:
    with pytest.raises(BuildError, match=complaint) as caught:
        _derive(tmp_path, f"select {select} from a_source.rows", output)
    assert "transforms/tasks/task.sql" in str(caught.value)
    assert not list((tmp_path / "instances" / "task").glob("*"))


def test_a_rejected_row_need_not_keep_the_rules(tmp_path: Path) -> None:
    artifact = _derive(
        tmp_path,
        "select key, 'train' as split, null::varchar as target, null::varchar[] as options, 'no' as rejected "
        "from a_source.rows",
        "option",
    )
    assert artifact.manifest.rejected == {"no": 40}
    assert artifact.manifest.rows_out == 0


LABELLED = """
    select key, image_id, case when key < 'k030' then 'train' else 'test' end as split, key < 'k010' as label
    from a_source.rows order by key
"""


def test_a_label_becomes_one_of_a_pair_of_answers(tmp_path: Path) -> None:
    rows = _instances(_derive(tmp_path, LABELLED, "option", answers=YES_OR_NO))
    assert len(rows) == 40
    for row in rows:
        (pair,) = [pair for pair in YES_OR_NO if set(pair) == set(row["options"])]
        assert row["target"] == pair[0 if row["label"] else 1]
        assert row["label"] == (row["key"] < "k010")
    assert {frozenset(row["options"]) for row in rows} == {frozenset(pair) for pair in YES_OR_NO}
    assert {row["options"].index(row["target"]) for row in rows} == {0, 1}


def test_a_label_needs_answers(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="needs pairs of answers"):
        _derive(tmp_path, LABELLED, "option")


def test_labels_are_balanced_in_each_split_and_the_surplus_is_rejected(tmp_path: Path) -> None:
    artifact = _derive(tmp_path, LABELLED, "option", answers=YES_OR_NO, balance=True)
    rows = _instances(artifact)
    assert [row["label"] for row in rows].count(True) == 10
    assert [row["label"] for row in rows].count(False) == 10
    # The test split has one label only, so that nothing of it can be balanced.
    assert {row["split"] for row in rows} == {"train"}
    assert artifact.manifest.rejected == {"balance": 20}


def test_a_rejected_row_does_not_count_for_the_balance(tmp_path: Path) -> None:
    query = LABELLED.replace("as label", "as label, case when key < 'k004' then 'no' end as rejected")
    artifact = _derive(tmp_path, query, "option", answers=YES_OR_NO, balance=True)
    labels = [row["label"] for row in _instances(artifact)]
    assert (labels.count(True), labels.count(False)) == (6, 6)
    assert artifact.manifest.rejected == {"balance": 24, "no": 4}
