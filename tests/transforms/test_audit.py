"""What the audit says of a build, and where it is said: artifacts, catalogue, report, command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from flows.cli import app
from schemas.artifact import Reference
from schemas.audit import TaskAudit
from schemas.errors import BuildError
from tests.conftest import ROOT
from tests.transforms.lakes import SMALL, built, copied
from transforms import catalogue, report
from transforms.audit_task import AUDIT, read_audit
from transforms.builder import Builder
from transforms.guessing import Exercise, ways
from transforms.lake import whole
from transforms.plain_words import plain
from transforms.steps_audit import audited
from transforms.verdicts import NAME, wilson

GOLDEN = ROOT / "tests" / "golden_audits"
TASKS = ("visual_spatial_relationship", "image_quality")


def _audit(builder: Builder, task: str) -> TaskAudit:
    return read_audit(builder.run(audited("multiinstruct", task)).path(AUDIT))


@pytest.mark.parametrize("task", TASKS)
def test_the_audit_of_a_task_is_as_it_was(
    sample_build: Builder, task: str, request: pytest.FixtureRequest
) -> None:
    said = sample_build.run(audited("multiinstruct", task)).path(AUDIT).read_text()
    path = GOLDEN / f"{task}.json"
    if request.config.getoption("--regenerate-golden"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(said)
    assert said == path.read_text()


def test_every_task_with_shards_has_an_audit_that_agrees_with_them(sample_build: Builder) -> None:
    told = report.read(sample_build.lake, whole(sample_build.lake))
    assert told.audit is not None
    for task in told.tasks:
        assert (task.audit is None) == (task.written is None)
        if task.audit is not None and task.chosen is not None:
            assert sum(one.rows for one in task.audit.splits.values()) == task.chosen.rows_out
            assert task.audit.instances == task.instances.rows_out
    assert (
        f'id="audit-{TASKS[0]}"'
        in (report.folder_of(sample_build.lake, whole(sample_build.lake)) / "index.html").read_text()
    )


def test_the_catalogue_shows_the_audit(sample_build: Builder) -> None:
    columns, rows = catalogue.ask(
        sample_build.lake,
        "select task, split, tasks.rows from audit.tasks join audit.guesses using (task, split) "
        "where way = 'first_option' and task = 'visual_spatial_relationship'",
    )
    assert columns == ["task", "split", "rows"]
    of = _audit(sample_build, "visual_spatial_relationship").splits["test"]
    assert rows == [("visual_spatial_relationship", "test", of.rows)]
    assert catalogue.ask(sample_build.lake, "select count(*) from audit.violations")[1] == [(0,)]


def _exercise(question: str, options: tuple[str, ...], target: str, half: int = 0) -> Exercise:
    return Exercise(question, options, target, (), half)


def test_an_answer_that_is_always_the_longest_is_guessed() -> None:
    rows = [
        _exercise("what", (f"cat {number}", f"a very long dog {number}"), f"a very long dog {number}")
        for number in range(60)
    ]
    found = ways(rows[:40], rows[40:])
    assert found["longest_option"].accuracy == 1.0
    assert found["first_option"].accuracy == 0.0
    assert found["words"].accuracy == 1.0


def test_an_answer_that_a_word_of_the_question_gives_away_is_guessed() -> None:
    rows = [
        _exercise(
            f"is item {number} {'hidden' if number % 2 else 'open'}", ("no", "yes"), ("no", "yes")[number % 2]
        )
        for number in range(200)
    ]
    found = ways(rows[:150], rows[150:])
    assert found["words"].accuracy == 1.0
    assert found["majority"].accuracy == 0.5


def test_free_answers_are_guessed_by_their_question() -> None:
    rows = [
        _exercise(("sky", "grass")[number % 2], (), ("blue", "green")[number % 2]) for number in range(20)
    ]
    found = ways(rows[:10], rows[10:])
    assert found["frequent_for_question"].accuracy == 1.0
    assert "first_option" not in found


@pytest.mark.parametrize(
    ("text", "words"), [("The dog,  ASLEEP.", "the dog asleep"), ("<region_3> ", "region 3"), ("...", "")]
)
def test_plain_words(text: str, words: str) -> None:
    assert plain(text) == words


def test_the_interval_is_wilsons() -> None:
    assert wilson(0, 0) == (None, None, None)
    # Newcombe, Statistics in Medicine 17, 1998, table I: 81 of 263, 0 of 20.
    assert wilson(81, 263) == (0.308, 0.2553, 0.3662)
    assert wilson(0, 20) == (0.0, 0.0, 0.1611)


def _run(*words: str) -> Any:
    return CliRunner().invoke(app, list(words), catch_exceptions=False)


def test_the_command_says_it(sample_build: Builder) -> None:
    lake = ("--lake", str(sample_build.lake))
    all_of_it = json.loads(_run("audit", *lake, "--json").stdout)
    assert all_of_it["violations"] == []
    assert all_of_it["tasks"].keys() >= set(TASKS)
    one = json.loads(_run("audit", TASKS[0], *lake, "--json").stdout)
    assert one == all_of_it["tasks"][TASKS[0]]
    assert {"stage": "mixtures", "reason": "picture_absent", "kind": "lack", "rows": 6} in one["removed"]
    (of,) = one["splits"].values()
    assert of["labels"] == {"true": of["rows"] / 2, "false": of["rows"] / 2}
    words = _run("audit", TASKS[0], *lake).stdout
    assert "left out of mixtures: 6 picture_absent (lack)" in words
    assert f"labels true {of['labels']['true']}" in words


def test_what_rules_take_away_is_counted(sample_build: Builder) -> None:
    told = report.read(sample_build.lake, whole(sample_build.lake))
    kinds = catalogue.ask(
        sample_build.lake, "select kind, sum(removed.rows) from audit.removed group by all order by all"
    )[1]
    assert [kind for kind, _ in kinds] == ["fix", "lack", "leak"]
    for task in told.tasks:
        if task.audit is not None and task.chosen is not None and task.written is not None:
            for stage, ledger in (
                ("instances", task.instances),
                ("mixtures", task.chosen),
                ("shards", task.written),
            ):
                removed = {one.reason: one.rows for one in task.audit.removed if one.stage == stage}
                assert removed == ledger.rejected


def test_rows_of_photographs_that_others_hold_out_are_counted(sample_build: Builder) -> None:
    published: dict[str, str | None] = {}
    for row in _table(sample_build, "mscoco.images"):
        published[row["image_id"]] = row["published_split"]
    instances = pq.read_table(
        sample_build.run(Reference("instances", "image_captioning")).path("instances.parquet")
    ).to_pylist()
    held = [row for row in instances if row["split"] == "test"]
    assert {published[row["image_id"]] for row in held} <= {"train", "validation"}
    removed = {one.reason: one for one in _audit(sample_build, "image_captioning").removed}
    assert removed["held_out_elsewhere"].rows == len(held) > 0
    assert (removed["held_out_elsewhere"].stage, removed["held_out_elsewhere"].kind) == ("splits", "leak")
    # Nobody else holds stricter what is evaluated on.
    assert not [one for one in _audit(sample_build, TASKS[0]).removed if one.stage == "splits"]


def _table(builder: Builder, name: str) -> list[dict[str, Any]]:
    (path,) = builder.run(Reference("tables", name)).tables
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


def test_rows_marked_wrong_are_left_out_of_the_next_build(sample_build: Builder, tmp_path: Path) -> None:
    lake = copied(sample_build, tmp_path)
    built(lake, tasks=SMALL)
    (task,) = SMALL
    uids = [
        row[0]
        for row in catalogue.ask(lake, f"select uid from mixture_multiinstruct.{task}_rows order by place")[1]
    ]
    words = ["wrong", "right", "right", "ambiguous"]
    lines = [json.dumps({"uid": uid, "verdict": word}) for uid, word in zip(uids, words, strict=False)]
    verdicts = tmp_path / "verdicts.jsonl"
    verdicts.write_text("\n".join(lines) + "\n")
    assert _run("review", task, "--verdicts", str(verdicts), "--lake", str(lake)).exit_code == 0
    assert len((lake / NAME).read_text().splitlines()) == 4
    built(lake, tasks=SMALL)
    left = catalogue.ask(
        lake, f"select uid from rejected.\"multiinstruct.{task}\" where rejected = 'reported'"
    )[1]
    assert left == [(uids[0],)]
    (found,) = (one for one in report.read(lake, whole(lake)).tasks if one.task == task)
    assert found.audit is not None
    assert found.audit.reviews is not None
    assert (found.audit.reviews.right, found.audit.reviews.wrong) == (2, 1)
    assert found.audit.reviews.error_rate == 0.3333


def test_only_what_rows_were_made_of_is_cited(sample_build: Builder, tmp_path: Path) -> None:
    lake = copied(sample_build, tmp_path)
    built(lake, tasks=SMALL)
    found = json.loads(_run("cite", "--lake", str(lake), "--json").stdout)
    assert [one["source"] for one in found["sources"]] == ["vsr"]
    bibtex = _run("cite", "--lake", str(lake), "--bibtex").stdout
    assert bibtex.count("@") == 3
    assert "xu2023multiinstruct" in bibtex
    assert "wang2022ofa" in bibtex


def test_a_lake_without_mixture_has_nothing_to_audit_or_cite(sample_build: Builder, tmp_path: Path) -> None:
    lake = copied(sample_build, tmp_path)
    built(lake, tasks=SMALL, until="instances")
    assert not any(entry.stage == "audits" for entry in whole(lake).members)
    for command in ("audit", "cite"):
        with pytest.raises(BuildError, match=r"no audit|no mixture"):
            _run(command, "--lake", str(lake))


def test_audits_are_artifacts_of_the_build(sample_build: Builder) -> None:
    names = {entry.reference for entry in whole(sample_build.lake).members if entry.stage == "audits"}
    assert Reference("audits", "multiinstruct") in names
    assert {Reference("audits", f"multiinstruct.{task}") for task in TASKS} <= names


def test_a_review_goes_on_where_it_was_left(
    sample_build: Builder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = copied(sample_build, tmp_path)
    monkeypatch.chdir(tmp_path)
    words = ["review", "image_quality", "-n", "3", "--lake", str(lake)]
    said = CliRunner().invoke(app, words, input="r\nnonsense\nw\nq\n", catch_exceptions=False).stdout
    assert "1 right, 1 wrong" in said
    assert (tmp_path / "review_image_quality.html").is_file()
    # A line that a killed process has begun was never said.
    with (lake / NAME).open("a") as file:
        file.write('{"uid": "image_qu')
    said = CliRunner().invoke(app, words, input="a\n", catch_exceptions=False).stdout
    assert "1 of 1" in said
    assert "1 right, 1 wrong, 1 ambiguous" in said
    assert [json.loads(line)["verdict"] for line in (lake / NAME).read_text().splitlines()] == [
        "right",
        "wrong",
        "ambiguous",
    ]
