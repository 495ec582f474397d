"""Instruction files: those that ship, own ones laid over them, and bad ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from instructions.load import SHIPPED_AT_LEAST, load_instructions, shipped_tasks
from schemas.errors import BuildError

TASK = "grounded_caption_selection"


def own(folder: Path, body: str, task: str = TASK) -> Path:
    (folder / f"{task}.toml").write_text(body, encoding="utf-8")
    return folder


@pytest.mark.parametrize("task", shipped_tasks())
def test_shipped_instructions_can_all_be_spliced(task: str) -> None:
    loaded = load_instructions(task)
    assert len(loaded.wordings) >= SHIPPED_AT_LEAST
    for wording in loaded.wordings:
        assert wording.spliceable, wording.text
        assert "  " not in wording.text
        assert sorted(wording.slot_names) == sorted(loaded.wordings[0].slot_names)


def test_first_tasks_show_what_they_must() -> None:
    shown = {task: sorted(load_instructions(task).wordings[0].slot_names) for task in shipped_tasks()}
    expected = {
        "visual_object_relationship": ["region_0", "region_1"],
        "grounded_captioning": ["region_0"],
        "visual_grounding": ["text"],
        "grounded_caption_selection": ["options", "region_0"],
        "visual_grounding_selection": ["options", "text"],
    }
    assert {task: shown[task] for task in expected} == expected


def test_own_file_replaces_the_shipped_one(tmp_path: Path) -> None:
    own(tmp_path, "instructions = ['Say which fits <region_0> best. {options}']")
    assert [wording.text for wording in load_instructions(TASK, tmp_path).wordings] == [
        "Say which fits <region_0> best. {options}"
    ]
    assert load_instructions("visual_grounding", tmp_path) == load_instructions("visual_grounding")


def test_own_glued_instruction_is_accepted_and_marked(tmp_path: Path) -> None:
    own(tmp_path, "instructions = ['Is \"<region_0>\" one of these? {options}']")
    assert not load_instructions(TASK, tmp_path).wordings[0].spliceable


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("instructions = []", "cannot be read"),
        ("instructions = 'one'", "cannot be read"),
        ("instructions = [", "cannot be read"),
        ("words = ['a']", "cannot be read"),
        ("instructions = ['What is in <region_0> now?']", "different things"),
        ("instructions = ['<region_0> {options}', '<region_0> {text} {options}']", "different things"),
        ("instructions = ['<region_0> <region_0> {options}']", "stands twice"),
        ("instructions = ['<region_0> {options}', '<region_0> {options}']", "stands twice"),
        ("instructions = ['<region_0> {options} {caption}']", "belongs to no slot"),
        ("instructions = ['<region_0> {options} }']", "belongs to no slot"),
        ("instructions = ['<region_0> {{options}}']", "belongs to no slot"),
        ("instructions = ['<region_00> {options}']", "meaning of its own"),
        ("instructions = ['<region_0> <bin_3> {options}']", "meaning of its own"),
        ("instructions = ['<region_0> [Options]: {options}']", "meaning of its own"),
        ("instructions = [' <region_0> {options}']", "white space"),
        ("instructions = ['<region_0> {options} ']", "white space"),
        ("instructions = ['']", "cannot be read"),
        ('instructions = ["<region_0>\\t{options}"]', "control character"),
        ("instructions = ['<region_0>\\n{options}']", "backslash"),
        ("instructions = ['<region_0> {options}']\nanswers = [['yes ', 'no']]", "white space"),
        ("instructions = ['<region_0> {options}']\nanswers = [['same', 'Same']]", "are the same"),
        ("instructions = ['Yes or not: <region_0> {options}']\nanswers = [['yes', 'no']]", "names an answer"),
        ("instructions = ['<region_0> {options}']\nanswers = [['yes']]", "cannot be read"),
    ],
)
def test_bad_own_file_is_refused(tmp_path: Path, body: str, message: str) -> None:
    own(tmp_path, body)
    with pytest.raises(BuildError, match=message) as caught:
        load_instructions(TASK, tmp_path)
    assert f"{TASK}.toml" in str(caught.value)


def test_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / f"{TASK}.toml").write_bytes(b"instructions = ['\xff']")
    with pytest.raises(BuildError, match="cannot be read"):
        load_instructions(TASK, tmp_path)


def test_own_file_of_no_task_is_refused(tmp_path: Path) -> None:
    own(tmp_path, "instructions = ['x']", "visual_groundnig")
    with pytest.raises(BuildError, match="belongs to no task"):
        load_instructions(TASK, tmp_path)


def test_missing_folder_and_missing_task(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="does not exist"):
        load_instructions(TASK, tmp_path / "nowhere")
    with pytest.raises(BuildError, match="no instruction file"):
        load_instructions("no_such_task")
