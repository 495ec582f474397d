"""Leaks made by hand: each invariant of the audit is broken on purpose, and found."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.artifact import Reference
from schemas.audit import BuildAudit, Violation
from schemas.box import BOX_TYPE
from schemas.errors import BuildError
from tests.transforms.lakes import copied
from transforms.artifact import REJECTED_ROWS, Draft
from transforms.audit_gate import check_invariants
from transforms.audit_leaks import (
    HeldOutTexts,
    TaskRows,
    lay_out,
    picture_violations,
    split_violations,
    text_violations,
)
from transforms.audit_rows import taken_rows
from transforms.audit_task import AUDIT, row_violations
from transforms.builder import Builder
from transforms.duck import Database
from transforms.evaluation_texts import gather_texts, rows_that_say
from transforms.lake import current
from transforms.select import PICTURES, ROWS
from transforms.steps_audit import audited

INSTANCES = pa.schema(
    [
        ("uid", pa.string()),
        ("key", pa.string()),
        ("image_id", pa.string()),
        ("split", pa.string()),
        ("regions", pa.list_(BOX_TYPE)),
        ("options", pa.list_(pa.string())),
        ("target", pa.string()),
        ("text", pa.string()),
    ]
)

HELD = "the brown dog sleeps on the red sofa"


def row(task: str, key: str, image: str, split: str, **more: Any) -> dict[str, Any]:
    """An instance that breaks no rule."""
    return {
        "uid": f"{task}/{key}",
        "key": key,
        "image_id": image,
        "split": split,
        "regions": [],
        "options": ["yes", "no"],
        "target": "yes",
        "text": f"what is at {key}",
        **more,
    }


def picture(image: str, **more: Any) -> dict[str, Any]:
    """A row of PICTURES whose bytes are its own, and whose look is plain."""
    return {**dict.fromkeys(PICTURES.names), "image_id": image, "sha256": f"sha of {image}", **more}


def laid(
    folder: Path,
    tasks: Mapping[str, Sequence[dict[str, Any]]],
    pictures: Sequence[dict[str, Any]] = (),
) -> dict[str, TaskRows]:
    """Tasks as a mixture takes them, each row of them; `held` is evaluated on."""
    shown = {one["image_id"]: one for one in pictures}
    found = {}
    for task, rows in tasks.items():
        taken = [
            {"uid": one["uid"], "split": one["split"], "place": place, "image_id": one["image_id"]}
            for place, one in enumerate(rows, start=1)
        ]
        images = dict.fromkeys(one["image_id"] for one in rows)
        seen = [shown.get(image) or picture(image) for image in images]
        paths = [folder / f"{task}.{name}.parquet" for name in ("instances", "rows", "pictures")]
        for path, content, schema in zip(
            paths, (rows, taken, seen), (INSTANCES, ROWS, PICTURES), strict=True
        ):
            pq.write_table(pa.Table.from_pylist(list(content), schema), path)
        found[task] = TaskRows("eval" if task == "held" else "train", *paths)
    return found


def listed(folder: Path, photographs: Mapping[str, str]) -> dict[str, Path]:
    """The table of pictures of a source: the photograph of each image."""
    path = folder / "a_source.parquet"
    rows = [{"image_id": image, "picture_id": photograph} for image, photograph in photographs.items()]
    pq.write_table(
        pa.Table.from_pylist(rows, pa.schema([(n, pa.string()) for n in ("image_id", "picture_id")])), path
    )
    return {"a_source": path}


def found(folder: Path, tasks: Mapping[str, TaskRows], photographs: Mapping[str, str]) -> list[Violation]:
    """All leaks between tasks."""
    with Database(folder) as database:
        lay_out(database, tasks, listed(folder, photographs))
        return [
            *split_violations(database),
            *picture_violations(database),
            *text_violations(database, tasks, HeldOutTexts(["yes"])),
        ]


OWN = {"a:1": "a:1", "a:2": "a:2"}


def test_rows_that_keep_apart_break_nothing(tmp_path: Path) -> None:
    rows = {"held": [row("held", "1", "a:1", "test")], "learnt": [row("learnt", "2", "a:2", "train")]}
    assert found(tmp_path, laid(tmp_path, rows), OWN) == []


def test_a_photograph_in_two_splits_is_found(tmp_path: Path) -> None:
    rows = {
        "held": [row("held", "1", "a:1", "validation")],
        "learnt": [row("learnt", str(number), "a:2", "train") for number in range(5)],
    }
    first, second = found(tmp_path, laid(tmp_path, rows), {"a:1": "photo", "a:2": "photo"})
    assert (first.rule, first.task, first.rows) == ("picture_in_two_splits", "held", ["held/1"])
    assert (second.task, second.found, second.rows) == ("learnt", 5, ["learnt/0", "learnt/1", "learnt/2"])
    assert "photo" in second.detail


LOOK = bytes(range(256)) * 3
NEAR = bytes([LOOK[0] + 1, *LOOK[1:]])
FAR = bytes(255 - value for value in LOOK)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"sha256": "same"}, {"sha256": "same"}),
        ({"look_hash": 0b1011, "look_small": LOOK}, {"look_hash": 0b1010, "look_small": NEAR}),
    ],
    ids=["bytes", "look"],
)
def test_a_held_out_picture_in_training_is_found(
    tmp_path: Path, ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    rows = {"held": [row("held", "1", "a:1", "test")], "learnt": [row("learnt", "2", "a:2", "train")]}
    tasks = laid(tmp_path, rows, [picture("a:1", **ours), picture("a:2", **theirs)])
    (one,) = found(tmp_path, tasks, OWN)
    assert (one.rule, one.task, one.rows) == ("held_out_picture_in_training", "learnt", ["learnt/2"])


def test_pictures_that_look_different_are_no_leak(tmp_path: Path) -> None:
    rows = {"held": [row("held", "1", "a:1", "test")], "learnt": [row("learnt", "2", "a:2", "train")]}
    pictures = [
        picture("a:1", look_hash=1, look_small=LOOK),
        picture("a:2", look_hash=1, look_small=FAR),
    ]
    assert found(tmp_path, laid(tmp_path, rows, pictures), OWN) == []


def test_a_copy_with_another_id_is_found_by_its_photograph(tmp_path: Path) -> None:
    rows = {"held": [row("held", "1", "a:1", "test")], "learnt": [row("learnt", "2", "a:2", "train")]}
    rules = {one.rule for one in found(tmp_path, laid(tmp_path, rows), {"a:1": "photo", "a:2": "photo"})}
    assert rules == {"picture_in_two_splits", "held_out_picture_in_training"}


@pytest.mark.parametrize(
    "said",
    [
        {"text": "Look: The brown DOG sleeps, on the red sofa!"},
        {"options": ["no", f"{HELD} today"], "target": "no"},
        {"options": None, "target": HELD},
    ],
    ids=["text", "option", "answer"],
)
def test_an_evaluation_text_in_training_is_found_and_barred(tmp_path: Path, said: dict[str, Any]) -> None:
    tasks = laid(
        tmp_path,
        {
            "held": [row("held", "1", "a:1", "test", text=f"Who sleeps?\n{HELD}.")],
            "learnt": [
                row("learnt", "2", "a:2", "train", **said),
                row("learnt", "3", "a:2", "train", text="the brown dog sleeps on the red sofabed"),
                row("learnt", "4", "a:2", "validation", text=HELD),
            ],
        },
    )
    (one,) = (one for one in found(tmp_path, tasks, OWN) if one.rule == "evaluation_text_in_training")
    assert (one.task, one.rows, "held/1" in one.detail) == ("learnt", ["learnt/2"], True)
    texts = _texts(tmp_path, tasks)
    assert rows_that_say("learnt", tasks["learnt"].instances, texts, tmp_path, 1) == {"learnt/2": "held/1"}


def _texts(folder: Path, tasks: Mapping[str, TaskRows], ours: Sequence[str] = ()) -> Path:
    draft = Draft(folder / "draft")
    gather_texts({"held": (tasks["held"].instances, tasks["held"].rows)}, ours, draft)
    draft.close()
    return draft.path("texts.parquet")


def test_our_own_words_and_short_texts_are_no_evaluation_text(tmp_path: Path) -> None:
    ours = "Yes, the words fit the picture."
    held = row("held", "1", "a:1", "test", options=[ours, "no"], target=ours, text="is this a dog")
    tasks = laid(tmp_path, {"held": [held], "learnt": [row("learnt", "2", "a:2", "train", text=ours)]})
    assert pq.read_table(_texts(tmp_path, tasks, [ours])).num_rows == 0
    with Database(tmp_path) as database:
        lay_out(database, tasks, listed(tmp_path, OWN))
        assert list(text_violations(database, tasks, HeldOutTexts([ours]))) == []


@pytest.mark.parametrize(
    ("rows", "rule"),
    [
        ([row("learnt", "1", "a:1", "train", target="maybe")], "target_not_among_options"),
        ([row("learnt", "1", "a:1", "train", options=["yes", "yes"])], "target_not_among_options"),
        ([row("learnt", "1", "a:1", "train"), row("learnt", "1", "a:1", "train")], "uid_not_unique"),
        ([{**row("learnt", "1", "a:1", "train"), "uid": "other/1"}], "uid_not_unique"),
    ],
)
def test_a_row_that_breaks_a_rule_of_its_task_is_found(
    tmp_path: Path, rows: list[dict[str, Any]], rule: str
) -> None:
    files = laid(tmp_path, {"learnt": rows})["learnt"]
    with Database(tmp_path) as database:
        taken_rows(database, "learnt", files.instances, files.rows, files.pictures)
        (one,) = row_violations(database, "learnt")
    assert (one.rule, one.rows) == (rule, [rows[0]["uid"]])


def test_a_build_that_breaks_a_rule_does_not_become_the_current_one(
    sample_build: Builder, tmp_path: Path
) -> None:
    lake = copied(sample_build, tmp_path)
    settings = sample_build.settings.model_copy(update={"lake": lake, "mirror": sample_build.settings.mirror})
    builder = Builder(settings)
    before = current(lake)
    path = builder.run(audited("multiinstruct")).path(AUDIT)
    audit = BuildAudit.model_validate_json(path.read_bytes())
    broken = Violation(
        rule="held_out_picture_in_training",
        task="visual_grounding",
        found=4,
        rows=["visual_grounding/1", "visual_grounding/2", "visual_grounding/3"],
        detail="the rows show coco:1",
    )
    path.write_text(audit.model_copy(update={"violations": [broken]}).model_dump_json())
    (lake / "current").write_text("an earlier build\n")
    with pytest.raises(BuildError) as raised:
        builder.finish()
    message = str(raised.value)
    assert "visual_grounding" in message
    assert "held_out_picture_in_training" in message
    assert all(uid in message for uid in broken.rows)
    assert (lake / "current").read_text() == "an earlier build\n"
    assert before is not None


def test_a_ledger_that_does_not_close_is_found(sample_build: Builder, tmp_path: Path) -> None:
    lake = copied(sample_build, tmp_path)
    builder = Builder(sample_build.settings.model_copy(update={"lake": lake}))
    made = builder.run(Reference("instances", "visual_grounding"))
    check_invariants([made], None)
    (made.folder / REJECTED_ROWS).unlink()
    with pytest.raises(BuildError, match="ledger_does_not_close") as raised:
        check_invariants([made], None)
    assert "instances/visual_grounding" in str(raised.value)


def test_the_sample_world_breaks_nothing_and_what_was_barred_is_named(sample_build: Builder) -> None:
    path = sample_build.run(audited("multiinstruct")).path(AUDIT)
    audit = json.loads(path.read_bytes())
    assert audit["violations"] == []
    assert audit["evaluation_texts"] > 1_000
    assert sum(audit["shared_pictures"].values()) == 0
    barred = [
        one
        for task in audit["shared_pictures"]
        for one in _left_out(sample_build, task)
        if one["rejected"] == "evaluation_text"
    ]
    assert barred
    assert all(one["other_row"].partition("/")[0] in _evaluation(sample_build) for one in barred)


def _left_out(builder: Builder, task: str) -> list[dict[str, Any]]:
    path = builder.run(Reference("mixtures", f"multiinstruct.{task}")).folder / REJECTED_ROWS
    return pq.read_table(path).to_pylist() if path.is_file() else []


def _evaluation(builder: Builder) -> set[str]:
    table = pq.read_table(builder.run(audited("multiinstruct")).path("tasks.parquet"))
    return {row["task"] for row in table.to_pylist() if row["role"] == "eval"}
