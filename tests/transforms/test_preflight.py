"""What a plan needs of the disk and the network is known before it begins."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from flows.sample import with_sample
from schemas.errors import BuildError, ExitCode
from schemas.settings import BuildSettings
from transforms import registry
from transforms.builder import Builder
from transforms.preflight import Need, check_disk, need_of

TASK = "visual_grounding"


class Usage(NamedTuple):
    """What `shutil.disk_usage` says."""

    total: int
    used: int
    free: int


def asked(lake: Path, **changes: object) -> BuildSettings:
    return BuildSettings.model_validate({"lake": lake, "tasks": (TASK,), "unpinned": True, **changes})


def need(settings: BuildSettings) -> Need:
    return need_of(Builder(settings).plan(), settings)


def test_declared_files_count_and_unknown_ones_are_named(tmp_path: Path) -> None:
    found = need(asked(tmp_path / "lake", until="instances"))
    files = registry.declaration("visual_genome").files
    pinned = [file for file in files.values() if file.pin and file.holds == "records"]
    assert found.fetched >= sum(file.pin.bytes or 0 for file in pinned if file.pin)
    assert found.written > found.fetched
    assert not (tmp_path / "lake").exists()


def test_what_has_come_already_is_not_counted_again(tmp_path: Path) -> None:
    settings = asked(tmp_path, until="instances")
    before = need(settings).fetched
    (tmp_path / "partial").mkdir()
    (tmp_path / "partial" / "visual_genome.image_data").write_bytes(bytes(1_000))
    assert need(settings).fetched == before - 1_000


def test_a_plan_that_does_not_fit_is_refused_with_both_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = asked(tmp_path)
    planned = Builder(settings).plan()
    wanted = check_disk(planned, settings).written
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(wanted, 0, wanted))
    check_disk(planned, settings)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(wanted, 1, wanted - 1))
    with pytest.raises(BuildError, match=f"{wanted:,}") as caught:
        check_disk(planned, settings)
    assert caught.value.exit_code == ExitCode.DISK_FULL
    assert f"{wanted - 1:,}" in str(caught.value)


def test_a_sample_fetches_nothing_and_a_finished_build_needs_nothing(tmp_path: Path) -> None:
    settings = with_sample(asked(tmp_path, sample=True, sample_scale=0.3))
    found = need(settings)
    assert found.fetched == 0
    assert 0 < found.written < 100 << 20
    Builder(settings).build()
    assert need(settings).written == 0


def test_the_ways_of_the_pictures_are_told(tmp_path: Path) -> None:
    found = need(asked(tmp_path, mixture="quick"))
    assert {way.key for way in found.ways} == {("visual_genome", "images"), ("visual_genome", "images2")}
    assert {way.whole for way in found.ways} == {False}
    assert found.fetched < 2_000_000_000
