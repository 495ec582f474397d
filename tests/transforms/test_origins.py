"""What an instance was made from is proved by making it again, for every task there is."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from schemas.artifact import Reference
from transforms import registry
from transforms.builder import Builder
from transforms.graph import default_tasks
from transforms.lake import whole
from transforms.origins import Origin, leaves
from transforms.tracing import origins

TASKS = default_tasks()
ROWS = 2


def _rows(builder: Builder, task: str) -> list[dict[str, Any]]:
    path = builder.run(Reference("instances", task)).tables[0]
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows[:: max(1, len(rows) // ROWS)]


def _traced(builder: Builder, task: str) -> dict[str, Origin]:
    return origins(builder.lake, whole(builder.lake), task, _rows(builder, task), thorough=True)


NOT_PROVED = {
    "activity_recognition",
    "attribute_recognition",
    "color_recognition",
    "counting",
    "object_recognition",
    "position_reasoning",
    "question_image_matching",
    "scene_recognition",
    "sentiment_understanding",
    "sport_understanding",
    "utility_affordance",
}
"""Tasks whose wrong answers come from rows of other pictures, which they do not name: no `option_keys` and
no column `…_key` holds their keys. Some of their instances are proved all the same."""


@pytest.mark.parametrize("task", TASKS)
def test_every_instance_of_every_task_is_proved_down_to_the_records(sample_build: Builder, task: str) -> None:
    found = _traced(sample_build, task)
    assert len(found) >= ROWS
    waiting = list(found.values())
    while waiting:
        origin = waiting.pop()
        assert origin.proved or task in NOT_PROVED, origin.why_not
        assert origin.parts
        waiting += [part.origin for part in origin.parts if part.origin is not None]
    for origin in found.values():
        assert leaves(origin)
        assert all(part.place is not None for part in leaves(origin))


def _records(builder: Builder, source: str, file: str) -> Any:
    folder = builder.run(Reference("raw", f"{source}.{file}")).path("")
    (path,) = folder.iterdir()
    with zipfile.ZipFile(path) as archive:
        (name,) = archive.namelist()
        return json.loads(archive.read(name))


def test_a_row_is_found_where_its_file_has_it(sample_build: Builder) -> None:
    records = _records(sample_build, "visual_genome", "region_descriptions")
    for origin in _traced(sample_build, "grounded_caption_selection").values():
        parts = leaves(origin)
        assert len(parts) == 5
        for part in parts:
            assert part.place is not None
            assert part.place.item is not None
            region = records[part.place.record]["regions"][part.place.item]
            assert " ".join(region["phrase"].split()) == part.says
            assert part.name.endswith(f":{region['region_id']}")


def test_the_row_that_is_asked_about_comes_first(sample_build: Builder) -> None:
    for key, origin in _traced(sample_build, "visual_grounding_selection").items():
        assert origin.parts[0].name == key


def test_rows_that_no_key_names_are_found_by_what_they_say(sample_build: Builder) -> None:
    found = _traced(sample_build, "object_grounding")
    assert {origin.found_by for origin in found.values()} == {"value"}
    for key, origin in found.items():
        kind = key.rpartition(":")[2]
        assert {part.says for part in leaves(origin) if part.table == "mscoco.objects"} == {kind}


def test_a_query_that_makes_it_no_more_proves_nothing(
    sample_build: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = registry.task("grounded_captioning")
    changed = replace(task, sql=task.sql.replace("described.text as target", "'other' as target"))
    assert changed.sql != task.sql
    monkeypatch.setattr(registry, "task", lambda *_: changed)
    for key, origin in _traced(sample_build, "grounded_captioning").items():
        assert not origin.proved
        assert "changed" in str(origin.why_not)
        # What the keys name is told all the same.
        assert key in [part.name for part in origin.parts]


def test_a_picture_is_traced_as_far_as_its_list(sample_build: Builder, tmp_path: Path) -> None:
    images = _records(sample_build, "visual_genome", "image_data")
    for key, origin in _traced(sample_build, "image_infilling").items():
        (part,) = leaves(origin)
        assert part.place is not None
        assert f"vg:{images[part.place.record]['image_id']}" == key
