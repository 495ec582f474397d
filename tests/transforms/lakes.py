"""Lakes that a test may change: copies of the built sample lake."""

from __future__ import annotations

import shutil
from pathlib import Path

from flows.sample import with_sample
from schemas.artifact import Reference
from schemas.build import Build
from schemas.settings import BuildSettings
from tests.conftest import SMALL as SOURCES
from transforms.artifact import Artifact
from transforms.builder import Builder
from transforms.lake import member, whole

SMALL = ("visual_spatial_relationship",)
"""A task of few rows that derives from no other."""


def copied(sample_build: Builder, folder: Path) -> Path:
    """A copy of the sample lake."""
    lake = folder / "lake"
    shutil.copytree(sample_build.lake, lake)
    return lake


def built(lake: Path, **asked: object) -> Build:
    """Builds in a lake; what it holds already is not made again."""
    settings = BuildSettings.model_validate({"lake": lake, "sample": True, "sources": SOURCES, **asked})
    return Builder(with_sample(settings)).build()


def small(sample_build: Builder, folder: Path) -> Path:
    """A copy of the sample lake whose current build is one small task, up to its instances."""
    lake = copied(sample_build, folder)
    built(lake, tasks=SMALL, until="instances")
    return lake


def held(lake: Path, name: str) -> Artifact:
    """An artifact of the current build, such as `instances/visual_grounding`."""
    stage, _, rest = name.partition("/")
    found = member(lake, whole(lake), Reference(stage, rest))  # type: ignore[arg-type]
    assert found is not None
    return found
