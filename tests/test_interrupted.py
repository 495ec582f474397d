"""Killed at any moment, the same command goes on and ends where an undisturbed build ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from flows.sample import with_sample
from schemas.settings import BuildSettings
from tests.conftest import ROOT
from transforms.builder import Builder
from transforms.lake import current, whole

KILLED = """
import os, signal, sys
from pathlib import Path

left = int(sys.argv[2])

def dying(original):
    def call(*arguments, **named):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **named)
    return call

os.fsync = dying(os.fsync)
os.rename, os.replace = dying(os.rename), dying(os.replace)
Path.rename, Path.replace = dying(Path.rename), dying(Path.replace)

from flows.sample import with_sample
from schemas.settings import BuildSettings
from transforms.builder import Builder
from transforms.lake import writing
settings = BuildSettings(lake=Path(sys.argv[1]), sample=True, sources=("nlvr", "vsr"))
with writing(settings.lake):
    print(Builder(with_sample(settings)).build().id)
"""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Builder:
    """Two sources of the sample world, built to shards without a disturbance. Only read."""
    lake = tmp_path_factory.mktemp("undisturbed") / "lake"
    builder = Builder(with_sample(BuildSettings(lake=lake, sample=True, sources=("nlvr", "vsr"))))
    builder.build()
    return builder


def _run(lake: Path, calls: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", KILLED, str(lake), str(calls)],
        cwd=ROOT,
        env={**os.environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_build_killed_again_and_again_ends_like_an_undisturbed_one(
    undisturbed: Builder, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    killed = 0
    for calls in (1, 2, 7, 19, 40, 41, 90, 133, 200):
        ran = _run(lake, calls)
        if ran.returncode == 0:
            break
        assert ran.returncode == -signal.SIGKILL, ran.stderr
        killed += 1
        assert current(lake) is None
    assert killed >= 5
    ran = _run(lake, -1)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == whole(undisturbed.lake).id
    assert [*lake.glob("*/*/.*"), *lake.glob("*/.*")] == []


@pytest.mark.parametrize("when", ["first", "later"])
def test_a_full_disk_is_a_clear_error_and_leaves_the_lake_as_it_was(
    undisturbed: Builder, tmp_path: Path, when: str
) -> None:
    room = {"first": 60_000, "later": 400_000}[when]
    script = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, {room}))\n"
        "from pathlib import Path\n"
        "from schemas.settings import BuildSettings\n"
        "from transforms.builder import Builder\n"
        "settings = BuildSettings.model_validate_json(sys.argv[1])\n"
        "try:\n"
        "    Builder(settings).build()\n"
        "except OSError as error:\n"
        "    sys.exit('errno ' + str(error.errno))\n"
    )
    settings = undisturbed.settings.model_copy(update={"lake": tmp_path / "lake"})
    ran = subprocess.run(
        [sys.executable, "-c", script, settings.model_dump_json()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode != 0
    assert current(tmp_path / "lake") is None
    assert Builder(settings).build().id == whole(undisturbed.lake).id
