"""Which pictures are missing from what a lab has handed over: by name, with the size that is declared."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from flows import fetching
from schemas.settings import BuildSettings
from transforms import registry
from transforms.adopt import adopt
from transforms.adopt_pictures import MissingPicture
from transforms.builder import Builder
from transforms.mirror import Mirror

COCO = "mscoco"


@pytest.fixture
def world(tmp_path: Path, sample_build: Builder, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sample world's files of COCO, unpacked."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    mirror = Mirror(str(sample_build.settings.mirror))
    for file in registry.declaration(COCO).files.values():
        path = mirror.local_path(file.urls[0])
        assert path is not None
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                place = tmp_path / "lab" / member
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(archive.read(member))
    return tmp_path / "lab"


def listed(lake: Path) -> dict[str, tuple[str, int, int]]:
    (path,) = (lake / "tables" / f"{COCO}.images").glob("*/data/images.parquet")
    rows = pq.read_table(path, columns=["picture", "archive", "width", "height"]).to_pylist()
    return {row["picture"]: (row["archive"], row["width"], row["height"]) for row in rows}


def test_missing_pictures_are_named(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lake = tmp_path / "lake"
    fetching.adopt(lake, COCO, world, accept_terms=(), as_json=False)
    # Nobody knows yet what there should be.
    assert f"build --source {COCO} --until tables" in capsys.readouterr().out
    Builder(BuildSettings(lake=lake, sources=(COCO,), until="tables", offline=True)).build()
    absent = {one.picture for one in missing(lake, world)}
    names = [name for name in listed(lake) if name not in absent]
    removed = names[5:30]
    shutil.rmtree(lake / "pictures")
    for name in removed:
        (world / name).unlink()

    found = {one.picture: (one.file, one.width, one.height) for one in missing(lake, world)}
    assert found == {name: listed(lake)[name] for name in {*removed, *absent}}
    assert list(found) == [name for name in listed(lake) if name in found]
    capsys.readouterr()
    fetching.adopt(lake, COCO, world, accept_terms=(), as_json=False)
    shown = capsys.readouterr().out
    assert f"{len(listed(lake)) - len(found)} of the {len(listed(lake))} pictures that {COCO} lists" in shown
    first, width, height = listed(lake)[removed[0]]
    assert removed[0] in shown
    assert f"{width} x {height}" in shown
    assert sum(name in shown for name in found) == 20
    assert f"and {len(found) - 20} more" in shown
    fetching.adopt(lake, COCO, world, accept_terms=(), as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["pictures_listed"] == len(listed(lake))
    assert {"file": first, "picture": removed[0], "width": width, "height": height} in told[
        "pictures_missing"
    ]
    assert len(told["pictures_missing"]) == len(found)


def missing(lake: Path, world: Path) -> tuple[MissingPicture, ...]:
    compared = adopt(lake, COCO, world).compared
    assert compared is not None
    return compared.missing


def test_pictures_of_a_whole_archive_are_not_looked_for(
    world: Path, tmp_path: Path, sample_build: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = tmp_path / "lake"
    declared = registry.declaration(COCO)
    files = {name: file.model_copy(update={"pin": None}) for name, file in declared.files.items()}
    monkeypatch.setattr(registry.reader(COCO), "SOURCE", declared.model_copy(update={"files": files}))
    adopt(lake, COCO, world)
    Builder(BuildSettings(lake=lake, sources=(COCO,), until="tables", offline=True)).build()
    archive = Mirror(str(sample_build.settings.mirror)).local_path(files["val2014"].urls[0])
    assert archive is not None
    shutil.rmtree(world / "val2014")
    shutil.rmtree(lake / "pictures")
    adopt(lake, COCO, archive)
    compared = adopt(lake, COCO, world).compared
    assert compared is not None
    assert compared.listed == sum(archive == "train2014" for archive, *_ in listed(lake).values())
    assert {one.file for one in compared.missing} <= {"train2014"}
    # Without any single picture there is nothing to hold against the list.
    shutil.rmtree(lake / "pictures")
    assert adopt(lake, COCO, world / "annotations").compared is None
