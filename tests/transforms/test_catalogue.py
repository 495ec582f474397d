"""The catalogue tells any DuckDB client what there is and what it means, wherever the lake lies."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from schemas.errors import BuildError
from schemas.tables import TABLES
from tests.transforms.lakes import held
from transforms import registry
from transforms.builder import Builder
from transforms.catalogue import NAME, ask, listing
from transforms.lake import whole


@pytest.fixture(scope="module")
def lake(sample_build: Builder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample lake, moved to another place."""
    place = tmp_path_factory.mktemp("catalogue") / "moved"
    shutil.copytree(sample_build.lake, place, ignore=shutil.ignore_patterns("sample", "raw"))
    shutil.copytree(sample_build.lake / "raw", place / "raw")
    listing(place)
    return place


def _rows(lake: Path, query: str) -> list[tuple[Any, ...]]:
    """What a client sees that knows nothing of this project."""
    with duckdb.connect(str(lake / NAME), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_every_table_and_column_says_what_it_means(lake: Path) -> None:
    views = _rows(lake, "select schema_name, view_name, comment from duckdb_views() where not internal")
    assert [view for view in views if not view[2]] == []
    said = {(schema, name): comment for schema, name, comment in views}
    assert said["instances", "visual_grounding"] == registry.task("visual_grounding").head.summary
    assert said["visual_genome", "regions"] == TABLES["regions"].meaning
    columns = _rows(
        lake,
        "select schema_name, table_name, column_name, comment from duckdb_columns() where not internal "
        "and schema_name <> 'about'",
    )
    assert len(columns) > 1000
    assert [column for column in columns if not column[3]] == []


def test_rows_left_out_can_be_asked_for(lake: Path) -> None:
    ledger = held(lake, "instances/region_area").manifest.rejected
    assert ledger
    query = "select rejected, count(*) from rejected.region_area group by all"
    assert dict(_rows(lake, query)) == ledger
    ledger = held(lake, "tables/visual_genome.regions").manifest.rejected
    query = 'select rejected, count(*) from rejected."visual_genome.regions" group by all'
    assert dict(_rows(lake, query)) == ledger


def test_the_listing_counts_the_rows_of_every_view(lake: Path) -> None:
    found = listing(lake)
    assert len(found) > 100
    counts = " union all ".join(f'select count(*) from "{view.schema}"."{view.name}"' for view, _ in found)
    assert [count for (count,) in _rows(lake, counts)] == [view.rows for view, _ in found]
    for view, columns in found:
        assert [column.name for column in columns] == list(view.columns)
        assert all(column.type and column.meaning for column in columns)


def test_a_moved_lake_answers_from_where_it_lies(lake: Path, tmp_path: Path) -> None:
    place = tmp_path / "again" / "it's moved"
    shutil.copytree(lake, place)
    _, rows = ask(place, "select count(*) from instances.visual_grounding")
    assert rows == _rows(lake, "select count(*) from instances.visual_grounding")
    sql = _rows(place, "select sql from duckdb_views() where view_name = 'visual_grounding'")
    assert all("it''s moved" in text for (text,) in sql)


def test_a_lake_with_a_task_that_is_no_more_is_listed(
    lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = tmp_path / "tasks"
    shutil.copytree(registry.TASKS, tasks)
    (tasks / "visual_grounding.sql").unlink()
    monkeypatch.setattr(registry, "TASKS", tasks)
    views = {(view.schema, view.name): view for view, _ in listing(lake)}
    found = views["instances", "visual_grounding"]
    assert found.meaning == ""
    assert found.rows > 1000


def test_a_lake_without_a_build_has_no_catalogue(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="nothing has been built"):
        listing(tmp_path)
    assert not (tmp_path / NAME).exists()


def test_what_the_catalogue_shows_is_the_current_build(lake: Path) -> None:
    assert _rows(lake, "select build, lake from about.build") == [(whole(lake).id, str(lake.resolve()))]
