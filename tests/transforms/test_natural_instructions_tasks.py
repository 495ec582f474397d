"""Natural Instructions from their archive to batches: exercises in words alone, trained on first."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from flows.sample import with_sample
from instructions.load import load_instructions
from instructions.render import render
from sample_world.exercising import KINDS
from sample_world.formats.natural_instructions import name, texts
from sample_world.irregular_natural_instructions import file
from schemas.artifact import Reference
from schemas.settings import BuildSettings
from shards.collection import Stage, read_collection
from shards.format import read_instructions
from shards.read import Shard
from shards.splice import Splicer
from shards.vocabulary import Vocabulary
from transforms import mixture_counts, registry
from transforms.builder import Builder
from transforms.graph import Graph, default_tasks
from transforms.mixture_counts import Taken

TRAINED, EXCLUDED, UNSEEN = (f"natural_instructions{part}" for part in ("", "_excluded", "_unseen"))
TASKS = (TRAINED, EXCLUDED, UNSEEN, "visual_grounding")
SCALE = 2.6
"""104 exercises of each regular task: more than are evaluated on."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Builder:
    lake = tmp_path_factory.mktemp("sequential") / "lake"
    asked = BuildSettings(
        lake=lake, sample=True, sample_scale=SCALE, tasks=TASKS, mixture="sequential_instruct_832"
    )
    builder = Builder(with_sample(asked))
    builder.build()
    return builder


