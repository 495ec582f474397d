"""Runs a function in a process of its own and tells what it took."""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple


class Cost(NamedTuple):
    """What a run took, and what it returned.

    Attributes:
        seconds: wall clock.
        cpu: seconds of all threads together, system calls included.
        peak: most memory held at once, in MB.
    """

    seconds: float
    cpu: float
    peak: float
    result: Any


def _run(pipe: Any, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    started = time.perf_counter()
    result = function(*arguments)
    seconds = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_SELF)
    unit = 1e3 if sys.platform != "darwin" else 1e6
    pipe.send(Cost(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / unit, result))


def measured(function: Callable[..., Any], *arguments: Any) -> Cost:
    """Calls a module-level function in a fresh interpreter, so that no run pays for another's memory.

    Raises:
        RuntimeError: the process died.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(theirs, function, arguments))
    process.start()
    theirs.close()
    try:
        cost: Cost = ours.recv()
    except EOFError as error:
        raise RuntimeError(f"{function.__name__} died") from error
    finally:
        process.join()
    return cost
