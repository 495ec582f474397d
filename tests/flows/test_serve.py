"""`serve` as a person uses it: one command up, a run of the deployment, Ctrl-C, and nothing left."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.holding import Served
from flows.serve import environment as environment_of
from tests.conftest import ROOT
from tests.flows.serving import (
    Up,
    all_end,
    command,
    environment,
    get,
    known_settings,
    processes,
    run_deployment,
    serving,
)
from transforms.builder import Builder
from transforms.lake import whole

pytestmark = [
    pytest.mark.flow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes as Linux lists them"),
]


def _serve(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), cwd=ROOT, env=environment(), capture_output=True, text=True, check=False
    )


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.fixture(scope="module")
def lake(sample_build: Builder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample lake: builds into it are to leave the fixture alone."""
    copied = tmp_path_factory.mktemp("served") / "lake"
    shutil.copytree(sample_build.lake, copied)
    return copied


@pytest.fixture(scope="module")
def up(lake: Path) -> Iterator[Up]:
    """`serve` as it is by default."""
    with serving(lake) as up:
        yield up


def test_everything_is_up(up: Up) -> None:
    assert get(f"{up.prefect}/api/health") is True
    assert get(f"{up.prefect}/api/work_pools/cpu")["status"] == "READY"
    name = "build-multiinstruct/build-multiinstruct"
    deployment = get(f"{up.prefect}/api/deployments/name/{name}")
    assert deployment["work_pool_name"] == "cpu"
    assert [schedule["active"] for schedule in deployment["schedules"]] == [False]
    settings = get(f"{up.prefect}/ui-settings")
    assert (settings["api_url"], settings["csrf_enabled"]) == (f"{up.prefect}/api", True)


def test_it_says_what_it_serves(up: Up, lake: Path) -> None:
    told = json.loads(_serve("--status", "--json", "--lake", str(lake)).stdout)
    assert told["running"] and told["ready"]
    assert (told["pid"], told["prefect"], told["reports"]) == (up.process.pid, up.prefect, up.reports)


def test_the_report_is_there(up: Up, lake: Path) -> None:
    assert get(f"{up.reports}/{whole(lake).id}/report.json")["build"] == whole(lake).id
    with urllib.request.urlopen(up.reports, timeout=20) as page:
        assert page.url == f"{up.reports}/{whole(lake).id}/"
        assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert f"Build {whole(lake).id}" in page.read().decode()


def test_it_listens_on_this_machine_only(up: Up) -> None:
    for url in (up.prefect, up.reports):
        listening = [
            line.split()[1]
            for table in ("/proc/net/tcp", "/proc/net/tcp6")
            for line in Path(table).read_text().splitlines()[1:]
            if line.split()[3] == "0A" and line.split()[1].endswith(f":{_port(url):04X}")
        ]
        assert listening == [f"0100007F:{_port(url):04X}"]


def test_a_second_one_is_told_of_the_first(up: Up, lake: Path, tmp_path: Path) -> None:
    same_home = _serve("--lake", str(lake))
    assert same_home.returncode == 2
    assert f"process {up.process.pid}" in same_home.stderr
    assert up.prefect in same_home.stderr
    same_port = _serve("--lake", str(tmp_path), "--port", str(_port(up.prefect)))
    assert same_port.returncode == 2
    assert "prefect server start" in same_port.stderr
    same_port = _serve("--lake", str(tmp_path), "--port", "0", "--reports-port", str(_port(up.reports)))
    assert same_port.returncode == 2
    assert f"process {up.process.pid}" in same_port.stderr


def test_a_run_of_the_deployment_builds_into_the_lake(up: Up, lake: Path, tmp_path: Path) -> None:
    ran = run_deployment(up, tmp_path, "build-multiinstruct", "sample=true", "until=tables")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    built = whole(lake)
    assert {entry.stage for entry in built.members} == {"raw", "tables"}
    ledger = get(f"{up.prefect}/api/artifacts/build-ledger/latest")
    assert f"{up.reports}/{built.id}/" in ledger["description"]
    assert "tables/visual_genome.regions" in ledger["data"]
    assert get(f"{up.reports}/{built.id}/report.json")["build"] == built.id


def test_ctrl_c_leaves_nothing(up: Up, lake: Path) -> None:
    services = processes(up.home)
    assert len(services) >= 4, "a keeper and its command each for the server and the worker"
    up.process.send_signal(signal.SIGINT)
    assert up.process.stdout is not None
    assert up.process.stdout.read().endswith("everything has ended\n")
    assert up.process.wait() == 0
    assert processes(up.home) == []
    assert _is_free(_port(up.prefect)) and _is_free(_port(up.reports))
    # Prefect's own files stay, and the logs of the last time.
    assert not {"serve.json", "tmp"} & {path.name for path in up.home.iterdir()}
    assert json.loads(_serve("--status", "--json", "--lake", str(lake)).stdout) == {"running": False}
    assert _serve("--stop", "--lake", str(lake)).returncode == 2


def test_detached_it_outlives_its_starter_but_nothing_outlives_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    where = ("--lake", str(tmp_path / "lake"), "--home", str(home))
    started = _serve(*where, "--port", "0", "--reports-port", "0", "--detach")
    assert started.returncode == 0, started.stderr
    told = json.loads(_serve("--status", "--json", *where).stdout)
    assert os.getsid(told["pid"]) == told["pid"]
    services = processes(home)
    try:
        assert get(f"{told['prefect']}/api/health") is True
        os.kill(told["pid"], signal.SIGKILL)
        assert all_end([told["pid"], *services], 60)
    finally:
        for pid in processes(home):
            os.kill(pid, signal.SIGKILL)
    assert _is_free(_port(told["prefect"])) and _is_free(_port(told["reports"]))
    assert _serve("--status", *where).returncode == 1


@pytest.mark.parametrize("options", [("--detach", "--stop"), ("--status", "--stop"), ("--json",)])
def test_options_that_do_not_go_together_are_refused(options: tuple[str, ...], tmp_path: Path) -> None:
    ran = _serve(*options, "--lake", str(tmp_path))
    assert ran.returncode == 2
    assert "do not go together" in ran.stderr


def test_prefect_knows_every_setting(tmp_path: Path) -> None:
    served = Served(1, True, "http://127.0.0.1:1", "http://127.0.0.1:2", *3 * (str(tmp_path),))
    told = {name for name in environment_of(served, tmp_path) if name.startswith("PREFECT_")}
    assert told - os.environ.keys() <= known_settings()
    assert "PREFECT_NO_SUCH_SETTING" not in known_settings()
