"""The tree as strangers use it: copied, moved, added to, run on other machines."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, SMALL
from transforms.builder import Builder
from transforms.lake import whole

BUILD = """
import sys
from pathlib import Path
from flows.sample import with_sample
from schemas.settings import BuildSettings
from transforms.builder import Builder
settings = BuildSettings.model_validate_json(sys.argv[1])
print(Builder(with_sample(settings)).build().id)
"""


def _build(tree: Path, lake: Path, **changes: str) -> str:
    """Builds the sample world in a process of its own and returns the id of the build."""
    threads = int(changes.pop("threads", "2"))
    asked = {"lake": str(lake), "sample": True, "threads": threads, **json.loads(changes.pop("asked", "{}"))}
    ran = subprocess.run(
        [sys.executable, "-c", BUILD, json.dumps(asked)],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree), **changes},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def _copy(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    rooms = ("schemas", "instructions", "shards", "transforms", "sample_world", "flows")
    for room in rooms:
        shutil.copytree(ROOT / room, tree / room, ignore=shutil.ignore_patterns("__pycache__"))
    return tree


def test_the_build_is_the_same_everywhere(sample_build: Builder, tmp_path: Path) -> None:
    elsewhere = _build(
        _copy(tmp_path),
        tmp_path / "another place" / "lake",
        threads="1",
        PYTHONHASHSEED="1",
        TZ="Pacific/Kiritimati",
        LC_ALL="C",
    )
    assert elsewhere == whole(sample_build.lake).id


def test_another_hash_seed_time_zone_and_locale_change_nothing(small_build: Builder, tmp_path: Path) -> None:
    again = _build(
        ROOT,
        tmp_path / "lake",
        threads="2",
        PYTHONHASHSEED="2",
        TZ="America/Adak",
        LC_ALL="C.UTF-8",
        asked=json.dumps({"sources": SMALL}),
    )
    assert again == whole(small_build.lake).id


def _ask(tree: Path, *arguments: str) -> Any:
    """The answer of the command, run from a tree, as JSON."""
    ran = subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments, "--json"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_a_moved_lake_is_still_whole(sample_build: Builder, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(sample_build.lake, moved)
    steps = _ask(ROOT, "plan", "--sample", "--lake", str(moved))["steps"]
    assert {step["action"] for step in steps} == {"done"}
    query = "select distinct lake from about.build"
    assert _ask(ROOT, "sql", query, "--lake", str(moved)) == [{"lake": str(moved)}]
    query = "select count(*) as n from instances.visual_grounding"
    assert _ask(ROOT, "sql", query, "--lake", str(moved))[0]["n"] > 1000


SQL = """/*
summary  = "Name the thing in a region."
category = "grounded_generation"
origin   = "derived"
role     = "train"
output   = "text"
metrics  = ["rouge_l"]
extra    = true
*/
select
    image_id || ':' || object_id as key,
    image_id,
    pictures.split,
    [objects.box] as regions,
    objects.name as target
from visual_genome.objects
join visual_genome.pictures using (image_id)
order by key
"""

TOML = """instructions = [
    'What is the thing in <region_0> called?',
    'Name what <region_0> shows.',
    'The task is to name the thing in <region_0> of the picture.',
    'The thing in <region_0> is a',
    'There is something in <region_0> here. Say what it is.',
]
"""


def test_a_sixth_task_takes_two_files(tmp_path: Path) -> None:
    tree = _copy(tmp_path)
    (tree / "transforms" / "tasks" / "object_naming.sql").write_text(SQL)
    (tree / "instructions" / "object_naming.toml").write_text(TOML)
    lake = tmp_path / "lake"
    asked = json.dumps({"tasks": ["object_naming"], "mixture": "quick"})
    assert _build(tree, lake, asked=asked)
    shown = _ask(tree, "show", "object_naming", "-n", "1", "--lake", str(lake))[0]
    assert shown["prompts"][1] == "Name what <region_0> shows."
    assert shown["target"]


SOURCE = """
from collections.abc import Iterator
from typing import Final

from schemas.source import Licence, RemoteFile, Source
from transforms.raw import Raw, Record, Row

SOURCE: Final = Source(
    title="Meadow",
    homepage="https://meadow.example/about",
    licence=Licence(name="CC0", url="https://meadow.example/licence"),
    citation="@misc{meadow}",
    files={
        "flowers": RemoteFile(urls=("https://meadow.example/flowers.tar.gz",), holds="pictures"),
    },
    accepts={"captions": 2},
)


class _Flower(Record):
    number: str
    name: str


def images(flowers: Raw) -> Iterator[Row]:
    for place, flower in flowers.delimited(_Flower, member="flowers.csv"):
        name = f"pictures/{flower.number}.png"
        yield place, {"image_id": f"meadow:{flower.number}", "archive": "flowers", "picture": name}


def captions(flowers: Raw) -> Iterator[Row]:
    for place, flower in flowers.delimited(_Flower, member="flowers.csv"):
        yield place, {"image_id": f"meadow:{flower.number}", "caption_id": flower.number, "text": flower.name}
"""

FORMAT = """
from pathlib import Path

from sample_world.archive import tar_gz


def write(mirror: Path, seed: int, scale: float) -> None:
    with tar_gz(mirror / "meadow.example" / "flowers.tar.gz") as add:
        add("flowers.csv", b'number,name\\r\\n1,"a daisy, white"\\r\\n2,a poppy\\r\\n')
        for number in (1, 2):
            add(f"pictures/{number}.png", b"drawn elsewhere")
"""


def test_a_22nd_source_takes_two_files(tmp_path: Path) -> None:
    tree = _copy(tmp_path)
    (tree / "transforms" / "sources" / "meadow.py").write_text(SOURCE)
    (tree / "sample_world" / "formats" / "meadow.py").write_text(FORMAT)
    lake = tmp_path / "lake"
    asked = json.dumps({"sources": ["meadow"], "until": "tables"})
    assert _build(tree, lake, asked=asked)
    query = "select image_id, text from meadow.captions join meadow.pictures using (image_id) order by all"
    assert _ask(tree, "sql", query, "--lake", str(lake)) == [
        {"image_id": "meadow:1", "text": "a daisy, white"},
        {"image_id": "meadow:2", "text": "a poppy"},
    ]
    card = _ask(tree, "list", "sources", "meadow")
    assert card["tables"] == ["images", "captions"]
    assert card["files"][0]["hosts"] == ["meadow.example"]
    names = {step["name"] for step in _ask(tree, "plan", "--sample", "--lake", str(lake))["steps"]}
    assert "meadow.captions" in names


@pytest.mark.parametrize(
    "name", ["README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "constraints.txt"]
)
def test_what_a_repository_owes_its_readers_is_there(name: str) -> None:
    assert (ROOT / name).stat().st_size > 200
