"""The reader of MOCHEG on the sample world, where all that is irregular has a name."""

from __future__ import annotations

import csv
import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from sample_world.formats.mocheg import irregular, regular, write
from schemas.errors import BuildError
from tests.transforms.genome_family import record_files
from tests.transforms.source_tables import Tables
from transforms.sources import mocheg

SCALE = 0.5
SPLITS = {"train": "train", "val": "validation"}
VERDICTS = {"supported": "supported", "refuted": "refuted", "NEI": "not_enough_information"}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    folder = tmp_path_factory.mktemp("mocheg")
    write(folder / "mirror", 0, SCALE)
    return Tables(mocheg, record_files("mocheg", folder / "mirror"), folder / "tables")


@pytest.fixture(scope="module")
def claims(tables: Tables) -> dict[str, dict[str, Any]]:
    return {row["claim_id"]: row for row in tables.rows("claims")}


def test_a_claim_comes_out_once(tables: Tables, claims: dict[str, dict[str, Any]]) -> None:
    listed = {row["image_id"]: row for row in tables.rows("images")}
    for told in regular(0, SCALE):
        if told.part == "test":
            assert str(told.number) not in claims
            continue
        row = claims[str(told.number)]
        assert (row["claim"], row["verdict"]) == (told.checked.claim, VERDICTS[told.checked.verdict])
        assert row["context"] == " ".join(told.checked.sentences)
        assert row["published_split"] == SPLITS[told.part]
        assert row["image_ids"] == [f"mocheg:{told.picture}"]
        assert listed[f"mocheg:{told.picture}"] == {
            "image_id": f"mocheg:{told.picture}",
            "published_split": SPLITS[told.part],
            "archive": "archive",
            "picture": f"mocheg/{told.part}/images/{told.picture}",
        }


def test_further_evidence_is_counted(tables: Tables) -> None:
    kept = tables("claims").num_rows
    assert tables.not_asked("claims") > kept // 2


def test_irregular_claims(claims: dict[str, dict[str, Any]]) -> None:
    number = {name: str(told.number) for name, told in irregular(0).items()}
    rows = {name: claims.get(of) for name, of in number.items()}

    def row(name: str) -> dict[str, Any]:
        found = rows[name]
        assert found is not None
        return found

    assert row("padded")["image_ids"] == [f"mocheg:{int(number['padded']):05}-proof-00-a.jpg"]
    for name in ("other_picture", "document_picture", "no_picture"):
        assert row(name)["image_ids"] == []
    several = [name.partition("-")[2] for name in row("several_pictures")["image_ids"]]
    assert several == ["proof-00-a b.jpg", "proof-01-é.jpg", "proof-02-c.png"]
    assert len(row("picture_unreadable")["image_ids"]) == 1
    assert row("markup")["context"].startswith("One & two are < 4. A big thing, 3 < 4. ")
    told = irregular(0)["spelling"].checked.claim
    assert row("spelling")["claim"] == f'He said "{told}", and 😀 said "" nothing, too'
    assert row("claim_repeated")["context"].startswith(row("claim_repeated")["claim"])
    assert row("only_verdict")["context"] == "False."
    assert "context" not in row("no_outline")
    assert row("long_cell")["context"]
    assert row("differing")["verdict"] == VERDICTS[irregular(0)["differing"].checked.verdict]
    assert row("other_part")["published_split"] == "validation"
    assert {name for name, found in rows.items() if found is None} == {
        *("empty_claim", "bad_id", "bad_verdict", "lost_cell")
    }


def test_every_row_left_out_has_a_name(tables: Tables) -> None:
    assert tables.rejected("images") == {"duplicate_id": 1}
    rejected = tables.rejected("claims")
    (other,) = tables.left_out("claims", "differing_claim")
    assert other["claim_id"] == str(irregular(0)["differing"].number)
    assert {row["cleaned_truthfulness"] for row in tables.left_out("claims", "unknown_verdict")} == {
        "mixture"
    }
    assert {row["claim_id"][0] for row in tables.left_out("claims", "unknown_claim_id")} == {"x"}
    assert set(rejected) == {
        *("differing_claim", "unknown_verdict", "unknown_claim_id", "malformed", "empty_text", "duplicate_id")
    }
    assert rejected["duplicate_id"] == rejected["differing_claim"] == 1


COLUMNS = ("claim_id", "Claim", "Evidence", "cleaned_truthfulness", "ruling_outline")


def table(*rows: tuple[str, ...], columns: tuple[str, ...] = COLUMNS, end: str = "\r\n") -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end).writerows([columns, *rows])
    return text.getvalue().encode()


def packed(folder: Path, members: dict[str, bytes]) -> Tables:
    """The tables of an archive with these members."""
    with tarfile.open(folder / "mocheg.tar.gz", "w:gz", errors="surrogateescape") as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return Tables(mocheg, {"archive": folder / "mocheg.tar.gz"}, folder / "tables")


def test_the_folder_may_lie_anywhere_in_the_archive(tmp_path: Path) -> None:
    row = ("007", "A claim", "…", "NEI", "It is open.")
    folder = "mocheg_with_tweet_2023_03/mocheg"
    members = {
        f"{folder}/train/images/7-proof-1-a.jpg": b"",
        f"{folder}/train/Corpus2.csv": b"\xef\xbb\xbf" + table(row),
        f"{folder}/val/Corpus2.csv": table(),
        f"{folder}/images/7-proof-2-b.jpg": b"",
    }
    (claim,) = packed(tmp_path, members).rows("claims")
    assert (claim["claim_id"], claim["image_ids"]) == ("7", ["mocheg:7-proof-1-a.jpg"])


@pytest.mark.parametrize(
    ("members", "what"),
    [
        ({"mocheg/train/Corpus2.csv": table()}, "the archive lacks a member"),
        (
            {
                "mocheg/val/Corpus2.csv": table(columns=("claim_id", "Claim")),
                "mocheg/train/Corpus2.csv": table(),
            },
            "not the table that it should be",
        ),
    ],
)
def test_another_archive_is_an_error(tmp_path: Path, members: dict[str, bytes], what: str) -> None:
    with pytest.raises(BuildError, match=what):
        packed(tmp_path, members).rows("claims")


def test_a_picture_whose_name_is_no_text_takes_no_claim_away(tmp_path: Path) -> None:
    members = {
        "mocheg/train/images/7-proof-0-\udce9.jpg": b"",
        "mocheg/train/Corpus2.csv": table(("7", "A claim", "…", "refuted", "It is false.")),
        "mocheg/val/Corpus2.csv": table(),
    }
    tables = packed(tmp_path, members)
    assert tables.rows("claims")[0]["image_ids"] == ["mocheg:7-proof-0-?.jpg"]
    assert tables.rows("images")[0]["picture"] == "mocheg/train/images/7-proof-0-?.jpg"
