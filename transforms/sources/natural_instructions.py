"""Super-NaturalInstructions: 1,600 kinds of exercises in words alone, each with its definition.

A task is one JSON file; its exercises have an input and every right output. Older files write a single
definition where others have a list (of which, as the dataset's own models do, the first is taken), give
their exercises no id (they are then named by their position), and do not say their languages.

The split is that of the lists in `splits/default`: English tasks of twelve kinds are for testing, and no
task that shares its origin with one of these, nor one in another language, is for training. Those have no
split here. A task in both lists is for testing.

The archive is made by its host on request, so that its bytes have no pin.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from schemas.errors import BuildError
from schemas.instance import Split
from schemas.source import Licence, RemoteFile, Source
from transforms.json_stream import DECODE_ERRORS
from transforms.raw import Raw, Record, Rejected, Row

_REPOSITORY: Final = "github.com/allenai/natural-instructions"

SOURCE: Final = Source(
    title="Super-NaturalInstructions",
    homepage=f"https://{_REPOSITORY}",
    licence=Licence(
        name="Apache-2.0 (texts: as each task says)", url=f"https://{_REPOSITORY}/blob/master/LICENSE"
    ),
    citation="""\
@inproceedings{wang2022super,
  title = {{Super-NaturalInstructions}: Generalization via Declarative Instructions on 1600+ {NLP} Tasks},
  author = {Wang, Yizhong and Mishra, Swaroop and Alipoormolabashi, Pegah and Kordi, Yeganeh and others},
  booktitle = {Proceedings of the 2022 Conference on Empirical Methods in Natural Language Processing},
  year = {2022}
}""",
    kind="auxiliary",
    files={
        "repository": RemoteFile(
            urls=(
                f"https://{_REPOSITORY}/archive/refs/tags/v2.8.zip",
                "https://codeload.github.com/allenai/natural-instructions/zip/refs/tags/v2.8",
            ),
        ),
    },
    redistribution="allowed",
)

_TASK: Final = re.compile(r"(?:[^/]+/)?tasks/([^/]+)\.json")


class _Task(Record):
    definition: list[str] | str = msgspec.field(name="Definition")
    instances: list[msgspec.Raw] = msgspec.field(name="Instances")
    categories: list[str] | str | None = msgspec.field(name="Categories", default=None)
    input_language: list[str] | str | None = msgspec.field(name="Input_language", default=None)
    output_language: list[str] | str | None = msgspec.field(name="Output_language", default=None)


class _Exercise(Record):
    input: str
    output: list[str] | str
    id: str | int | None = None


_EXERCISE: Final = msgspec.json.Decoder(_Exercise)


def exercises(repository: Raw) -> Iterator[Row | Rejected]:
    """The exercises of all tasks, in the order of the archive.

    `category` is the task's first, `language` names those of inputs and outputs, each once, as in
    "English, Spanish". Rejected is `no_answer` (all outputs are blank).

    Raises:
        BuildError: the archive has no tasks.
    """
    splits = _splits(repository)
    empty = True
    for (file, member, record, _), name, task in repository.each(_Task, _TASK):
        empty = False
        named = name.rpartition("/")[2].removesuffix(".json")
        of_task = {
            "task": named,
            "definition": next(iter(_listed(task.definition)), ""),
            "category": next(iter(_listed(task.categories)), None),
            "language": _languages(task),
            "published_split": splits.get(named),
        }
        for position, text in enumerate(task.instances):
            place = (file, member, record, position)
            try:
                exercise = _EXERCISE.decode(text)
            except DECODE_ERRORS as error:
                yield Rejected(place, "malformed", bytes(text).decode(errors="replace"), str(error))
                continue
            answers = _listed(exercise.output)
            if not any(answer.strip() for answer in answers):
                yield Rejected(place, "no_answer", msgspec.json.encode(exercise).decode())
                continue
            yield (
                place,
                {
                    **of_task,
                    "exercise_id": str(position if exercise.id is None else exercise.id),
                    "text": exercise.input,
                    "answers": answers,
                },
            )
    if empty:
        raise BuildError(
            "the archive holds no tasks",
            where="natural_instructions.repository",
            expected="members tasks/TASK.json",
            next_step="delete the file and fetch it again",
        )


def _splits(repository: Raw) -> dict[str, Split]:
    """The split of each task that is listed for training or testing."""
    found: dict[str, Split] = {}
    parts: tuple[Split, ...] = ("train", "test")
    for part in parts:
        for _, member in repository.names(re.compile(rf"(?:[^/]+/)?splits/default/{part}_tasks\.txt")):
            for _, line in repository.text_lines(member=member):
                found[line.strip()] = part
    return found


def _languages(task: _Task) -> str | None:
    named = [*_listed(task.input_language), *_listed(task.output_language)]
    return ", ".join(dict.fromkeys(named)) or None


def _listed(said: list[str] | str | None) -> list[str]:
    """What is said, as a list, however the file has it."""
    if said is None:
        return []
    return [said] if isinstance(said, str) else said
