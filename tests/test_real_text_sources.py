"""What is known of wikiHow, MOCHEG and Natural Instructions, packed as published and built to tables.

Of wikiHow only the list of articles is known: under each name stands an invented article. Of MOCHEG 48 claims
are known with their verdicts and what was found out, one of it too long; they are put back into the published
layout, where their numbers and the only picture are invented. Of Natural Instructions 54 whole tasks are
known, but not what its lists say of them: here they name one for training and one for testing.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from sample_world.archive import tar_gz
from schemas.artifact import Reference
from schemas.settings import BuildSettings
from transforms import registry
from transforms.builder import Builder
from transforms.mirror import Mirror

SOURCES = ("mocheg", "natural_instructions", "wikihow")

GOLDEN: dict[str, tuple[int, int, int, dict[str, int]]] = {
    "wikihow.images": (23_902, 23_902, 0, {}),
    "wikihow.steps": (23_902, 23_902, 0, {}),
    "wikihow.pictures": (23_902, 23_902, 0, {}),
    "mocheg.images": (1, 1, 0, {}),
    "mocheg.claims": (96, 47, 48, {"text_too_long": 1}),
    "mocheg.pictures": (1, 1, 0, {}),
    "natural_instructions.exercises": (8_614, 8_614, 0, {}),
}
"""Rows in, rows out, rows not asked and rows rejected by reason."""

TESTED = "task1146_country_capital"
TRAINED = "task120_zest_text_modification"


class Packing:
    """Puts what is known where a mirror has it."""

    def __init__(self, real: Path, mirror: Mirror) -> None:
        self._real = real
        self._mirror = mirror

    def place(self, source: str, file: str) -> Path:
        """Where a declared file lies in the mirror; its folder is made."""
        path = self._mirror.local_path(registry.declaration(source).files[file].urls[0])
        assert path is not None
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def wikihow(self) -> None:
        """The real list, and under each of its names an article of two steps."""
        listed = (self._real / "wikihow" / "vgsi_multimodal" / "wikihow_split.json").read_bytes()
        self.place("wikihow", "split").write_bytes(listed)
        steps = [{"headline": f"Step {number}.", "img": f"method_0_step_{number}.jpg"} for number in (0, 1)]
        article = json.dumps({"methods": [{"name": "A way", "steps": steps}]}).encode()
        with tar_gz(self.place("wikihow", "articles")) as add:
            for name in sorted(name for names in json.loads(listed).values() for name in names):
                add(f"wikihow/data/{name}/wikihow.json", article)

    def mocheg(self) -> None:
        """The known claims, numbered from 1, each with two pieces of evidence; a third for validation."""
        path = self._real / "mocheg" / "Corpus2_for_controllable_generation_dry_run.csv"
        parts: dict[str, list[dict[str, str]]] = {"train": [], "val": []}
        with path.open(encoding="utf-8", newline="") as file:
            for number, row in enumerate(csv.DictReader(file), start=1):
                claim = {
                    "claim_id": str(number),
                    "Claim": row["truth_claim_evidence"].split("</s>")[1],
                    "Evidence": row["Evidence"],
                    "cleaned_truthfulness": row["cleaned_truthfulness"],
                    "ruling_outline": row["cleaned_ruling_outline"],
                }
                parts["train" if number % 3 else "val"] += [claim, {**claim, "Evidence": "more"}]
        with tar_gz(self.place("mocheg", "archive")) as add:
            for part, rows in parts.items():
                text = io.StringIO(newline="")
                writer = csv.DictWriter(text, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
                add(f"mocheg/{part}/Corpus2.csv", text.getvalue().encode())
            add("mocheg/train/images/1-proof-00-grasshopper.jpg", b"")

    def natural_instructions(self) -> None:
        """The known tasks of both layouts."""
        known = self._real / "natural_instructions"
        folder = "natural-instructions-2.8"
        with zipfile.ZipFile(self.place("natural_instructions", "repository"), "w") as archive:
            for path in sorted(known.glob("tasks*/*.json")):
                archive.write(path, f"{folder}/tasks/{path.name}")
            archive.writestr(f"{folder}/splits/default/train_tasks.txt", f"{TRAINED}\n")
            archive.writestr(f"{folder}/splits/default/test_tasks.txt", f"{TESTED}\n")


@pytest.fixture(scope="module")
def build(real: Path, tmp_path_factory: pytest.TempPathFactory) -> Builder:
    """The tables of all three sources."""
    folder = tmp_path_factory.mktemp("text_sources")
    packing = Packing(real, Mirror(str(folder / "mirror")))
    packing.wikihow()
    packing.mocheg()
    packing.natural_instructions()
    settings = BuildSettings(
        lake=folder / "lake",
        mirror=str(folder / "mirror"),
        offline=True,
        sample=True,
        sources=SOURCES,
        until="tables",
    )
    builder = Builder(settings)
    builder.build()
    return builder


def rows(build: Builder, name: str) -> list[dict[str, Any]]:
    (path,) = build.run(Reference("tables", name)).tables
    found: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return found


def test_counts_are_golden(build: Builder) -> None:
    found = {}
    for name in GOLDEN:
        manifest = build.run(Reference("tables", name)).manifest
        found[name] = (manifest.rows_in, manifest.rows_out, manifest.not_asked, manifest.rejected)
    assert found == GOLDEN


def test_every_ledger_closes(build: Builder) -> None:
    for reference in build.steps:
        manifest = build.run(reference).manifest
        assert manifest.rows_in == manifest.rows_out + sum(manifest.rejected.values()) + manifest.not_asked


def test_every_listed_article_has_its_split(build: Builder) -> None:
    parts: dict[str, set[str]] = {}
    for row in rows(build, "wikihow.steps"):
        parts.setdefault(row["published_split"], set()).add(row["article_id"])
    assert {part: len(names) for part, names in parts.items()} == {
        "train": 8_365,
        "validation": 2_510,
        "test": 1_076,
    }
    assert sum(not name.isascii() for names in parts.values() for name in names) == 80
    assert Counter(row["split"] for row in rows(build, "wikihow.pictures")) == {
        "train": 2 * 8_365,
        "validation": 2 * 2_510,
        "test": 2 * 1_076,
    }


def test_claims_keep_what_checkers_wrote(build: Builder) -> None:
    found = {row["claim_id"]: row for row in rows(build, "mocheg.claims")}
    assert Counter(row["verdict"] for row in found.values()) == {
        "not_enough_information": 31,
        "supported": 16,
    }
    assert Counter(row["published_split"] for row in found.values()) == {"train": 32, "validation": 15}
    assert found["1"]["image_ids"] == ["mocheg:1-proof-00-grasshopper.jpg"]
    assert found["2"]["image_ids"] == []
    assert found["1"]["claim"].startswith(
        "A photograph shared to Reddit in September 2021 showed a vibrantly"
    )
    assert found["1"]["context"].endswith("according to insect identification database Bug Guide.")
    # Nothing of these was markup, so that blanks are all that has changed.
    assert all(" ".join(row["context_raw"].split()) == row["context"] for row in found.values())
    assert any("'Mixture'" in row["context"] for row in found.values())


def test_both_layouts_of_tasks_are_read(build: Builder) -> None:
    found = rows(build, "natural_instructions.exercises")
    assert Counter(row["language"] for row in found) == {"English": 5_014, None: 3_600}
    assert len({row["task"] for row in found}) == 54
    older = [row for row in found if row["language"] is None]
    assert {row["exercise_id"] for row in older} == {str(number) for number in range(150)}
    assert Counter(row["published_split"] for row in found) == {"test": 231, "train": 141, None: 8_242}
    (capital,) = {row["definition"] for row in found if row["task"] == TESTED}
    assert capital.startswith("In this task, you are given a country name")
    assert {row["category"] for row in found if row["task"] == TRAINED} == {"Question Generation"}
    assert all(row["answers"] for row in found)
    assert sum(len(row["answers"]) > 1 for row in found) == 472
