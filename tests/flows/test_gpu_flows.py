"""The flows for GPUs, through a server and a worker: `finetune-ofa`, and `evaluate-ofa` of its model.

Also what starts a training: the event of a build with other rows.
"""

from __future__ import annotations

import asyncio
import json
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.events.schemas.automations import EventTrigger

from flows.build import ROWS_CHANGED_EVENT
from flows.finetune import ENDED_EVENT
from schemas.build import Build, Member
from schemas.training import METRICS
from tests.flows.serving import Up, get, run_deployment, serving
from tests.flows.training_lake import TASKS, UPDATES, training_lake, write_recipe
from transforms import score_store, training_store
from transforms.builder import Builder
from transforms.builds import other_rows
from transforms.catalogue import ask
from transforms.lake import whole

pytestmark = [
    pytest.mark.flow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes as Linux lists them"),
]

HELD_OUT = "visual_spatial_relationship"


@pytest.fixture(scope="module")
def lake(small_build: Builder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return training_lake(small_build, tmp_path_factory.mktemp("flown"), (*TASKS, HELD_OUT))


@pytest.fixture(scope="module")
def up(lake: Path) -> Iterator[Up]:
    with serving(lake, "--gpu") as up:
        yield up


@pytest.mark.parametrize("name", ["finetune-ofa", "evaluate-ofa"])
def test_the_deployments_wait_for_somebody_to_start_them(up: Up, name: str) -> None:
    deployment = get(f"{up.prefect}/api/deployments/name/{name}/{name}")
    assert (deployment["work_pool_name"], deployment["schedules"]) == ("gpu", [])


def test_the_pool_of_gpus_has_a_worker(up: Up) -> None:
    assert get(f"{up.prefect}/api/work_pools/gpu")["status"] == "READY"


def test_nothing_starts_by_itself(up: Up) -> None:
    """Both triggers are there, and asleep."""
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: f"{up.prefect}/api"}), get_client(sync_client=True) as client:
        expected = {
            "fine-tune when rows have changed": ROWS_CHANGED_EVENT,
            "evaluate when a training has ended": ENDED_EVENT,
        }
        for name, event in expected.items():
            (automation,) = client.read_automations_by_name(name)
            assert not automation.enabled
            assert isinstance(automation.trigger, EventTrigger)
            assert automation.trigger.expect == {event}


def test_a_run_of_the_deployment_trains_and_shows_curves(up: Up, lake: Path, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "tiny.toml")
    empty = tmp_path / "elsewhere"
    empty.mkdir()
    said = (f"recipe={recipe}", "name=flown", "device=cpu", "rows_at_once=16")
    ran = run_deployment(up, empty, "finetune-ofa", *said)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    run = training_store.opened(lake, "flown")
    assert run.trained is not None
    assert run.trained.updates == UPDATES
    shown = get(f"{up.prefect}/api/artifacts/finetuning/latest")
    assert f"{up.reports}/trainings/flown/" in shown["data"]
    assert get(f"{up.prefect}/api/artifacts/finetuning-progress/latest")["data"] == 100.0
    with urllib.request.urlopen(f"{up.reports}/trainings/flown/", timeout=20) as page:
        assert "Training flown" in page.read().decode()
    before = (run.folder / METRICS).read_bytes()
    again = run_deployment(up, empty, "finetune-ofa", *said)
    assert again.returncode == 0, again.stdout + again.stderr
    assert (run.folder / METRICS).read_bytes() == before


def _evaluation(lake: Path) -> tuple[str, ...]:
    """Parameters of an evaluation of the model that was trained above."""
    checkpoint = training_store.opened(lake, "flown").folder
    return (
        f"checkpoint={checkpoint}",
        "name=asked",
        f'tasks=["{HELD_OUT}"]',
        "rows=3",
        "beams=1",
        "device=cpu",
    )


def test_its_model_is_asked_scored_and_reported(up: Up, lake: Path, tmp_path: Path) -> None:
    ran = run_deployment(up, tmp_path, "evaluate-ofa", *_evaluation(lake))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    run = score_store.opened(lake, "asked")
    assert list(run.unfinished()) == []
    assert ask(lake, "select count(*) from predictions.asked")[1] == [(15,)]
    scores = get(f"{up.reports}/evaluations/asked/scores.json")
    shown = get(f"{up.prefect}/api/artifacts/evaluation-scores/latest")
    assert f"{up.reports}/evaluations/asked/" in shown["description"]
    rows = {row["metric"]: row for row in json.loads(shown["data"])}
    (task,) = scores["tasks"]
    assert {name.removesuffix(" *"): row["mean"] for name, row in rows.items()} == {
        name: round(100 * metric["mean"], 2) for name, metric in task["metrics"].items()
    }
    with urllib.request.urlopen(f"{up.reports}/evaluations/asked/", timeout=20) as page:
        assert "Evaluation asked" in page.read().decode()
    named = _task_runs(up)
    assert named == {f"answer {HELD_OUT}, instruction {number}" for number in range(1, 6)} | {"score asked"}


def test_the_next_evaluation_of_the_same_name_answers_nothing_again(
    up: Up, lake: Path, tmp_path: Path
) -> None:
    run = score_store.opened(lake, "asked")
    stored = {path: path.stat().st_mtime_ns for path in run.folder.rglob("*.parquet")}
    ran = run_deployment(up, tmp_path, "evaluate-ofa", *_evaluation(lake))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert stored == {path: path.stat().st_mtime_ns for path in run.folder.rglob("*.parquet")}
    assert _task_runs(up) == {"score asked"}


def test_only_other_rows_are_news(lake: Path) -> None:
    build = whole(lake)
    assert build.mixture == "quick"

    def changed(name: str) -> Build:
        members = [
            entry.model_copy(update={"content_id": "0" * 64}) if entry.name == name else entry
            for entry in build.members
        ]
        assert members != build.members
        return build.model_copy(update={"members": members})

    assert other_rows(build, build) == []
    # A comma that was moved in an instruction is not in the rows.
    assert other_rows(build, changed("instructions.object_matching")) == []
    assert other_rows(build, changed("quick.object_matching")) == ["object_matching"]
    assert "object_matching" in other_rows(None, build)
    assert other_rows(build, build.model_copy(update={"members": list[Member]()})) == []


def _task_runs(up: Up) -> set[str]:
    """Names of the task runs of the latest flow run."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
    from prefect.settings import PREFECT_API_URL, temporary_settings

    async def read() -> set[str]:
        async with get_client() as client:
            (latest,) = await client.read_flow_runs(limit=1, sort="START_TIME_DESC")  # type: ignore[arg-type]
            of_it = FlowRunFilter(id=FlowRunFilterId(any_=[latest.id]))
            return {run.name for run in await client.read_task_runs(flow_run_filter=of_it)}

    with temporary_settings({PREFECT_API_URL: f"{up.prefect}/api"}):
        return asyncio.run(read())
