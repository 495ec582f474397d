"""What tests around Prefect share: a running `serve`, its settings and processes, and waiting for an end."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.conftest import ROOT


class Up(NamedTuple):
    """A `serve` that runs."""

    process: subprocess.Popen[str]
    prefect: str
    reports: str
    home: Path


def environment(**more: str) -> dict[str, str]:
    """Ours, with settings for a server elsewhere, which must not matter."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return {**ours, "PREFECT_API_URL": "http://127.0.0.1:1/api", "PREFECT_PROFILE": "elsewhere", **more}


def command(*arguments: str) -> list[str]:
    """The command `serve` in a process of its own."""
    return [sys.executable, "-m", "flows.cli", "serve", *arguments]


@contextmanager
def serving(lake: Path, *options: str) -> Iterator[Up]:
    """`serve` in the foreground of a terminal that somebody reads."""
    process = subprocess.Popen(
        command("--lake", str(lake), "--port", "0", "--reports-port", "0", *options),
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if line.startswith("Ctrl-C"):
            break
    prefect, reports = (re.search(rf"^{name} +(http\S+)$", said, re.M) for name in ("Prefect", "Reports"))
    assert prefect is not None and reports is not None, said
    try:
        yield Up(process, prefect[1], reports[1], lake / ".prefect")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def get(url: str) -> Any:
    """What an address says, as JSON."""
    with urllib.request.urlopen(url, timeout=20) as answer:
        return json.loads(answer.read())


def run_deployment(up: Up, folder: Path, name: str, *parameters: str) -> subprocess.CompletedProcess[str]:
    """Runs a deployment to its end, as a person would from another folder.

    Args:
        folder: an empty one, to run in.
        parameters: such as `rows=3`.
    """
    words = [sys.executable, "-m", "prefect", "deployment", "run", "--watch", f"{name}/{name}"]
    return subprocess.run(
        [*words, *(word for parameter in parameters for word in ("-p", parameter))],
        cwd=folder,
        env={**os.environ, "PREFECT_API_URL": f"{up.prefect}/api", "PREFECT_HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def processes(home: Path) -> list[int]:
    """The processes that Prefect's home was given to, which all services of `serve` have in common."""
    wanted = f"PREFECT_HOME={home}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if wanted in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def all_end(pids: list[int], seconds: float) -> bool:
    """Whether all of these processes end in that time."""
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            if not select.select([handle], [], [], seconds)[0]:
                return False
        finally:
            os.close(handle)
    return True


def known_settings() -> set[str]:
    """Every environment variable that the installed Prefect reads."""
    from prefect.settings.base import PrefectBaseSettings
    from prefect.settings.models.root import Settings

    def names(model: type[PrefectBaseSettings]) -> set[str]:
        found: set[str] = set()
        prefix = str(model.model_config.get("env_prefix", ""))
        for name, field in model.model_fields.items():
            kind = field.annotation
            if isinstance(kind, type) and issubclass(kind, PrefectBaseSettings):
                found |= names(kind)
                continue
            choices = getattr(field.validation_alias, "choices", [field.validation_alias])
            found |= {f"{prefix}{name}".upper(), *(one.upper() for one in choices if isinstance(one, str))}
        return found

    return names(Settings)
