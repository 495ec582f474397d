"""Natural Instructions as its host gives it out: a zip of the repository in a folder named after a version.

The third task is written as older ones were: a single definition, exercises without ids, no languages.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from sample_world.archive import archive, deflate
from sample_world.exercising import KINDS, Kind, text
from sample_world.irregular_natural_instructions import exercises, file, members
from sample_world.scenes import WORDS, pick

_PATH: Final = "github.com/allenai/natural-instructions/archive/refs/tags/v2.8.zip"
_FOLDER: Final = "natural-instructions-2.8"
_EXERCISES_AT_SCALE_1: Final = 40

_PARTS: Final = ("train", "test", "excluded")
_OLDER: Final = 2
"""Index of the kind whose file is of the older layout."""


def write(mirror: Path, seed: int, scale: float) -> None:
    """Writes the archive below `mirror`, under the host and path of its first url.

    Irregular tasks (see `sample_world.irregular_natural_instructions`) come first, then the regular ones.

    Raises:
        OSError: the folder cannot be written. The file is then as it was, or whole.
    """
    words = texts(seed, scale)
    regular = {name(kind): task(kind, words) for kind in KINDS}
    first = next(iter(regular.values()))
    irregular = {**first, "Instances": exercises()}
    lists = {part: [name(kind) for kind in KINDS if kind.part == part] for part in _PARTS}
    lists["train"] += [file("exercises"), file("both_lists")]
    lists["test"].append(file("both_lists"))
    with archive(mirror / _PATH) as zipped:
        for path, data in members(first).values():
            deflate(zipped, f"{_FOLDER}/{path}", data)
        deflate(zipped, f"{_FOLDER}/tasks/{file('exercises')}.json", json.dumps(irregular).encode())
        for named, one in regular.items():
            deflate(zipped, f"{_FOLDER}/tasks/{named}.json", json.dumps(one, indent=4).encode())
        for part, names in lists.items():
            for division in ("default", "xlingual"):
                # Of the other division nothing is read.
                listed = "\n".join(names if division == "default" else reversed(names)) + "\n"
                deflate(zipped, f"{_FOLDER}/splits/{division}/{part}_tasks.txt", listed.encode())


def texts(seed: int, scale: float) -> list[str]:
    """The inputs of every regular task."""
    first = pick(len(WORDS), seed, "natural_instructions")
    return [
        text(first + number) for number in range(min(1_000, max(10, round(_EXERCISES_AT_SCALE_1 * scale))))
    ]


def name(kind: Kind) -> str:
    """Name of a regular task."""
    return f"task{KINDS.index(kind) + 1:03}_sample_{kind.name}"


def task(kind: Kind, inputs: Sequence[str]) -> dict[str, Any]:
    """What the file of a regular task holds."""
    instances = [
        {"id": f"{name(kind).partition('_')[0]}-{number:032x}", "input": words, "output": kind.answers(words)}
        for number, words in enumerate(inputs)
    ]
    words = inputs[0]
    example = {"input": words, "output": kind.answers(words)[0], "explanation": "As the definition says."}
    found = {
        "Contributors": ["Somebody"],
        "Source": ["sample"],
        "URL": ["https://www.example.org"],
        "Categories": [kind.category],
        "Reasoning": [],
        "Definition": [kind.definition],
        "Input_language": ["English"],
        "Output_language": [kind.language],
        "Instruction_language": ["English"],
        "Domains": ["Miscellaneous"],
        "Positive Examples": [example],
        "Negative Examples": [],
        "Instances": instances,
        "Instance License": ["CC0 1.0"],
    }
    return _older(found) if KINDS.index(kind) == _OLDER else found


def _older(found: dict[str, Any]) -> dict[str, Any]:
    """The same as older files say it."""
    later = {
        *("Input_language", "Output_language", "Instruction_language"),
        *("URL", "Reasoning", "Domains", "Instance License"),
    }
    instances = [{"input": one["input"], "output": one["output"]} for one in found["Instances"]]
    kept = {key: value for key, value in found.items() if key not in later}
    return {**kept, "Definition": found["Definition"][0], "Instances": instances}
