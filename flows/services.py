"""The processes behind `serve`: each under a keeper, with a log of its own, ended in reverse order."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from flows.deployments import ROOT
from flows.keeper import GRACE, adopt_orphans, end_descendants
from schemas.errors import BuildError, ExitCode

HOST = "127.0.0.1"

_TAIL = 15
"""Lines of a log that an error shows."""


class Services:
    """Starts services and ends them all when its context ends.

    Args:
        environment: of every service.
        logs: folder in which each writes `<name>.log`, anew at every start.
    """

    def __init__(self, environment: Mapping[str, str], logs: Path) -> None:
        self._environment = environment
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        # So that nothing gets lost even where a keeper is killed.
        adopt_orphans()
        return self

    def start(self, name: str, command: Sequence[str]) -> None:
        """Starts `python -m COMMAND…` in the checkout, in a session of its own."""
        self._logs.mkdir(parents=True, exist_ok=True)
        kept = [sys.executable, "-m", "flows.keeper", sys.executable, "-m", *command]
        with self._log(name).open("wb") as log:
            self._running[name] = subprocess.Popen(  # noqa: S603
                kept,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env=self._environment,
                # A Ctrl-C on the terminal is for us alone: we end the services in good order.
                start_new_session=True,
            )

    def has_ended(self, name: str) -> bool:
        """Whether a service has done its work.

        Raises:
            BuildError: it has failed.
        """
        code = self._running[name].poll()
        if code:
            raise BuildError(
                f"{name} has failed",
                where=self._log(name),
                got=f"exit code {code}; its last words:\n{self._last_words(name)}",
            )
        return code == 0

    def check(self, names: Sequence[str]) -> None:
        """Raises a BuildError if one of these services has ended, which none of them should."""
        for name in names:
            if self.has_ended(name):
                raise BuildError(
                    f"{name} has ended by itself", where=self._log(name), got=self._last_words(name)
                )

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def _last_words(self, name: str) -> str:
        lines = self._log(name).read_text(errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-_TAIL:])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The server is started first and ends last: flow runs tell it that they were stopped.
        for keeper in reversed(self._running.values()):
            if keeper.stdin is not None:
                keeper.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                keeper.wait(GRACE + 5)
        end_descendants(grace=0)


def free_port(port: int, option: str) -> int:
    """The port itself, or a free one for 0.

    Args:
        option: how the command line names it.

    Raises:
        BuildError: somebody listens there.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise BuildError(
                "the port cannot be used",
                where=f"{HOST}:{port}",
                got=f"{error.strerror}; it belongs to {_holder(port) or 'a process of somebody else'}",
                next_step=f"end that process, or choose another with {option} (0 takes a free one)",
                exit_code=ExitCode.USAGE,
            ) from error
        return int(probe.getsockname()[1])


_LISTENING = "0A"


def _holder(port: int) -> str | None:
    """Which process listens on a port, as far as Linux tells us."""
    sockets = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        lines = table.read_text().splitlines()[1:] if table.is_file() else []
        for fields in map(str.split, lines):
            if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                sockets.add(f"socket:[{fields[9]}]")
    for handle in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            if str(handle.readlink()) in sockets:
                process = handle.parent.parent
                words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
                return f"process {process.name} ({' '.join(words).strip()})"
    return None
