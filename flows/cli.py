"""The command `multiinstruct`."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer

from flows.commands import (
    auditing,
    building,
    evaluating,
    fetching,
    giving,
    keeping,
    looking,
    serving,
    training,
    vocabulary,
)
from schemas.errors import BuildError, ExitCode

EXIT_CODES = """
Exit codes: 0 done · 1 failed · 2 the command was misused · 3 the network failed, a later try may do ·
4 the disk is full · 5 another build is writing to the lake · 130 interrupted.
"""

app = typer.Typer(
    name="multiinstruct",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Rebuilds MultiInstruct (62 multimodal tasks from 21 datasets) from the publishers' own files.",
    epilog=f"Begin with `multiinstruct build --sample`, which needs no network. {EXIT_CODES}",
)
for group in (
    building,
    fetching,
    looking,
    auditing,
    vocabulary,
    training,
    evaluating,
    giving,
    keeping,
    serving,
):
    app.add_typer(group.commands)


def _end(error: BuildError) -> NoReturn:
    from flows.console import errors, plain

    errors.print("error:", style="bold red", end=" ")
    errors.print(plain(error))
    sys.exit(int(error.exit_code))


def main() -> None:
    """Entry point: turns every failure into one message and the documented exit code."""
    try:
        app()
    except BuildError as error:
        _end(error)
    except SystemExit as end:
        # The reader of our output has seen enough, as in `… | head`; typer calls it a failure.
        if isinstance(end.__context__, BrokenPipeError):
            sys.exit(int(ExitCode.DONE))
        raise
    except OSError as error:
        import errno

        if error.errno != errno.ENOSPC:
            raise
        _end(
            BuildError(
                "the disk is full",
                where=error.filename,
                next_step="free some space and run the same command again",
                exit_code=ExitCode.DISK_FULL,
            )
        )


if __name__ == "__main__":
    main()
