"""Evaluations from asking to scores, with stubs that answer what is known, on the sample world."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from flows.sample import with_sample
from schemas.audit import TaskAudit
from schemas.build import Build
from schemas.errors import BuildError
from schemas.evaluation import ANSWERS, PREDICTIONS, Answer, EvaluatedTask, Evaluation
from schemas.instance import Split
from schemas.settings import BuildSettings
from shards.collection import read_collection
from tests.conftest import ROOT
from tests.small_lake import TASK, copy_small
from transforms import catalogue, registry, score, score_ask, score_published, score_store, score_truth
from transforms.audit_task import AUDIT, read_audit
from transforms.builder import Builder
from transforms.lake import member, whole
from transforms.steps_audit import audited

GARBAGE = "\ufffd\x00 <<_>> \u202e\n"
"""No word in it: ROUGE-L finds the `bin` of `<bin_3>` in targets that name regions."""


class Stub:
    """Answers by looking at what is right."""

    def __init__(self, run: score_store.Run, kind: str, most: int | None = None) -> None:
        self.run, self.kind, self.most = run, kind, most
        self.asked: list[tuple[str, int]] = []

    def answers(
        self,
        task: str,
        split: Split,  # noqa: ARG002 - of the protocol
        instruction: int,
        rows: Sequence[int],  # noqa: ARG002 - of the protocol
    ) -> Iterator[Answer]:
        self.asked.append((task, instruction))
        if self.most is not None and len(self.asked) > self.most:
            yield Answer("half")
            raise KeyboardInterrupt
        for right in self.run.answers(task).to_pylist():
            first = next(iter(right["options"]), "")
            says = {"target": right["target"], "first": first, "garbage": GARBAGE}[self.kind]
            yield Answer(says, -1.5, says if first else None)


def asked_of(lake: Path, folder: Path, kind: str, tasks: Sequence[str], rows: int | None) -> score_store.Run:
    run = score_store.Run(folder / kind, score_ask.asked(lake, kind, "stub", "none", tasks, rows))
    score_ask.ask(lake, run, Stub(run, kind))
    return run


def of_role(lake: Path, role: str) -> list[str]:
    heads = {name: registry.task(name).head for name in read_collection(score_ask.folder_of(lake)[1]).tasks}
    return [name for name, head in heads.items() if head.role == role and head.metrics]


@pytest.mark.parametrize("role", ["eval", "train"])
def test_whoever_answers_with_the_target_scores_1_and_with_garbage_0(
    sample_build: Builder, tmp_path: Path, role: str
) -> None:
    lake = sample_build.settings.lake
    tasks, rows = of_role(lake, role), None
    if role == "train":
        # One of each kind: all evaluation tasks are asked above.
        heads = {name: registry.task(name).head for name in tasks}
        tasks, rows = sorted({(head.output, head.metrics): name for name, head in heads.items()}.values()), 5
    right = score.scores(asked_of(lake, tmp_path, "target", tasks, rows))
    wrong = score.scores(asked_of(lake, tmp_path, "garbage", tasks, rows))
    assert len(right.tasks) == len(tasks) > 0
    for best, worst in zip(right.tasks, wrong.tasks, strict=True):
        # People do not all give the answer that most of them give.
        given = {name: one for name, one in best.metrics.items() if name != "vqa_accuracy"}
        assert given, best.task
        assert ("option_accuracy" in given) == (best.family in ("binary", "multiple_choice")), best.task
        assert {name: (one.mean, one.deviation) for name, one in given.items()} == dict.fromkeys(
            given, (1, 0)
        )
        assert {one.mean for one in worst.metrics.values()} == {0}, best.task
        assert best.sensitivity == 0
        assert worst.sensitivity is None
    if role == "eval":
        assert right.multimodal.value == 1
        assert right.multimodal.tasks == score_ask.held_out()
        assert right.multimodal.remark == ""
        assert "0 tasks of text alone" in right.together.remark
        assert wrong.sensitivity.value is None
        assert wrong.sensitivity.left_out == right.multimodal.tasks
        assert right.families["conversation"].tasks == ["visual_dialogue"]
        build = whole(lake)
        for task in right.tasks:
            assert task.family == audit_of(lake, build, task.task).family, task.task


def audit_of(lake: Path, build: Build, task: str) -> TaskAudit:
    held = member(lake, build, audited(build.mixture or "", task))
    assert held is not None
    return read_audit(held.path(AUDIT))


def test_the_first_option_scores_what_the_audit_says(sample_build: Builder, tmp_path: Path) -> None:
    lake = sample_build.settings.lake
    build = whole(lake)
    run = asked_of(lake, tmp_path, "first", of_role(lake, "eval"), None)
    counted = 0
    for task in score.scores(run).tasks:
        if registry.task(task.task).head.output not in ("option", "region_option"):
            continue
        audit = audit_of(lake, build, task.task)
        assert audit.guesses is not None
        guessed = audit.guesses.ways["first_option"]
        # Neither has left out a row: the audit guesses at most a thousand of either half.
        assert (audit.guesses.scored_on, guessed.rows) == ("test", task.rows), task.task
        main = "region_accuracy" if "region_accuracy" in task.metrics else "accuracy"
        assert task.metrics[main].mean == pytest.approx(guessed.right / guessed.rows), task.task
        assert task.metrics["option_accuracy"].mean == pytest.approx(guessed.right / guessed.rows)
        counted += 1
    assert counted >= 6


def test_people_who_answered_and_things_in_the_picture_come_along(
    sample_build: Builder, tmp_path: Path
) -> None:
    lake = sample_build.settings.lake
    run = asked_of(lake, tmp_path, "target", ["text_vqa", "image_captioning"], 10)
    assert {len(row["accepted"]) for row in run.answers("text_vqa").to_pylist()} == {10}
    captions = run.answers("image_captioning").to_pylist()
    assert all(row["things"] for row in captions)
    found = {task.task: task for task in score.scores(run).tasks}
    assert found["text_vqa"].metrics["vqa_accuracy"].mean > 0.9
    truth = found["image_captioning"].truthfulness
    assert truth is not None
    assert truth.share is not None
    assert truth.answers == 50
    assert truth.share > 0.9


def test_an_interrupted_evaluation_goes_on_to_the_same_answers(sample_build: Builder, tmp_path: Path) -> None:
    lake = sample_build.settings.lake
    tasks = ["grounded_vqa", "text_vqa"]
    whole_run = asked_of(lake, tmp_path / "whole", "target", tasks, 7)
    run = score_store.begun(tmp_path, score_ask.asked(lake, "target", "stub", "none", tasks, 7))
    with pytest.raises(KeyboardInterrupt):
        score_ask.ask(lake, run, Stub(run, "target", most=6))
    assert len(list(run.unfinished())) == 4
    assert [task.unfinished for task in score.scores(run).tasks] == [[], [1, 2, 3, 4]]
    run = score_store.begun(tmp_path, score_ask.asked(lake, "target", "stub", "none", tasks, 7))
    stub = Stub(run, "target")
    score_ask.ask(lake, run, stub)
    assert stub.asked == [("text_vqa", number) for number in (1, 2, 3, 4)]
    files = sorted(path.relative_to(run.folder) for path in run.folder.rglob("*.parquet"))
    assert len(files) == 12
    for path in files:
        assert (run.folder / path).read_bytes() == (whole_run.folder / path).read_bytes()
    with pytest.raises(BuildError, match="asks something else"):
        score_store.begun(tmp_path, score_ask.asked(lake, "target", "stub", "none", tasks, 8))


def test_answers_are_views_of_the_catalogue(sample_build: Builder, tmp_path: Path) -> None:
    copy_small(sample_build.lake, tmp_path)
    run = score_store.begun(tmp_path, score_ask.asked(tmp_path, "mine", "stub", "none", [TASK], 3))
    score_ask.ask(tmp_path, run, Stub(run, "target"))
    query = "select count(*), bool_and(text = target) from predictions.mine join answers.mine using (uid)"
    assert catalogue.ask(tmp_path, query)[1] == [(15, True)]
    query = (
        "select count(*), count(distinct uid), bool_and(predictions.text = target), min(split) "
        f"from predictions.mine as predictions join instances.{TASK} using (uid)"
    )
    assert catalogue.ask(tmp_path, query)[1] == [(15, 3, True, "test")]
    listed = {(view.schema, view.name): view.rows for view, _ in catalogue.listing(tmp_path)}
    assert listed["predictions", "mine"] == 15


def test_what_cannot_be_asked_is_said(sample_build: Builder, tmp_path: Path) -> None:
    lake = sample_build.settings.lake
    with pytest.raises(BuildError, match="no such task"):
        score_ask.asked(lake, "x", "stub", "none", ["nonsense"])
    with pytest.raises(BuildError, match="no rows to evaluate"):
        score_ask.asked(lake, "x", "stub", "none", ["text_vqa"], split="validation")
    with pytest.raises(BuildError, match="no such evaluation"):
        score_store.opened(tmp_path, "../outside")


def test_tasks_to_train_on_are_asked_by_their_validation_rows(sample_build: Builder) -> None:
    lake = sample_build.settings.lake
    collection = read_collection(score_ask.folder_of(lake)[1])
    chosen = score_ask.asked(lake, "x", "stub", "none", split="validation", rows=3).tasks
    assert set(chosen) == {
        name for name in of_role(lake, "train") if collection.tasks[name].rows["validation"]
    }
    assert {one.split for one in chosen.values()} == {"validation"}
    held_out = score_ask.asked(lake, "x", "stub", "none", split="test").tasks
    assert [name for name in held_out if name != score_ask.UNSEEN_EXERCISES] == score_ask.held_out()


def test_more_rows_include_those_of_fewer() -> None:
    uids = [f"task/{number}" for number in range(100)]
    assert set(score_ask.drawn(uids, 10, 0)) < set(score_ask.drawn(uids, 20, 0))
    assert score_ask.drawn(uids, 10, 0) != score_ask.drawn(uids, 10, 1)
    assert score_ask.drawn(uids, 1_000, 0) == list(range(100))


def made_run(folder: Path, shares: Sequence[float], pictured: bool = False) -> score_store.Run:
    """A run of one task of ten rows, of which a share is right under each instruction."""
    task = EvaluatedTask(
        split="test",
        available=10,
        rows=10,
        pictured=pictured,
        category="miscellaneous",
        role="eval",
        extra=False,
        output="text",
        metrics=("accuracy",),
        instructions=tuple(f"Say {number}." for number in range(len(shares))),
    )
    evaluation = Evaluation(
        name="made",
        build="b",
        mixture="m",
        model="none",
        search="none",
        quantisation="whole_image_999",
        rows=None,
        seed=0,
        tasks={"made": task},
    )
    run = score_store.Run(folder, evaluation)
    right: list[dict[str, Any]] = [
        {"uid": f"made/{row}", "target": "seven", "options": [], "asked": ""} for row in range(10)
    ]
    run.write_answers("made", pa.Table.from_pylist(right, schema=ANSWERS))
    for number, share in enumerate(shares):
        said = [
            {
                "uid": f"made/{row}",
                "task": "made",
                "instruction": number,
                "text": "seven" if row < 10 * share else "",
            }
            for row in range(10)
        ]
        run.write_predictions("made", number, pa.Table.from_pylist(said, schema=PREDICTIONS))
    return run


def test_means_and_sensitivity_of_the_fixture(tmp_path: Path) -> None:
    shares = [0.4, 0.5, 0.6, 0.5, 0.5]
    found = score.scores(made_run(tmp_path, shares))
    (task,) = found.tasks
    accuracy = task.metrics["accuracy"]
    assert accuracy.by_instruction == pytest.approx(shares)
    assert (accuracy.mean, accuracy.best) == pytest.approx((0.5, 0.6))
    assert accuracy.deviation == pytest.approx(0.0632456, abs=1e-7)
    assert task.sensitivity == pytest.approx(12.64911, abs=1e-5)
    assert accuracy.low < accuracy.mean < accuracy.high
    assert found.text_only.value == pytest.approx(0.5)
    assert found.multimodal.value is None
    assert score.sensitivity(shares) == pytest.approx(0.1264911, abs=1e-7)
    assert score.sensitivity(shares, sample=True) == pytest.approx(0.1414214, abs=1e-7)
    assert score.sensitivity([0.0] * 5) is None
    assert found == score.scores(made_run(tmp_path, shares))


def exercises_run(folder: Path) -> score_store.Run:
    """Three rows of one task of Natural Instructions and one of another, each with its right outputs."""
    made = made_run(folder, [0.5])
    asked = made.evaluation.tasks["made"].model_copy(
        update={"rows": 4, "available": 4, "extra": True, "metrics": ("rouge_l", "accuracy")}
    )
    run = score_store.Run(folder, made.evaluation.model_copy(update={"tasks": {"exercises": asked}}))
    outputs = [["a red ball", "a ball"], ["no"], ["no"], ["yes", "it is"]]
    exercises = ["task1_objects", "task1_objects", "task1_objects", "task2_yes"]
    right: list[dict[str, Any]] = [
        {
            "uid": f"exercises/{row}",
            "target": accepted[0],
            "options": [],
            "asked": "",
            "accepted": accepted,
            "exercise": exercise,
        }
        for row, (accepted, exercise) in enumerate(zip(outputs, exercises, strict=True))
    ]
    run.write_answers("exercises", pa.Table.from_pylist(right, schema=ANSWERS))
    said = [
        {"uid": f"exercises/{row}", "task": "exercises", "instruction": 0, "text": text}
        for row, text in enumerate(("A ball", "no", "yes", "it is"))
    ]
    run.write_predictions("exercises", 0, pa.Table.from_pylist(said, schema=PREDICTIONS))
    return run


def test_exercises_count_a_task_each_and_the_nearest_right_output(tmp_path: Path) -> None:
    found = score.scores(exercises_run(tmp_path))
    (task,) = found.tasks
    assert [(one.exercise, one.rows, one.mean) for one in task.exercises] == [
        ("task1_objects", 3, pytest.approx(2 / 3)),
        ("task2_yes", 1, 1),
    ]
    # The mean over the two, not over the four rows.
    assert task.metrics["rouge_l"].mean == pytest.approx(5 / 6)
    assert task.metrics["accuracy"].mean == pytest.approx(5 / 6)
    assert "vqa_accuracy" not in task.metrics
    assert found.text_only.value == pytest.approx(5 / 6)
    assert found.text_only.tasks == ["exercises/task1_objects", "exercises/task2_yes"]
    assert "2 tasks of text alone, the paper has 20" in found.text_only.remark
    assert found.multimodal.tasks == []
    # Each draws from its own rows: the only row of the second is never missing.
    assert 0.5 <= task.metrics["rouge_l"].low < task.metrics["rouge_l"].high == 1


def test_unseen_exercises_of_a_build_are_asked_beside_the_held_out_tasks(tmp_path: Path) -> None:
    settings = BuildSettings(
        lake=tmp_path / "lake", sample=True, sources=("natural_instructions", "vsr"), mixture="mixed_instruct"
    )
    Builder(with_sample(settings)).build()
    run = asked_of(settings.lake, tmp_path, "target", (), None)
    assert list(run.evaluation.tasks) == ["visual_spatial_relationship", score_ask.UNSEEN_EXERCISES]
    right = run.answers(score_ask.UNSEEN_EXERCISES).to_pylist()
    assert all(row["target"] in row["accepted"] for row in right)
    found = score.scores(run)
    exercises = {row["exercise"] for row in right}
    assert len(exercises) > 1
    assert found.text_only.tasks == [f"{score_ask.UNSEEN_EXERCISES}/{name}" for name in sorted(exercises)]
    assert (found.multimodal.value, found.text_only.value, found.together.value) == (1, 1, 1)
    wrong = score.scores(asked_of(settings.lake, tmp_path, "garbage", (), None))
    assert (wrong.multimodal.value, wrong.text_only.value, wrong.together.value) == (0, 0, 0)


def test_published_numbers_stand_beside_the_same_tasks(sample_build: Builder, tmp_path: Path) -> None:
    lines = score_published.beside(
        score.scores(asked_of(sample_build.settings.lake, tmp_path, "target", (), 2))
    )
    assert sorted(line.task for line in lines) == score_ask.held_out()
    assert {line.ours for line in lines} == {100}
    # What is printed as the average of the models that were not augmented follows from their rows.
    means = [round(float(np.mean(numbers)), 2) for numbers in score_published.MODELS.values()]
    assert means[:4] == [23.42, 39.05, 42.45, 43.89]


def test_the_interval_covers_the_mean_about_as_often_as_it_says() -> None:
    drawn = np.random.Generator(np.random.PCG64(1))
    covered = 0
    for trial in range(40):
        low, high = score.interval((drawn.random(200) < 0.3).astype(float), trial)
        covered += low <= 0.3 <= high
    assert covered >= 34


def test_a_thing_that_is_named_and_not_there_counts_against_the_answer() -> None:
    rows: list[dict[str, Any]] = [
        {"things": ["Dogs", "red traffic light"], "options": [], "asked": ""},
        {"things": ["cat"], "options": [], "asked": ""},
        {"things": None, "options": [], "asked": ""},
    ]
    found = score_truth.of_rows("image_captioning", ["A dog, a cat and a light", "two cats", "a dog"], rows)
    assert found is not None
    # The light is there as a red traffic light, but nobody annotates a mere light: it is no name here.
    assert (found.answers, found.named, found.absent) == (2, 3, 1)
    asks = {"things": ["dog"], "options": ["yes", "no"], "asked": "Is there a cat?"}
    other = {"things": ["cat"], "options": ["yes", "no"], "asked": "Is there a cat?"}
    found = score_truth.of_rows("object_detection", ["Yes.", "no"], [asks, other])
    assert found is not None
    assert (found.answers, found.named, found.absent, found.share) == (1, 1, 1, 0.0)


def test_scoring_needs_no_torch(tmp_path: Path) -> None:
    run = made_run(tmp_path / score_store.FOLDER / "made", [0.5])
    (run.folder / score_store.ASKED).write_text(run.evaluation.model_dump_json())
    code = (
        "import sys; sys.modules['torch'] = None; from flows.cli import main;"
        f"sys.argv = ['multiinstruct', 'score', 'made', '--json', '--lake', {str(tmp_path)!r}]; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert '"mean": 0.5' in done.stdout
    assert (run.folder / "scores.json").is_file()
