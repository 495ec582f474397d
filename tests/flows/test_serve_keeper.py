"""A keeper leaves nothing of its command behind, however it or its starter ends.

Each process that a test starts holds a named pipe open for writing: reading it to its end waits until all of
them are gone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

KEEP = "import sys; from flows import keeper; keeper.GRACE = {grace}; sys.exit(keeper.keep(sys.argv[1:]))"

FAMILY = """
import os, signal, sys, time
out = os.open(sys.argv[1], os.O_WRONLY)
def say(name):
    os.write(out, (name + "\\n").encode())
def live(name, deaf):
    def end(*_):
        say(f"{name} is asked")
        if not deaf:
            os._exit(0)
    signal.signal(signal.SIGTERM, end)
    say(f"{name} lives")
    while True:
        time.sleep(60)
if os.fork() == 0:
    os.setsid()                     # as Prefect does with each flow run
    live("child", sys.argv[2] == "deaf")
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
live("parent", False)
"""
"""Two processes, in two sessions, that say when they are asked to end."""


class Pipe:
    """What the processes of a test say, line by line; it ends when all of them are gone."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        # Nobody writes yet: opened for reading alone, this would wait.
        self._writes = os.open(path, os.O_RDWR)
        self._reads = os.fdopen(os.open(path, os.O_RDONLY), "r")

    def both_live(self) -> None:
        """Waits until both of the family are there."""
        said = {self._reads.readline(), self._reads.readline()}
        assert said == {"child lives\n", "parent lives\n"}
        os.close(self._writes)

    def rest(self) -> list[str]:
        """What is said from now on, until nobody is left who could say anything."""
        with self._reads:
            return self._reads.read().splitlines()


@pytest.fixture
def pipe(tmp_path: Path) -> Pipe:
    return Pipe(tmp_path / "pipe")


def _keeper(pipe: Pipe, hearing: str = "listens", grace: float = 60) -> list[str]:
    keep = [sys.executable, "-c", KEEP.format(grace=grace)]
    return [*keep, sys.executable, "-c", FAMILY, str(pipe.path), hearing]


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdin=subprocess.PIPE, cwd=ROOT, start_new_session=True)


def test_children_are_asked_before_their_parents(pipe: Pipe) -> None:
    keeper = _start(_keeper(pipe))
    pipe.both_live()
    assert keeper.stdin is not None
    keeper.stdin.close()
    assert pipe.rest() == ["child is asked", "parent is asked"]
    assert keeper.wait() == 0


def test_who_does_not_hear_is_killed(pipe: Pipe) -> None:
    keeper = _start(_keeper(pipe, "deaf", grace=0.5))
    pipe.both_live()
    assert keeper.stdin is not None
    keeper.stdin.close()
    assert pipe.rest() == ["child is asked"]
    assert keeper.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_as_well(pipe: Pipe, number: signal.Signals) -> None:
    keeper = _start(_keeper(pipe))
    pipe.both_live()
    keeper.send_signal(number)
    assert pipe.rest() == ["child is asked", "parent is asked"]
    assert keeper.wait() == 0


def test_the_death_of_its_starter_ends_it(pipe: Pipe) -> None:
    script = (
        "import subprocess, sys, time\n"
        "subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, start_new_session=True)\n"
        "time.sleep(600)"
    )
    starter = subprocess.Popen([sys.executable, "-c", script, *_keeper(pipe)], cwd=ROOT)
    pipe.both_live()
    starter.kill()
    starter.wait()
    assert pipe.rest() == ["child is asked", "parent is asked"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt orphans")
def test_what_a_killed_command_leaves_is_ended(pipe: Pipe) -> None:
    keeper = _start(_keeper(pipe))
    pipe.both_live()
    listed = Path(f"/proc/{keeper.pid}/task/{keeper.pid}/children").read_text().split()
    (command,) = map(int, listed)
    os.kill(command, signal.SIGKILL)
    assert pipe.rest() == ["child is asked"]
    assert keeper.wait() == 128 + signal.SIGKILL


@pytest.mark.parametrize("code", [0, 7])
def test_the_exit_code_of_the_command_is_handed_on(code: int) -> None:
    command = [sys.executable, "-c", f"raise SystemExit({code})"]
    keeper = _start([sys.executable, "-m", "flows.keeper", *command])
    assert keeper.wait() == code
