"""`show`, `export`, `publish`, `pull`, `lineage` and `try` as a person or a program uses them."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from flows.cli import app, main
from tests.conftest import ROOT
from tests.s3_server import bucket
from tests.small_lake import copy_small
from transforms.builder import Builder

COMMANDS = ("show", "export", "publish", "pull", "lineage", "try")


@pytest.fixture(scope="module")
def lake(sample_build: Builder) -> str:
    return str(sample_build.lake)


@pytest.fixture
def place(tmp_path: Path, lake: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to run commands in, as a person would who has said where the lake is."""
    monkeypatch.setenv("MULTIINSTRUCT_LAKE", lake)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


@pytest.fixture(scope="module")
def s3() -> Iterator[None]:
    """The bucket that the examples name."""
    with bucket("bucket"):
        yield


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Runs the command in this process; its exit code and what it printed."""
    before = sys.argv
    sys.argv = ["multiinstruct", *arguments]
    try:
        main()
        code = 0
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        sys.argv = before
    said = capsys.readouterr()
    return code, said.out, said.err


def _examples(command: str) -> list[list[str]]:
    """Those of the help that need a build and nothing more, such as an evaluation."""
    group: Any = get_command(app)
    found = re.findall(r"`multiinstruct ([^`]+)`", group.commands[command].epilog)
    return [shlex.split(example) for example in found if "--predictions" not in example]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_example_of_the_help_runs_as_printed(
    place: Path,
    lake: str,
    s3: None,
    command: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if command in ("publish", "pull"):
        monkeypatch.setenv("MULTIINSTRUCT_LAKE", str(copy_small(Path(lake), place.parent / "lake")))
    if command == "pull":
        for example in _examples("publish"):
            assert _run(capsys, *example)[0] == 0
    examples = _examples(command)
    assert len(examples) >= 2
    for example in examples:
        code, out, err = _run(capsys, *example)
        assert code == 0, err
        assert out
        assert "sentinel" not in out + err


def test_show_says_where_every_part_comes_from(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "show", "visual_grounding_selection", "-n", "1")
    assert code == 0
    assert out.count("from visual_genome.regions") == 5
    assert "region_descriptions.json · record" in out
    assert "picture = visual_genome.images" in out
    told = json.loads(_run(capsys, "show", "visual_grounding_selection", "-n", "1", "--json")[1])
    assert told[0]["made_from"]["proved"] is True
    assert len(told[0]["made_from"]["parts"]) == 5


def test_what_was_left_out_is_told_to_people_and_programs(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = _run(capsys, "show", "object_matching", "--rejected", "-n", "1")
    assert code == 0
    assert "balance" in out
    told = json.loads(_run(capsys, "show", "object_matching", "--rejected", "--json", "-n", "1")[1])
    ledger = told["ledgers"][0]
    assert ledger["rows_in"] == ledger["rows_out"] + ledger["not_asked"] + sum(ledger["rejected"].values())
    assert {one["rejected"] for one in told["instances"]} >= set(ledger["rejected"])
    table = json.loads(_run(capsys, "show", "visual_genome.regions", "--rejected", "--json", "-n", "2")[1])
    assert {row["reason"] for row in table["rows"]} == set(table["ledgers"][0]["rejected"])
    code, _, err = _run(capsys, "show", "visual_genome.regions")
    assert code == 2
    assert "--rejected" in err


def test_an_export_tells_what_it_wrote(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "export", "region_area", "--format", "jsonl", "out", "--json")
    assert code == 0
    told = json.loads(out)
    assert told["rows"]["train"]["region_area"] == len((place / "out/train.jsonl").read_text().splitlines())
    code, _, err = _run(capsys, "export", "region_area", "--format", "jsonl", "out")
    assert code == 2
    assert "nothing is overwritten" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ("export", "out"),
        ("export", "--format", "xml", "out"),
        ("export", "--format", "jsonl"),
        ("export", "--format", "jsonl", "--instruction", "0", "out"),
        ("export", "--format", "jsonl", "--instruction", "some", "out"),
        ("export", "--format", "jsonl", "--split", "dev", "out"),
        ("export", "--format", "jsonl", "--mixture", "quick", "out"),
        ("publish",),
        ("publish", ""),
        ("publish", "nosuch://place"),
        ("pull", "nowhere"),
        ("lineage", "no/such:row"),
        ("try", "{text}"),
        ("try", "{text}", "--task", "no_such_task"),
    ],
)
def test_misuse_ends_with_2_and_changes_nothing(
    place: Path, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = _run(capsys, *arguments)
    assert code == 2
    assert err
    assert list(place.iterdir()) == []


def test_a_lineage_is_a_tree_or_json(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    uid = json.loads(_run(capsys, "show", "visual_grounding_selection", "-n", "1", "--json")[1])[0]["uid"]
    code, out, _ = _run(capsys, "lineage", uid)
    assert code == 0
    assert out.startswith(uid)
    for said in (
        "made from",
        "proved",
        "region_descriptions.json, record",
        "sha256",
        "CC BY 4.0",
        "https://",
    ):
        assert said in out
    told = json.loads(_run(capsys, "lineage", uid, "--json")[1])
    assert told["uid"] == uid


def test_a_draft_that_is_refused_ends_with_1(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = _run(capsys, "try", "Find it", "--task", "visual_grounding")
    assert (code, out) == (1, "")
    assert "['text']" in err
    code, out, _ = _run(capsys, "try", "Find {text} here", "--task", "visual_grounding", "--json")
    assert code == 0
    told = json.loads(out)
    assert len(told["renderings"]) == 5
    assert told["ids"]["most"] > told["ids"]["fewest"] > 3


def test_publishing_to_a_place_that_cannot_compare_says_so(
    place: Path, lake: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MULTIINSTRUCT_LAKE", str(copy_small(Path(lake), place.parent / "lake")))
    code, out, _ = _run(capsys, "publish", f"memory://{place.parent.name}")
    assert code == 0
    assert "the later one stands" in out
    assert "the later one stands" not in _run(capsys, "publish", "elsewhere")[1]


def test_an_interrupt_says_how_to_go_on(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("flows.giving.send", interrupted)
    code, _, err = _run(capsys, "publish", "elsewhere")
    assert code == 130
    assert "run the same command again" in err


def test_the_commands_are_there_for_a_shell(lake: str) -> None:
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "flows.cli",
            "try",
            "Find {text}",
            "--task",
            "visual_grounding",
            "--lake",
            lake,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "It would be accepted" in ran.stdout
