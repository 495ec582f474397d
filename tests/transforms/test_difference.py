"""What two builds say differently: told by task, by row, by wording, by column, by file."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.errors import BuildError, ExitCode
from tests.transforms.lakes import SMALL, built, copied, held
from transforms import builds, registry
from transforms.builder import Builder
from transforms.difference import Difference, TaskDifference, difference
from transforms.difference_rows import EXAMPLES, rows_between

TASK = SMALL[0]


class Lake(NamedTuple):
    """A lake with several builds, each made after the one before it."""

    folder: Path
    all_tasks: str
    only_files: str
    reworded: str
    one_task: str
    changed_query: str


@pytest.fixture(scope="module")
def lake(small_build: Builder, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    folder = tmp_path_factory.mktemp("difference")
    lake = copied(small_build, folder)
    all_tasks = builds.named(lake, "current").id
    only_files = built(lake, sources=("ofa_bpe",), until="tables").id
    own = folder / "own"
    own.mkdir()
    (own / f"{TASK}.toml").write_text("instructions = ['Is it so that {text} {options}']\n")
    reworded = built(lake, instructions=own).id
    one_task = built(lake, tasks=SMALL).id
    tasks = folder / "tasks"
    shutil.copytree(registry.TASKS, tasks)
    path = tasks / f"{TASK}.sql"
    query = path.read_text().replace("    statements.label\n", _OTHER)
    path.write_text(query)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "TASKS", tasks)
        changed_query = built(lake, tasks=SMALL, per_image=1).id
    return Lake(lake, all_tasks, only_files, reworded, one_task, changed_query)


_OTHER = """    statements.label,
    length(statements.text) as letters,
    case when statements.text like '%a%' and length(statements.text) % 7 = 0 then 'seventh' end as rejected