def of(builder: Builder, task: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(
        builder.run(Reference("instances", task)).path("instances.parquet")
    ).to_pylist()
    return rows


def regular(part: str) -> set[str]:
    return {name(kind) for kind in KINDS if kind.part == part and kind.language == "English"}


def test_a_build_needs_natural_instructions_only_if_its_mixture_names_them(tmp_path: Path) -> None:
    plain = Graph(BuildSettings(lake=tmp_path, sample=True, unpinned=True))
    assert set(plain.tasks) == set(default_tasks())
    assert not any("natural_instructions" in reference.name for reference in plain.steps)
    mixed = Graph(BuildSettings(lake=tmp_path, sample=True, unpinned=True, mixture="mixed_instruct"))
    assert set(mixed.tasks) == {*default_tasks(), TRAINED, UNSEEN}
    assert "natural_instructions" in mixed.sources


@pytest.mark.parametrize(
    ("task", "part", "irregular"),
    [
        (TRAINED, "train", {"exercises"}),
        (EXCLUDED, "excluded", {"unlisted", "no_category", "definitions"}),
        (UNSEEN, "test", {"both_lists"}),
    ],
)
def test_each_task_has_the_exercises_of_its_list(
    built: Builder, task: str, part: str, irregular: set[str]
) -> None:
    rows = of(built, task)
    assert {row["exercise_task"] for row in rows} == regular(part) | {file(one) for one in irregular}
    assert {row["split"] for row in rows} == {"test" if task == UNSEEN else "train"}
    assert {row["image_id"] for row in rows} == {None}
    assert all(row["target"] == row["answers"][0] for row in rows)


def test_a_row_says_what_its_exercise_says(built: Builder) -> None:
    (kind,) = [kind for kind in KINDS if kind.name == "first_letters"]
    rows = [row for row in of(built, TRAINED) if row["exercise_task"] == name(kind)]
    assert sorted(row["text"] for row in rows) == sorted(texts(0, SCALE))
    assert {row["context"] for row in rows} == {kind.definition}
    assert {row["exercise_category"] for row in rows} == {kind.category}
    assert all(row["answers"] == kind.answers(row["text"]) and len(row["answers"]) == 2 for row in rows)


def test_the_first_hundred_exercises_of_a_task_are_evaluated_on(built: Builder) -> None:
    rows = of(built, UNSEEN)
    assert len(texts(0, SCALE)) > 100
    for task in regular("test"):
        mine = {row["text"] for row in rows if row["exercise_task"] == task}
        assert mine == set(texts(0, SCALE)[:100])
    assert built.run(Reference("instances", UNSEEN)).manifest.not_asked > 0


def test_a_collection_trains_on_words_first(built: Builder) -> None:
    collection = read_collection(built.run(Reference("shards", "sequential_instruct_832")).path(""))
    assert collection.stages == (
        Stage(name="natural_instructions", tasks=(TRAINED, EXCLUDED)),
        Stage(name="multiinstruct", tasks=("visual_grounding",)),
    )
    counts = built.run(Reference("mixtures", "sequential_instruct_832"))
    for task in (TRAINED, EXCLUDED, UNSEEN):
        (counted,) = pq.read_table(counts.path(f"{task}.parquet")).to_pylist()
        assert counted["count"] == counted["available"] == len(of(built, task))
        selected, shard = (
            built.run(Reference(stage, f"sequential_instruct_832.{task}")).manifest
            for stage in ("mixtures", "shards")
        )
        assert selected.rows_out + sum(selected.rejected.values()) == counted["count"]
        assert shard.rows_out + sum(shard.rejected.values()) == selected.rows_out
        assert collection.tasks[task].rows == {counted["split"]: shard.rows_out}
        assert shard.rows_out > 0.9 * counted["count"]


def test_the_ids_are_those_of_the_rendered_exercise(built: Builder) -> None:
    """Of every 29th exercise under each instruction, and of every answer."""
    folder = built.run(Reference("shards", "sequential_instruct_832")).path("")
    collection = read_collection(folder)
    vocabulary = Vocabulary.load(folder / collection.vocabulary)
    for task in (TRAINED, EXCLUDED, UNSEEN):
        collected = collection.tasks[task]
        (split,) = collected.rows
        shard = Shard(folder / collected.shard, split)
        splicer = Splicer(shard, read_instructions(folder / collected.instructions), vocabulary)
        assert set(shard.picture.tolist()) == {-1}
        rows = {row["uid"]: row for row in of(built, task)}
        wordings = load_instructions(task).wordings
        for number, uid in enumerate(shard.uids.to_pylist()):
            row = rows[uid]
            for which in range(5) if number % 29 == 0 else ():
                prompt = render(wordings[which], {"context": row["context"], "text": row["text"]})
                ids = [0, *vocabulary.encode(f" {prompt}"), 2]
                assert splicer.sources([number], which).row(0).tolist() == ids
            target = [*vocabulary.encode(f" {row['target']}"), 2]
            assert splicer.targets([number]).row(0).tolist() == target


def test_rows_in_words_alone_reach_batches_with_a_black_picture(built: Builder) -> None:
    torch = pytest.importorskip("torch")
    from ofa.examples import Examples

    folder = built.run(Reference("shards", "sequential_instruct_832")).path("")
    first, second = read_collection(folder).stages
    words = Examples(folder, "train", 32, tasks=first.tasks)
    batch = words[list(range(0, len(words), 7))]
    assert not batch.has_picture.any()
    assert torch.equal(batch.pictures, torch.zeros_like(batch.pictures))
    pictured = Examples(folder, "train", 32, tasks=second.tasks)[[0, 1, 2]]
    assert pictured.has_picture.all()
    assert pictured.pictures.any()


def test_an_audit_copes_with_tasks_without_pictures(built: Builder) -> None:
    for task in (TRAINED, UNSEEN):
        audit = built.run(Reference("audits", f"sequential_instruct_832.{task}"))
        assert '"family": "other"' in audit.path("audit.json").read_text()
        assert '"violations": []' in audit.path("audit.json").read_text()


@pytest.fixture(scope="module")
def capped(built: Builder) -> Builder:
    """The same lake, with a bound on each task of Natural Instructions and no second stage."""
    builder = Builder(built.settings.model_copy(update={"mixture": "mixed_instruct_capped"}))
    builder.build()
    return builder


def test_a_bound_on_values_holds_and_is_stored(capped: Builder) -> None:
    counts = capped.run(Reference("mixtures", "mixed_instruct_capped"))
    stored = {
        row["value"]: row["count"]
        for row in pq.read_table(counts.path(f"{TRAINED}.values.parquet")).to_pylist()
    }
    assert {stored[task] for task in regular("train")} == {64}
    taken = pq.read_table(
        capped.run(Reference("mixtures", f"mixed_instruct_capped.{TRAINED}")).path("rows.parquet")
    )["uid"].to_pylist()
    task_of = {row["uid"]: row["exercise_task"] for row in of(capped, TRAINED)}
    assert Counter(task_of[uid] for uid in taken) == stored
    (only,) = read_collection(capped.run(Reference("shards", "mixed_instruct_capped")).path("")).stages
    assert set(only.tasks) == {*TASKS} - {UNSEEN}


def test_a_plan_knows_exact_counts_where_there_are_instances(capped: Builder, tmp_path: Path) -> None:
    known = {(one.task, one.split): one for one in mixture_counts.of_build(capped)}
    rows = len(of(capped, TRAINED))
    # 64 of each regular task, and all of the irregular one.
    few = len([row for row in of(capped, TRAINED) if row["exercise_task"] == file("exercises")])
    assert known[TRAINED, "train"] == Taken(TRAINED, (), "train", 0, rows, 64 * len(regular("train")) + few)
    settings = capped.settings.model_copy(update={"lake": tmp_path})
    nothing = {(one.task, one.split): one for one in mixture_counts.of_build(Builder(settings))}
    assert nothing[TRAINED, "train"] == Taken(TRAINED, (), "train", 0, None, None)
    assert nothing["visual_grounding", "train"] == Taken("visual_grounding", (), "train", 10_000, None, None)


def test_the_first_values_are_those_with_the_smallest_numbers(built: Builder) -> None:
    """Over both tasks together, and only once both are known."""
    mixture = registry.mixture("sequential_instruct_832")
    part = mixture.parts[0]
    assert part.values is not None
    few = part.model_copy(update={"values": part.values.model_copy(update={"first": 2})})
    made = {task: built.run(Reference("instances", task)).path("instances.parquet") for task in TASKS}
    only = mixture.model_copy(update={"parts": (few, *mixture.parts[1:])})
    rows = {one.task: one.rows for one in mixture_counts.taken(only, TASKS, made) if one.split == "train"}
    assert rows[TRAINED] == 2 * len(texts(0, SCALE))
    assert rows[EXCLUDED] == 0
    del made[EXCLUDED]
    rows = {one.task: one.rows for one in mixture_counts.taken(only, TASKS, made) if one.split == "train"}
    assert rows[TRAINED] is None
