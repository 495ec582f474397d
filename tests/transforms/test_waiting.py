"""What is left out of a build because it is not here, and what a person is told to do about it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pyarrow.parquet as pq
import pytest

from schemas.artifact import Reference
from schemas.build import Build
from schemas.errors import BuildError, ExitCode, TransientError
from tests.transforms import fault_server as faults
from tests.transforms.fault_server import Server
from tests.transforms.invented import Invented, invented, with_vocabulary
from transforms import registry, steps_tables, terms
from transforms.adopt import adopt
from transforms.builder import Builder
from transforms.download import AbsentError, fetch
from transforms.lake import current
from transforms.mirror import Mirror
from transforms.pausing import UnreachedError
from transforms.receive import Fetched
from transforms.report import read as read_report
from transforms.steps import silent

__all__ = ["invented"]


def names(build: Build | None, stage: str) -> set[str]:
    assert build is not None
    return {entry.name for entry in build.members if entry.stage == stage}


def left_out(builder: Builder) -> dict[str, str]:
    return {f"{one.kind} {one.name}": one.reason for one in builder.waiting}


def test_a_default_build_does_without_what_a_person_must_bring(invented: Invented, tmp_path: Path) -> None:
    builder = Builder(invented.settings(tmp_path / "lake"))
    build = builder.build()
    assert names(build, "instances") == {"hill_task", "asker_task"}
    found = left_out(builder)
    assert found.keys() == {
        "table pilgrim.images",
        "table pilgrim.captions",
        "task pilgrim_task",
        "table hermit.images",
        "table hermit.captions",
        "task hermit_task",
    }
    assert "list sources pilgrim" in found["task pilgrim_task"]
    assert "adopt pilgrim PATH" in found["task pilgrim_task"]
    assert "--accept-terms hermit" in found["task hermit_task"]
    assert "https://hermit.example/terms" in found["task hermit_task"]
    assert builder.unweighed == ("hermit", "pilgrim")
    assert {entry.action for entry in builder.plan()} == {"done"}
    report = read_report(tmp_path / "lake", build)
    assert [waiting.name for waiting in report.waiting if waiting.kind == "task"] == [
        "hermit_task",
        "pilgrim_task",
    ]
    assert report.unweighed == ["hermit", "pilgrim"]


@pytest.mark.parametrize("asked", [{"sources": ("pilgrim",)}, {"tasks": ("pilgrim_task",)}])
def test_what_is_asked_for_by_name_is_not_left_out(
    invented: Invented, tmp_path: Path, asked: dict[str, Any]
) -> None:
    builder = Builder(invented.settings(tmp_path / "lake", **asked))
    refused = [entry for entry in builder.plan() if entry.action == "refused"]
    assert [entry.step.reference.name for entry in refused] == ["pilgrim.records"]
    assert "adopt pilgrim PATH" in refused[0].reason
    assert builder.waiting == ()
    with pytest.raises(BuildError, match="adopt pilgrim PATH"):
        builder.build()
    assert current(tmp_path / "lake") is None


def test_a_borrower_asked_for_by_name_asks_for_its_lender(invented: Invented, tmp_path: Path) -> None:
    settings = invented.settings(tmp_path / "lake", sources=("asker",), unpinned=False)
    refused = [entry.step.reference.name for entry in Builder(settings).plan() if entry.action == "refused"]
    assert refused == ["hill.records", "asker.questions_file"]


def test_what_was_handed_over_is_built(invented: Invented, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    Builder(invented.settings(lake)).build()
    outcomes = {one.file: one.state for one in adopt(lake, "pilgrim", invented.handed).outcomes}
    assert outcomes == {"records": "taken", "pictures": "taken"}
    assert (lake / "adopted" / "by-hand" / "pilgrim" / "pilgrim.json").is_file()
    # Adopted files are held to their bytes, so that --unpinned has nothing to say.
    builder = Builder(invented.settings(lake))
    assert names(builder.build(), "instances") == {"hill_task", "asker_task", "pilgrim_task"}
    assert builder.unweighed == ("hermit",)
    # Once it is in the lake, the build does without what was handed over.
    shutil.rmtree(lake / "adopted")
    assert {entry.action for entry in Builder(invented.settings(lake)).plan()} == {"done"}


def test_pictures_of_a_tar_are_repacked_and_read_like_any_other(
    invented: Invented, tmp_path: Path, sample_build: Builder
) -> None:
    with_vocabulary(invented, Path(str(sample_build.settings.mirror)))
    shutil.copytree(invented.handed, invented.mirror / "by-hand" / "pilgrim")
    settings = invented.settings(
        tmp_path / "lake", sample=True, until="shards", tasks=("pilgrim_task",), mixture="quick"
    )
    builder = Builder(settings)
    builder.build()
    made = builder.run(Reference("raw", "pilgrim.pictures.zip"))
    with ZipFile(made.path("pictures.zip")) as archive:
        assert archive.namelist() == [f"pictures/{number}.jpg" for number in range(1, 5)]
    assert (made.manifest.rows_in, made.manifest.rows_out, made.manifest.not_asked) == (8, 4, 4)
    chosen = builder.run(Reference("mixtures", "quick.pilgrim_task"))
    drawn = builder.run(Reference("mixtures", "quick.pilgrim_task.train"))
    assert "raw/pilgrim.pictures.zip" in drawn.manifest.inputs
    assert "Terms of pilgrim" in chosen.manifest.licences
    assert pq.read_metadata(chosen.path("pictures.parquet")).num_rows == 4
    assert {entry.action for entry in Builder(settings).plan()} == {"done"}


def test_without_its_pictures_a_task_gets_instances_and_no_shards(
    invented: Invented, tmp_path: Path, sample_build: Builder
) -> None:
    lake = tmp_path / "lake"
    adopt(lake, "pilgrim", invented.handed / "pilgrim.json")
    builder = Builder(invented.settings(lake, until="shards"))
    assert Reference("instances", "pilgrim_task") in builder.steps
    found = left_out(builder)
    assert "only a person can fetch pilgrim.tar.gz" in found["shards pilgrim_task"]
    assert "task pilgrim_task" not in found
    collection = builder.steps[Reference("shards", "multiinstruct")]
    assert {ref.name for ref in collection.inputs if "_task" in ref.name} == {
        "multiinstruct.hill_task",
        "multiinstruct.asker_task",
        "instructions.hill_task",
        "instructions.asker_task",
    }


def test_terms_are_agreed_to_once_and_for_all_as_they_are(invented: Invented, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    asked = invented.settings(lake, accept_terms=("hermit",))
    assert not [one for one in Builder(asked).waiting if "hermit" in one.name]
    # A plan remembers nothing.
    assert [one for one in Builder(invented.settings(lake)).waiting if "hermit" in one.name]
    terms.agree(lake, ["hermit"])
    before = (lake / "terms.json").read_bytes()
    assert json.loads(before)["hermit"]["url"] == "https://hermit.example/terms"
    assert Builder(invented.settings(lake)).build()
    terms.agree(lake, ["hermit"])
    assert (lake / "terms.json").read_bytes() == before
    source = (invented.sources / "hermit.py").read_text().partition("\n\n\nclass Picture")[2]
    text = "\n\n\nclass Picture" + source.replace("Keep it to yourself.", "Keep it, and pay for it.")
    invented.source("hermit", text)
    assert [one for one in Builder(invented.settings(lake)).waiting if "hermit" in one.name]


@pytest.mark.parametrize("name", ["hill", "nobody"])
def test_only_a_source_with_terms_is_agreed_with(invented: Invented, tmp_path: Path, name: str) -> None:
    with pytest.raises(BuildError, match="no such source with terms") as caught:
        terms.agree(tmp_path, [name])
    assert caught.value.exit_code == ExitCode.USAGE


def test_a_torn_memory_of_terms_is_a_clear_error(invented: Invented, tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir()
    for text in ("{", "[]"):
        (tmp_path / "lake" / "terms.json").write_text(text)
        with pytest.raises(BuildError, match="which terms were agreed to"):
            Builder(invented.settings(tmp_path / "lake"))


def test_a_sample_world_asks_for_no_terms_and_shows_what_is_harmless(
    invented: Invented, tmp_path: Path
) -> None:
    settings = invented.settings(tmp_path / "lake", sample=True, tasks=("hermit_task",))
    assert names(Builder(settings).build(), "instances") == {"hermit_task"}
    assert not terms.may_be_shown("hermit")
    assert not terms.may_be_given_on("hermit")
    assert terms.may_be_shown("hill")
    assert terms.may_be_given_on("hill")
    with pytest.raises(BuildError, match="may hurt"):
        terms.check_may_be_shown(["hill", "hermit"])
    with pytest.raises(BuildError, match="forbids"):
        terms.check_may_leave(["hill", "hermit"])


def test_without_unpinned_a_default_build_begins_nothing_and_says_why(
    invented: Invented, tmp_path: Path
) -> None:
    builder = Builder(invented.settings(tmp_path / "lake", unpinned=False))
    refused = {
        entry.step.reference.name: entry.reason for entry in builder.plan() if entry.action == "refused"
    }
    assert refused.keys() == {"hill.records", "asker.questions_file"}
    assert all("--unpinned" in reason for reason in refused.values())


Unreachable = Callable[..., None]


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch) -> Unreachable:
    """Makes files of which the address holds a word fail to come; with no word, all come again."""
    words: dict[str, BuildError] = {}

    def fails(file: Any, *others: Any, **more: Any) -> Any:
        for word, error in words.items():
            if word in file.urls[0]:
                raise error
        return fetch(file, *others, **more)

    monkeypatch.setattr(steps_tables, "fetch", fails)

    def change(word: str | None = None, error: BuildError | None = None) -> None:
        words.clear()
        if word is not None:
            words[word] = error or TransientError("the host does not answer")

    return change


def test_what_cannot_be_reached_holds_up_its_own_branch_only(
    invented: Invented, tmp_path: Path, unreachable: Unreachable
) -> None:
    lake = tmp_path / "lake"
    unreachable("asker.example")
    with pytest.raises(UnreachedError, match="the rest is built") as caught:
        Builder(invented.settings(lake)).build()
    assert caught.value.exit_code == ExitCode.NETWORK
    build = current(lake)
    assert caught.value.build == build
    assert names(build, "instances") == {"hill_task"}
    assert build is not None
    waiting = {one.name: one.reason for one in read_report(lake, build).waiting}
    # The pictures of asker are known: its list of them is hill's.
    assert {"asker.questions", "asker_task"} <= waiting.keys()
    assert "asker.images" not in waiting
    assert "the host does not answer" in waiting["asker_task"]
    assert "run the same command again" in waiting["asker_task"]
    unreachable()
    assert names(Builder(invented.settings(lake)).build(), "instances") == {"hill_task", "asker_task"}


def test_a_host_that_lost_a_file_holds_up_its_own_branch_only(invented: Invented, tmp_path: Path) -> None:
    (invented.mirror / "hill.example" / "records.json").unlink()
    (invented.mirror / "hermit.example" / "records.json").rename(tmp_path / "kept")
    settings = invented.settings(tmp_path / "lake", accept_terms=("hermit",))
    with pytest.raises(BuildError, match="no local mirror"):
        Builder(settings).build()
    assert current(tmp_path / "lake") is None
    (tmp_path / "kept").rename(invented.mirror / "hermit.example" / "records.json")
    with pytest.raises(UnreachedError):
        Builder(settings).build()
    assert names(current(tmp_path / "lake"), "instances") == {"hermit_task"}


def test_a_whole_build_is_not_replaced_by_less(
    invented: Invented, tmp_path: Path, unreachable: Unreachable
) -> None:
    lake = tmp_path / "lake"
    whole = Builder(invented.settings(lake)).build()
    invented.put("asker.example/questions.jsonl", b'{"picture": 2, "question": "Why?", "answer": "so"}')
    shutil.rmtree(lake / "raw" / "asker.questions_file")
    (lake / "pins.json").unlink()
    unreachable("asker.example")
    with pytest.raises(UnreachedError, match="the current build stays as it is") as caught:
        Builder(invented.settings(lake)).build()
    assert caught.value.build is None
    assert "instances/asker_task" in str(caught.value)
    assert current(lake) == whole


def test_other_bytes_than_expected_end_the_build(
    invented: Invented, tmp_path: Path, unreachable: Unreachable
) -> None:
    unreachable("asker.example", BuildError("other bytes than expected"))
    with pytest.raises(BuildError, match="other bytes"):
        Builder(invented.settings(tmp_path / "lake")).build()
    assert current(tmp_path / "lake") is None


@pytest.mark.usefixtures("own_memory")
def test_a_mirror_elsewhere_is_asked_for_what_only_a_person_can_fetch(
    invented: Invented, tmp_path: Path, server: Server
) -> None:
    data = (invented.handed / "pilgrim.json").read_bytes()
    server.tell("/files/by-hand/pilgrim/pilgrim.json", faults.whole(data))
    file = registry.declaration("pilgrim").files["records"]

    def bring(mirror: str) -> Fetched:
        place = tmp_path / "made" / "pilgrim.json"
        asked = (Mirror(f"{server.url}/{mirror}"),)
        return fetch(
            file, place, partial=tmp_path / "p", mirrors=asked, offline=False, expected=None, progress=silent
        )

    with pytest.raises(AbsentError, match="only a person can fetch"):
        bring("empty")
    assert bring("files").bytes == len(data)
    # What such a mirror has shows only when it is asked, so that a plan takes it to have everything.
    settings = invented.settings(tmp_path / "lake", mirror=f"{server.url}/files", offline=False)
    assert Reference("tables", "pilgrim.images") in Builder(settings).steps


def test_what_a_person_fetched_may_have_been_unpacked(invented: Invented, tmp_path: Path) -> None:
    text = (invented.sources / "pilgrim.py").read_text().partition("\n\n\nclass Picture")[2]
    old = 'RemoteFile(by_hand="pilgrim.json")'
    zipped = 'RemoteFile(by_hand="pilgrim.zip", members=("told/pilgrim.json",))'
    assert old in text
    reading = text.replace(old, zipped).replace(
        "records.records(Picture)", 'records.records(Picture, member="told/pilgrim.json")'
    )
    invented.source("pilgrim", "\n\n\nclass Picture" + reading)
    told = tmp_path / "unpacked" / "told"
    told.mkdir(parents=True)
    (invented.handed / "pilgrim.json").rename(told / "pilgrim.json")
    lake = tmp_path / "lake"
    states = {one.file: one.state for one in adopt(lake, "pilgrim", tmp_path / "unpacked").outcomes}
    assert states == {"records": "members", "pictures": "missing"}
    builder = Builder(invented.settings(lake))
    assert "pilgrim_task" in names(builder.build(), "instances")
    assert builder.run(Reference("tables", "pilgrim.captions")).manifest.rows_out == 4


def test_single_pictures_that_cannot_be_reached_hold_up_shards_only(
    invented: Invented, tmp_path: Path, sample_build: Builder
) -> None:
    with_vocabulary(invented, Path(str(sample_build.settings.mirror)))
    shutil.copytree(invented.handed, invented.mirror / "by-hand" / "pilgrim")
    # The pictures of hermit lie singly, and the mirror has none of them.
    tasks = ("hermit_task", "pilgrim_task")
    settings = invented.settings(tmp_path / "lake", sample=True, until="shards", tasks=tasks, mixture="quick")
    with pytest.raises(UnreachedError, match="hermit_task") as caught:
        Builder(settings).build()
    build = caught.value.build
    assert names(build, "instances") == set(tasks)
    assert build is not None
    assert build.mixture == "quick"
    (waiting,) = read_report(settings.lake, build).waiting
    assert (waiting.kind, waiting.name) == ("shards", "hermit_task")
    assert "the pictures are not here" in waiting.reason
    assert "next:" not in waiting.reason


def test_a_mistyped_source_is_noticed_before_anything_runs(invented: Invented, tmp_path: Path) -> None:
    for asked in ({"accept_terms": ("hermitt",)}, {"accept_terms": ("hill",)}):
        with pytest.raises(BuildError, match="no such source with terms"):
            Builder(invented.settings(tmp_path / "lake", **asked))
    with pytest.raises(BuildError, match="a source that is not built") as caught:
        Builder(invented.settings(tmp_path / "lake", tasks=("hill_task",), sources=("asker",)))
    assert "hill" in str(caught.value)
    assert caught.value.exit_code == ExitCode.USAGE
