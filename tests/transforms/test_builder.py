"""What is built, when, and why: a second build runs nothing, a change runs what derives from it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.sample import with_sample
from schemas.artifact import Reference
from schemas.errors import BuildError, ExitCode
from schemas.settings import BuildSettings
from tests.conftest import SMALL
from transforms import artifact, registry
from transforms.artifact import Draft
from transforms.builder import Builder
from transforms.lake import current, writing


@pytest.fixture
def tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the task folder that a test may change."""
    folder = tmp_path / "tasks"
    shutil.copytree(registry.TASKS, folder)
    monkeypatch.setattr(registry, "TASKS", folder)
    return folder


@pytest.fixture
def settings(small_build: Builder, tmp_path: Path) -> BuildSettings:
    """A copy of the built sample lake."""
    lake = tmp_path / "lake"
    shutil.copytree(small_build.lake, lake)
    return BuildSettings(lake=lake, sample=True, sources=SMALL)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every artifact that is published while the test runs."""
    found: list[str] = []
    publish = artifact.publish

    def note(lake: Path, reference: Reference, fingerprint: str, making: Draft, **rest: object) -> object:
        found.append(str(reference))
        return publish(lake, reference, fingerprint, making, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(artifact, "publish", note)
    yield found


def _builder(settings: BuildSettings) -> Builder:
    return Builder(with_sample(settings))


def _actions(builder: Builder) -> dict[str, str]:
    return {str(entry.step.reference): entry.action for entry in builder.plan() if entry.action != "done"}


def test_a_second_build_runs_nothing(settings: BuildSettings, made: list[str]) -> None:
    before = current(settings.lake)
    builder = _builder(settings)
    assert _actions(builder) == {}
    assert builder.build() == before
    assert made == []


def test_a_touched_query_rebuilds_its_task_and_what_derives_from_it_as_planned(
    settings: BuildSettings, tasks: Path, made: list[str]
) -> None:
    path = tasks / "visual_grounding.sql"
    path.write_text(path.read_text().replace("< 0.5", "< 0.4"))
    mine = {
        "audits/multiinstruct",
        "audits/multiinstruct.visual_grounding",
        "audits/multiinstruct.visual_grounding_selection",
        "instances/visual_grounding",
        "instances/visual_grounding_selection",
        "mixtures/multiinstruct",
        "mixtures/multiinstruct.pictures.overlaps",
        "mixtures/multiinstruct.pictures.train",
        "mixtures/multiinstruct.pictures.validation",
        "mixtures/multiinstruct.visual_grounding",
        "mixtures/multiinstruct.visual_grounding.train",
        "mixtures/multiinstruct.visual_grounding.validation",
        "mixtures/multiinstruct.visual_grounding_selection",
        "mixtures/multiinstruct.visual_grounding_selection.train",
        "mixtures/multiinstruct.visual_grounding_selection.validation",
        "shards/multiinstruct",
        "shards/multiinstruct.pictures",
        "shards/multiinstruct.visual_grounding",
        "shards/multiinstruct.visual_grounding_selection",
        "shards/instructions.visual_grounding",
        "shards/instructions.visual_grounding_selection",
    }
    plan = {str(entry.step.reference): entry for entry in _builder(settings).plan()}
    touched = plan["instances/visual_grounding"]
    assert (touched.action, touched.reason) == ("run", f"changed: query ({path})")
    following = {name for name, entry in plan.items() if entry.action == "follow"}
    assert "instances/visual_grounding_selection" in following
    _builder(settings).build()
    assert set(made) <= mine
    assert {"instances/visual_grounding", "instances/visual_grounding_selection"} & set(made)
    assert set(made) <= following | {"instances/visual_grounding"}


def test_other_rows_rebuild_everything_that_derives_from_them_and_nothing_else(
    settings: BuildSettings, tasks: Path, made: list[str]
) -> None:
    path = tasks / "visual_grounding.sql"
    path.write_text(path.read_text().replace("    counted.text,\n", "    upper(counted.text) as text,\n"))
    _builder(settings).build()
    assert sorted(made) == [
        "audits/multiinstruct",
        "audits/multiinstruct.visual_grounding",
        "audits/multiinstruct.visual_grounding_selection",
        "instances/visual_grounding",
        "instances/visual_grounding_selection",
        "mixtures/multiinstruct",
        "mixtures/multiinstruct.visual_grounding",
        "mixtures/multiinstruct.visual_grounding.train",
        "mixtures/multiinstruct.visual_grounding.validation",
        "mixtures/multiinstruct.visual_grounding_selection",
        "mixtures/multiinstruct.visual_grounding_selection.train",
        "mixtures/multiinstruct.visual_grounding_selection.validation",
        "shards/instructions.visual_grounding",
        "shards/instructions.visual_grounding_selection",
        "shards/multiinstruct",
        "shards/multiinstruct.visual_grounding",
        "shards/multiinstruct.visual_grounding_selection",
    ]


def test_a_comment_rebuilds_one_table_and_cuts_off_there(
    settings: BuildSettings, tasks: Path, made: list[str]
) -> None:
    before = current(settings.lake)
    path = tasks / "grounded_captioning.sql"
    path.write_text(path.read_text() + "-- A remark.\n")
    build = _builder(settings).build()
    assert made == ["instances/grounded_captioning"]
    assert before is not None
    assert build.id == before.id


def test_a_lost_output_is_made_again(settings: BuildSettings, made: list[str]) -> None:
    folder = _builder(settings).run(Reference("tables", "visual_genome.objects")).folder
    (folder / "data" / "objects.parquet").unlink()
    (lost,) = [entry for entry in _builder(settings).plan() if entry.action != "done"]
    assert (lost.action, lost.reason) == ("run", "its output is missing")
    _builder(settings).build()
    assert made == ["tables/visual_genome.objects"]


def test_a_seed_changes_what_draws_and_nothing_else(settings: BuildSettings) -> None:
    plan = _actions(Builder(with_sample(settings).model_copy(update={"seed": 1})))
    assert not any(name.startswith(("raw/", "tables/")) for name in plan)
    assert {name for name, action in plan.items() if action == "run"} >= {
        f"instances/{task}" for task in ("grounded_captioning", "visual_grounding")
    }


def test_an_unfinished_artifact_does_not_exist(settings: BuildSettings) -> None:
    folder = _builder(settings).run(Reference("instances", "visual_grounding")).folder
    (folder / "manifest.json").unlink()
    assert "instances/visual_grounding" in _actions(_builder(settings))


def test_a_step_that_fails_leaves_nothing_behind(settings: BuildSettings, tasks: Path) -> None:
    path = tasks / "visual_grounding.sql"
    path.write_text(path.read_text().replace("'<region_0>' as target", "'<region_7>' as target"))
    with pytest.raises(BuildError, match="does not have"):
        _builder(settings).build()
    kept = sorted(path.name for path in (settings.lake / "instances" / "visual_grounding").iterdir())
    assert len(kept) == 1
    assert current(settings.lake) is not None


def test_only_what_a_task_needs_is_built(small_build: Builder, tmp_path: Path) -> None:
    settings = BuildSettings(
        lake=tmp_path / "lake", sample=True, tasks=("grounded_caption_selection",), until="instances"
    )
    names = {str(reference) for reference in _builder(settings).steps}
    assert names == {
        "raw/visual_genome.image_data",
        "raw/visual_genome.region_descriptions",
        "tables/visual_genome.images",
        "tables/visual_genome.regions",
        "tables/visual_genome.pictures",
        "instances/grounded_captioning",
        "instances/grounded_caption_selection",
    }


@pytest.mark.parametrize(
    "asked", [{"tasks": ("no_such",)}, {"sources": ("no_such",)}, {"mixture": "no_such"}]
)
def test_an_unknown_name_is_a_usage_error(tmp_path: Path, asked: dict[str, object]) -> None:
    with pytest.raises(BuildError, match="no such") as caught:
        Builder(BuildSettings.model_validate({"lake": tmp_path, **asked}))
    assert caught.value.exit_code == ExitCode.USAGE


def test_files_without_a_pin_are_refused_unless_asked_for_and_then_held(
    small_build: Builder, tmp_path: Path
) -> None:
    mirror = tmp_path / "mirror"
    shutil.copytree(Path(str(small_build.settings.mirror)), mirror)
    asked = BuildSettings(
        lake=tmp_path / "lake", mirror=str(mirror), offline=True, sources=("visual_genome",), until="tables"
    )
    name = Reference("raw", "visual_genome.objects")
    with pytest.raises(BuildError, match="--unpinned"):
        Builder(asked).run(name)
    accepted = asked.model_copy(update={"unpinned": True})
    first = Builder(accepted).run(name)
    assert Builder(asked).run(name).folder == first.folder

    archive = next(mirror.rglob("objects.json.zip"))
    changed = bytearray(archive.read_bytes())
    changed[-1] ^= 1
    # The lake may hold the same file by a link: a publisher's new file is a new file.
    archive.unlink()
    archive.write_bytes(changed)
    shutil.rmtree(first.folder)
    with pytest.raises(BuildError, match="expected") as caught:
        Builder(accepted).run(name)
    assert first.manifest.asked["sha256"] in str(caught.value)


def test_one_writer_a_lake(tmp_path: Path) -> None:
    with writing(tmp_path):
        with pytest.raises(BuildError, match="another build") as caught, writing(tmp_path):
            pass
        assert caught.value.exit_code == ExitCode.LAKE_BUSY
        assert "process" in str(caught.value)
    with writing(tmp_path):
        pass
