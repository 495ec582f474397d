"""What a query reads is parsed out of it, never declared."""

from __future__ import annotations

import pytest

from schemas.errors import BuildError
from transforms import registry
from transforms.duck import lineage


def test_base_tables_without_the_names_of_ctes() -> None:
    found = lineage(
        """
        with here as (select * from visual_genome.regions),
        there as (
            with here as (select * from instances.parent) select * from here
        )
        select * from here join there using (key)
        where key in (select key from visual_genome.pictures where getvariable('per_image') > 1)
        """,
        "a test",
    )
    assert found.tables == (
        ("visual_genome", "regions"),
        ("instances", "parent"),
        ("visual_genome", "pictures"),
    )
    assert found.settings == ("per_image",)


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("selec 1", "parsed"),
        ("select 1; select 2", "one query"),
        ("insert into visual_genome.regions values (1)", "parsed"),
        ("select * from unknown", "without a schema"),
        ("select random() from a.b", "random()"),
        ("select hash(key) from a.b", "hash()"),
        ("select * from a.b order by uuid()", "uuid()"),
        ("select * from a.b using sample 10", "SAMPLE"),
        ("select * from (select * from a.b tablesample 5%)", "SAMPLE"),
        ("select * from 'file.parquet'", "without a schema"),
        ("select * from read_parquet('file.parquet')", "read_parquet()"),
        ("with a as (select * from glob('*')) select * from a", "glob()"),
    ],
)
def test_what_a_task_must_not_do(query: str, complaint: str) -> None:
    with pytest.raises(BuildError, match=complaint.replace("(", r"\(").replace(")", r"\)")):
        lineage(query, "a test")


def test_the_lineage_of_the_shipped_tasks() -> None:
    reads = {name: registry.task(name).reads for name in registry.task_names()}
    assert reads["visual_object_relationship"] == (
        ("visual_genome", "relations"),
        ("visual_genome", "pictures"),
    )
    assert reads["grounded_captioning"] == (("visual_genome", "regions"), ("visual_genome", "pictures"))
    assert reads["visual_grounding"] == (("visual_genome", "regions"), ("visual_genome", "pictures"))
    assert reads["grounded_caption_selection"] == (("instances", "grounded_captioning"),)
    assert reads["visual_grounding_selection"] == (("instances", "visual_grounding"),)


def test_sources_are_found_through_parents() -> None:
    assert registry.sources_of("grounded_caption_selection") == ("visual_genome",)
