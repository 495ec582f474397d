"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from flows.sample import with_sample
from schemas.settings import BuildSettings
from transforms.builder import Builder

if "PYTEST_XDIST_WORKER" in os.environ:
    # The cores are shared out among the processes already; torch would take them all in each.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
SMALL = ("mscoco", "nlvr", "visual_genome", "vsr")


def shared_folder(name: str) -> Path:
    """A folder of test data beside the checkout; the test is skipped where there is none."""
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"no test data beside the checkout: {folder}")
    return folder


@pytest.fixture(scope="session")
def real() -> Path:
    """Real records in the sources' own formats."""
    return shared_folder("real")


@pytest.fixture(scope="session")
def vectors() -> Path:
    """Reference vectors for text, boxes and the model."""
    return shared_folder("vectors")


@pytest.fixture(scope="session")
def ofa_bpe() -> Path:
    """OFA's three vocabulary files."""
    return shared_folder("bpe")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What the machine remembers between runs stays out of the tests, and the tests out of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def sample_build(shared_tmp: Path) -> Builder:
    """The sample world, built to shards without an orchestrator. Tests only read it."""
    return _built_once(BuildSettings(lake=shared_tmp / "sample" / "lake", sample=True))


@pytest.fixture(scope="session")
def small_build(shared_tmp: Path) -> Builder:
    """A few sources of the sample world, built to shards: for tests that build it again. Only read."""
    return _built_once(BuildSettings(lake=shared_tmp / "small" / "lake", sample=True, sources=SMALL))


def _built_once(settings: BuildSettings) -> Builder:
    """A build by the first process that asks; the others wait for it, and find nothing to do."""
    folder = settings.lake.parent
    folder.mkdir(exist_ok=True)
    with FileLock(folder / "building.lock"):
        builder = Builder(with_sample(settings))
        builder.build()
    return builder


@pytest.fixture(scope="session")
def shared_tmp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of this run of the tests, which all its processes have in common."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the flag that writes the golden files anew."""
    parser.addoption("--regenerate-golden", action="store_true", help="write the golden files anew")
