"""Files and pictures of another source: held once, under their owner's name."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from schemas.artifact import Reference
from schemas.errors import BuildError
from schemas.source import Source
from shards.pictures import PicturePack
from tests.transforms.invented import Invented, invented, picture, with_vocabulary
from transforms import registry
from transforms.builder import Builder
from transforms.picture_ways import ways_of
from transforms.readers import generators

__all__ = ["invented"]

ASKED = {"sources": ("asker",), "tasks": ("asker_task",)}


def test_a_borrower_reads_its_lender_without_building_it(invented: Invented, tmp_path: Path) -> None:
    builder = Builder(invented.settings(tmp_path / "lake", **ASKED))
    assert {str(reference) for reference in builder.steps} == {
        "raw/asker.questions_file",
        "raw/hill.records",
        "tables/asker.images",
        "tables/asker.questions",
        "tables/asker.pictures",
        "instances/asker_task",
    }
    builder.build()
    images = pq.read_table(builder.run(Reference("tables", "asker.images")).tables).to_pylist()
    assert images[0]["archive"] == "hill.pictures"
    assert (images[0]["source"], images[0]["file"], images[0]["member"]) == (
        "asker",
        "records",
        "records.json",
    )
    manifest = builder.run(Reference("tables", "asker.images")).manifest
    assert manifest.licences == ["Terms of hill"]
    assert manifest.inputs.keys() == {"raw/hill.records"}


def test_borrowed_pictures_are_packed_once_under_their_owner(
    invented: Invented, tmp_path: Path, sample_build: Builder
) -> None:
    with_vocabulary(invented, Path(str(sample_build.settings.mirror)))
    settings = invented.settings(
        tmp_path / "lake", sample=True, until="shards", sources=("asker", "hill"), mixture="quick"
    )
    builder = Builder(settings)
    builder.build()
    mixture = settings.mixture
    chosen = builder.run(Reference("mixtures", f"{mixture}.asker_task")).path("pictures.parquet")
    found = {row["image_id"]: row for row in pq.read_table(chosen).to_pylist()}
    assert found.keys() == {"hill:2", "hill:3"}
    assert {(row["source"], row["archive"]) for row in found.values()} == {("hill", "pictures")}
    inputs = builder.run(Reference("mixtures", f"{mixture}.asker_task.train")).manifest.inputs
    assert "raw/hill.pictures" in inputs
    pack = PicturePack(builder.run(Reference("shards", f"{mixture}.pictures")).path(""))
    # Both tasks show hill:2, and it is there once.
    assert sorted(pack.image_ids.to_pylist()) == [f"hill:{number}" for number in range(1, 7)]
    pack.close()
    ways = ways_of(("asker_task", "hill_task"), settings)
    assert list(ways) == [("hill", "pictures")]


def test_pictures_that_come_singly_are_kept_once_for_all_who_show_them(
    invented: Invented, tmp_path: Path, sample_build: Builder
) -> None:
    with_vocabulary(invented, Path(str(sample_build.settings.mirror)))
    text = (invented.sources / "hill.py").read_text()
    apart = 'RemoteFile(single=("https://hill.example/{}",), holds="pictures")'
    whole = 'RemoteFile(urls=("https://hill.example/pictures.zip",), holds="pictures", about_bytes=1)'
    assert whole in text
    (invented.sources / "hill.py").write_text(text.replace(whole, apart))
    for number in range(1, 7):
        invented.put(f"hill.example/pictures/{number}.jpg", picture(number))
    settings = invented.settings(tmp_path / "lake", sample=True, until="shards", mixture="quick", **ASKED)
    builder = Builder(settings)
    builder.build()
    kept = [path for path in (settings.lake / "pictures").rglob("*") if path.is_file()]
    assert {path.relative_to(settings.lake / "pictures").parts[0] for path in kept} == {"hill.pictures"}
    assert len(kept) == 2
    chosen = builder.run(Reference("mixtures", "quick.asker_task")).manifest
    assert "Terms of hill" in chosen.licences


def test_names_lead_to_the_owner(invented: Invented) -> None:
    assert registry.owner_of("asker", "questions_file") == ("asker", "questions_file")
    assert registry.owner_of("asker", "pictures") == ("hill", "pictures")
    assert registry.owner_of("asker", "hill.pictures") == ("hill", "pictures")
    assert registry.shown_files("asker") == (("hill", "pictures"),)
    assert registry.lenders(["asker"]) == ("asker", "hill")


def test_a_generator_asks_only_for_what_is_declared_or_borrowed(invented: Invented) -> None:
    assert generators(registry.reader("asker")) == {"images": ("records",), "questions": ("questions_file",)}
    invented.source("asker", "SOURCE = Source(**WHO, files={'a': RemoteFile(by_hand='a')}, steps=('x',))\n\n"
                             "def images(b):\n    yield\n")  # fmt: skip
    with pytest.raises(BuildError, match="neither declares nor borrows"):
        generators(registry.reader("asker"))


def test_a_file_is_own_or_borrowed(invented: Invented) -> None:
    declared = registry.declaration("asker").model_dump()
    with pytest.raises(ValueError, match="not both"):
        Source.model_validate({**declared, "borrows": {"questions_file": "hill.records"}})
