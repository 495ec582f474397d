"""What `list sources` says, to a person and to a program."""

from __future__ import annotations

import json

import pytest

from flows import source_cards
from schemas.errors import BuildError, ExitCode
from tests.transforms.invented import Invented, invented
from transforms.source_card import markdown

__all__ = ["invented"]


def _told(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


def test_a_card_says_what_a_person_has_to_do(invented: Invented, capsys: pytest.CaptureFixture[str]) -> None:
    source_cards.show_source("pilgrim", as_json=False)
    told = _told(capsys)
    for said in (
        "Terms of pilgrim",
        "fetch it by hand",
        "1. Register at https://pilgrim.example/.",
        "2. Run `multiinstruct adopt pilgrim PATH`.",
        "pilgrim.tar.gz",
        "images, captions",
        "pilgrim_task",
        "@misc{pilgrim}",
    ):
        assert said in told


def test_a_card_says_what_one_agrees_to(invented: Invented, capsys: pytest.CaptureFixture[str]) -> None:
    source_cards.show_source("hermit", as_json=False)
    told = _told(capsys)
    assert "Keep it to yourself. https://hermit.example/terms" in told
    assert "may hurt who sees it" in told
    assert "--accept-terms hermit" in told
    assert "forbidden" in told


def test_a_card_is_told_to_programs_too(invented: Invented, capsys: pytest.CaptureFixture[str]) -> None:
    source_cards.show_source("asker", as_json=True)
    card = json.loads(capsys.readouterr().out)
    assert card["access"] == "open"
    assert card["lent"] == ["hill.pictures", "hill.records"]
    assert card["declared"]["licence"]["name"] == "Terms of asker"
    assert card["files"] == [
        {
            "file": "questions_file",
            "name": "questions.jsonl",
            "holds": "records",
            "bytes": None,
            "sha256": None,
            "witness": None,
            "hosts": ["asker.example"],
        }
    ]


def test_all_sources_in_one_list(invented: Invented, capsys: pytest.CaptureFixture[str]) -> None:
    source_cards.list_sources(as_json=True, as_markdown=False)
    assert list(json.loads(capsys.readouterr().out)) == ["asker", "hermit", "hill", "pilgrim"]
    source_cards.list_sources(as_json=False, as_markdown=True)
    assert capsys.readouterr().out == markdown()
    rows = [line.split(" | ") for line in markdown().splitlines()]
    assert len({len(row) for row in rows}) == 1
    assert [row[2] for row in rows[2:]] == ["open", "agree to its terms", "open", "fetch it by hand"]
    assert rows[4][3:5] == ["unknown", "hill.example"]
    assert "pictures of `hill`" in rows[2][4]
    assert rows[4][5].startswith("5 captions")


def test_a_source_that_there_is_not_is_a_usage_error(invented: Invented) -> None:
    with pytest.raises(BuildError, match="no such source") as caught:
        source_cards.show_source("valley", as_json=False)
    assert caught.value.exit_code == ExitCode.USAGE
