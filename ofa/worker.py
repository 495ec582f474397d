"""One of several processes that train together, as `torchrun` starts it:

    torchrun --standalone --nproc-per-node 4 -m ofa.worker RUN COLLECTION --rows-at-once 8

It says nothing; the first process writes what happens to `metrics.jsonl` of the run, and why it ended.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ofa.train import Means, leave, train
from schemas.errors import BuildError, ExitCode
from schemas.training import ENDED


def main() -> None:
    """Trains, and leaves in the run's folder why it could not."""
    said = _arguments()
    means = Means(said.device, said.rows_at_once, said.workers, said.threads)
    try:
        train(said.run, said.collection, said.start, means)
    except BuildError as error:
        leave(said.run, str(error), error.exit_code)
        sys.exit(int(error.exit_code))
    except Exception as error:  # torchrun would say only that a process has failed
        # A process that has ended takes the connections of the others with it: what it said counts.
        if not (said.run / ENDED).exists():
            leave(said.run, f"{type(error).__name__}: {error}", ExitCode.FAILED)
        raise


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ofa.worker")
    parser.add_argument("run", type=Path)
    parser.add_argument("collection", type=Path)
    parser.add_argument("--start", type=Path)
    parser.add_argument("--device")
    parser.add_argument("--rows-at-once", type=int, default=Means.rows_at_once)
    parser.add_argument("--workers", type=int, default=Means.workers)
    parser.add_argument("--threads", type=int, default=Means.threads)
    return parser.parse_args()


if __name__ == "__main__":
    main()
