"""Deriving every task at published size: seconds and peak memory, and one task against plain Python.

    python -m benchmarks.derivation [--scale 1126] [--folder DIR]

Scale 1126 is 108,000 pictures with 5.4 million described regions, as many as Visual Genome has. Its
files are written and its tables are built first, which takes some minutes and 3 GB of disk.
The peer does in Python, over rows in memory, what grounded_caption_selection does in SQL.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.measured import Cost, measured
from sample_world.formats import visual_genome
from schemas.artifact import Reference
from schemas.box import Box
from schemas.settings import BuildSettings
from transforms.builder import Builder

PEER = "grounded_caption_selection"
OPTIONS, OFFERED = 5, 20


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
    return f"{name:<44}{cost.result:>12,}{cost.seconds:>9.1f}{cost.peak:>10.0f}"


def main() -> None:
    """Builds the tables, then measures every task in a process of its own."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.derivation", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--scale", type=float, default=1126.0, help="size of the sample world")
    parser.add_argument("--folder", type=Path, help="where to work; what is there already is used again")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.folder or Path(scratch)
        mirror = folder / f"mirror-{asked.scale:g}"
        if not mirror.is_dir():
            visual_genome.write(mirror, 0, asked.scale)
        settings = BuildSettings(
            lake=folder / "lake",
            sample=True,
            sources=("visual_genome",),
            mirror=str(mirror),
            offline=True,
            until="instances",
            threads=2,
        )
        builder = Builder(settings)
        for reference in builder.steps:
            if reference.stage != "instances":
                builder.run(reference)
        print(f"{'task (2 threads)':<44}{'rows kept':>12}{'s':>9}{'peak MB':>10}")
        costs: dict[str, Cost] = {}
        for reference in builder.steps:
            if reference.stage == "instances":
                costs[reference.name] = measured(run_step, settings, reference.name)
                print(_line(reference.name, costs[reference.name]), flush=True)
        parent = Builder(settings).run(Reference("instances", "grounded_captioning"))
        peer = measured(plain_python, parent.path("instances.parquet"), settings.per_image)
        print(_line(f"{PEER}, plain Python", peer))
        ours = costs[PEER]
        print(
            f"{PEER}: {peer.seconds / ours.seconds:.1f}x faster than plain Python, same {ours.result:,} rows"
        )
        if peer.result != ours.result:
            raise SystemExit(f"the peer keeps {peer.result:,} rows")


if __name__ == "__main__":
    main()
