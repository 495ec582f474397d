"""`metrics.jsonl` of a run: a line for each update and for each look at validation rows."""

from __future__ import annotations

import os
from pathlib import Path

from schemas.errors import BuildError, ExitCode
from schemas.training import LINE, METRICS, Update, Validated


class Metrics:
    """The lines of a run, of which those after the checkpoint that it goes on from are dropped.

    A line is written before the checkpoint that counts on it.
    """

    def __init__(self, run: Path, after: int) -> None:
        """Opens the file.

        Args:
            after: the last update that stays.
        """
        path = run / METRICS
        kept = [line for line in _lines(path) if LINE.validate_json(line).update <= after]
        aside = path.with_name(f".{METRICS}.{os.getpid()}")
        aside.write_bytes(b"".join(kept))
        aside.replace(path)
        self._file = path.open("ab")

    def add(self, line: Update | Validated) -> None:
        """Appends a line.

        Raises:
            BuildError: the disk is full.
        """
        try:
            self._file.write(line.model_dump_json().encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise BuildError(
                "a line of metrics could not be written",
                where=self._file.name,
                got=error,
                next_step="free some space and run the same command again",
                exit_code=ExitCode.DISK_FULL,
            ) from error

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def _lines(path: Path) -> list[bytes]:
    """The whole lines that are there; one that a kill has torn ends without a line break."""
    if not path.is_file():
        return []
    return [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
