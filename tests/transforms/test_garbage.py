"""What no build needs goes, everything else stays, and a kill at any moment leaves a sound lake."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path

import pytest

from schemas.artifact import Reference
from schemas.errors import BuildError, ExitCode
from tests.transforms.lakes import SMALL, built, copied
from transforms import builds
from transforms.artifact import MANIFEST
from transforms.builder import Builder
from transforms.garbage import collect, garbage
from transforms.lake import current, whole, writing
from transforms.verify import verify


@pytest.fixture(scope="module")
def prepared(small_build: Builder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with three builds: all tasks; one task drawn otherwise; the same of fewer rows an image."""
    lake = copied(small_build, tmp_path_factory.mktemp("garbage"))
    (lake / "current").unlink()
    # A world of its own for another seed would take seconds to draw.
    mirror = str(next((lake / "sample").iterdir()))
    for seed in (1, 2):
        built(lake, mirror=mirror, offline=True, tasks=SMALL, until="instances", seed=seed)
    return lake


@pytest.fixture
def lake(prepared: Path, tmp_path: Path) -> Path:
    # Times say what was made before what.
    return Path(shutil.copytree(prepared, tmp_path / "lake"))


def _tree(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_nothing_is_deleted_unless_asked_for(lake: Path) -> None:
    before = _tree(lake)
    found = garbage(lake, keep=1)
    assert found.garbage
    assert _tree(lake) == before


def test_what_is_kept_is_whole_and_what_is_not_is_gone(lake: Path) -> None:
    kept = builds.paths(lake)[:2]
    found = collect(lake, keep=2)
    assert found.kept == tuple(path.stem for path in kept)
    assert builds.paths(lake) == kept
    assert verify(lake, every=True).problems == ()
    kinds = Counter(one.kind for one in found.garbage)
    assert kinds["build"] == 1
    assert kinds["artifact"] > 100
    assert not any(one.path.exists() for one in found.garbage)
    assert garbage(lake, keep=2).garbage == ()


def test_the_current_build_stays_however_old_it_is(lake: Path) -> None:
    oldest = builds.paths(lake)[-1].stem
    (lake / "current").write_text(f"{oldest}\n")
    assert collect(lake, keep=1).kept == (oldest,)
    assert whole(lake).id == oldest
    assert verify(lake, every=True).problems == ()


def test_publishers_files_go_only_if_that_is_said(lake: Path) -> None:
    raw = _tree(lake / "raw")
    collect(lake, keep=1)
    assert _tree(lake / "raw") == raw
    collect(lake, keep=1, raw=True)
    names = {one.name for one in whole(lake).members if one.stage == "raw"}
    assert {path.name for path in (lake / "raw").iterdir() if any(path.iterdir())} == names
    assert verify(lake, every=True).problems == ()


def test_what_an_interrupted_build_has_finished_stays(small_build: Builder, lake: Path) -> None:
    settings = small_build.settings.model_copy(update={"lake": lake, "seed": 9, "until": "instances"})
    before = _done(Builder(settings))
    interrupted = Builder(settings)
    for reference in list(interrupted.steps)[:-5]:
        interrupted.run(reference)
    fresh = _done(interrupted) - before
    assert len(fresh) >= 10
    collect(lake, keep=1)
    assert _done(Builder(settings)) >= fresh
    assert verify(lake, every=True).problems == ()


def _done(builder: Builder) -> set[Reference]:
    return {entry.step.reference for entry in builder.plan() if entry.action == "done"}


def test_a_lake_without_a_build_keeps_everything(lake: Path) -> None:
    shutil.rmtree(lake / "builds")
    (lake / "current").unlink()
    assert {one.kind for one in garbage(lake).garbage} <= {"report"}


def _left_behind(lake: Path) -> dict[str, Path]:
    """What killed runs leave: one thing of each kind."""
    task = lake / "instances" / "visual_grounding"
    made = {
        "draft": task / ".0123456789abcdef.77",
        "scratch": task / ".0123456789abcdef.77.scratch",
        "unsettled": lake / "raw" / "vsr.zeroshot_test" / ".unsettled.77",
        "no manifest": task / "0123456789abcdef",
        "world": lake / "sample" / ".0123456789abcdef",
    }
    for folder in made.values():
        (folder / "data").mkdir(parents=True)
        (folder / "data" / "part").write_bytes(bytes(1_000))
    files = {
        "pointer": lake / ".current.77",
        "list": lake / "builds" / ".0123456789abcdef.json.77",
        "picture": lake / "pictures" / "vsr.images" / "ab" / f".{'0' * 64}.77.99",
    }
    for path in files.values():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(10))
    return {**made, **files}


