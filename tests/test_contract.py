"""What every source, task and instruction must keep, whichever there are."""

from __future__ import annotations

import json
from importlib import import_module

import pytest

from instructions.load import load_instructions, shipped_tasks
from schemas.artifact import Reference
from schemas.tables import TABLES
from tests.conftest import ROOT
from tests.golden import golden
from transforms import registry
from transforms.builder import Builder
from transforms.raw import generators

SHIPPED = {
    "grounded_caption_selection": "derived",
    "grounded_captioning": "existing",
    "visual_grounding": "existing",
    "visual_grounding_selection": "derived",
    "visual_object_relationship": "existing",
}
"""The tasks that ship, and what each is called in the paper's terms."""

SOURCES = registry.source_names()
DATASETS = [name for name in SOURCES if registry.declaration(name).kind == "dataset"]
TASKS = registry.task_names()


def test_what_ships_is_there() -> None:
    assert {name: registry.task(name).head.origin for name in SHIPPED} == SHIPPED
    assert set(SHIPPED) <= set(TASKS)


def test_every_task_has_instructions_and_every_instruction_file_a_task() -> None:
    assert shipped_tasks() == TASKS


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_declares_healthy_files(name: str) -> None:
    declared = registry.declaration(name)
    for file in declared.files.values():
        assert all(url.startswith("https://") for url in file.urls)
        assert not any("visualgenome.org" in url for url in file.urls)
    read = {file for files in generators(registry.reader(name)).values() for file in files}
    assert all(declared.files[file].holds == "records" for file in read)


@pytest.mark.parametrize("name", DATASETS)
def test_a_dataset_fills_tables_and_has_a_sample(name: str) -> None:
    tables = generators(registry.reader(name))
    assert "images" in tables
    assert set(tables) <= set(TABLES)
    assert callable(import_module(f"sample_world.formats.{name}").write)


@pytest.mark.parametrize("name", TASKS)
def test_a_task_reads_parents_if_it_is_derived(name: str) -> None:
    task = registry.task(name)
    known = {(source, table) for source in DATASETS for table in generators(registry.reader(source))}
    known |= {(source, "pictures") for source in DATASETS}
    known |= {("instances", other) for other in TASKS}
    assert set(task.reads) <= known
    assert not (task.head.origin == "existing" and task.parents)


@pytest.mark.parametrize("name", TASKS)
def test_instructions_are_five_all_different_and_exact_to_splice(name: str) -> None:
    wordings = load_instructions(name).wordings
    assert len(wordings) >= 5
    assert len({wording.text.lower() for wording in wordings}) == len(wordings)
    assert all(wording.spliceable for wording in wordings)


@pytest.mark.parametrize("name", TASKS)
def test_a_task_has_instances_of_its_own_shape(sample_build: Builder, name: str) -> None:
    manifest = sample_build.run(Reference("instances", name)).manifest
    assert manifest.rows_out > 0
    assert manifest.licences


@pytest.mark.parametrize("name", DATASETS)
def test_every_table_of_a_source_has_rows_of_the_sample_world(sample_build: Builder, name: str) -> None:
    for table in generators(registry.reader(name)):
        assert sample_build.run(Reference("tables", f"{name}.{table}")).manifest.rows_out > 0


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_golden(sample_build: Builder, name: str, request: pytest.FixtureRequest) -> None:
    path = ROOT / "tests" / "golden" / f"{name}.json"
    found = golden(sample_build, name)
    if request.config.getoption("--regenerate-golden"):
        path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    assert json.loads(path.read_text()) == found, "look at the difference; then pytest --regenerate-golden"
