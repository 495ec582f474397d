"""What the command does not do before a person has said so: unvouched bytes, terms, harmful material."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flows import build as flow
from flows import building, fetching, looking
from schemas.artifact import Reference
from schemas.errors import BuildError, ExitCode
from tests.transforms.invented import Invented, invented
from transforms.builder import Builder
from transforms.preflight import need_of
from transforms.report import read as read_report

__all__ = ["invented"]


def test_a_fresh_default_build_is_told_what_to_say(invented: Invented, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="nothing is begun") as caught:
        building.build(invented.settings(tmp_path / "lake", unpinned=False), as_json=False)
    assert caught.value.exit_code == ExitCode.USAGE
    told = str(caught.value)
    assert "2 files are not accepted" in told
    assert "hill.records, asker.questions_file" in told
    assert "--unpinned" in told
    assert "--source" in told
    assert not (tmp_path / "lake" / "raw").exists()


def test_what_is_asked_for_by_name_tells_the_steps(invented: Invented, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="nothing is begun") as caught:
        building.build(invented.settings(tmp_path / "lake", sources=("pilgrim", "hermit")), as_json=False)
    told = str(caught.value)
    assert "adopt pilgrim PATH" in told
    assert "--accept-terms hermit" in told


def test_a_plan_says_what_waits_and_what_to_do(
    invented: Invented, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = invented.settings(tmp_path / "lake")
    building.show_plan(settings, as_json=False)
    told = " ".join(capsys.readouterr().out.split())
    assert "waiting: only a person can fetch pilgrim.json" in told
    assert "tables left out: pilgrim.images, pilgrim.captions tasks left out: pilgrim_task" in told
    assert "the pictures of hermit, pilgrim do not count for the splits" in told
    building.show_plan(settings, as_json=True)
    plan = json.loads(capsys.readouterr().out)
    assert {one["name"] for one in plan["waiting"] if one["kind"] == "task"} == {
        "hermit_task",
        "pilgrim_task",
    }
    assert plan["unweighed"] == ["hermit", "pilgrim"]


def test_a_run_in_prefect_says_what_waits_and_what_to_do(
    invented: Invented, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = invented.settings(tmp_path / "lake")
    builder = Builder(settings)
    shown: dict[str, str] = {}

    def show(rows: list[dict[str, Any]], key: str, description: str) -> None:
        assert rows
        shown[key] = description

    monkeypatch.setattr(flow, "create_table_artifact", show)
    flow._show(read_report(settings.lake, builder.build()))
    told = shown["build-ledger"]
    assert "Waiting: pilgrim.images, pilgrim.captions, pilgrim_task: only a person can fetch" in told
    assert "`multiinstruct adopt pilgrim PATH`" in told
    assert "--accept-terms hermit" in told


def test_a_repacked_archive_needs_room(invented: Invented, tmp_path: Path) -> None:
    handed = invented.mirror / "by-hand" / "pilgrim"
    handed.mkdir(parents=True)
    for path in invented.handed.iterdir():
        (handed / path.name).write_bytes(path.read_bytes())
    settings = invented.settings(tmp_path / "lake", sources=("pilgrim",), until="shards")
    need = need_of(Builder(settings).plan(), settings)
    repacked = need.steps[Reference("raw", "pilgrim.pictures.zip")]
    assert repacked.written == (handed / "pilgrim.tar.gz").stat().st_size
    assert repacked.fetched == 0


def test_adopting_remembers_that_one_agrees(
    invented: Invented, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = tmp_path / "lake"
    handed = invented.mirror / "hermit.example"
    fetching.adopt(lake, "hermit", handed, as_json=False)
    assert "--accept-terms hermit" in capsys.readouterr().out
    fetching.adopt(lake, "hermit", handed, as_json=False, accept_terms=["hermit"])
    assert "--accept-terms" not in capsys.readouterr().out
    assert not [one for one in Builder(invented.settings(lake)).waiting if "hermit" in one.name]


def test_what_may_hurt_is_shown_only_to_who_asks(
    invented: Invented, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = invented.settings(tmp_path / "lake", sample=True, tasks=("hermit_task", "hill_task"))
    Builder(settings).build()
    page = tmp_path / "look.html"
    for harmful, task in ((False, "hill_task"), (True, "hermit_task")):
        looking.show(settings.lake, task, 1, 0, page, None, as_json=True, harmful=harmful)
        assert json.loads(capsys.readouterr().out)[0]["target"].startswith("Scene")
    page.unlink()
    for show in (looking.show, looking.show_rejected):
        with pytest.raises(BuildError, match="may hurt") as caught:
            show(settings.lake, "hermit_task", 1, 0, page, None, as_json=True)
        assert caught.value.exit_code == ExitCode.USAGE
        assert capsys.readouterr().out == ""
    with pytest.raises(BuildError, match="may hurt"):
        looking.show_rejected(settings.lake, "hermit.captions", 1, 0, None, None, as_json=True)
    assert not page.exists()
