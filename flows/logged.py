"""How far a download has come, told in the log of a run that nobody watches on a terminal."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from rich.filesize import decimal

EVERY_SECONDS: Final = 30.0


class LoggedProgress:
    """Told of bytes as they come; now and then says how many there are, and how long the others take.

    May be told from several threads.

    Args:
        say: writes a line to the log.
        every: seconds between two lines; a step that is quicker says nothing.
        clock: seconds since some moment.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        every: float = EVERY_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say = say
        self._every = every
        self._clock = clock
        self._began: tuple[float, int] | None = None
        self._said = 0.0
        self._lock = threading.Lock()

    def __call__(self, done: int, total: int | None) -> None:
        """Bytes that are here, and how many there will be, if that is known."""
        with self._lock:
            now = self._clock()
            if self._began is None:
                self._began, self._said = (now, done), now
            if now - self._said < self._every:
                return
            self._said = now
            self._say(self._told(now, done, total))

    def _told(self, now: float, done: int, total: int | None) -> str:
        # What an earlier run has brought took this one no time.
        began, had = self._began or (now, done)
        rate = (done - had) / (now - began) if now > began else 0.0
        line = f"{decimal(done)} of {decimal(total) if total is not None else 'unknown'}"
        line += f", {decimal(round(rate))} a second"
        if total is None or not rate:
            return line
        return f"{line}, {max(0, total - done) / rate / 60:.0f} min left"
