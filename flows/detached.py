"""`serve` that outlives its terminal: started in a session of its own, asked how it is, and ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

from flows.console import out, plain, print_json
from flows.holding import Served, held_by, make
from flows.keeper import GRACE
from flows.serve import Wanted, say
from schemas.errors import BuildError, ExitCode

_ENDING = 3 * GRACE
"""Seconds that everything has to end: two services may have to be killed, one after the other."""


def detach(wanted: Wanted) -> None:
    """Starts `serve` in a session of its own, and returns once it is ready.

    Raises:
        BuildError: it did not come up; what it said is part of the message.
    """
    make(wanted.home)
    log = wanted.home / "serve.log"
    command = [sys.executable, "-m", "flows.cli", "serve", "--lake", str(wanted.lake)]
    command += ["--home", str(wanted.home), "--port", str(wanted.port)]
    command += ["--reports-port", str(wanted.reports_port), *(["--gpu"] if wanted.gpu else [])]
    with log.open("wb") as file:
        started = subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        served = _ready(wanted.home, started)
    except KeyboardInterrupt:
        started.terminate()
        started.wait()
        raise
    if served is None:
        raise BuildError("it did not come up", where=log, got=f"\n{log.read_text(errors='replace').strip()}")
    say(served, f"It outlives this terminal. To end it: multiinstruct serve --stop --home {served.home}")


def _ready(home: Path, started: subprocess.Popen[bytes]) -> Served | None:
    """What is served, once all of it is up; None where the process has ended before that."""
    while started.poll() is None:
        served = held_by(home)
        if served is not None and served.pid == started.pid and served.ready:
            return served
        time.sleep(0.2)
    return None


def status(home: Path, as_json: bool) -> bool:
    """Prints what runs on a home, and returns whether anything does."""
    served = held_by(home)
    if as_json:
        print_json({"running": served is not None, **(asdict(served) if served else {})})
    elif served is None:
        out.print(plain(f"nothing is served on {home}"))
    else:
        state = "serves" if served.ready else "is starting"
        say(served, f"Process {served.pid} {state}. To end it: multiinstruct serve --stop --home {home}")
    return served is not None


def stop(home: Path) -> None:
    """Ends what runs on a home, and returns once all of it has ended.

    Raises:
        BuildError: nothing runs there, or it does not end.
    """
    served = held_by(home)
    if served is None:
        raise BuildError(
            "nothing is served there",
            where=home,
            next_step="name its --lake or --home",
            exit_code=ExitCode.USAGE,
        )
    # Whoever holds the home is alive, so the number is still its own.
    os.kill(served.pid, signal.SIGTERM)
    deadline = time.monotonic() + _ENDING
    while (now := held_by(home)) is not None and now.pid == served.pid:
        if time.monotonic() > deadline:
            raise BuildError("it does not end", where=f"process {served.pid}", next_step="look at its logs")
        time.sleep(0.1)
    out.print(plain("everything has ended"))
