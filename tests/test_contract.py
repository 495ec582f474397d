"""What every source, task and instruction must keep, whichever there are."""

from __future__ import annotations

import json
import re
from importlib import import_module

import pyarrow.parquet as pq
import pytest

from instructions.load import load_instructions, shipped_tasks
from instructions.render import Literal
from schemas.artifact import Reference
from schemas.instance import SPLITS
from schemas.tables import TABLES
from tests.conftest import ROOT
from tests.golden import golden
from transforms import registry
from transforms.builder import Builder
from transforms.graph import default_tasks
from transforms.plain_words import plain
from transforms.readers import generators

SHIPPED = {
    "color_recognition": ("image_understanding", "existing", "train"),
    "commonsense_vqa": ("commonsense_reasoning", "existing", "eval"),
    "compositional_vqa": ("vqa", "existing", "train"),
    "counting": ("image_understanding", "existing", "train"),
    "disaster_type_classification": ("miscellaneous", "existing", "eval"),
    "grounded_caption_selection": ("grounded_matching", "derived", "train"),
    "grounded_captioning": ("grounded_generation", "existing", "train"),
    "grounded_object_attribute_identification": ("visual_relationship", "existing", "train"),
    "grounded_object_identification": ("grounded_generation", "derived", "train"),
    "grounded_vqa": ("vqa", "existing", "eval"),
    "image_captioning": ("miscellaneous", "existing", "train"),
    "image_quality": ("image_understanding", "existing", "train"),
    "image_text_matching": ("image_text_matching", "derived", "train"),
    "image_text_selection": ("image_text_matching", "derived", "train"),
    "least_overlapping_region_selection": ("region_understanding", "derived", "train"),
    "missing_object_selection": ("grounded_matching", "derived", "train"),
    "most_overlapping_region_selection": ("region_understanding", "derived", "train"),
    "multimodal_factual_checking": ("miscellaneous", "existing", "train"),
    "natural_language_for_visual_reasoning": ("commonsense_reasoning", "existing", "eval"),
    "non_overlapping_region_selection": ("region_understanding", "derived", "train"),
    "object_detection": ("image_understanding", "existing", "train"),
    "object_grounding": ("grounded_generation", "derived", "train"),
    "object_matching": ("grounded_matching", "derived", "train"),
    "object_recognition": ("image_understanding", "existing", "train"),
    "object_region_matching": ("grounded_matching", "derived", "train"),
    "object_region_selection": ("grounded_matching", "derived", "train"),
    "open_domain_vqa": ("vqa", "existing", "train"),
    "outside_knowledge_vqa": ("vqa", "existing", "train"),
    "overlapping_region_selection": ("region_understanding", "derived", "train"),
    "position_reasoning": ("image_understanding", "existing", "train"),
    "question_image_matching": ("image_text_matching", "derived", "train"),
    "referring_expression_generation": ("grounded_generation", "existing", "train"),
    "referring_expression_grounding": ("grounded_generation", "existing", "train"),
    "referring_expression_selection": ("grounded_matching", "derived", "train"),
    "region_area": ("region_understanding", "derived", "train"),
    "region_caption_matching": ("grounded_matching", "derived", "train"),
    "region_overlapping_detection": ("region_understanding", "derived", "train"),
    "region_text_matching": ("grounded_matching", "derived", "train"),
    "scene_recognition": ("image_understanding", "existing", "train"),
    "sentiment_understanding": ("image_understanding", "existing", "train"),
    "sport_understanding": ("image_understanding", "existing", "train"),
    "text_legibility": ("miscellaneous", "existing", "train"),
    "text_localization": ("grounded_generation", "existing", "train"),
    "text_type_classification": ("miscellaneous", "existing", "train"),
    "text_vqa": ("vqa", "existing", "eval"),
    "utility_affordance": ("image_understanding", "existing", "train"),
    "visual_dialogue": ("miscellaneous", "existing", "eval"),
    "visual_entailment": ("commonsense_reasoning", "existing", "eval"),
    "visual_grounding": ("grounded_generation", "existing", "train"),
    "visual_grounding_selection": ("grounded_matching", "derived", "train"),
    "visual_object_identification": ("visual_relationship", "derived", "train"),
    "visual_object_localization": ("visual_relationship", "derived", "train"),
    "visual_object_relationship": ("visual_relationship", "existing", "train"),
    "visual_question_answering": ("vqa", "existing", "train"),
    "visual_spatial_relationship": ("commonsense_reasoning", "existing", "eval"),
    "visual_subject_identification": ("visual_relationship", "derived", "train"),
    "visual_subject_localization": ("visual_relationship", "derived", "train"),
    "visual_text_extraction": ("miscellaneous", "existing", "eval"),
    "wikihow_image_text_ordering": ("temporal_ordering", "derived", "train"),
    "wikihow_next_step_generation": ("temporal_ordering", "derived", "train"),
    "wikihow_next_step_selection": ("temporal_ordering", "derived", "train"),
    "wikihow_text_image_ordering": ("temporal_ordering", "derived", "train"),
}
"""The 62 tasks: category, origin and role of each (MultiInstruct, Figure 2 and tables)."""

