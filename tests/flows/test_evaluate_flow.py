"""`evaluate-ofa` through a server and a worker: named tasks, answers, report, scores among the artifacts."""

from __future__ import annotations

import asyncio
import json
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.serving import Up, get, run_deployment, serving
from tests.flows.test_evaluating import own_lake, tiny_checkpoint
from transforms import score_store
from transforms.builder import Builder
from transforms.catalogue import ask

pytestmark = [
    pytest.mark.flow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes as Linux lists them"),
]

TASK = "visual_spatial_relationship"


@pytest.fixture(scope="module")
def lake(small_build: Builder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return own_lake(small_build, tmp_path_factory.mktemp("evaluated"))


@pytest.fixture(scope="module")
def up(lake: Path) -> Iterator[Up]:
    with serving(lake, "--gpu") as up:
        yield up


def test_the_deployment_waits_for_somebody_to_start_it(up: Up) -> None:
    deployment = get(f"{up.prefect}/api/deployments/name/evaluate-ofa/evaluate-ofa")
    assert (deployment["work_pool_name"], deployment["schedules"]) == ("gpu", [])
    assert get(f"{up.prefect}/api/work_pools/gpu")["status"] == "READY"


def test_a_run_of_the_deployment_answers_scores_and_reports(up: Up, lake: Path, tmp_path: Path) -> None:
    checkpoint = tiny_checkpoint(lake, lake / "runs" / "tiny")
    said = (f"checkpoint={checkpoint}", "name=flown", f'tasks=["{TASK}"]', "rows=3", "beams=1", "device=cpu")
    ran = run_deployment(up, tmp_path, "evaluate-ofa", *said)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    run = score_store.opened(lake, "flown")
    assert list(run.unfinished()) == []
    assert ask(lake, "select count(*) from predictions.flown")[1] == [(15,)]
    scores = get(f"{up.reports}/evaluations/flown/scores.json")
    shown = get(f"{up.prefect}/api/artifacts/evaluation-scores/latest")
    assert f"{up.reports}/evaluations/flown/" in shown["description"]
    rows = {row["metric"]: row for row in json.loads(shown["data"])}
    (task,) = scores["tasks"]
    assert {name.removesuffix(" *"): row["mean"] for name, row in rows.items()} == {
        name: round(100 * metric["mean"], 2) for name, metric in task["metrics"].items()
    }
    with urllib.request.urlopen(f"{up.reports}/evaluations/flown/", timeout=20) as page:
        assert "Evaluation flown" in page.read().decode()
    named = _task_runs(up)
    assert named == {f"answer {TASK}, instruction {number}" for number in range(1, 6)} | {"score flown"}


def test_the_next_run_of_the_same_name_answers_nothing_again(up: Up, lake: Path, tmp_path: Path) -> None:
    run = score_store.opened(lake, "flown")
    stored = {path: path.stat().st_mtime_ns for path in run.folder.rglob("*.parquet")}
    checkpoint = lake / "runs" / "tiny" / "model.safetensors"
    said = (f"checkpoint={checkpoint}", "name=flown", f'tasks=["{TASK}"]', "rows=3", "beams=1", "device=cpu")
    ran = run_deployment(up, tmp_path, "evaluate-ofa", *said)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert stored == {path: path.stat().st_mtime_ns for path in run.folder.rglob("*.parquet")}
    assert _task_runs(up) == {"score flown"}


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
