"""What strangers wrote, through every format and back, with the libraries that read them."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from schemas.box import Box
from shards.pictures import png
from transforms.export_formats import FORMATS, picture_name
from transforms.export_rows import Record

HOSTILE = [
    "plain",
    "</script><script>alert(1)</script>",
    "quotes \" and ' and \\ and ,;",
    "line\nbreak\r\nand\ttab\vand\fmore",
    "\u2028separators\u2029\x85\x1c\x1d\x1e",
    "\u202eright to left \u05e9\u05dc\u05d5\u05dd\u2066",
    "nul \x00 and escape \x1b[2J",
    "NA",
    "null",
    "1e5",
    "=cmd|' /C calc'!A0",
    "\U0001f440 é ﬁ",
    "{text} %s $x {0}",
    "words " * 3_000,
]

RED = png(np.full((8, 8, 3), (255, 0, 0), np.uint8))


def _record(text: str, number: int) -> Record:
    return Record(
        uid=f"task/vg:{number}",
        task="task",
        split="train",
        image_id=f"vg:{number}",
        image_source="visual_genome",
        width=8,
        height=8,
        instruction=1,
        prompt=f"Say: {text}",
        target=text,
        texts={"text": text},
        options=[text, f"not {text}"],
        regions=[Box(0, 0.5, 7.25, 8)],
        facts={"note": text, "list": [text]},
    )


@pytest.fixture
def written(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Path, dict[int, str | None]]:
    writer = FORMATS[request.param](tmp_path, "train")
    reasons = {number: writer.write(_record(text, number), RED) for number, text in enumerate(HOSTILE)}
    writer.close()
    return tmp_path, reasons


def _check(number: int, prompt: str, target: str, picture: Image.Image) -> None:
    assert prompt == f"Say: {HOSTILE[number]}"
    assert target == HOSTILE[number]
    assert picture.convert("RGB").getpixel((3, 3)) == (255, 0, 0)


@pytest.mark.parametrize("written", ["jsonl"], indirect=True)
def test_jsonl_gives_back_what_was_written(written: tuple[Path, dict[int, str | None]]) -> None:
    folder, reasons = written
    text = (folder / "train.jsonl").read_text()
    assert text.isascii()
    # Readers that know more line ends than one find the same lines.
    assert len(text.splitlines()) == len(HOSTILE)
    assert set(reasons.values()) == {None}
    for number, line in enumerate(text.splitlines()):
        record = json.loads(line)
        _check(number, record["prompt"], record["target"], Image.open(folder / record["image_path"]))
        assert record["meta_data"]["note"] == HOSTILE[number]
        assert record["region"] == ["0 0.5 7.25 8"]


@pytest.mark.parametrize("written", ["parquet"], indirect=True)
def test_parquet_gives_back_what_was_written(written: tuple[Path, dict[int, str | None]]) -> None:
    datasets = pytest.importorskip("datasets", reason="pip install -e '.[dev]'")
    folder, _ = written
    rows = datasets.Dataset.from_parquet(
        [str(path) for path in (folder / "data").iterdir()], cache_dir=str(folder)
    )
    for number, row in enumerate(rows):
        _check(number, row["prompt"], row["target"], row["image"])
        assert json.loads(row["facts"])["list"] == [HOSTILE[number]]
        assert row["options"] == [HOSTILE[number], f"not {HOSTILE[number]}"]


@pytest.mark.parametrize("written", ["webdataset"], indirect=True)
def test_webdataset_gives_back_what_was_written(written: tuple[Path, dict[int, str | None]]) -> None:
    webdataset = pytest.importorskip("webdataset", reason="pip install -e '.[dev]'")
    folder, _ = written
    path = str(folder / "train-000000.tar")
    samples = list(webdataset.WebDataset(path, shardshuffle=False).decode("pil"))
    assert len(samples) == len(HOSTILE)
    for number, sample in enumerate(samples):
        _check(number, sample["json"]["prompt"], sample["json"]["target"], sample["png"])


@pytest.mark.parametrize("written", ["tsv"], indirect=True)
def test_tsv_is_six_columns_a_row_whatever_is_written(written: tuple[Path, dict[int, str | None]]) -> None:
    folder, _ = written
    text = (folder / "train.tsv").read_text(encoding="utf-8")
    assert len(text.splitlines()) == len(HOSTILE)
    for number, line in enumerate(text.splitlines()):
        columns = line.split("\t")
        assert len(columns) == 6
        assert columns[2].split() == f"Say: {HOSTILE[number]}".split()
        image = Image.open(io.BytesIO(base64.b64decode(columns[5])))
        assert image.size == (8, 8)


@pytest.mark.parametrize("answer", ["this && that", "sure|!+not"])
def test_tsv_leaves_out_an_answer_that_its_reader_would_split(tmp_path: Path, answer: str) -> None:
    writer = FORMATS["tsv"](tmp_path, "train")
    assert writer.write(_record(answer, 0), RED) == "separator_in_answer"
    assert writer.write(_record("fine", 1), RED) is None
    writer.close()
    assert len((tmp_path / "train.tsv").read_text().splitlines()) == 1


@pytest.mark.parametrize("format", sorted(FORMATS))
def test_a_row_without_a_picture_is_written_too(tmp_path: Path, format: str) -> None:
    alone = _record("words", 0)
    alone = Record(**{**alone.__dict__, "image_id": None, "image_source": None, "regions": []})
    writer = FORMATS[format](tmp_path, "train")
    assert writer.write(alone, None) is None
    writer.close()
    if format == "tsv":
        # Its reader decodes a picture in every row.
        picture = (tmp_path / "train.tsv").read_text().split("\t")[5]
        assert Image.open(io.BytesIO(base64.b64decode(picture))).getextrema() == ((0, 0),) * 3
    if format == "jsonl":
        assert json.loads((tmp_path / "train.jsonl").read_text())["image_path"] is None


def test_large_exports_are_cut_into_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transforms.export_formats.PART_BYTES", 1_000)
    noise = png(np.random.default_rng(0).integers(0, 255, (16, 16, 3), dtype=np.uint8))
    for format, pattern in (("parquet", "data/train-*.parquet"), ("webdataset", "train-*.tar")):
        (tmp_path / format).mkdir()
        writer = FORMATS[format](tmp_path / format, "train")
        for number in range(250):
            writer.write(_record("words", number), noise)
        writer.close()
        parts = sorted((tmp_path / format).glob(pattern))
        assert len(parts) > 1
        assert [int(path.stem.rpartition("-")[2]) for path in parts] == list(range(len(parts)))


@given(st.lists(st.text(min_size=1, max_size=40), min_size=2, max_size=5, unique=True))
def test_no_picture_leaves_its_folder_and_no_two_share_a_file(image_ids: list[str]) -> None:
    names = [picture_name(image_id) for image_id in image_ids]
    assert len(set(names)) == len(names)
    root = Path("/root/images")
    for name in names:
        parts = name.split("/")
        assert len(parts) <= 2
        assert all(part and set(part) != {"."} for part in parts)
        assert (root / f"{name}.jpg").resolve().is_relative_to(root)
        assert name.isascii()


def test_plain_names_stay_readable() -> None:
    assert picture_name("vg:2345") == "vg/2345"
    assert picture_name("nlvr:test-123-0-4") == "nlvr/test-123-0-4"
