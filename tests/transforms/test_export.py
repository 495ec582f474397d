"""Exports, read back with the libraries that they are for."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import shutil
import tarfile
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image

from instructions.load import load_instructions
from schemas.artifact import Reference
from schemas.errors import BuildError, ExitCode
from shards.collection import read_collection
from transforms import registry
from transforms.builder import Builder
from transforms.export import Exported, export
from transforms.export_formats import FORMATS
from transforms.lake import whole

PAIR = ("visual_grounding_selection", "visual_spatial_relationship")
"""A task to train on whose answers are regions, and one to evaluate on."""


@pytest.fixture(scope="module", autouse=True)
def _no_network() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield


@pytest.fixture(scope="module")
def made(sample_build: Builder, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Exports once for each format and choice."""
    folder = tmp_path_factory.mktemp("exports")

    def make(format: str, tasks: tuple[str, ...] = PAIR, which: Any = "drawn") -> Path:
        out = folder / f"{format}-{len(tasks)}-{which}"
        if not out.exists():
            export(sample_build.lake, out, format, tasks, which=which)
        return out

    return make


def _records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def _rows(builder: Builder, task: str, split: str) -> list[dict[str, Any]]:
    """The rows that the mixture takes, their boxes in pixels of the picture's own file."""
    chosen = builder.run(Reference("mixtures", f"multiinstruct.{task}"))
    rows = pq.read_table(chosen.path("rows.parquet"), filters=[("split", "=", split)])
    pictures = {row["image_id"]: row for row in pq.read_table(chosen.path("pictures.parquet")).to_pylist()}
    instances = pq.read_table(builder.run(Reference("instances", task)).tables[0]).to_pylist()
    wanted = set(rows["uid"].to_pylist())
    return [_in_the_file(row, pictures[row["image_id"]]) for row in instances if row["uid"] in wanted]


def _in_the_file(row: dict[str, Any], picture: dict[str, Any]) -> dict[str, Any]:
    # A publisher may have declared no size.
    across, down = (picture[s] / (picture[f"declared_{s}"] or picture[s]) for s in ("width", "height"))
    scale = {"x0": across, "y0": down, "x1": across, "y1": down}
    boxes = [{side: value * scale[side] for side, value in box.items()} for box in row["regions"]]
    return {**row, "regions": boxes}


