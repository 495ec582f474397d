"""Deriving every task at published size: seconds and peak memory, and one task against plain Python.

    python -m benchmarks.derivation [--source visual_genome] [--source mscoco] [--scale 1] [--folder DIR]

Visual Genome's records are those of the sample world, 108,096 pictures with 5.4 million described
regions; MS COCO's are make-believe ones in the publisher's own format, as many as it published: 604,907
and 291,875 things, 414,113 and 202,654 captions. Files are written and tables are built first, which
takes some minutes and 3 GB of disk for Visual Genome and 1 GB for MS COCO. The peer does in Python, over
rows in memory, what grounded_caption_selection does in SQL.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import tempfile
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

from benchmarks import published_coco
from benchmarks.measured import Cost, measured
from sample_world.formats import visual_genome
from schemas.artifact import Reference
from schemas.box import Box
from schemas.settings import BuildSettings
from transforms.builder import Builder

PEER = "grounded_caption_selection"
OPTIONS, OFFERED = 5, 20

VISUAL_GENOME: Final = 1126
"""Scale of the sample world at which it has as many pictures as Visual Genome."""

WRITERS: Final[dict[str, Callable[[Path, float], None]]] = {
    "visual_genome": lambda mirror, scale: visual_genome.write(mirror, 0, VISUAL_GENOME * scale),
    "mscoco": published_coco.write,
}
"""What writes the records of a source, by share of their published number."""


def run_step(settings: BuildSettings, name: str) -> int:
    """Makes the instances of one task; rows kept."""
    return Builder(settings).run(Reference("instances", name)).manifest.rows_out


def plain_python(instances: Path, per_image: int) -> int:
    """The same selection as the SQL, row by row: same rules, same draws."""
    table = pq.read_table(instances, columns=["key", "image_id", "regions", "target"])
    kept = 0
    for _, group in groupby(table.to_pylist(), key=lambda row: row["image_id"]):
        rows = list(group)
        offered = _drawn(rows, "offered ", OFFERED)
        kept += sum(_has_options(row, offered) for row in _drawn(rows, "", per_image))
    return kept


def _lot(owner: str, item: str) -> str:
    return hashlib.md5(f"0|{PEER}|{owner}|{item}".encode()).hexdigest()


def _drawn(rows: list[dict[str, Any]], what_for: str, most: int) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: _lot(what_for + row["image_id"], row["key"]))[:most]


def _has_options(asked: dict[str, Any], rows: list[dict[str, Any]]) -> bool:
    here, words = Box(**asked["regions"][0]), _plain(asked["target"])
    others: dict[str, str] = {}
    for row in rows:
        said = _plain(row["target"])
        if said == words or here.iou(Box(**row["regions"][0])) >= 0.5:
            continue
        others[said] = min(others.get(said, "g"), _lot(asked["key"] + said, row["key"]))
    return len(others) >= OPTIONS - 1


def _plain(text: str) -> str:
    return " ".join("".join(mark if mark.isalnum() else " " for mark in text.lower()).split())


def _line(name: str, cost: Cost) -> str:
    return f"{name:<44}{cost.result:>12,}{cost.seconds:>9.1f}{cost.peak:>10,.0f}"


def settings_of(source: str, scale: float, folder: Path) -> BuildSettings:
    """What is built of a source."""
    return BuildSettings(
        lake=folder / f"lake-{source}-{scale:g}",
        sample=True,
        sources=(source,),
        mirror=str(folder / f"{source}-{scale:g}"),
        offline=True,
        until="instances",
        threads=2,
    )


def prepare(source: str, scale: float, settings: BuildSettings) -> None:
    """Writes the records of a source and builds its tables, unless they are there."""
    mirror = Path(str(settings.mirror))
    if not mirror.is_dir():
        aside = mirror.with_name(f".{mirror.name}")
        shutil.rmtree(aside, ignore_errors=True)
        WRITERS[source](aside, scale)
        aside.rename(mirror)
    builder = Builder(settings)
    for reference in builder.steps:
        if reference.stage != "instances":
            builder.run(reference)


def derive(settings: BuildSettings) -> dict[str, Cost]:
    """Makes the instances of every task, each in a process of its own; what it took, by task."""
    # What an earlier run has made would cost nothing.
    shutil.rmtree(settings.lake / "instances", ignore_errors=True)
    costs: dict[str, Cost] = {}
    for reference in Builder(settings).steps:
        if reference.stage == "instances":
            costs[reference.name] = measured(run_step, settings, reference.name)
            print(_line(reference.name, costs[reference.name]), flush=True)
    return costs


def compare(settings: BuildSettings, ours: Cost) -> None:
    """Measures the peer, which must keep as many rows."""
    parent = Builder(settings).run(Reference("instances", "grounded_captioning"))
    peer = measured(plain_python, parent.path("instances.parquet"), settings.per_image)
    print(_line(f"{PEER}, plain Python", peer))
    print(f"{PEER}: {peer.seconds / ours.seconds:.1f}x faster than plain Python, same {ours.result:,} rows")
    if peer.result != ours.result:
        raise SystemExit(f"the peer keeps {peer.result:,} rows")


def main() -> None:
    """Measures every task of the sources that are asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.derivation", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--source", action="append", choices=list(WRITERS), help="only this source")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the published numbers")
    parser.add_argument(
        "--folder", type=Path, help="where to work; records and tables that are there are used again"
    )
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for source in asked.source or WRITERS:
            settings = settings_of(source, asked.scale, asked.folder or Path(scratch))
            # In a process of its own as well, for the memory of this one counts for those that it starts.
            measured(prepare, source, asked.scale, settings)
            print(f"\n{f'tasks of {source} (2 threads)':<44}{'rows kept':>12}{'s':>9}{'peak MB':>10}")
            costs = derive(settings)
            if PEER in costs:
                compare(settings, costs[PEER])


if __name__ == "__main__":
    main()
