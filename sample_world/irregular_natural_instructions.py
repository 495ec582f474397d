"""What is irregular in the tasks of Natural Instructions.

Exercises, all of one task of the training list:

    blank_input     the input is a blank
    one_empty       one of two outputs is empty
    all_empty       an empty output, and no other
    no_output       an empty list
    text_output     the output is a text, not a list
    number_input    the input is a number
    no_id           without the key
    number_id       the id is a number
    repeated_id     the id of `one_empty`
    reserved_mark   an input that holds one
    long_input      an input of more than 10,000 characters

Tasks, each with one exercise:

    both_lists        in the list for training and the one for testing
    unlisted          in none of the lists
    no_category       without categories
    definitions       two definitions and two categories
    several_languages inputs in two languages, outputs in one of them
    not_json          the file is cut off
    no_definition     without the key
    folder            a file in a folder of `tasks`, which is no task
    readme            a file that is no JSON
"""

from __future__ import annotations

import json
from typing import Any, Final

from schemas.token import RESERVED_MARKS

Task = dict[str, Any]

EXERCISES: Final[dict[str, dict[str, Any]]] = {
    "blank_input": {"input": " ", "output": ["blank"]},
    "one_empty": {"input": "one empty", "output": ["", "two"]},
    "all_empty": {"input": "all empty", "output": [""]},
    "no_output": {"input": "no output", "output": []},
    "text_output": {"input": "text output", "output": "a text"},
    "number_input": {"input": 7, "output": ["seven"]},
    "no_id": {"id": None, "input": "no id", "output": ["none"]},
    "number_id": {"id": 17, "input": "number id", "output": ["seventeen"]},
    "repeated_id": {"id": "irregular-one_empty", "input": "repeated id", "output": ["again"]},
    "reserved_mark": {"input": f"a sign that says {RESERVED_MARKS[0]}", "output": ["mark"]},
    "long_input": {"input": "long " * 2_001, "output": ["long"]},
}
"""The irregular exercises, without the ids of those that have a regular one. An id None is left out."""


def exercises() -> list[dict[str, Any]]:
    """The irregular exercises, in file order."""
    found = [{"id": f"irregular-{name}", **exercise} for name, exercise in EXERCISES.items()]
    return [{key: value for key, value in one.items() if (key, value) != ("id", None)} for one in found]


def members(task: Task) -> dict[str, tuple[str, bytes]]:
    """Path below the repository and bytes of each irregular task, by the name of what is irregular.

    Args:
        task: a regular task.
    """
    one = {**task, "Instances": task["Instances"][:1]}
    whole = json.dumps(one).encode()
    changed: dict[str, Task] = {
        "both_lists": one,
        "unlisted": one,
        "no_category": {key: value for key, value in one.items() if key != "Categories"},
        "definitions": {**one, "Definition": ["The first.", "The second."], "Categories": ["One", "Two"]},
        "several_languages": {**one, "Input_language": ["English", "French"]},
        "no_definition": {key: value for key, value in one.items() if key != "Definition"},
    }
    found = {name: (f"tasks/{file(name)}.json", json.dumps(of).encode()) for name, of in changed.items()}
    found["not_json"] = (f"tasks/{file('not_json')}.json", whole[: len(whole) // 2])
    found["folder"] = (f"tasks/old/{file('folder')}.json", whole)
    found["readme"] = ("tasks/README.md", b"# Tasks\n")
    return found


def file(name: str) -> str:
    """Name of an irregular task."""
    return f"task9_sample_{name}"
