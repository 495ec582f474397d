"""The flow in Prefect's own hands: named tasks, their edges, failures, the bare deployment name."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from schemas.settings import BuildSettings
from tests.conftest import ROOT, SMALL
from transforms.builder import Builder
from transforms.lake import current, whole

pytestmark = pytest.mark.flow


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    """A Prefect server of the tests' own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
        patch.setenv("DO_NOT_TRACK", "1")
        from prefect.testing.utilities import prefect_test_harness

        with prefect_test_harness(server_startup_timeout=120):
            yield


def _edges(flow_name: str) -> dict[str, set[str]]:
    """The inputs of each task run of the latest flow run, by name."""
    from prefect.client.orchestration import get_client

    async def read() -> dict[str, set[str]]:
        async with get_client() as client:
            (run,) = await client.read_flow_runs(limit=1, sort="START_TIME_DESC")  # type: ignore[arg-type]
            graph = (await client._client.get(f"/flow_runs/{run.id}/graph-v2")).json()
            nodes = dict(graph["nodes"])
            return {
                node["label"]: {nodes[parent["id"]]["label"] for parent in node["parents"]}
                for node in nodes.values()
            }

    return asyncio.run(read())


def test_a_flow_run_builds_what_a_plain_call_builds(
    server: None, small_build: Builder, tmp_path: Path
) -> None:
    from flows.build import build_multiinstruct

    told = build_multiinstruct(lake=tmp_path / "lake", sample=True, sources=SMALL)
    assert told["build"] == whole(small_build.lake).id
    edges = _edges("build-multiinstruct")
    steps = small_build.steps
    assert set(edges) == {step.title for step in steps.values()}
    for step in steps.values():
        assert edges[step.title] == {steps[ref.whole].title for ref in step.inputs}


def test_a_failing_step_fails_the_run_and_the_rest_is_kept(
    server: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    from flows.build import build_multiinstruct
    from schemas.errors import BuildError
    from transforms import registry

    folder = tmp_path / "tasks"
    shutil.copytree(registry.TASKS, folder)
    broken = folder / "visual_object_relationship.sql"
    broken.write_text(broken.read_text().replace("'duplicate'", "no_such_column"))
    monkeypatch.setattr(registry, "TASKS", folder)
    lake = tmp_path / "lake"
    with pytest.raises(BuildError, match="visual_object_relationship"):
        build_multiinstruct(lake=lake, sample=True, sources=SMALL, until="instances")
    assert current(lake) is None
    assert list((lake / "instances" / "grounded_caption_selection").glob("*/manifest.json"))


def test_a_file_without_a_pin_is_fetched_once(
    server: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.build import build_multiinstruct
    from transforms import registry, steps_tables
    from transforms.download import fetch
    from transforms.mirror import Mirror

    mirror = Mirror(str(tmp_path / "mirror"))
    (file,) = registry.declaration("vqgan_checkpoint").files.values()
    path = mirror.local_path(file.urls[0])
    assert path is not None
    path.parent.mkdir(parents=True)
    path.write_bytes(b"weights of the tests")
    fetched: list[Path] = []

    def note(file: Any, destination: Path, **rest: Any) -> Any:
        fetched.append(destination)
        return fetch(file, destination, **rest)

    monkeypatch.setattr(steps_tables, "fetch", note)
    build_multiinstruct(
        lake=tmp_path / "lake",
        mirror=str(tmp_path / "mirror"),
        offline=True,
        sources=("vqgan_checkpoint",),
        unpinned=True,
    )
    assert len(fetched) == 1


def test_what_cannot_be_reached_is_said_and_the_rest_is_built(
    server: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from flows import building
    from schemas.errors import ExitCode
    from transforms import steps_tables
    from transforms.download import AbsentError, fetch
    from transforms.pausing import UnreachedError

    def fails(file: Any, destination: Path, **rest: Any) -> Any:
        if "nlvr" in file.urls[0]:
            raise AbsentError("the host has no such file")
        return fetch(file, destination, **rest)

    monkeypatch.setattr(steps_tables, "fetch", fails)
    settings = BuildSettings(lake=tmp_path / "lake", sample=True, sources=("nlvr", "vsr"), until="instances")
    with pytest.raises(UnreachedError, match="the host has no such file") as caught:
        building.build(settings, as_json=False)
    assert caught.value.exit_code == ExitCode.NETWORK
    told = " ".join(capsys.readouterr().out.split())
    assert "built in part" in told
    assert "tables left out: nlvr.images, nlvr.statements" in told
    assert "tasks left out: natural_language_for_visual_reasoning" in told
    build = current(settings.lake)
    assert build is not None
    assert {entry.name for entry in build.members if entry.stage == "instances"} == {
        "visual_spatial_relationship"
    }
    monkeypatch.setattr(steps_tables, "fetch", fetch)
    building.build(settings, as_json=False)
    assert "built: build" in capsys.readouterr().out


def test_deployments_are_those_of_the_flows_and_schedules_are_paused() -> None:
    from prefect.flows import load_flow_from_entrypoint

    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    pools = {deployment["name"]: deployment["work_pool"]["name"] for deployment in deployments}
    assert pools.pop("build-multiinstruct") == "cpu"
    assert "evaluate-ofa" in pools
    assert set(pools.values()) == {"gpu"}
    for deployment in deployments:
        flow: Any = load_flow_from_entrypoint(str(ROOT / deployment["entrypoint"]))
        assert flow.name == deployment["name"]
        assert not any(schedule["active"] for schedule in deployment.get("schedules", ()))


def test_the_flow_takes_every_setting_of_a_build() -> None:
    from flows.build import build_multiinstruct

    assert set(build_multiinstruct.parameters.properties) == set(BuildSettings.model_fields)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["deployment", "run", "build-multiinstruct"], "build-multiinstruct/build-multiinstruct"),
        (["deployment", "run", "flow/deployment"], "flow/deployment"),
        (["deployment", "run", "--watch"], "--watch"),
        (["deployment", "inspect", "build-multiinstruct"], "build-multiinstruct"),
    ],
)
def test_a_bare_deployment_name_is_doubled(
    monkeypatch: pytest.MonkeyPatch, typed: list[str], meant: str
) -> None:
    from flows.prefect_plugin import setup_environment

    plugin: Any = setup_environment
    monkeypatch.setattr(sys, "argv", ["/some/where/prefect", *typed])
    plugin(ctx=SimpleNamespace())
    assert sys.argv[3] == meant
