"""Runs one command and sees to it that nothing of it stays behind.

    python -m flows.keeper COMMAND ARGUMENT…

The keeper ends everything that the command has started as soon as its own standard input closes. Whoever
starts a keeper holds the other end of that pipe, and the kernel closes it however the starter ends: in good
order, by a signal, or by `kill -9`. So there is one way to stop a service, and it cannot be forgotten.

Killing the command's process group would not do: Prefect gives each flow run a session of its own.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

GRACE = 15.0
"""Seconds between the request to end and the kill: a flow run uses them to report that it was stopped."""

_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """On Linux, makes processes whose parent dies children of this one, so that they are not lost."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _parents() -> Iterator[tuple[int, int]]:
    """Each living process and its parent. A process that has ended, but was not waited for, is left out."""
    if sys.platform == "linux":
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                state, parent = path.read_text().rpartition(")")[2].split()[:2]
            except OSError:
                continue
            if state != "Z":
                yield int(path.parent.name), int(parent)
        return
    with subprocess.Popen(["/bin/ps", "-A", "-o", "pid=,ppid=,stat="], stdout=subprocess.PIPE) as listing:
        text, _ = listing.communicate()
    for line in text.decode().splitlines():
        process, parent, state = line.split()[:3]
        if not state.startswith("Z") and int(process) != listing.pid:
            yield int(process), int(parent)


def _descendants() -> dict[int, int]:
    """The parent of each living process that comes from this one."""
    children: dict[int, list[int]] = {}
    for process, parent in _parents():
        children.setdefault(parent, []).append(process)
    found = {}
    waiting = [os.getpid()]
    while waiting:
        parent = waiting.pop()
        for process in children.get(parent, []):
            found[process] = parent
            waiting.append(process)
    return found


def _reap() -> dict[int, int]:
    """Exit codes of the children that have ended."""
    ended: dict[int, int] = {}
    while True:
        try:
            process, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if process == 0:
            return ended
        ended[process] = os.waitstatus_to_exitcode(status)


def _signal(processes: Iterable[int], number: signal.Signals) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, number)


def end_descendants(grace: float) -> None:
    """Asks every process that comes from this one to end, and kills what has not ended after `grace` s.

    Who has children is asked after them: a worker that outlives a flow run reports what became of it.
    """
    deadline = time.monotonic() + grace
    asked: set[int] = set()
    while living := _descendants():
        if time.monotonic() > deadline:
            _signal(living, signal.SIGKILL)
        else:
            # Once each: to Prefect a second request means that it should not take its time.
            childless = living.keys() - set(living.values()) - asked
            _signal(childless, signal.SIGTERM)
            asked |= childless
        _reap()
        time.sleep(0.05)
    _reap()


def keep(command: list[str]) -> int:
    """Runs a command until it ends, a signal comes, or standard input closes.

    Returns:
        its exit code as a shell would give it, or 0 where it was asked to end.
    """
    adopt_orphans()
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    # What is handled here is as usual again in the command; what is ignored would stay ignored there.
    stopping: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: stopping.append(number))
    signal.signal(signal.SIGCHLD, lambda *_: None)
    service = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603
    code = None
    while code is None and not stopping:
        ready, _, _ = select.select([sys.stdin, woken], [], [])
        if sys.stdin in ready:
            break
        os.read(woken, 512)
        code = _reap().get(service.pid)
    end_descendants(GRACE)
    if code is None:
        return 0
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(keep(sys.argv[1:]))
