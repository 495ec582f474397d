"""Where a run can go on: weights, optimizer, averages and the place in the data, one file a checkpoint.

    <run>/checkpoints/00000500.pt     after update 500

A file is written aside, synced and renamed, so that there is all of it or nothing. The learning rate and
every random number follow from the seed and the number of the update, so neither is stored.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Any, Final

import torch

from schemas.errors import BuildError, ExitCode

FOLDER: Final = "checkpoints"
FORMAT: Final = "multiinstruct-checkpoint-2"

KEPT: Final = 2
"""Checkpoints that stay: the newest, and one before it in case that one cannot be read."""

Held = dict[str, Any]


def newest(run: Path) -> Path | None:
    """The last checkpoint of a run, if it has any."""
    # One that a killed process was writing begins with a dot, which `*` takes too.
    return max((run / FOLDER).glob("[0-9]*.pt"), default=None)


def write(run: Path, update: int, held: Held) -> None:
    """Stores what a run goes on from, and removes all but the last `KEPT` checkpoints.

    Args:
        held: tensors, numbers, texts, and lists and dicts of them.

    Raises:
        BuildError: the disk is full; checkpoints that were there are still.
    """
    folder = run / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for torn in folder.glob(".*"):
        torn.unlink()
    aside = folder / f".{update:08d}.pt"
    try:
        with aside.open("wb") as file:
            torch.save({"format": FORMAT, "update": update, **held}, file)
            file.flush()
            os.fsync(file.fileno())
    except (OSError, RuntimeError) as error:
        aside.unlink(missing_ok=True)
        if not _is_full(error, folder):
            raise
        before = newest(run)
        raise BuildError(
            "the disk is full: a checkpoint could not be written",
            where=folder,
            got=f"{shutil.disk_usage(folder).free:,} bytes free",
            next_step="free some space and run the same command again: "
            + (f"it goes on after update {int(before.stem)}" if before else "it begins anew"),
            exit_code=ExitCode.DISK_FULL,
        ) from error
    aside.rename(folder / f"{update:08d}.pt")
    _sync(folder)
    for old in sorted(folder.glob("*.pt"))[:-KEPT]:
        old.unlink()


def read(path: Path) -> Held:
    """What was stored, on the CPU; nothing in the file is ever run.

    Raises:
        BuildError: it is damaged, or no checkpoint of a run.
    """
    try:
        held: Held = torch.load(path, map_location="cpu", weights_only=True)
        if held["format"] != FORMAT:
            raise KeyError(held["format"])
    except Exception as error:  # a damaged file may raise anything at all
        raise BuildError(
            "a checkpoint cannot be read",
            where=path,
            got=f"{type(error).__name__}: {str(error)[:300]}",
            next_step="delete the file to go on from the checkpoint before it",
        ) from error
    return held


def remove(run: Path) -> None:
    """Deletes all checkpoints of a run."""
    shutil.rmtree(run / FOLDER, ignore_errors=True)


def _is_full(error: BaseException, folder: Path) -> bool:
    """Whether that is what torch's writer failed of: it passes on some errors of files as its own."""
    chain = [error, error.__cause__, error.__context__]
    full = any(isinstance(one, OSError) and one.errno in (errno.ENOSPC, errno.EDQUOT) for one in chain)
    return full or (isinstance(error, RuntimeError) and not shutil.disk_usage(folder).free)


def _sync(folder: Path) -> None:
    """Makes a rename last through a loss of power."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
