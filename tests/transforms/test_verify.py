"""Whatever is changed in a lake is found by reading it again."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.artifact import Manifest
from schemas.errors import BuildError
from tests.transforms.lakes import SMALL, copied, held, small
from transforms.artifact import MANIFEST, REJECTED_ROWS
from transforms.builder import Builder
from transforms.lake import whole
from transforms.verify import Verified, verify

TASK = f"instances/{SMALL[0]}"


@pytest.fixture(scope="module")
def prepared(sample_build: Builder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small(sample_build, tmp_path_factory.mktemp("verify"))


@pytest.fixture
def lake(prepared: Path, tmp_path: Path) -> Path:
    """A lake whose current build is one small task; each test has its own copy."""
    return Path(shutil.copytree(prepared, tmp_path / "lake", ignore=shutil.ignore_patterns("sample")))


def _wheres(found: Verified) -> set[str]:
    return {problem.where for problem in found.problems}


def _whats(found: Verified) -> str:
    return "; ".join(problem.what for problem in found.problems)


def _rewrite(path: Path, change: Callable[[dict[str, object]], None]) -> None:
    said = json.loads(path.read_bytes())
    change(said)
    path.write_text(json.dumps(said))


def _as_stated(folder: Path, name: str) -> None:
    """Makes the manifest state the bytes that a file has now."""
    data = (folder / name).read_bytes()

    def change(said: dict[str, object]) -> None:
        for entry in said["files"]:  # type: ignore[attr-defined]
            if entry["path"] == name:
                entry["bytes"], entry["sha256"] = len(data), hashlib.sha256(data).hexdigest()

    _rewrite(folder / MANIFEST, change)


def test_a_lake_as_it_was_built_is_sound(sample_build: Builder) -> None:
    told: list[tuple[int, int | None]] = []
    found = verify(sample_build.lake, every=True, progress=lambda *said: told.append(said))
    assert found.problems == ()
    build = whole(sample_build.lake)
    assert found.artifacts == len(build.members)
    assert told[-1] == (found.bytes, found.bytes)
    assert found.bytes == sum(
        entry.bytes
        for member in build.members
        for entry in held(sample_build.lake, str(member.reference)).manifest.files
    )


def test_any_flipped_bit_of_a_data_file_is_found(lake: Path) -> None:
    chance = random.Random(7)
    reachable = sorted(path for path in lake.rglob("data/*") if _is_of_the_build(lake, path))
    for _ in range(40):
        path = chance.choice(reachable)
        before = path.read_bytes()
        place = chance.randrange(len(before))
        path.unlink()  # it may have another name elsewhere
        path.write_bytes(
            before[:place] + bytes([before[place] ^ 1 << chance.randrange(8)]) + before[place + 1 :]
        )
        assert _wheres(verify(lake)) == {path.relative_to(lake).as_posix()}, (path, place)
        path.write_bytes(before)
    assert verify(lake).problems == ()


def _is_of_the_build(lake: Path, path: Path) -> bool:
    place = path.relative_to(lake).parts[:3]
    return any((one.stage, one.name, one.fingerprint) == place for one in whole(lake).members)


def test_a_page_that_does_not_have_its_checksum_is_found_even_if_the_file_is_as_stated(lake: Path) -> None:
    folder = held(lake, TASK).folder
    path = folder / "data" / "instances.parquet"
    column = pq.ParquetFile(path).metadata.row_group(0).column(0)
    data = bytearray(path.read_bytes())
    data[(column.dictionary_page_offset or column.data_page_offset) + column.total_compressed_size // 2] ^= 1
    path.write_bytes(data)
    _as_stated(folder, "data/instances.parquet")
    assert "cannot be read" in _whats(verify(lake))


def test_rows_that_are_not_what_the_content_id_is_over_are_found(lake: Path) -> None:
    folder = held(lake, TASK).folder
    path = folder / "data" / "instances.parquet"
    table = pq.read_table(path)
    other = table.set_column(
        table.column_names.index("target"), "target", pa.array(["no"] * table.num_rows, pa.string())
    )
    pq.write_table(other, path, write_page_checksum=True)
    _as_stated(folder, "data/instances.parquet")
    assert "content id" in _whats(verify(lake))
    pq.write_table(table.slice(1), path, write_page_checksum=True)
    _as_stated(folder, "data/instances.parquet")
    assert "another number of rows" in _whats(verify(lake))


def test_reasons_that_are_counted_otherwise_than_kept_are_found(
    sample_build: Builder, tmp_path: Path
) -> None:
    lake = copied(sample_build, tmp_path)
    folder = held(lake, "instances/region_area").folder
    assert (folder / REJECTED_ROWS).is_file()

    def change(said: dict[str, object]) -> None:
        (reason, count), *_ = said["rejected"].items()  # type: ignore[attr-defined]
        said["rejected"] = {f"{reason}_too": count}

    _rewrite(folder / MANIFEST, change)
    found = verify(lake)
    assert _whats(found) == "the rows left out are not as many as are counted"
    (problem,) = found.problems
    assert "_too" in problem.expected


def _truncate(folder: Path) -> None:
    path = folder / MANIFEST
    path.write_bytes(path.read_bytes()[:200])


def _unbalance(folder: Path) -> None:
    _rewrite(folder / MANIFEST, lambda said: said.update(rows_in=7))


def _ask_otherwise(folder: Path) -> None:
    _rewrite(folder / MANIFEST, lambda said: said["asked"].update(seed="8"))  # type: ignore[attr-defined]


def _rename(folder: Path) -> None:
    _rewrite(folder / MANIFEST, lambda said: said.update(name="another"))


def _point_outside(folder: Path) -> None:
    _rewrite(
        folder / MANIFEST,
        lambda said: said["files"].append(  # type: ignore[attr-defined]
            {"path": "data/../../../../../secret", "bytes": 1, "sha256": "0" * 64, "content_id": "0" * 64}
        ),
    )


def _give_away(folder: Path) -> None:
    _rewrite(folder / MANIFEST, lambda said: said.update(licences=[]))


def _lose_a_file(folder: Path) -> None:
    (folder / "data" / "instances.parquet").unlink()


def _lose_everything(folder: Path) -> None:
    (folder / MANIFEST).unlink()


def _cut(folder: Path) -> None:
    path = folder / "data" / "instances.parquet"
    path.write_bytes(path.read_bytes()[:-1])


def _link_a_file(folder: Path) -> None:
    path = folder / "data" / "instances.parquet"
    outside = folder.parent.parent.parent.parent / "outside.parquet"
    path.rename(outside)
    path.symlink_to(outside)


def _link_a_folder(folder: Path) -> None:
    outside = folder.parent.parent.parent.parent / "outside"
    folder.rename(outside)
    folder.symlink_to(outside)


def _link_the_manifest(folder: Path) -> None:
    outside = folder.parent.parent.parent.parent / "outside.json"
    (folder / MANIFEST).rename(outside)
    (folder / MANIFEST).symlink_to(outside)


def _add_a_file(folder: Path) -> None:
    (folder / "data" / "more.parquet").write_bytes(b"PAR1")


def _add_a_link(folder: Path) -> None:
    (folder / "elsewhere").symlink_to("/")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_truncate, "its manifest cannot be read"),
        (_unbalance, "its manifest cannot be read"),
        (_ask_otherwise, "its fingerprint is not over what was asked"),
        (_rename, "its manifest is that of another artifact"),
        (_point_outside, "its manifest names a file outside its folder"),
        (_give_away, "it lacks terms of its input"),
        (_lose_a_file, "it is missing"),
        (_lose_everything, "it is missing"),
        (_cut, "it has another size"),
        (_link_a_file, "a link stands in its place"),
        (_link_a_folder, "a link stands in the place of an artifact"),
        (_link_the_manifest, "its manifest is a link"),
        (_add_a_file, "a file that is none of its own"),
        (_add_a_link, "a file that is none of its own"),
    ],
)
def test_each_damage_is_named_with_what_to_do(lake: Path, damage: Callable[[Path], None], said: str) -> None:
    damage(held(lake, TASK).folder)
    found = verify(lake)
    assert said in _whats(found)
    assert all(problem.where.startswith(TASK) for problem in found.problems)
    assert all(problem.next_step for problem in found.problems)


@pytest.mark.parametrize("damage", [_truncate, _lose_everything, _lose_a_file])
def test_doing_what_is_said_makes_the_lake_sound_again(
    sample_build: Builder, lake: Path, damage: Callable[[Path], None]
) -> None:
    before = whole(lake)
    damage(held(lake, TASK).folder)
    assert verify(lake).problems
    settings = sample_build.settings.model_copy(update={"lake": lake, "tasks": SMALL, "until": "instances"})
    assert Builder(settings).build() == before
    assert verify(lake).problems == ()


def test_a_lost_input_is_found(lake: Path) -> None:
    build = whole(lake)
    members = [one for one in build.members if one.name != "vsr.statements"]
    path = lake / "builds" / f"{build.id}.json"
    path.write_text(build.model_copy(update={"members": members}).model_dump_json())
    said = _whats(verify(lake))
    assert "its input tables/vsr.statements is not there" in said
    assert "its id is not over its artifacts" in said


def test_everything_means_every_build_and_artifact(sample_build: Builder, lake: Path) -> None:
    other = held(sample_build.lake, "instances/region_area").folder.relative_to(sample_build.lake)
    (lake / other / "data" / "instances.parquet").unlink()
    assert verify(lake).problems == ()
    found = verify(lake, every=True)
    assert found.builds == 2
    assert _wheres(found) == {f"{other}/data/instances.parquet"}


def test_lists_of_builds_that_cannot_be_trusted_are_found(lake: Path) -> None:
    build = whole(lake)
    (lake / "builds" / "0123456789abcdef.json").write_text(build.model_dump_json())
    (lake / "builds" / "1123456789abcdef.json").write_text("{")
    (lake / "current").write_text("2123456789abcdef\n")
    assert _wheres(verify(lake, every=True)) == {
        "builds/0123456789abcdef.json",
        "builds/1123456789abcdef.json",
        "current",
    }


def test_a_lake_that_was_filled_without_publishers_files_is_sound(lake: Path) -> None:
    raw = next(one for one in whole(lake).members if one.stage == "raw")
    for path in held(lake, f"raw/{raw.name}").folder.glob("data/*"):
        path.unlink()
    found = verify(lake)
    assert (found.problems, found.absent) == ((), 1)


def test_nothing_to_look_at_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="nothing has been built"):
        verify(tmp_path)
    with pytest.raises(BuildError, match="no such lake"):
        verify(tmp_path / "none", every=True)


def test_a_manifest_that_cannot_be_read_is_an_artifact_that_does_not_exist(
    sample_build: Builder, lake: Path
) -> None:
    _truncate(held(lake, TASK).folder)
    settings = sample_build.settings.model_copy(update={"lake": lake, "tasks": SMALL, "until": "instances"})
    assert [str(one.step.reference) for one in Builder(settings).plan() if one.action != "done"] == [TASK]
    assert isinstance(Builder(settings).build().id, str)
    Manifest.model_validate_json((held(lake, TASK).folder / MANIFEST).read_bytes())