def _digest(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("format", sorted(FORMATS))
def test_the_same_build_gives_the_same_bytes(
    sample_build: Builder, made: Callable[..., Path], tmp_path: Path, format: str
) -> None:
    again = export(sample_build.lake, tmp_path / "again", format, tuple(reversed(PAIR)))
    assert _digest(made(format)) == _digest(again.out)
    other = export(sample_build.lake, tmp_path / "other", format, PAIR, seed=1)
    assert _digest(made(format)) != _digest(other.out)


def test_all_tasks_of_the_mixture_unless_some_are_named(sample_build: Builder, tmp_path: Path) -> None:
    done = export(sample_build.lake, tmp_path / "out", "jsonl")
    collection = read_collection(sample_build.run(Reference("shards", "multiinstruct")).path(""))
    for task, held in collection.tasks.items():
        assert {split: done.rows[split].get(task, 0) for split in held.rows} == held.rows
    lines = {split: len(_records(tmp_path / "out" / f"{split}.jsonl")) for split in done.rows}
    assert lines == {split: sum(counts.values()) for split, counts in done.rows.items()}


def test_jsonl_has_the_fields_of_the_published_records(
    sample_build: Builder, made: Callable[..., Path]
) -> None:
    """MultiInstruct's final records: boxes are text, `target` repeats `target_txt`, pictures are files."""
    rows = {row["uid"]: row for row in _rows(sample_build, PAIR[0], "train")}
    wordings = [wording.text for wording in load_instructions(PAIR[0]).wordings]
    records = _records(made("jsonl") / "train.jsonl")
    assert {record["unique_id"] for record in records} == set(rows)
    for record in records:
        row = rows[record["unique_id"]]
        assert list(record)[:4] == ["unique_id", "image_source", "task_name", "image_path"]
        assert record["task_name"] == PAIR[0]
        assert record["image_source"] == "visual_genome"
        boxes = [" ".join(f"{side:g}" for side in box.values()) for box in row["regions"]]
        assert record["region"] == boxes
        names = {f"<region_{number}>": box for number, box in enumerate(boxes)}
        assert record["options"] == [names[option] for option in row["options"]]
        assert record["target"] == record["target_txt"] == names[row["target"]]
        prompt = wordings[record["meta_data"]["instruction"] - 1].replace("{text}", row["text"])
        options = " |||| ".join(record["options"])
        assert record["prompt"] == prompt.replace(" {options}", f"\n\n[Options]: {options}")
        with Image.open(made("jsonl") / record["image_path"]) as picture:
            picture.load()
            assert max(box["x1"] for box in row["regions"]) <= picture.width


def test_an_instruction_is_drawn_or_fixed_or_all_are_written(
    sample_build: Builder, made: Callable[..., Path], tmp_path: Path
) -> None:
    drawn = Counter(record["meta_data"]["instruction"] for record in _records(made("jsonl") / "train.jsonl"))
    assert set(drawn) == {1, 2, 3, 4, 5}
    assert max(drawn.values()) < 2 * min(drawn.values())
    export(sample_build.lake, tmp_path / "third", "jsonl", PAIR, which=3)
    assert {r["meta_data"]["instruction"] for r in _records(tmp_path / "third" / "train.jsonl")} == {3}
    everything = _records(made("jsonl", which="all") / "test.jsonl")
    by_uid: dict[str, list[dict[str, Any]]] = {}
    for record in everything:
        by_uid.setdefault(record["unique_id"], []).append(record)
    for records in by_uid.values():
        assert [record["meta_data"]["instruction"] for record in records] == [1, 2, 3, 4, 5]
        # Evaluation compares instructions: nothing else may differ.
        assert len({tuple(record["options"]) for record in records}) == 1
        assert len({record["target"] for record in records}) == 1
        assert len({record["prompt"] for record in records}) == 5
    with pytest.raises(BuildError, match="no such instruction"):
        export(sample_build.lake, tmp_path / "sixth", "jsonl", PAIR, which=6)
    assert not list(tmp_path.glob("*sixth*"))


def test_hugging_face_datasets_reads_the_parquet(sample_build: Builder, made: Callable[..., Path]) -> None:
    datasets = pytest.importorskip("datasets", reason="pip install -e '.[dev]'")
    out = made("parquet")
    found = datasets.load_dataset(str(out), cache_dir=str(out.parent / "cache"))
    assert set(found) == {"train", "validation", "test"}
    rows = {row["uid"]: row for split in found for row in _rows(sample_build, _task(split), split)}
    for split in found:
        assert isinstance(found[split].features["image"], datasets.Image)
        assert len(found[split]) == len(_rows(sample_build, _task(split), split))
        for record in found[split].select(range(5)):
            row = rows[record["uid"]]
            assert record["image"].size == (record["width"], record["height"])
            assert record["target"] == row["target"]
            assert record["options"] == row["options"]
            assert record["regions"] == [list(box.values()) for box in row["regions"]]
            assert row["text"] in record["prompt"]
    streamed = datasets.load_dataset(str(out), split="test", streaming=True)
    assert next(iter(streamed))["uid"] == found["test"][0]["uid"]


def _task(split: str) -> str:
    return PAIR[1] if split == "test" else PAIR[0]


def test_the_data_card_names_files_rows_and_terms(made: Callable[..., Path]) -> None:
    yaml = pytest.importorskip("yaml")
    text = (made("parquet") / "README.md").read_text()
    head = yaml.safe_load(text.split("---")[1])
    assert head["license"] == "other"
    for entry in head["configs"][0]["data_files"]:
        assert list(made("parquet").glob(entry["path"]))
    terms = json.loads((made("parquet") / "licences.json").read_text())
    read = {source for task in PAIR for source in registry.sources_of(task)}
    assert {each["source"] for each in terms} == set(registry.lenders(read))
    for each in terms:
        assert each["licence"] in text
        assert each["citation"].strip() in text
    assert all(f"`{task}`" in text for task in PAIR)


def test_tsv_has_the_columns_of_ofa(made: Callable[..., Path]) -> None:
    """Read as OFA's file dataset reads it: split at line ends, then at tabs."""
    records = {record["unique_id"]: record for record in _records(made("jsonl") / "test.jsonl")}
    lines = (made("tsv") / "test.tsv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(records)
    for line in lines:
        uid, image_id, question, refs, objects, picture = line.split("\t")
        name, _, number = uid.rpartition("#")
        record = records[name]
        assert number == str(record["meta_data"]["instruction"])
        assert question == " ".join(record["prompt"].replace("\n", " ").split())
        # Answers are told apart at `&&`, and from how sure they are at `|!+`.
        assert {answer.split("|!+")[1] for answer in refs.split("&&")} == {record["target"]}
        assert objects == ""
        with Image.open(io.BytesIO(base64.urlsafe_b64decode(picture))) as image:
            image.load()
        assert image_id.split(":")[1] in record["image_path"]


def test_webdataset_reads_the_tar(made: Callable[..., Path]) -> None:
    webdataset = pytest.importorskip("webdataset", reason="pip install -e '.[dev]'")
    records = {record["unique_id"]: record for record in _records(made("jsonl") / "test.jsonl")}
    path = made("webdataset") / "test-000000.tar"
    samples = list(webdataset.WebDataset(str(path), shardshuffle=False).decode("pil"))
    assert [sample["__key__"] for sample in samples] == [f"{n:09d}" for n in range(len(records))]
    for sample in samples:
        record = records[sample["json"]["uid"]]
        assert sample["json"]["prompt"] == record["prompt"]
        assert sample["json"]["target"] == record["target"]
        assert sample["jpg"].size == (sample["json"]["width"], sample["json"]["height"])


def test_a_tar_holds_nothing_of_clock_or_user(made: Callable[..., Path]) -> None:
    with tarfile.open(made("webdataset") / "test-000000.tar") as tar:
        entries = tar.getmembers()
    assert {(entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname) for entry in entries} == {
        (0, 0, 0, "", "")
    }
    assert all(entry.isfile() for entry in entries)


def test_rows_of_several_tasks_are_mixed(sample_build: Builder, tmp_path: Path) -> None:
    tasks = ("visual_grounding", "grounded_captioning")
    export(sample_build.lake, tmp_path / "out", "jsonl", tasks)
    order = [record["task_name"] for record in _records(tmp_path / "out" / "train.jsonl")]
    changes = sum(one != other for one, other in pairwise(order))
    assert changes > len(order) / 3


def test_boxes_are_those_of_a_picture_of_another_size_than_declared(
    sample_build: Builder, made: Callable[..., Path]
) -> None:
    pictures = pq.read_table(
        sample_build.run(Reference("mixtures", f"multiinstruct.{PAIR[0]}")).path("pictures.parquet")
    ).to_pylist()
    scaled = {row["image_id"] for row in pictures if row["width"] != row["declared_width"]}
    found = pq.read_table(made("parquet") / "data" / "train-00000.parquet").to_pylist()
    rows = {row["uid"]: row for row in _rows(sample_build, PAIR[0], "train")}
    mine = [record for record in found if record["image_id"] in scaled]
    assert mine
    for record in mine:
        expected = [list(box.values()) for box in rows[record["uid"]]["regions"]]
        assert record["regions"] == expected
        assert all(0 <= box[0] < box[2] <= record["width"] for box in record["regions"])


def _export(builder: Builder, out: Path, **changes: Any) -> Exported:
    return export(builder.lake, out, **{"format": "jsonl", "tasks": PAIR, **changes})


@pytest.mark.parametrize("what", ["a file", "a folder"])
def test_nothing_is_overwritten(sample_build: Builder, tmp_path: Path, what: str) -> None:
    out = tmp_path / "out"
    if what == "a file":
        out.write_text("mine")
    else:
        out.mkdir()
        (out / "mine").write_text("mine")
    with pytest.raises(BuildError, match="nothing is overwritten") as caught:
        _export(sample_build, out)
    assert caught.value.exit_code == ExitCode.USAGE
    assert (out if what == "a file" else out / "mine").read_text() == "mine"
    assert list(tmp_path.iterdir()) == [out]


def test_an_empty_folder_is_filled(sample_build: Builder, tmp_path: Path) -> None:
    _export(sample_build, tmp_path, split="test")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "README.md",
        "images",
        "licences.json",
        "test.jsonl",
    ]


def test_an_export_that_fails_or_was_killed_leaves_nothing(
    sample_build: Builder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = tmp_path / ".out.999999999"
    killed.mkdir()
    (killed / "train.jsonl").write_text("half a line")

    def interrupt(done: int, total: int | None) -> None:
        if done > 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _export(sample_build, tmp_path / "out", progress=interrupt)
    assert list(tmp_path.iterdir()) == []
    _export(sample_build, tmp_path / "out")


def test_a_disk_that_is_too_small_is_told_first(
    sample_build: Builder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(BuildError, match="too little room") as caught:
        _export(sample_build, tmp_path / "out", format="webdataset")
    assert caught.value.exit_code == ExitCode.DISK_FULL
    assert list(tmp_path.iterdir()) == []


def test_progress_ends_at_its_total(sample_build: Builder, tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    _export(sample_build, tmp_path / "out", progress=lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1]


@pytest.mark.parametrize(
    "changes",
    [{"mixture": "quick"}, {"tasks": ["no_such_task"]}, {"tasks": ["image_infilling"]}],
)
def test_what_the_build_does_not_have_is_misuse(
    sample_build: Builder, tmp_path: Path, changes: dict[str, Any]
) -> None:
    assert whole(sample_build.lake).mixture == "multiinstruct"
    with pytest.raises(BuildError) as caught:
        _export(sample_build, tmp_path / "out", **changes)
    assert caught.value.exit_code == ExitCode.USAGE
    assert list(tmp_path.iterdir()) == []