"""


def _between(lake: Lake, before: str, after: str) -> Difference:
    return difference(lake.folder, builds.named(lake.folder, before), builds.named(lake.folder, after))


def _only(found: Difference) -> TaskDifference:
    (task,) = found.tasks
    return task


def test_a_build_does_not_differ_from_itself(lake: Lake) -> None:
    assert _between(lake, lake.all_tasks, lake.all_tasks).says_nothing


def test_a_changed_instruction_is_told_and_nothing_else(lake: Lake) -> None:
    found = _between(lake, lake.all_tasks, lake.reworded)
    task = _only(found)
    assert task.task == TASK
    assert task.wordings_added == ("Is it so that {text} {options}",)
    assert len(task.wordings_removed) == 5
    assert (task.rows.added, task.rows.removed, task.rows.changed, task.rejected) == (0, 0, 0, {})
    assert not (found.tasks_added or found.tasks_removed or found.tables or found.files)


def test_tasks_and_files_that_go_are_told_with_their_terms(lake: Lake) -> None:
    found = _between(lake, lake.all_tasks, lake.one_task)
    assert TASK not in found.tasks_removed
    assert found.tasks_removed["visual_grounding"] > 1000
    assert "visual_genome.regions" in found.tables_removed
    gone = {file.file: file for file in found.files}
    assert gone["visual_genome.objects"].after is None
    before = gone["visual_genome.objects"].before
    assert before is not None
    assert len(before["sha256"]) == 64
    assert before["url"].startswith("https://")
    back = _between(lake, lake.one_task, lake.all_tasks)
    assert back.tasks_added == found.tasks_removed
    terms = _between(lake, lake.only_files, lake.all_tasks)
    assert "CC BY 4.0" in terms.licences_added
    assert _between(lake, lake.all_tasks, lake.only_files).licences_removed == terms.licences_added
    assert terms.mixtures == (None, "multiinstruct")


def test_rows_columns_and_reasons_are_told(lake: Lake) -> None:
    task = _only(_between(lake, lake.one_task, lake.changed_query))
    left_out = task.rejected["seventh"]
    assert left_out[0] == 0
    assert left_out[1] == task.rows.removed == task.rows_before - task.rows_after > 0
    assert [row.uid for row in task.rows.removed_rows] == sorted(row.uid for row in task.rows.removed_rows)
    assert len(task.rows.removed_rows) == min(EXAMPLES, task.rows.removed)
    assert all(row.says["target"] in ("yes", "no") for row in task.rows.removed_rows)
    (column,) = task.rows.columns
    assert (column.name, column.before, column.after) == ("letters", None, "BIGINT")
    assert {change.what for change in task.asked} == {"query"}
    # The mixture takes all that have a picture.
    (split,) = task.taken
    before, after = task.taken[split]
    assert split == "test"
    assert task.rows_after >= after >= before - task.rows.removed
    assert before > after


def test_builds_go_by_name_and_by_the_beginning_of_their_id(lake: Lake) -> None:
    assert builds.named(lake.folder, "current").id == lake.changed_query
    assert builds.named(lake.folder, "previous").id == lake.one_task
    assert builds.named(lake.folder, lake.all_tasks[:8]).id == lake.all_tasks
    for name in ("", "../current", lake.all_tasks[:2], "0000000000000000"):
        with pytest.raises(BuildError, match="no such build") as caught:
            builds.named(lake.folder, name)
        assert caught.value.exit_code == ExitCode.USAGE


def test_several_builds_that_begin_alike_are_named(lake: Lake, tmp_path: Path) -> None:
    folder = tmp_path / "lake"
    shutil.copytree(lake.folder / "builds", folder / "builds")
    listed = builds.paths(folder)[0]
    other = listed.stem[:-1] + ("0" if listed.stem[-1] != "0" else "1")
    (folder / "builds" / f"{other}.json").write_bytes(listed.read_bytes())
    with pytest.raises(BuildError, match="several builds") as caught:
        builds.named(folder, listed.stem[:10])
    assert other in str(caught.value)


def test_the_builds_of_a_lake_are_listed_with_what_they_hold(small_build: Builder, lake: Lake) -> None:
    found = builds.listed(lake.folder)
    assert [one.build.id for one in found] == [
        lake.changed_query,
        lake.one_task,
        lake.reworded,
        lake.only_files,
        lake.all_tasks,
    ]
    assert [one.current for one in found] == [True, False, False, False, False]
    assert not any(one.missing for one in found)
    reworded, everything = found[2], found[4]
    assert reworded.rows == everything.rows
    tasks = [one.name for one in everything.build.members if one.stage == "instances"]
    kept = [held(small_build.lake, f"instances/{task}").manifest.rows_out for task in tasks]
    assert everything.rows["instances"] == sum(kept)
    assert 0 < reworded.own_bytes < 100_000 < reworded.bytes


def test_a_build_whose_artifact_is_gone_cannot_be_compared(lake: Lake, tmp_path: Path) -> None:
    folder = tmp_path / "lake"
    shutil.copytree(lake.folder, folder, ignore=shutil.ignore_patterns("sample", "visual_grounding"))
    with pytest.raises(BuildError, match="is gone") as caught:
        difference(folder, builds.named(folder, lake.all_tasks), builds.named(folder, lake.one_task))
    assert "visual_grounding" in str(caught.value)
    assert [one.missing for one in builds.listed(folder)] == [0, 0, 1, 0, 1]


def _written(path: Path, rows: list[dict[str, object]]) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def test_rows_are_compared_in_the_columns_that_both_have(tmp_path: Path) -> None:
    before = _written(
        tmp_path / "before.parquet",
        [
            {"uid": "a", "split": "train", "n": 1, "old": "x", "boxes": [{"x0": 1.0}]},
            {"uid": "b", "split": "train", "n": 2, "old": "x", "boxes": [{"x0": 1.0}]},
            {"uid": "c", "split": "train", "n": None, "old": "x", "boxes": None},
            {"uid": "d", "split": "train", "n": 4, "old": "x", "boxes": [{"x0": 4.0}]},
            {"uid": "f", "split": "train", "n": 6, "old": "x", "boxes": [{"x0": 6.0}]},
        ],
    )
    after = _written(
        tmp_path / "after.parquet",
        [
            {"uid": "f", "split": "train", "n": 6.0, "new": True, "boxes": [{"x0": 6.0}]},
            {"uid": "e", "split": "train", "n": 5.0, "new": True, "boxes": []},
            {"uid": "d", "split": "test", "n": 4.0, "new": True, "boxes": [{"x0": 4.0}]},
            {"uid": "c", "split": "train", "n": None, "new": True, "boxes": None},
            {"uid": "b", "split": "train", "n": 2.0, "new": True, "boxes": [{"x0": 2.0}]},
        ],
    )
    found = rows_between(before, after)
    assert (found.added, found.removed) == (1, 1)
    assert [row.uid for row in found.added_rows] == ["e"]
    assert [row.uid for row in found.removed_rows] == ["a"]
    assert found.moved == {"train → test": 1}
    assert {column.name: (column.before, column.after) for column in found.columns} == {
        "n": ("BIGINT", "DOUBLE"),
        "old": ("VARCHAR", None),
        "new": (None, "BOOLEAN"),
    }
    said = {row.uid: row.columns for row in found.changed_rows}
    assert said.keys() == {"b", "d"}
    assert said["b"]["boxes"] == ([{"x0": 1.0}], [{"x0": 2.0}])
    assert said["d"]["split"] == ("train", "test")
