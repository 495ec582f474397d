"""The subcommand `review`: a person looks at drawn rows, and what is found is kept."""

from __future__ import annotations

import getpass
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from flows import codes
from flows.console import errors, out, plain
from flows.looking import print_shown
from schemas.errors import BuildError, ExitCode
from transforms import gallery, registry
from transforms import show as showing
from transforms.lake import whole, writing
from transforms.show import Shown
from transforms.terms import check_may_be_shown
from transforms.verdicts import (
    Verdict,
    Word,
    add_verdicts,
    last_words,
    of_no_row,
    read_verdicts,
    reviews_of,
)

_KEYS: Final[dict[str, Word]] = {"r": "right", "w": "wrong", "a": "ambiguous"}


def review(
    lake: Path, task: str, count: int, seed: int, html: Path | None, own: Path | None, harmful: bool
) -> None:
    """Shows rows one after the other and keeps what is said of each."""
    if not harmful:
        check_may_be_shown(showing.sources_shown(task))
    known = last_words(lake)
    drawn = showing.drawn(lake, task, count, seed, own)
    waiting = [one for one in drawn if one.uid not in known]
    if not waiting:
        _print_found(lake, task)
        out.print(plain(f"all {len(drawn)} drawn rows have a verdict: more with -n, others with --seed"))
        return
    page = html or Path(f"review_{task}.html")
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(gallery.page(lake, task, waiting, None, codes.decoder(lake)), encoding="utf-8")
    out.print(plain(f"the pictures are in {page}; {len(drawn) - len(waiting)} rows have a verdict already"))
    for number, one in enumerate(waiting, start=1):
        out.print(plain(f"\n{number} of {len(waiting)}"), style="bold")
        print_shown(one, None)
        if not _judged(lake, one):
            break
    _print_found(lake, task)


def _judged(lake: Path, one: Shown) -> bool:
    """Asks for a verdict and keeps it; whether to go on."""
    while True:
        errors.print(plain("right, wrong, ambiguous, skip, quit [r/w/a/s/q]: "), end="")
        answer = sys.stdin.readline()
        key = answer.strip().lower()[:1]
        if not answer or key == "q":
            return False
        if key == "s":
            return True
        if key in _KEYS:
            when = datetime.now(UTC).isoformat(timespec="seconds")
            said = Verdict(uid=one.uid, verdict=_KEYS[key], who=getpass.getuser(), when=when)
            with writing(lake):
                add_verdicts(lake, [said])
            return True


def take(lake: Path, task: str, path: Path) -> None:
    """Takes verdicts on rows of a task from a file.

    Raises:
        BuildError: there is no such file or task, or a verdict is on no row of the task in this build.
    """
    registry.check_known("task", (task,), registry.task_names())
    if not path.is_file():
        raise BuildError("there is no file of verdicts", where=path, exit_code=ExitCode.USAGE)
    said = read_verdicts(path)
    (instances,) = showing.instances_of(lake, whole(lake), task).tables
    unknown = of_no_row(said, instances)
    if unknown:
        raise BuildError(
            "verdicts on rows that the task does not have",
            where=path,
            got=", ".join(unknown[:3]),
            expected=f"rows of {task} in the current build",
            exit_code=ExitCode.USAGE,
        )
    with writing(lake):
        add_verdicts(lake, said)
    out.print(plain(f"{len(said)} verdicts taken"))
    _print_found(lake, task)


def _print_found(lake: Path, task: str) -> None:
    found = reviews_of(lake).get(task)
    if found is None:
        return
    counts = f"{found.right} right, {found.wrong} wrong, {found.ambiguous} ambiguous"
    rate = ""
    if found.error_rate is not None:
        rate = f"; {found.error_rate:.1%} wrong, from {found.low:.1%} to {found.high:.1%} at 95 %"
    out.print(plain(f"{task}: {counts}{rate}"))
    if found.wrong:
        out.print(plain("the next build leaves out what is wrong, as `reported`"))
