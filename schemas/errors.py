"""The two kinds of failure: worth retrying, and not.

Every message says where it happened, what was found, what was expected and what to do next.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the command, as documented in the README."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NETWORK = 3
    DISK_FULL = 4
    LAKE_BUSY = 5
    INTERRUPTED = 130


class BuildError(Exception):
    """A failure that a second try would meet again.

    Args:
        what: one sentence, what is wrong.
        where: file, member, row or setting in which it was found.
        got: what was found there.
        expected: what should have been there.
        next_step: what the reader can do about it.
        exit_code: how the command ends when nothing catches this.
    """

    def __init__(
        self,
        what: str,
        *,
        where: object = None,
        got: object = None,
        expected: object = None,
        next_step: str | None = None,
        exit_code: ExitCode = ExitCode.FAILED,
    ) -> None:
        labelled = (("where", where), ("got", got), ("expected", expected), ("next", next_step))
        lines = [what, *(f"  {label}: {value}" for label, value in labelled if value is not None)]
        super().__init__("\n".join(lines))
        self.what = what
        self.exit_code = exit_code


class TransientError(BuildError):
    """A failure of the network that may pass; the only kind that is retried."""

    def __init__(
        self,
        what: str,
        *,
        where: object = None,
        got: object = None,
        expected: object = None,
        next_step: str | None = None,
    ) -> None:
        super().__init__(
            what,
            where=where,
            got=got,
            expected=expected,
            next_step=next_step,
            exit_code=ExitCode.NETWORK,
        )
