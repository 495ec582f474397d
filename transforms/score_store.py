"""Evaluations in a lake: what was asked, what is right, and what was answered, one folder a run.

    <lake>/evaluations/<run>/
        evaluation.json                       what is asked; written before the first answer
        answers/<task>.parquet                what is right, see `schemas.evaluation.ANSWERS`
        predictions/<task>.<number>.parquet   what a model answered under one instruction
        scores.json, index.html               made from these alone, by `multiinstruct score`

Every file is written aside and renamed, so a run that was killed at any moment goes on with
the first task and instruction that has no file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from schemas.errors import BuildError, ExitCode
from schemas.evaluation import ANSWERS, PREDICTIONS, Evaluation
from transforms.artifact import write_whole
from transforms.lake import folders

FOLDER: Final = "evaluations"
ASKED: Final = "evaluation.json"


class Run:
    """The files of one evaluation.

    Attributes:
        folder: where it lies.
        evaluation: what it asks.
    """

    def __init__(self, folder: Path, evaluation: Evaluation) -> None:
        self.folder = folder
        self.evaluation = evaluation

    def answers(self, task: str) -> pa.Table:
        """What is right, one row an instance, in the order that predictions have."""
        return _read(self._answers(task), ANSWERS)

    def write_answers(self, task: str, rows: pa.Table) -> None:
        """Stores what is right."""
        _write(self._answers(task), rows.cast(ANSWERS))

    def predictions(self, task: str, instruction: int) -> pa.Table | None:
        """What was answered under one instruction; None if it is not finished."""
        path = self._predictions(task, instruction)
        return _read(path, PREDICTIONS) if path.is_file() else None

    def write_predictions(self, task: str, instruction: int, rows: pa.Table) -> None:
        """Stores all answers under one instruction."""
        _write(self._predictions(task, instruction), rows.cast(PREDICTIONS))

    def unfinished(self) -> Iterator[tuple[str, int]]:
        """Tasks and numbers of instructions that nobody has answered yet."""
        for task, asked in self.evaluation.tasks.items():
            for number in range(len(asked.instructions)):
                if not self._predictions(task, number).is_file():
                    yield task, number

    def has_answers(self, task: str) -> bool:
        """Whether what is right is stored."""
        return self._answers(task).is_file()

    def _answers(self, task: str) -> Path:
        return self.folder / "answers" / f"{task}.parquet"

    def _predictions(self, task: str, instruction: int) -> Path:
        return self.folder / "predictions" / f"{task}.{instruction}.parquet"


def begun(lake: Path, evaluation: Evaluation) -> Run:
    """A run that asks this: begun now, or gone on with.

    Raises:
        BuildError: a run of this name asks something else.
    """
    folder = lake / FOLDER / evaluation.name
    if not (folder / ASKED).is_file():
        write_whole(folder / ASKED, (evaluation.model_dump_json(indent=1) + "\n").encode())
    run = opened(lake, evaluation.name)
    if run.evaluation != evaluation:
        there, here = run.evaluation.model_dump(), evaluation.model_dump()
        other = [name for name in here if here[name] != there[name]]
        raise BuildError(
            "an evaluation of this name asks something else",
            where=folder,
            got=f"other {', '.join(other)} than then",
            next_step="take another --name, or the settings of then to go on",
            exit_code=ExitCode.USAGE,
        )
    return run


def opened(lake: Path, name: str) -> Run:
    """A run of a lake.

    Raises:
        BuildError: there is no such run, or its files are damaged.
    """
    known = [folder.name for folder in folders(lake / FOLDER)]
    if name not in known:
        raise BuildError(
            "no such evaluation",
            where=lake / FOLDER,
            got=name,
            expected=", ".join(known) or "none has been made; multiinstruct evaluate makes one",
            exit_code=ExitCode.USAGE,
        )
    path = lake / FOLDER / name / ASKED
    try:
        return Run(path.parent, Evaluation.model_validate_json(path.read_bytes()))
    except (OSError, ValidationError) as error:
        raise BuildError("an evaluation cannot be read", where=path, got=error) from error


def _write(path: Path, rows: pa.Table) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, compression="zstd", write_page_checksum=True)
    write_whole(path, sink.getvalue().to_pybytes())


def _read(path: Path, schema: pa.Schema) -> pa.Table:
    try:
        table = pq.read_table(path, page_checksum_verification=True)
    except (OSError, pa.ArrowException) as error:
        raise BuildError("a file of an evaluation cannot be read", where=path, got=error) from error
    if table.schema.remove_metadata() != schema:
        raise BuildError(
            "a file of an evaluation is not what it should be", where=path, got=table.schema, expected=schema
        )
    return table
