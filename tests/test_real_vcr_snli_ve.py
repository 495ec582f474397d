"""Real records of VCR and SNLI-VE, packed as published and built to tables.

Known of VCR are 69 questions of the training part on 26 stills of one film, with what lies beside the stills
but without these; they stand here for the part for validation. Known of SNLI-VE are pairs of two later
copies, which name the photograph besides, under two spellings: those of training stand for the other list.
"""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from schemas.artifact import Reference
from schemas.settings import BuildSettings
from transforms import registry
from transforms.builder import Builder
from transforms.mirror import Mirror

SOURCES = ("snli_ve", "vcr")

GOLDEN: dict[str, tuple[int, int, dict[str, int], int]] = {
    "snli_ve.images": (359, 359, {}, 0),
    "snli_ve.pictures": (359, 359, {}, 0),
    "snli_ve.statements": (1_369, 1_166, {"no_gold_label": 14}, 189),
    "vcr.images": (26, 26, {}, 0),
    "vcr.objects": (151, 151, {}, 0),
    "vcr.pictures": (26, 26, {}, 0),
    "vcr.questions": (138, 138, {}, 0),
}
"""Rows in, rows out, rows rejected by reason, and rows of other parts."""


class Packing:
    """Puts real records where a mirror has them."""

    def __init__(self, real: Path, folder: Path) -> None:
        self.real = real
        self._mirror = Mirror(str(folder))

    def vcr(self) -> None:
        """Both archives, of what is known of them."""
        with zipfile.ZipFile(self.place("vcr", "annotations"), "w", zipfile.ZIP_DEFLATED) as file:
            file.write(self.real / "vcr" / "matched_train.jsonl", "val.jsonl")
        with zipfile.ZipFile(self.place("vcr", "pictures"), "w", zipfile.ZIP_DEFLATED) as file:
            for path in sorted((self.real / "vcr" / "vcr1images").rglob("*.json")):
                file.write(path, path.relative_to(self.real / "vcr").as_posix())

    def snli_ve(self) -> None:
        """SNLI with the pairs that are known, and the lists of their photographs."""
        known = self.real / "snli_ve"
        tested = [known / "allennlp_fixture" / "sample_pairs.jsonl", known / "xvnli_en" / "test.jsonl"]
        trained = [known / "xvnli_en" / f"train_{shots}.jsonl" for shots in (1, 5, 48)]
        members = {"test": tested, "train": trained, "dev": []}
        with zipfile.ZipFile(self.place("snli_ve", "snli"), "w", zipfile.ZIP_DEFLATED) as file:
            for part, paths in members.items():
                text = "".join(path.read_text() for path in paths)
                file.writestr(f"snli_1.0/snli_1.0_{part}.jsonl", text)
        for name, paths in (("test_list", tested), ("train_val_list", trained)):
            numbers = {pair["captionID"].partition(".")[0] for path in paths for pair in lines(path)}
            self.place("snli_ve", name).write_text("\n".join(sorted(numbers)))

    def place(self, source: str, name: str) -> Path:
        """Where a declared file lies in the mirror; its folder is made."""
        path = self._mirror.local_path(registry.lent_file((source, name)).urls[0])
        assert path is not None
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def build(real: Path, tmp_path_factory: pytest.TempPathFactory) -> Builder:
    """The tables of both sources."""
    folder = tmp_path_factory.mktemp("mirror")
    packing = Packing(real, folder)
    packing.vcr()
    packing.snli_ve()
    settings = BuildSettings(
        lake=tmp_path_factory.mktemp("lake"),
        mirror=str(folder),
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
    for reference in build.steps:
        if reference.stage == "tables":
            manifest = build.run(reference).manifest
            assert (
                manifest.rows_in == manifest.rows_out + sum(manifest.rejected.values()) + manifest.not_asked
            )
            found[reference.name] = (
                manifest.rows_in,
                manifest.rows_out,
                manifest.rejected,
                manifest.not_asked,
            )
    assert found == GOLDEN


def test_every_picture_is_evaluated_on(build: Builder) -> None:
    for source in SOURCES:
        assert {row["split"] for row in rows(build, f"{source}.pictures")} == {"test"}
    assert all(row["image_id"] == f"flickr30k:{row['flickr_id']}" for row in rows(build, "snli_ve.images"))


def test_labels_and_sentences_are_those_of_the_records(build: Builder, real: Path) -> None:
    known = real / "snli_ve"
    published = [
        *lines(known / "allennlp_fixture" / "sample_pairs.jsonl"),
        *lines(known / "xvnli_en" / "test.jsonl"),
    ]
    labels = {"entailment": True, "contradiction": False, "neutral": None}
    expected = [
        (pair["pairID"], pair["sentence2"], labels[pair["gold_label"]])
        for pair in published
        if pair["gold_label"] != "-"
    ]
    found = [
        (row["statement_id"], row["text_raw"], row["label"]) for row in rows(build, "snli_ve.statements")
    ]
    assert found == expected
    assert sum(not row["text"].endswith(".") for row in rows(build, "snli_ve.statements")) == 214


def test_words_are_put_together_as_people_wrote_them(build: Builder, real: Path) -> None:
    published = {asked["annot_id"]: asked for asked in lines(real / "vcr" / "matched_train.jsonl")}
    names: dict[str, dict[str, str]] = {}
    for row in rows(build, "vcr.objects"):
        # What people wrote names things by their numbers, from 1.
        names.setdefault(row["image_id"], {})[row["name"]] = str(int(row["object_id"]) + 1)
    alike: Counter[tuple[str, str]] = Counter()
    for row in rows(build, "vcr.questions"):
        annotation, _, kind = row["question_id"].rpartition(":")
        wrote = published[annotation]
        for column in ("question", "answer"):
            text = row[column]
            for name in sorted(names[row["image_id"]], key=len, reverse=True):
                text = text.replace(name, names[row["image_id"]][name])
            original = wrote["question_orig" if column == "question" else f"{kind}_orig"]
            plain = " ".join(original.split()).rstrip(".").lower()
            alike[column, kind] += text.rstrip(".").lower() == plain
    # Of 69 each; the others have words besides, such as "handbag" before the number of a handbag.
    assert alike == {
        ("question", "answer"): 64,
        ("question", "rationale"): 64,
        ("answer", "answer"): 67,
        ("answer", "rationale"): 66,
    }


def test_boxes_are_inside_and_named_as_listed(build: Builder, real: Path) -> None:
    published = {asked["img_fn"]: asked["objects"] for asked in lines(real / "vcr" / "matched_train.jsonl")}
    named: dict[str, list[str]] = {}
    for row in rows(build, "vcr.objects"):
        kind, _, number = row["name"].rpartition(" ")
        before = named.setdefault(row["image_id"].removeprefix("vcr:"), [])
        assert int(row["object_id"]) == len(before) and int(number) == before.count(kind) + 1
        before.append(kind)
    assert named == published
