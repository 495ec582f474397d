"""`builds`, `catalog`, `diff`, `gc`, `plan` and `verify` as a person or a program uses them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.transforms.lakes import SMALL, built, copied, held
from transforms.builder import Builder


@pytest.fixture(scope="module")
def lake(small_build: Builder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with two builds: all tasks, and one of them with another instruction."""
    folder = tmp_path_factory.mktemp("keeping")
    lake = copied(small_build, folder)
    (folder / f"{SMALL[0]}.toml").write_text("instructions = ['Is it so that {text} {options}']\n")
    built(lake, tasks=SMALL, instructions=folder)
    return lake


def _run(*arguments: str, lake: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **({"MULTIINSTRUCT_LAKE": str(lake)} if lake else {})}
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", ["builds", "catalog", "diff", "gc", "verify"])
def test_help_is_given_with_examples(command: str) -> None:
    ran = _run(command, "--help")
    assert ran.returncode == 0
    assert "Example" in ran.stdout


def test_builds_are_listed(lake: Path) -> None:
    found = json.loads(_run("builds", "--json", lake=lake).stdout)
    assert [one["current"] for one in found] == [True, False]
    assert found[0]["tasks"] == list(SMALL)
    assert found[0]["made"].endswith("Z")
    assert found[1]["rows"]["instances"] > found[0]["rows"]["instances"] > 0
    text = _run("builds", lake=lake).stdout
    assert all(one["id"] in text for one in found)
    assert text.count(" * ") == 2  # the heading and the current build


def test_the_catalogue_is_listed_and_its_columns_are_told(lake: Path) -> None:
    text = _run("catalog", lake=lake).stdout
    assert f"instances  {SMALL[0]}" in " ".join(text.split()).replace("instances ", "instances  ")
    text = _run("catalog", f"instances.{SMALL[0]}", lake=lake).stdout
    assert "the answers to choose from, in the order shown" in text
    rejected = json.loads(_run("catalog", "rejected", "--json", lake=lake).stdout)
    assert rejected
    assert {one["schema"] for one in rejected} == {"rejected"}
    unknown = _run("catalog", "nowhere", lake=lake)
    assert unknown.returncode == 2
    assert "expected" in unknown.stderr


def test_a_difference_is_told_with_the_wordings(lake: Path) -> None:
    ran = _run("diff", "previous", "current", lake=lake)
    assert ran.returncode == 0, ran.stderr
    assert "+ instruction: Is it so that {text} {options}" in ran.stdout
    assert ran.stdout.count("- instruction:") == 5
    assert "- task: visual_grounding" in ran.stdout
    said = json.loads(_run("diff", "previous", "current", "--json", lake=lake).stdout)
    assert said["tasks"][0]["wordings_added"] == ["Is it so that {text} {options}"]
    same = _run("diff", "current", "current", lake=lake)
    assert "no difference" in same.stdout
    unknown = _run("diff", "current", "zzzzzzzz", lake=lake)
    assert unknown.returncode == 2
    assert "multiinstruct builds" in unknown.stderr


def test_garbage_is_told_then_collected(small_build: Builder, tmp_path: Path) -> None:
    lake = copied(small_build, tmp_path)
    built(lake, tasks=SMALL, until="instances")
    told = json.loads(_run("gc", "--keep", "1", "--json", lake=lake).stdout)
    assert (told["deleted"], len(told["kept"])) == (False, 1)
    text = _run("gc", "--keep", "1", lake=lake).stdout
    assert "Say --yes" in text
    assert (lake / "instances" / "visual_grounding").is_dir()
    ran = _run("gc", "--keep", "1", "--yes", lake=lake)
    assert ran.returncode == 0, ran.stderr
    assert "are free again" in ran.stdout
    assert not list((lake / "instances" / "visual_grounding").glob("*/data"))
    assert "nothing to delete" in _run("gc", "--keep", "1", lake=lake).stdout
    assert "sound" in _run("verify", "--all", lake=lake).stdout


def test_a_lake_is_verified_and_a_broken_one_is_named(lake: Path) -> None:
    sound = json.loads(_run("verify", "--all", "--json", lake=lake).stdout)
    assert (sound["sound"], sound["builds"], sound["problems"]) == (True, 2, [])
    path = held(lake, f"instances/{SMALL[0]}").path("instances.parquet")
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    try:
        ran = _run("verify", lake=lake)
        assert ran.returncode == 1
        assert "its bytes have changed" in ran.stdout
        assert f"rm -r {path.parent.parent}" in ran.stdout
        assert "not sound" in ran.stderr
        said = json.loads(_run("verify", "--json", lake=lake).stdout)
        assert not said["sound"]
        assert len(said["problems"]) == 1
    finally:
        path.write_bytes(data)


def test_a_plan_says_why_how_much_and_how_long(lake: Path, tmp_path: Path) -> None:
    world = str(next((lake / "sample").iterdir()))
    ran = _run("plan", "--sample", "--seed", "1", "--mirror", world, lake=lake)
    assert ran.returncode == 0, ran.stderr
    assert "seed 0 → 1" in ran.stdout
    assert "to write" in ran.stdout
    assert "about" in ran.stdout
    path = tmp_path / f"{SMALL[0]}.toml"
    path.write_text("instructions = ['Would you say that {text} {options}']\n")
    ran = _run("plan", "--sample", "--instructions", str(tmp_path), "--json", lake=lake)
    told = json.loads(ran.stdout)
    running = [step for step in told["steps"] if step["action"] != "done"]
    (prepare,) = [step for step in running if step["name"] == f"instructions.{SMALL[0]}"]
    (changed,) = prepare["changes"]
    assert (changed["what"], changed["files"]) == ("instructions", [str(path)])
    assert told["seconds"]["most"] >= told["seconds"]["sure"] > 0
    assert prepare["estimate"]["seconds"] >= 0
    assert prepare["estimate"]["written"] > 0


def test_a_plan_can_be_made_while_somebody_builds(lake: Path) -> None:
    from transforms.lake import writing

    with writing(lake):
        ran = _run("plan", "--sample", lake=lake)
    assert ran.returncode == 0, ran.stderr
