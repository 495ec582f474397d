"""A plan names what has changed and where it stands, and learns from past runs how long and how large."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flows.sample import with_sample
from schemas.artifact import Reference
from schemas.run import Run
from schemas.settings import BuildSettings
from tests.conftest import SMALL as SOURCES
from tests.transforms.lakes import SMALL, copied
from transforms import builder as building
from transforms import changes
from transforms.builder import Builder, Planned
from transforms.estimate import duration
from transforms.lake import whole
from transforms.preflight import Need, need_of
from transforms.runs import RUNS, Runs
from transforms.steps import Making

TASK = SMALL[0]


@pytest.fixture(scope="module")
def lake(small_build: Builder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample lake that the tests only read."""
    return copied(small_build, tmp_path_factory.mktemp("plans"))


def _settings(lake: Path, **asked: object) -> BuildSettings:
    settings = BuildSettings.model_validate({"lake": lake, "sample": True, "sources": SOURCES, **asked})
    world = {"mirror": str(next((lake / "sample").iterdir())), "offline": True}
    return settings.model_copy(update=world)


def _plan(settings: BuildSettings) -> tuple[dict[str, Planned], Need]:
    steps = Builder(settings).plan()
    return {str(entry.step.reference): entry for entry in steps}, need_of(steps, settings)


def test_a_changed_setting_is_named_with_its_values(lake: Path) -> None:
    steps, _ = _plan(_settings(lake, seed=1))
    assert steps[f"instances/{TASK}"].reason == "changed: seed 0 → 1"
    (change,) = steps[f"instances/{TASK}"].changes
    assert (change.what, change.before, change.after) == ("seed", "0", "1")


def test_a_changed_instruction_is_named_with_its_file(lake: Path, tmp_path: Path) -> None:
    path = tmp_path / f"{TASK}.toml"
    path.write_text("instructions = ['Is it so that {text} {options}']\n")
    steps, _ = _plan(_settings(lake, instructions=tmp_path))
    running = {name: entry.reason for name, entry in steps.items() if entry.action == "run"}
    assert running == {
        "audits/multiinstruct": f"changed: instructions ({TASK})",
        f"shards/instructions.{TASK}": f"changed: instructions ({path})",
    }


