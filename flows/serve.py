"""`serve`: Prefect's server, pools, deployments and a worker, and the reports of the lake, with one command.

All of it listens on this machine only, belongs to one process, and ends with that process: by Ctrl-C, by a
signal, with the terminal, with the shell that started it, and by `kill -9` (see `flows.keeper`). What stays
is the lake, and Prefect's database and the logs of the last time in the home.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import threading
import time
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from flows.console import out, plain
from flows.deployments import HEARTBEAT_SECONDS
from flows.holding import Hold, Served, holding
from flows.reports_server import serving_reports
from flows.services import HOST, Services, free_port
from schemas.errors import BuildError

_STARTING = 180.0
"""Seconds that a service has to come up; a loaded machine has been seen to need 25."""

_AUTH = "PREFECT_SERVER_API_AUTH_STRING"


@dataclass(frozen=True)
class Wanted:
    """What to serve.

    Attributes:
        lake: the lake that is built into and reported on.
        home: where Prefect's database goes.
        port: of the Prefect server; 0 takes a free one.
        reports_port: of the reports, likewise.
        gpu: whether a worker for the pool `gpu` is started as well.
    """

    lake: Path
    home: Path
    port: int
    reports_port: int
    gpu: bool

    @property
    def workers(self) -> dict[str, str]:
        """Pool of each worker, by the name of its service."""
        return {f"worker-{pool}": pool for pool in ("cpu", "gpu") if pool == "cpu" or self.gpu}


class _Stopped(Exception):  # noqa: N818
    """Somebody wants it to end."""


def serve(wanted: Wanted) -> None:
    """Serves until it is told to end.

    Raises:
        BuildError: the home cannot be made or is served already, a port is taken, or a service has failed.
    """
    stopping = _stopped_by()
    with ExitStack() as stack:
        hold = stack.enter_context(holding(wanted.home))
        reports_port = free_port(wanted.reports_port, "--reports-port")
        reports = stack.enter_context(serving_reports(wanted.lake, reports_port))
        port = free_port(wanted.port, "--port")
        served = Served(
            pid=os.getpid(),
            ready=False,
            prefect=f"http://{HOST}:{port}",
            reports=reports.url,
            lake=str(wanted.lake),
            home=str(wanted.home),
            logs=str(wanted.home / "logs"),
        )
        hold.say(served)
        scratch = wanted.home / "tmp"
        stack.callback(shutil.rmtree, scratch, ignore_errors=True)
        scratch.mkdir(exist_ok=True)
        with Services(environment(served, scratch), Path(served.logs)) as services:
            try:
                _run(services, wanted, served, hold, stopping)
            except _Stopped:
                _take_leave("ending: runs are told to stop, which may take some seconds")
        _take_leave("everything has ended")


def _take_leave(words: str) -> None:
    # The terminal may be what is gone.
    with suppress(OSError):
        out.print(plain(words))


def _stopped_by() -> Callable[[], bool]:
    """Something that tells whether it is time to end: after a signal, or when the shell is gone."""
    signalled = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # `nohup` says that a closed terminal is not to matter.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda *_: signalled.set())
    parent = os.getppid()
    # The leader of a session was started to live on its own, with --detach or by an init system.
    alone = os.getsid(0) == os.getpid() or signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    return lambda: signalled.is_set() or (not alone and os.getppid() != parent)


def environment(served: Served, scratch: Path) -> dict[str, str]:
    """What the services are told. Settings of a server elsewhere must not reach them."""
    told = {**os.environ}
    for name in ("PREFECT_PROFILE", "PREFECT_API_KEY"):
        told.pop(name, None)
    told |= {
        # What goes to this machine needs nobody in between.
        "NO_PROXY": ",".join(filter(None, (told.get("NO_PROXY"), HOST))),
        "MULTIINSTRUCT_LAKE": served.lake,
        "MULTIINSTRUCT_REPORTS_URL": served.reports,
        "TMPDIR": str(scratch),
        "PREFECT_HOME": served.home,
        "PREFECT_API_URL": f"{served.prefect}/api",
        "PREFECT_UI_URL": served.prefect,
        # Nothing is told to anyone.
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        # Whoever may post to this server may run anything here: no page of another origin may.
        "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true",
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": served.prefect,
        "PREFECT_SERVER_UI_API_URL": f"{served.prefect}/api",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS),
        "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
        # A person waits for it: ten seconds, the default, are long.
        "PREFECT_WORKER_QUERY_SECONDS": "3",
    }
    if _AUTH in told:
        told["PREFECT_API_AUTH_STRING"] = told[_AUTH]
    return told


def _run(
    services: Services, wanted: Wanted, served: Served, hold: Hold, stopping: Callable[[], bool]
) -> None:
    began = time.monotonic()

    def until(condition: Callable[[], bool], what: str, alive: Sequence[str]) -> None:
        deadline = time.monotonic() + _STARTING
        while not condition():
            services.check(alive)
            if stopping():
                raise _Stopped
            if time.monotonic() > deadline:
                raise BuildError(f"{what} did not come up in {_STARTING:.0f} s", where=served.logs)
            time.sleep(0.2)
        out.print(plain(f"{time.monotonic() - began:5.1f} s  {what}"))

    address = ["--host", HOST, "--port", served.prefect.rpartition(":")[2]]
    services.start("server", ["prefect", "server", "start", *address])
    until(lambda: _ask(served, "/health") is True, f"server on {served.prefect}", ["server"])
    services.start("deployments", ["flows.deployments"])
    until(lambda: services.has_ended("deployments"), "pools and deployments", ["server"])
    for name, pool in wanted.workers.items():
        services.start(name, ["prefect", "worker", "start", "--pool", pool, "--type", "process"])
    alive = ["server", *wanted.workers]
    for pool in wanted.workers.values():
        until(partial(_works, served, pool), f"worker of pool {pool}", alive)
    served = replace(served, ready=True)
    hold.say(served)
    say(served, "Ctrl-C ends it, and everything with it.")
    while not stopping():
        services.check(alive)
        time.sleep(0.5)
    raise _Stopped


def _ask(served: Served, path: str) -> Any:
    """What the server's API says, or None while it says nothing."""
    request = urllib.request.Request(f"{served.prefect}/api{path}")  # noqa: S310
    password = os.environ.get(_AUTH)
    if password:
        request.add_header("Authorization", f"Basic {base64.b64encode(password.encode()).decode()}")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=5) as answer:
            return json.loads(answer.read())
    except (OSError, ValueError):
        return None


def _works(served: Served, pool: str) -> bool:
    state = _ask(served, f"/work_pools/{pool}")
    return state is not None and state["status"] == "READY"


def say(served: Served, how_to_end: str) -> None:
    """Prints where everything is and what to try next."""
    out.print(plain(f"\nPrefect   {served.prefect}"))
    out.print(plain(f"Reports   {served.reports}"))
    out.print(plain(f"Lake      {served.lake}"))
    out.print(plain(f"Logs      {served.logs}"))
    out.print(plain("\nTry next, in another terminal:"))
    out.print(plain(f"  export PREFECT_API_URL={served.prefect}/api"))
    if _AUTH in os.environ:
        out.print(plain(f"  export PREFECT_API_AUTH_STRING=${_AUTH}"))
    out.print(
        plain("  prefect deployment run build-multiinstruct/build-multiinstruct -p sample=true --watch")
    )
    out.print(plain(f"\n{how_to_end}"))