FEW_OPTIONS = 60
"""Texts that a task offers in all; more come from people who describe pictures, in words like any other."""

SOURCES = registry.source_names()
DATASETS = [name for name in SOURCES if registry.declaration(name).kind == "dataset"]
TASKS = registry.task_names()


def test_what_ships_is_there() -> None:
    heads = {name: registry.task(name).head for name in SHIPPED}
    assert {name: (head.category, head.origin, head.role) for name, head in heads.items()} == SHIPPED
    assert not any(head.extra for head in heads.values())
    assert len(DATASETS) == 21


def test_every_task_has_instructions_and_every_instruction_file_a_task() -> None:
    assert shipped_tasks() == TASKS


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_declares_healthy_files(name: str) -> None:
    declared = registry.reader(name).SOURCE
    for file in declared.files.values():
        # Who can change what comes over plain http cannot change what it must be.
        assert file.pin or all(url.startswith("https://") for url in file.urls)
        assert not any("visualgenome.org" in url for url in file.urls)
    read = {file for files in generators(registry.reader(name)).values() for file in files}
    for file in read:
        lent = registry.lent_file(registry.owner_of(name, file))
        # A tar.gz, or what a person fetches, may hold both.
        assert lent.holds == "records" or lent.is_tar or lent.by_hand
    assert declared.steps == () or any(f"multiinstruct adopt {name} " in step for step in declared.steps)


@pytest.mark.parametrize("name", SOURCES)
def test_what_a_source_borrows_is_there(name: str) -> None:
    for lent in registry.declaration(name).borrows.values():
        owner, _, file = lent.partition(".")
        assert owner in SOURCES
        assert owner != name
        found = registry.declaration(owner).files[file]
        # A tar.gz is repacked for the pictures that its owner lists.
        assert not (found.holds == "pictures" and found.is_tar)


@pytest.mark.parametrize("name", DATASETS)
def test_what_a_publisher_counts_can_be_counted(name: str) -> None:
    for key in registry.declaration(name).accepts:
        table, mark, part = re.fullmatch(r"(\w+)(?:([/.])(\w+))?", key).groups()  # type: ignore[union-attr]
        assert table in generators(registry.reader(name))
        columns = [column.name for column in TABLES[table].columns]
        known = {None: (None,), "/": SPLITS, ".": columns}
        assert part in known[mark]


@pytest.mark.parametrize("name", DATASETS)
def test_the_pictures_of_a_source_lie_in_files_that_hold_pictures(sample_build: Builder, name: str) -> None:
    borrows = registry.declaration(name).borrows
    shown = set(registry.shown_files(name))
    made = sample_build.run(Reference("tables", f"{name}.images"))
    for archive in set(pq.read_table(made.tables, columns=["archive"])["archive"].to_pylist()):
        assert "." not in archive or archive in borrows.values()
        assert registry.owner_of(name, archive) in shown


@pytest.mark.parametrize("name", DATASETS)
def test_a_dataset_fills_tables_and_has_a_sample(name: str) -> None:
    tables = generators(registry.reader(name))
    assert "images" in tables
    assert set(tables) <= set(TABLES)
    assert callable(import_module(f"sample_world.formats.{name}").write)


@pytest.mark.parametrize("name", TASKS)
def test_a_task_reads_parents_if_it_is_derived(name: str) -> None:
    task = registry.task(name)
    known = {(source, table) for source in SOURCES for table in generators(registry.reader(source))}
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


@pytest.mark.parametrize("name", default_tasks())
def test_no_instruction_gives_an_answer_away(sample_build: Builder, name: str) -> None:
    """Where the same few options come again and again, a word of the instruction could be one of them."""
    made = sample_build.run(Reference("instances", name))
    rows = pq.read_table(made.path("instances.parquet"), columns=["options"])["options"].to_pylist()
    options = {f" {plain(option)} " for offered in rows for option in offered or () if plain(option)}
    for wording in load_instructions(name).wordings if len(options) <= FEW_OPTIONS else ():
        words = [f" {plain(piece.text)} " for piece in wording.pieces if isinstance(piece, Literal)]
        assert not [option for option in options if any(option in said for said in words)], wording.text


@pytest.mark.parametrize("name", default_tasks())
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