def test_changed_code_is_named_file_by_file(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if two files had another content than when the artifact was made."""
    settings = _settings(lake, tasks=SMALL, until="instances")
    known = Runs(lake).code_files(Builder(settings).steps[Reference("instances", TASK)].decided_by["code"])
    assert known is not None
    assert "transforms/derive.py" in known
    now = {**known, "transforms/derive.py": "0" * 16, "transforms/new.py": "1" * 16}
    monkeypatch.setattr("transforms.steps.code_id", lambda *modules: f"other {modules}")
    monkeypatch.setattr(changes, "code_files", lambda *_: now)
    steps, _ = _plan(settings)
    derive = next(entry for name, entry in steps.items() if name == f"instances/{TASK}")
    assert derive.action == "run"
    assert derive.reason == "changed: code (transforms/derive.py, transforms/new.py)"


def test_code_of_which_nothing_is_noted_is_named_by_its_modules(
    small_build: Builder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = copied(small_build, tmp_path)
    (lake / RUNS).unlink()
    monkeypatch.setattr("transforms.steps.code_id", lambda *modules: f"other {modules}")
    steps, _ = _plan(_settings(lake, tasks=SMALL, until="instances"))
    assert "transforms/derive.py or what it imports" in steps[f"instances/{TASK}"].reason


def test_a_changed_input_is_named_as_soon_as_it_is_there(small_build: Builder, tmp_path: Path) -> None:
    lake = copied(small_build, tmp_path)
    settings = _settings(lake, tasks=SMALL, seed=1)
    Builder(settings).run(Reference("instances", TASK))
    steps, _ = _plan(settings)
    count = steps["mixtures/multiinstruct"]
    changed = {change.what: (change.before is None, change.after is None) for change in count.changes}
    assert changed[f"instances/{TASK}"] == (False, False)
    assert changed["instances/visual_grounding"] == (False, True)
    assert "is no longer used" in count.reason
    assert count.reason.endswith(f" and {len(changed) - 4} more")
    # Its rows are not selected yet, so that nobody knows.
    tokenise = steps[f"shards/multiinstruct.{TASK}"]
    assert (tokenise.action, tokenise.reason) == ("follow", f"after mixtures/multiinstruct.{TASK}")


def test_every_run_is_noted_with_what_it_took(small_build: Builder) -> None:
    noted = Runs(small_build.lake)
    for reference, step in small_build.steps.items():
        run = noted.last(reference)
        assert run is not None, reference
        assert (run.verb, run.work > 0, run.seconds >= 0) == (step.verb, True, True)
        made = small_build.find(step)
        assert made is not None
        assert run.bytes == sum(entry.bytes for entry in made.manifest.files)
    # What is linked did not come over the network.
    assert noted.network is None


def test_past_runs_say_how_long_and_how_large(lake: Path) -> None:
    steps, need = _plan(_settings(lake, seed=1))
    noted = Runs(lake)
    last = noted.last(Reference("instances", TASK))
    assert last is not None
    estimate = need.steps[Reference("instances", TASK)]
    assert estimate.seconds == pytest.approx(last.seconds)
    assert estimate.written == last.bytes
    assert not estimate.rough
    assert need.unknown_seconds == 0
    assert need.seconds <= need.most_seconds
    longest = max(estimate.seconds or 0.0 for estimate in need.steps.values())
    total = sum(estimate.seconds or 0.0 for estimate in need.steps.values())
    assert max(longest, total / 2) <= need.most_seconds <= total
    assert duration(steps.values(), {}) == 0.0


def test_a_task_that_never_ran_is_like_those_that_did(small_build: Builder, tmp_path: Path) -> None:
    lake = copied(small_build, tmp_path)
    lines = (lake / RUNS).read_text().splitlines()
    kept = [line for line in lines if json.loads(line).get("step") != f"instances/{TASK}"]
    (lake / RUNS).write_text("\n".join(kept) + "\n")
    _, need = _plan(_settings(lake, tasks=SMALL, until="instances", seed=1))
    assert (need.steps[Reference("instances", TASK)].seconds or 0) > 0


def test_nothing_is_known_where_nothing_ran(small_build: Builder, tmp_path: Path) -> None:
    settings = small_build.settings.model_copy(update={"lake": tmp_path / "lake"})
    _, need = _plan_of(settings)
    assert need.unknown_seconds == len(need.steps) == len(small_build.steps)
    assert (need.seconds, need.most_seconds) == (0.0, 0.0)


def _plan_of(settings: BuildSettings) -> tuple[list[Planned], Need]:
    steps = Builder(with_sample(settings)).plan()
    return steps, need_of(steps, settings)


def test_much_more_work_than_ever_is_said_to_be_a_rough_guess(small_build: Builder, tmp_path: Path) -> None:
    lake = copied(small_build, tmp_path)
    record = Runs(lake)
    for task in small_build.steps:
        run = record.last(task)
        if run is not None and run.verb == "derive":
            record.note(run.model_copy(update={"work": 1, "seconds": 0.001}))
    _, need = _plan(_settings(lake, tasks=SMALL, until="instances", seed=1))
    assert need.rough


def test_the_network_is_as_fast_as_it_was(tmp_path: Path) -> None:
    record = Runs(tmp_path)
    run = Run(step="raw/a.b", verb="fetch", work=9, seconds=2, bytes=9)
    record.note(run)
    record.note(run.model_copy(update={"step": "raw/a.c", "moved": 3 << 20}))
    record.note(run.model_copy(update={"step": "raw/a.d", "moved": 1 << 20}))
    record.note(run.model_copy(update={"step": "raw/a.e", "moved": 9}))
    assert Runs(tmp_path).network == pytest.approx((4 << 20) / 4)


def test_progress_counts_what_came_while_somebody_watched() -> None:
    told: list[tuple[int, int | None]] = []
    moved = building._Moved(lambda *said: told.append(said))
    for done in (500, 700, 900):
        moved(done, 1000)
    assert moved.bytes == 400
    assert told == [(500, 1000), (700, 1000), (900, 1000)]


def test_a_record_that_is_torn_or_strange_is_passed_over_and_no_part_of_a_build(
    small_build: Builder, tmp_path: Path
) -> None:
    lake = copied(small_build, tmp_path)
    before = whole(lake)
    text = (lake / RUNS).read_bytes()
    (lake / RUNS).write_bytes(b'\xff{"step": 3}\n[]\n\n' + text[: len(text) // 2])
    steps, _ = _plan(_settings(lake))
    assert {entry.action for entry in steps.values()} == {"done"}
    (lake / RUNS).unlink()
    assert Builder(_settings(lake)).build() == before


def test_a_record_that_cannot_be_written_stops_nothing(small_build: Builder, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    (lake / RUNS).mkdir(parents=True)
    settings = small_build.settings.model_copy(update={"lake": lake, "tasks": SMALL, "until": "instances"})
    assert Builder(settings).build().members


def test_the_record_does_not_grow_without_end(tmp_path: Path) -> None:
    record = Runs(tmp_path)
    for seconds in range(20):
        record.note(Run(step="a/b", verb="derive", work=1, seconds=seconds, bytes=1, code=f"{seconds}"))
    assert len((tmp_path / RUNS).read_bytes().splitlines()) == 40
    record.condense()
    assert len((tmp_path / RUNS).read_bytes().splitlines()) == 2
    last = Runs(tmp_path).last(Reference("a", "b"))  # type: ignore[arg-type]
    assert last is not None
    assert last.seconds == 19
    assert Runs(tmp_path).code_files("19") is not None
    assert Runs(tmp_path).code_files("18") is None


def test_a_step_that_fails_is_not_noted(
    small_build: Builder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[Run] = []
    monkeypatch.setattr(Runs, "note", lambda _, run, *__: noted.append(run))
    settings = small_build.settings.model_copy(update={"lake": tmp_path / "lake", "tasks": SMALL})
    builder = Builder(settings)
    step = builder.steps[Reference("raw", "vsr.zeroshot_test")]

    def fail(making: Making) -> None:
        raise OSError(5, "input/output error")

    builder.steps = {step.reference: step.__class__(**{**vars(step), "make": fail})}
    with pytest.raises(OSError, match="input/output"):
        builder.run(step.reference)
    assert noted == []
