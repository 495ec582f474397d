"""The report of a build, from the lake that a build has left."""

from __future__ import annotations

import html.parser
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.artifact import Manifest
from schemas.waiting import Waiting
from tests.conftest import ROOT
from transforms import report
from transforms.builder import Builder
from transforms.lake import whole

HOSTILE = "</td><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}"


def _folder(lake: Path) -> Path:
    return report.folder_of(lake, whole(lake))


def _files(lake: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in _folder(lake).iterdir()}


@pytest.fixture
def lake(sample_build: Builder, tmp_path: Path) -> Path:
    """A copy of the sample lake, with a report that a test may spoil."""
    copied = tmp_path / "lake"
    shutil.copytree(sample_build.lake, copied)
    return copied


def test_a_build_leaves_its_report(sample_build: Builder) -> None:
    build = whole(sample_build.lake)
    told = report.read(sample_build.lake, build)
    assert told.build == build.id
    assert [task.task for task in told.tasks] == [
        entry.name for entry in build.members if entry.stage == "instances"
    ]
    for ledger in told.ledgers():
        folder = sample_build.lake / ledger.artifact / ledger.fingerprint
        manifest = Manifest.model_validate_json((folder / "manifest.json").read_bytes())
        assert ledger.rows_in == ledger.rows_out + ledger.not_asked + sum(ledger.rejected.values())
        assert (ledger.rows_in, ledger.rejected) == (manifest.rows_in, manifest.rejected)
        assert ledger.bytes == sum((folder / entry.path).stat().st_size for entry in manifest.files)
    assert any(ledger.rejected for ledger in told.ledgers())
    assert sum(stage.artifacts for stage in told.stages) == len(build.members)


def test_it_says_what_is_in_the_shards(sample_build: Builder) -> None:
    told = report.read(sample_build.lake, whole(sample_build.lake))
    (task,) = (task for task in told.tasks if task.task == "visual_grounding")
    assert task.chosen is not None
    assert sum(task.shard.values()) == task.chosen.rows_out > 0
    (source,) = (source for source in told.sources if source.source == "visual_genome")
    assert source.licence == "CC BY 4.0"
    assert "visual_grounding" in source.tasks
    assert {"tables/visual_genome.regions", "tables/visual_genome.images"} <= {
        table.artifact for table in source.tables
    }


def test_it_says_what_waits(sample_build: Builder) -> None:
    told = report.read(sample_build.lake, whole(sample_build.lake))
    waiting = {one.name: one.reason for one in told.waiting}
    assert "its answers are pictures" in waiting["image_infilling"]
    page = (_folder(sample_build.lake) / report.PAGE).read_text()
    assert waiting["image_infilling"] in page


def test_the_same_lake_elsewhere_has_the_same_report(sample_build: Builder, lake: Path) -> None:
    before = _files(lake)
    shutil.rmtree(lake / report.FOLDER)
    told = report.read(sample_build.lake, whole(lake))
    report.write(lake, whole(lake), told.waiting, told.unweighed)
    assert _files(lake) == before == _files(sample_build.lake)
    assert not any(str(sample_build.lake).encode() in data for data in before.values())


def test_what_says_the_same_is_not_written_again(lake: Path) -> None:
    def written() -> dict[str, tuple[int, int]]:
        return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in _folder(lake).iterdir()}

    told = report.read(lake, whole(lake))
    before = written()
    report.write(lake, whole(lake), told.waiting, told.unweighed)
    assert written() == before
    (_folder(lake) / report.PAGE).write_text("spoilt")
    report.write(lake, whole(lake), told.waiting, told.unweighed)
    assert written()[report.DATA] == before[report.DATA]
    assert (_folder(lake) / report.PAGE).read_text().startswith("<!doctype html>")


def test_a_plain_build_with_nothing_to_do_puts_a_missing_report_back(lake: Path) -> None:
    before = report.read(lake, whole(lake))
    shutil.rmtree(lake / report.FOLDER)
    ran = subprocess.run(
        [sys.executable, "-m", "flows.cli", "build", "--sample", "--lake", str(lake), "--json"],
        cwd=ROOT,
        # No flow can run: there is no server at this address.
        env={**os.environ, "PREFECT_API_URL": "http://127.0.0.1:1/api"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "nothing to do" in json.loads(ran.stdout)["outcome"]
    # The command has torch, the fixture has not: they differ in what waits.
    rest = {"waiting"}
    assert report.read(lake, whole(lake)).model_dump(exclude=rest) == before.model_dump(exclude=rest)
    assert (_folder(lake) / report.PAGE).is_file()


class _Page(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.policy = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.add(tag)
        self.attributes |= given.keys()
        self.links += [given[name] for name in ("href", "src") if name in given]
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"]


def test_the_page_runs_nothing_whatever_stands_in_it(lake: Path) -> None:
    waiting = [Waiting(kind="task", name=HOSTILE, reason=HOSTILE)]
    report.write(lake, whole(lake), waiting)
    text = (_folder(lake) / report.PAGE).read_text()
    page = _Page()
    page.feed(text)
    assert not page.tags & {"script", "img", "iframe", "object", "form", "link", "base"}
    assert not any(name.startswith("on") for name in page.attributes)
    assert page.policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert all(link.startswith(("#", "https://", "http://", "report.json")) for link in page.links)
    assert "&lt;script&gt;" in text
    assert "{{7*7}}" in text
    assert json.loads((_folder(lake) / report.DATA).read_text())["waiting"][0]["name"] == HOSTILE
