"""A collection names the folders of the build that it belongs to, however often those are made anew."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from flows.sample import with_sample
from schemas.artifact import Reference
from schemas.build import Build
from schemas.settings import BuildSettings
from shards.collection import read_collection
from shards.opened import open_tasks
from tests.conftest import SMALL as SOURCES
from tests.transforms.lakes import copied, held
from transforms.builder import Builder, Planned
from transforms.closure import code_id
from transforms.garbage import collect
from transforms.lake import whole
from transforms.publish import publish
from transforms.pull import pull
from transforms.verify import verify

COLLECTION: Final = "shards/multiinstruct"
TOKENISED: Final = "shards/multiinstruct.visual_grounding"


class Rebuilt(NamedTuple):
    """A lake in which all tasks were tokenised again to the same rows.

    Attributes:
        before: the build before that.
        collection: folder of its collection.
        planned: what was to be done before anything ran, and as soon as the shards were there.
    """

    lake: Path
    settings: BuildSettings
    before: Build
    collection: Path
    planned: tuple[dict[str, Planned], dict[str, Planned]]


def _remarked(*modules: str) -> str:
    """The code as if somebody had added a comment to what tokenises."""
    return code_id(*modules) + ("a remark" if modules == ("transforms.tokenise",) else "")


@pytest.fixture(scope="module")
def rebuilt(small_build: Builder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rebuilt]:
    lake = copied(small_build, tmp_path_factory.mktemp("collection"))
    before, collection = whole(lake), held(lake, COLLECTION).path("")
    settings = with_sample(BuildSettings(lake=lake, sample=True, sources=SOURCES))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("transforms.steps.code_id", _remarked)
        first = _plan(settings)
        builder = Builder(settings)
        for entry in first.values():
            if entry.action == "run":
                builder.run(entry.step.reference)
        second = _plan(settings)
        builder.build()
        yield Rebuilt(lake, settings, before, collection, (first, second))


@pytest.fixture
def lake(rebuilt: Rebuilt, tmp_path: Path) -> Path:
    """A copy of that lake, in which no other test has removed anything."""
    return Path(shutil.copytree(rebuilt.lake, tmp_path / "lake"))


def _plan(settings: BuildSettings) -> dict[str, Planned]:
    """What is to be done, without what is done."""
    steps = Builder(settings).plan()
    return {str(entry.step.reference): entry for entry in steps if entry.action != "done"}


def _named(folder: Path) -> set[Path]:
    """The folders that a collection names."""
    found = read_collection(folder)
    tasks = [path for task in found.tasks.values() for path in (task.shard, task.instructions)]
    return {Path(os.path.normpath(folder / path)) for path in (found.vocabulary, found.pictures, *tasks)}


def _members(lake: Path, build: Build) -> set[Path]:
    return {lake / one.stage / one.name / one.fingerprint / "data" for one in build.members}


def _rows(folder: Path) -> dict[str, int]:
    """Rows of each task that can be trained on, as they are read: with pictures, which must be packed."""
    tasks, _ = open_tasks(folder, "train", None)
    return {task.name: len(task.pictures) for task in tasks}


def _stated(folder: Path) -> dict[str, int]:
    tasks = read_collection(folder).tasks
    return {name: task.rows["train"] for name, task in tasks.items() if task.rows.get("train")}


def test_a_build_of_the_same_content_has_its_id_and_a_collection_of_its_own(rebuilt: Rebuilt) -> None:
    build, made = whole(rebuilt.lake), held(rebuilt.lake, COLLECTION)
    assert build.id == rebuilt.before.id
    assert build.members != rebuilt.before.members
    assert made.path("") != rebuilt.collection
    assert _named(made.path("")) <= _members(rebuilt.lake, build)
    assert not _named(rebuilt.collection) <= _members(rebuilt.lake, build)
    # The one before names what it named.
    assert _named(rebuilt.collection) <= _members(rebuilt.lake, rebuilt.before)


def test_a_plan_says_that_a_collection_follows_and_then_why(rebuilt: Rebuilt) -> None:
    first, second = rebuilt.planned
    tokenised = {name for name, entry in first.items() if entry.action == "run"}
    assert TOKENISED in tokenised
    assert {entry.step.verb for entry in first.values() if entry.action == "run"} == {"tokenise"}
    assert (first[COLLECTION].action, first[COLLECTION].changes) == ("follow", ())
    # What reads the rows alone is spared, for they are the same.
    assert set(second) == {COLLECTION}
    assert second[COLLECTION].action == "run"
    assert second[COLLECTION].reason.startswith("changed: folders (shards/multiinstruct.")
    (change,) = second[COLLECTION].changes
    assert set(change.parts) == tokenised
    assert _plan(rebuilt.settings) == {}


def test_what_a_kept_collection_names_is_kept(rebuilt: Rebuilt, lake: Path) -> None:
    found = collect(lake, keep=1)
    gone = {one.path.parent.name for one in found.garbage if one.kind == "artifact"}
    assert gone >= {"multiinstruct", "multiinstruct.visual_grounding"}
    assert not (lake / rebuilt.collection.relative_to(rebuilt.lake)).exists()
    folder = held(lake, COLLECTION).path("")
    assert _rows(folder) == _stated(folder) != {}
    assert verify(lake, every=True).problems == ()


def test_what_is_published_and_pulled_opens(lake: Path, tmp_path: Path) -> None:
    publish(lake, f"{tmp_path}/published")
    pull(f"{tmp_path}/published", tmp_path / "taken")
    folder = held(tmp_path / "taken", COLLECTION).path("")
    assert _named(folder) <= _members(tmp_path / "taken", whole(tmp_path / "taken"))
    assert _rows(folder) == _stated(folder) != {}
    assert verify(tmp_path / "taken").problems == ()


def test_a_folder_that_is_named_and_not_there_is_found(rebuilt: Rebuilt, lake: Path) -> None:
    """As in a lake whose collection has stayed behind: its id and all contents are as they should be."""
    build = whole(lake)
    assert verify(lake).problems == ()
    name = Reference("shards", "multiinstruct")
    (old,) = [one for one in rebuilt.before.members if one.reference == name]
    members = [old if one.reference == name else one for one in build.members]
    path = lake / "builds" / f"{build.id}.json"
    path.write_text(build.model_copy(update={"members": members}).model_dump_json())
    found = verify(lake).problems
    assert {(one.where, one.what) for one in found} == {
        (f"{COLLECTION}/{old.fingerprint}", "a folder that it names is not there")
    }
    (lost,) = [one for one in rebuilt.before.members if str(one.reference) == TOKENISED]
    assert f"{TOKENISED}/{lost.fingerprint}" in {one.expected for one in found}
    Builder(rebuilt.settings.model_copy(update={"lake": lake})).build()
    assert verify(lake).problems == ()
