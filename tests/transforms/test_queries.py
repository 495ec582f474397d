"""What a query reads is remembered between runs, and never taken from a torn memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import BuildError
from transforms import queries
from transforms.duck import Lineage, lineage
from transforms.queries import lineage_of

QUERY = "with few as (select * from vg.regions limit getvariable('seed')) select * from few"


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The queries that were parsed."""
    found: list[str] = []

    def note(sql: str, where: object) -> Lineage:
        found.append(sql)
        return lineage(sql, where)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(queries, "lineage", note)
    return found


def test_a_query_is_parsed_once(parsed: list[str]) -> None:
    first, second = lineage_of(QUERY, "a test"), lineage_of(QUERY, "a test")
    assert first == second == Lineage((("vg", "regions"),), ("seed",))
    assert parsed == [QUERY]


@pytest.mark.parametrize("text", ["", "[[", "[]", "{}", "[[1], 2]", "null"])
def test_a_torn_memory_is_passed_over(parsed: list[str], tmp_path: Path, text: str) -> None:
    first = lineage_of(QUERY, "a test")
    (memory,) = tmp_path.rglob("texts/*")
    memory.write_text(text)
    assert lineage_of(QUERY, "a test") == first
    assert parsed == [QUERY, QUERY]


def test_another_release_of_the_parser_is_asked_again(
    parsed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lineage_of(QUERY, "a test")
    monkeypatch.setattr(queries, "version", lambda _: "another")
    lineage_of(QUERY, "a test")
    assert parsed == [QUERY, QUERY]


def test_a_query_that_breaks_a_rule_breaks_it_every_time(parsed: list[str]) -> None:
    for _ in range(2):
        with pytest.raises(BuildError, match="random"):
            lineage_of("select random() from vg.regions", "a test")


def test_a_folder_that_cannot_be_written_stops_nothing(
    parsed: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert lineage_of(QUERY, "a test").settings == ("seed",)
