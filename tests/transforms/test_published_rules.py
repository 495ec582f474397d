"""Instances by the rules of the published scripts, less their bugs, beside those by ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from schemas.artifact import Reference
from schemas.reason import FIXES, HELD_BACK, LEAKS, REPORTED, kind_of
from schemas.settings import BuildSettings
from tests.transforms.lakes import copied
from transforms import bars, evaluation_texts, registry
from transforms.builder import Builder
from transforms.graph import default_tasks
from transforms.lineage import lineage

TASKS = default_tasks()
MADE_OTHERWISE = sorted(path.stem for path in registry.PUBLISHED.glob("*.sql"))
ALIKE = [name for name in TASKS if registry.task(name, "published") == registry.task(name)]
MOST_OPTIONS = {"color_recognition": 9, "grounded_caption_selection": 6, "visual_grounding_selection": 6}


@pytest.fixture(scope="module")
def published(sample_build: Builder, tmp_path_factory: pytest.TempPathFactory) -> Builder:
    """The sample lake with a second build, by the published rules up to the instances."""
    lake = copied(sample_build, tmp_path_factory.mktemp("published"))
    asked = {**sample_build.settings.model_dump(), "lake": lake, "rules": "published", "until": "instances"}
    builder = Builder(BuildSettings.model_validate(asked))
    builder.build()
    return builder


def _rows(builder: Builder, task: str) -> list[dict[str, Any]]:
    made = builder.run(Reference("instances", task))
    rows: list[dict[str, Any]] = pq.read_table(made.path("instances.parquet")).to_pylist()
    return rows


def _read_by(task: str) -> set[tuple[str, str]]:
    """What our query of a task reads, and those that it derives from."""
    read = registry.task(task)
    return set(read.reads).union(*(_read_by(parent) for parent in read.parents))


def test_every_fix_is_a_reason_of_some_query() -> None:
    said = "".join(registry.task(name).sql for name in TASKS)
    assert {reason for reason in FIXES if f"'{reason}'" in said} | {"balance"} == set(FIXES)
    assert any(registry.task(name).head.balance for name in TASKS)


def test_a_reason_has_one_kind() -> None:
    assert {*bars.REASONS.values(), evaluation_texts.REASON, *HELD_BACK.values()} == LEAKS
    assert not LEAKS & set(FIXES)
    assert [kind_of(reason) for reason in ("crowd", "evaluation_text", REPORTED, "no_picture")] == [
        "fix",
        "leak",
        "person",
        "lack",
    ]


@pytest.mark.parametrize("name", MADE_OTHERWISE)
def test_a_published_query_stands_beside_ours_and_reads_no_more(name: str) -> None:
    assert name in TASKS
    ours, theirs = registry.task(name), registry.task(name, "published")
    assert set(theirs.parents) <= set(ours.parents)
    assert set(theirs.reads) <= _read_by(name)
    assert theirs.file == f"transforms/tasks/published/{name}.sql"
    assert not theirs.waived


def test_what_both_rules_make_alike_is_one_artifact(sample_build: Builder, published: Builder) -> None:
    # What is derived from them may differ, so parents are looked at as well.
    alike = [name for name in ALIKE if set(registry.task(name).parents) <= set(ALIKE)]
    assert "visual_spatial_relationship" in alike
    for name in TASKS:
        one, other = (
            builder.run(Reference("instances", name)).manifest for builder in (sample_build, published)
        )
        assert (one.fingerprint == other.fingerprint) == (name in alike), name
        assert ("rules" in other.asked) == (name not in ALIKE)
        assert "rules" not in one.asked


@pytest.mark.parametrize("name", [name for name in TASKS if name not in (*MADE_OTHERWISE, *ALIKE)])
def test_without_the_fixes_exactly_what_they_took_away_is_back(
    sample_build: Builder, published: Builder, name: str
) -> None:
    ours = sample_build.run(Reference("instances", name)).manifest
    theirs = published.run(Reference("instances", name)).manifest
    assert not set(theirs.rejected) & set(FIXES)
    if not registry.task(name).parents:
        taken = sum(rows for reason, rows in ours.rejected.items() if reason in FIXES)
        assert theirs.rows_out == ours.rows_out + taken
        # Of rows that parents have more of, others are drawn.
        keys = [{row["key"] for row in _rows(builder, name)} for builder in (sample_build, published)]
        assert keys[0] <= keys[1]


def test_options_are_as_many_as_published(published: Builder) -> None:
    for name, most in MOST_OPTIONS.items():
        counts = {len(row["options"]) for row in _rows(published, name)}
        assert most - 1 <= max(counts) <= most and min(counts) >= 3
    for name in ("most", "least", "non"):
        rows = _rows(published, f"{name}_overlapping_region_selection")
        assert {len(row["options"]) for row in rows} <= {2, 3, 4}
    lengths = {len(row["options"]) for row in _rows(published, "object_region_selection")}
    assert max(lengths) > 5


def test_all_properties_that_a_thing_lacks_are_options(published: Builder) -> None:
    attributes = pq.read_table(published.run(Reference("tables", "vaw.attributes")).tables[0]).to_pylist()
    lacking: dict[str, set[str]] = {}
    for row in attributes:
        if not row["holds"]:
            lacking.setdefault(f"{row['image_id']}:{row['object_id']}", set()).add(row["attribute"])
    for row in _rows(published, "grounded_object_attribute_identification"):
        assert {*row["options"]} - {row["target"]} <= lacking[row["key"]]
        assert len(row["options"]) >= len({one.lower() for one in lacking[row["key"]]})


def test_an_area_is_in_pixels(published: Builder) -> None:
    rows = _rows(published, "region_area")
    assert rows
    for row in rows:
        (box,) = row["regions"]
        pixels = (box["x1"] - box["x0"]) * (box["y1"] - box["y0"])
        assert abs(int(row["target"]) - pixels) <= 0.5


def test_labels_say_what_the_boxes_say_and_are_not_balanced(published: Builder) -> None:
    objects = pq.read_table(published.run(Reference("tables", "mscoco.objects")).tables[0]).to_pylist()
    names = {f"{row['image_id']}:{row['object_id']}": row["name"] for row in objects}
    rows = _rows(published, "object_matching")
    assert all(row["label"] == (names[row["key"]] == names[row["other_key"]]) for row in rows)
    assert 2 * sum(row["label"] for row in rows) < len(rows)


def test_an_instance_by_the_published_rules_is_traced_to_its_rows(published: Builder) -> None:
    for name in ("visual_grounding_selection", "grounded_captioning"):
        uid = _rows(published, name)[3]["uid"]
        found = lineage(published.lake, uid)
        assert found.origin.proved, found.origin.why_not
        assert found.stops[-1].says.endswith(registry.task(name, "published").file)


def test_the_plan_says_that_the_rules_have_changed(published: Builder, tmp_path: Path) -> None:
    back = published.settings.model_copy(update={"rules": "ours"})
    reasons = {str(one.step.reference): one.reason for one in Builder(back).plan() if one.action == "run"}
    assert reasons == {}
    other = published.settings.model_copy(update={"rules": "published", "seed": 1})
    reasons = {str(one.step.reference): one.reason for one in Builder(other).plan() if one.action == "run"}
    assert "seed 0 → 1" in reasons["instances/region_area"]
