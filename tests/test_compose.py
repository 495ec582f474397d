"""`docker-compose.yml`, held to what it promises: this machine only, no secrets inside, kept running."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from typing import Any

import pytest
import yaml

from flows.deployments import POOLS
from tests.conftest import ROOT
from tests.flows.serving import known_settings

SECRET = re.compile(r"\$\{[A-Z_]+:\?[^}]+\}")
"""A value that has to come from the environment, with words for whoever forgot it."""

FILE = ROOT / "docker-compose.yml"


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text())["services"]
    return found


def _image() -> list[str]:
    return (ROOT / "Dockerfile").read_text().splitlines()


def test_there_is_a_server_on_postgresql_and_a_worker_for_each_pool(services: dict[str, Any]) -> None:
    assert set(services) == {"database", "server", "deployments", "worker", "worker-gpu"}
    assert services["database"]["image"].startswith("postgres:")
    url = services["server"]["environment"]["PREFECT_SERVER_DATABASE_CONNECTION_URL"]
    assert url.startswith("postgresql+asyncpg://") and url.endswith("@database:5432/prefect")
    started = [services[name]["command"] for name in ("worker", "worker-gpu")]
    assert [command[command.index("--pool") + 1] for command in started] == list(POOLS)


def test_only_the_gpu_worker_waits_to_be_asked_for(services: dict[str, Any]) -> None:
    assert {name: entry["profiles"] for name, entry in services.items() if "profiles" in entry} == {
        "worker-gpu": ["gpu"]
    }
    (device,) = services["worker-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert device["capabilities"] == ["gpu"]


def test_it_is_reached_from_this_machine_only(services: dict[str, Any]) -> None:
    ports = {name: entry["ports"] for name, entry in services.items() if "ports" in entry}
    assert ports == {"server": ["127.0.0.1:4200:4200"]}
    assert services["database"]["networks"] == ["data"]
    assert yaml.safe_load(FILE.read_text())["networks"]["data"] == {"internal": True}


def test_secrets_come_from_the_environment(services: dict[str, Any]) -> None:
    for entry in services.values():
        for name, value in entry.get("environment", {}).items():
            if re.search("PASSWORD|AUTH|SECRET|TOKEN|KEY", name):
                assert SECRET.fullmatch(value.removeprefix("admin:")), name
            # Nor does an address hold one.
            assert not re.search(r"//[^/@]*:[^/@]+@", SECRET.sub("", value)), name
    server, worker = (services[name]["environment"] for name in ("server", "worker"))
    assert server["PREFECT_SERVER_API_AUTH_STRING"] == worker["PREFECT_API_AUTH_STRING"]
    # Prefect reads `.env` too: a secret with a name of its own would lock every build of this checkout out.
    assert not re.search(r"\$\{PREFECT_", FILE.read_text())
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()
    assert ".env" in (ROOT / ".dockerignore").read_text().splitlines()


def test_the_server_answers_no_other_page_and_tells_nobody(services: dict[str, Any]) -> None:
    server = services["server"]["environment"]
    assert server["PREFECT_SERVER_CSRF_PROTECTION_ENABLED"] == "true"
    assert server["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"] == "http://127.0.0.1:4200"
    assert server["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    ours = [entry["environment"] for name, entry in services.items() if name != "database"]
    assert all(environment["DO_NOT_TRACK"] == "1" for environment in ours)
    assert all(environment["PREFECT_PLUGINS_ENABLED"] == "1" for environment in ours)


def test_prefect_knows_every_setting(services: dict[str, Any]) -> None:
    used = {name for entry in services.values() for name in entry.get("environment", {})}
    assert {name for name in used if name.startswith("PREFECT_")} <= known_settings()


def test_each_waits_for_what_it_needs(services: dict[str, Any]) -> None:
    needs = {
        name: {needed: how["condition"] for needed, how in entry.get("depends_on", {}).items()}
        for name, entry in services.items()
    }
    assert needs == {
        "database": {},
        "server": {"database": "service_healthy"},
        "deployments": {"server": "service_healthy"},
        "worker": {"deployments": "service_completed_successfully"},
        "worker-gpu": {"deployments": "service_completed_successfully"},
    }


def test_what_runs_on_is_watched_and_restarted(services: dict[str, Any]) -> None:
    for name, entry in services.items():
        once = name == "deployments"
        assert entry["restart"] == ("on-failure" if once else "unless-stopped")
        assert ("healthcheck" in entry) != once


def test_data_outlives_the_containers(services: dict[str, Any]) -> None:
    assert services["database"]["volumes"] == ["database:/var/lib/postgresql/data"]
    for worker in ("worker", "worker-gpu"):
        assert services[worker]["volumes"] == ["lake:/lake"]
        assert services[worker]["environment"]["MULTIINSTRUCT_LAKE"] == "/lake"
    assert set(yaml.safe_load(FILE.read_text())["volumes"]) == {"database", "lake"}


def test_ours_run_without_rights(services: dict[str, Any]) -> None:
    for name, entry in services.items():
        if name != "database":
            assert entry["cap_drop"] == ["ALL"], name
            assert entry["security_opt"] == ["no-new-privileges:true"], name
    lines = _image()
    user = lines.index("USER multiinstruct")
    assert not any(line.startswith(("COPY", "USER root")) for line in lines[:user])


def test_the_image_holds_the_versions_that_are_tested(services: dict[str, Any]) -> None:
    image = "\n".join(_image())
    installs = re.findall(r"pip install ([^\n]+)", image)
    # The second adds our own code to what the first has installed.
    assert [("--constraint constraints.txt" in one, "--no-deps" in one) for one in installs] == [
        (True, False),
        (False, True),
    ]
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert services["worker-gpu"]["build"]["args"]["EXTRAS"] in wanted["optional-dependencies"]
    version = re.search(r"^FROM python:(\d+)\.(\d+)-slim$", image, re.M)
    assert version and f">={version[1]}.{version[2]}" == wanted["requires-python"]
    # Whatever is not Prefect's or ours is the database.
    images = {entry["image"] for entry in services.values()}
    assert images == {"postgres:15", "multiinstruct:cpu", "multiinstruct:gpu"}
    pinned = (ROOT / "constraints.txt").read_text()
    assert re.search(r"^prefect==3\.8\.8$", pinned, re.M) and re.search(r"^fastapi==0\.150\.", pinned, re.M)


def _compose(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    docker = shutil.which("docker")
    command = [str(docker), "compose", "--file", str(FILE), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def compose() -> None:
    if shutil.which("docker") is None or _compose("version").returncode:
        pytest.skip("no docker client with compose")


def test_compose_takes_it(compose: None) -> None:
    secrets = {"POSTGRES_PASSWORD": "p", "MULTIINSTRUCT_PASSWORD": "p"}
    taken = _compose("--profile", "gpu", "config", "--quiet", **secrets)
    assert taken.returncode == 0, taken.stderr


@pytest.mark.parametrize("given", ["POSTGRES_PASSWORD", "MULTIINSTRUCT_PASSWORD"])
def test_compose_refuses_to_start_without_a_secret(compose: None, given: str) -> None:
    refused = _compose("config", "--quiet", **{given: "p"})
    assert refused.returncode != 0
    assert "choose a" in refused.stderr
