"""A build that cannot reach everything: which failures leave out a branch only, and what is said of them.

A publisher whose host does not answer, or no longer has a file, holds up what is made of that file, and
nothing else. Any other failure, such as other bytes than expected, ends the build.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from schemas.artifact import Reference
from schemas.build import Build
from schemas.errors import BuildError, TransientError
from schemas.waiting import Waiting
from transforms.download import AbsentError
from transforms.remote_zip import NoRangesError

LEAVES_OUT: Final = (TransientError, AbsentError, NoRangesError)
"""What a step raises where its branch is left out."""


class UnreachedError(TransientError):
    """Something could not be reached, and all that does not need it is made.

    Attributes:
        build: what is made, if it has become the current build of the lake.
    """

    def __init__(self, unreached: Mapping[Reference, BuildError], outcome: str, build: Build | None) -> None:
        super().__init__(
            f"{len(unreached)} steps could not reach what they need; {outcome}",
            got=_listed(unreached),
            next_step="run the same command again: it goes on where it was",
        )
        self.build = build


def reason_of(error: BuildError) -> str:
    """Why something is left out, in one line."""
    told = (line.strip() for line in str(error).splitlines())
    said = "; ".join(line for line in told if not line.startswith("next:"))
    return f"it could not be reached ({said}): run the same command again"


def by_reason(waiting: Iterable[Waiting]) -> dict[str, list[str]]:
    """What is left out, by the reason for it, in order."""
    found: dict[str, list[str]] = {}
    for one in waiting:
        found.setdefault(one.reason, []).append(one.name)
    return found


def failure_of(failed: Mapping[Reference, BaseException]) -> BaseException:
    """The only failure as it was raised, or one that lists them all."""
    first, *others = failed.values()
    if not others:
        return first
    code = first.exit_code if isinstance(first, BuildError) else BuildError("").exit_code
    return BuildError(f"{len(failed)} steps failed:{_listed(failed)}", exit_code=code)


def _listed(failed: Mapping[Reference, BaseException]) -> str:
    return "".join(f"\n{reference}: {error}".replace("\n", "\n    ") for reference, error in failed.items())