def test_what_killed_runs_have_left_goes(lake: Path) -> None:
    left = _left_behind(lake)
    found = {one.path for one in garbage(lake).garbage}
    assert found >= set(left.values())
    swept = {one.path for one in collect(lake).garbage}
    assert swept >= set(left.values())
    assert not any(path.exists() for path in left.values())
    assert verify(lake, every=True).problems == ()


def test_nothing_that_somebody_else_put_there_is_touched(lake: Path) -> None:
    mine = [
        lake / "notes.txt",
        lake / ".env.77",
        lake / "instances" / "README.md",
        lake / "instances" / "visual_grounding" / "notes" / "a.txt",
        lake / "instances" / "visual_grounding" / ".notes" / "a.txt",
        lake / "pictures" / "vsr.adopted" / "train" / "1.jpg",
        lake / "adopted" / "host" / "a.zip",
        lake / "sample" / "mine" / "a",
        lake / "reports" / "mine" / "a",
        lake / "predictions" / "0123456789abcdef" / "a",
    ]
    for path in mine:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"mine")
    collect(lake, keep=1, raw=True)
    assert all(path.read_bytes() == b"mine" for path in mine)


@pytest.mark.parametrize(
    "where", ["instances", "instances/evil", "instances/visual_grounding/0123456789abcdef"]
)
def test_no_link_is_followed(lake: Path, tmp_path: Path, where: str) -> None:
    outside = tmp_path / "outside"
    for name in ("0123456789abcdef/data", "a/0123456789abcdef/data", "data", ".0123456789abcdef.7"):
        (outside / name).mkdir(parents=True)
        (outside / name / "precious").write_bytes(b"mine")
    link = lake / where
    if link.is_dir():
        shutil.rmtree(link)
    link.symlink_to(outside)
    before = _tree(outside)
    collect(lake, keep=1, raw=True)
    with writing(lake):
        pass
    assert _tree(outside) == before
    assert link.is_symlink()


def test_downloads_that_were_begun_stay_as_long_as_they_are_wanted(lake: Path) -> None:
    folder = lake / "partial"
    folder.mkdir()
    for name in ("vsr.zeroshot_test", "mscoco.train2017"):
        for ending in ("", ".json", ".lock"):
            (folder / f"{name}{ending}").write_bytes(bytes(10))
    whole_file = next((lake / "raw" / "vsr.zeroshot_test").glob(f"*/{MANIFEST}"))
    os.utime(whole_file)
    collect(lake)
    assert _tree(folder) == {"mscoco.train2017", "mscoco.train2017.json", "mscoco.train2017.lock"}
    collect(lake, raw=True)
    assert _tree(folder) == set()


def test_a_lake_that_is_written_to_is_left_alone(lake: Path) -> None:
    draft = _left_behind(lake)["draft"]
    with writing(lake):
        draft.mkdir(parents=True)
        assert draft not in {one.path for one in garbage(lake).garbage}
        with pytest.raises(BuildError, match="another build") as caught:
            collect(lake)
    assert caught.value.exit_code == ExitCode.LAKE_BUSY


def test_a_build_whose_list_cannot_be_read_stops_everything(lake: Path) -> None:
    before = _tree(lake)
    path = builds.paths(lake)[-1]
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(BuildError, match="list of a build") as caught:
        collect(lake, keep=1)
    assert str(path) in str(caught.value)
    assert _tree(lake) - {".lock"} == before - {".lock"}


@pytest.mark.parametrize("calls", [1, 2, 9, 150])
def test_killed_at_any_moment_it_leaves_a_sound_lake(
    lake: Path, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    left = calls

    def dying(*arguments: object, **named: object) -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            raise KeyboardInterrupt
        unlink(*arguments, **named)  # type: ignore[arg-type]

    unlink = os.unlink
    build = current(lake)
    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", dying)
        with pytest.raises(KeyboardInterrupt):
            collect(lake, keep=1, raw=True)
    assert current(lake) == build
    assert verify(lake, every=True).problems == ()
    collect(lake, keep=1, raw=True)
    assert verify(lake, every=True).problems == ()
    assert garbage(lake, keep=1, raw=True).garbage == ()
