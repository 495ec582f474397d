"""Mixtures on the terminal and for a program: exact counts before anything runs."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from flows.cli import app
from schemas.artifact import Reference
from transforms import registry
from transforms.builder import Builder
from transforms.graph import default_tasks


def _run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"}, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_all_mixtures_are_listed() -> None:
    found = json.loads(_run("list", "mixtures", "--json"))
    assert [one["mixture"] for one in found] == registry.mixture_names()
    told = _run("list", "mixtures")
    assert all(one["mixture"] in told for one in found)
    assert "natural_instructions → multiinstruct" in told


def test_a_mixture_without_a_lake_tells_what_it_allows(tmp_path: Path) -> None:
    told = _run("list", "mixtures", "sequential_instruct", "--lake", str(tmp_path)).splitlines()
    tasks = [line.split()[0] for line in told]
    assert tasks.index("natural_instructions") < tasks.index("visual_grounding") < tasks.index("text_vqa")
    (line,) = [line.split() for line in told if line.startswith("visual_grounding ")]
    assert line == ["visual_grounding", "multiinstruct", *["≤", "10,000", "≤", "1,000"]]


def test_rows_that_come_again_name_each_stage(tmp_path: Path) -> None:
    told = _run("list", "mixtures", "skill_by_skill", "--lake", str(tmp_path)).splitlines()
    (line,) = [line.split() for line in told if line.startswith("image_captioning ")]
    assert line == ["image_captioning", "look,", "all", *["≤", "24,000", "≤", "1,000"]]
    assert "with black pictures: read, read_again" in told


def test_a_plan_tells_the_counts_that_a_build_stores(sample_build: Builder, tmp_path: Path) -> None:
    lake = ("--lake", str(sample_build.lake))
    known = json.loads(_run("plan", "--sample", "--json", *lake))["mixture"]
    assert (known["mixture"], known.get("stages")) == ("multiinstruct", None)
    stored = sample_build.run(Reference("mixtures", "multiinstruct"))
    told = {(one["task"], one["split"]): (one["available"], one["rows"]) for one in known["counts"]}
    found = {
        (path.stem, row["split"]): (row["available"], row["count"])
        for path in stored.tables
        for row in pq.read_table(path).to_pylist()
    }
    assert told == found
    # The mixture's own table says the same.
    shown = json.loads(_run("list", "mixtures", "multiinstruct", "--json", *lake))["counts"]
    mixed = {(one["task"], one["split"]): (one["available"], one["rows"]) for one in shown}
    assert {key: mixed[key] for key in told} == told
    together = [line for line in _run("plan", "--sample", *lake).splitlines() if line.startswith("together")]
    sums = [sum(rows for (_, part), (_, rows) in found.items() if part == split) for split in _SPLITS]
    assert [line.split() for line in together] == [["together", *(f"{rows:,}" for rows in sums)]]


_SPLITS = ("train", "validation", "test")


def test_before_there_are_instances_a_plan_tells_the_caps(tmp_path: Path) -> None:
    plan = json.loads(_run("plan", "--unpinned", "--json", "--mixture", "quick", "--lake", str(tmp_path)))
    counts = plan["mixture"]["counts"]
    assert {one["task"] for one in counts} <= set(default_tasks())
    assert {(one["split"], one["most"]) for one in counts} == {
        ("train", 100),
        ("validation", 20),
        ("test", 100),
    }
    assert {(one["available"], one["rows"]) for one in counts} == {(None, None)}


def test_no_shards_no_counts(tmp_path: Path) -> None:
    plan = json.loads(_run("plan", "--unpinned", "--json", "--until", "instances", "--lake", str(tmp_path)))
    assert plan["mixture"]["counts"] == []


def test_an_unknown_mixture_is_misuse() -> None:
    from schemas.errors import BuildError

    with pytest.raises(BuildError, match="no such mixture"):
        CliRunner().invoke(app, ["list", "mixtures", "muddle"], catch_exceptions=False)
