"""JSON to Parquet: our reader and normaliser against json.load and DuckDB's reader, in one run.

    python -m benchmarks.ingest [--regions 1000000]

The file has the shape of Visual Genome's region_descriptions.json. All peers write the same columns
with the same Parquet settings. `normalised` also cleans texts, clips boxes, rejects and keeps
provenance; `read` is our reader alone, which is what the peers do.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.measured import Cost, measured
from schemas.box import BOX_TYPE
from schemas.tables import REGIONS
from transforms.artifact import Draft, TableWriter
from transforms.duck import Database, literal
from transforms.normalise import normalise
from transforms.raw import NotAsked, Raw, Rejected
from transforms.readers import rows_of
from transforms.sources import visual_genome

PER_IMAGE = 50
WORDS = ("a", "the", "red", "man", "dog", "tree", "sign", "car", "wheel", "window", "of", "on", "in", "left")
COLUMNS = pa.schema(
    [("image_id", pa.string()), ("region_id", pa.string()), ("box", BOX_TYPE), ("text", pa.string())]
)


def write_json(path: Path, regions: int) -> None:
    """Writes a file of that many regions, always the same."""
    with path.open("w") as file:
        for image in range(regions // PER_IMAGE):
            file.write("[" if image == 0 else ", ")
            lots = hashlib.sha512(str(image).encode()).digest()
            described = [_region(image, place, lots) for place in range(PER_IMAGE)]
            file.write(json.dumps({"regions": described, "id": image}))
        file.write("]")


def _region(image: int, place: int, lots: bytes) -> dict[str, Any]:
    drawn = [lots[(place + step) % len(lots)] for step in range(8)]
    return {
        "region_id": PER_IMAGE * image + place,
        "width": 20 + drawn[0],
        "height": 20 + drawn[1],
        "image_id": image,
        "phrase": " ".join(WORDS[lot % len(WORDS)] for lot in drawn[: 3 + drawn[2] % 5]),
        "y": drawn[3],
        "x": drawn[4],
    }


def _zipped(path: Path) -> Raw:
    return Raw("visual_genome", "region_descriptions", path)


def ours_normalised(path: Path, regions: int) -> int:
    """Reader and normaliser, out of the zip."""
    folder = Path(tempfile.mkdtemp(dir=path.parent))
    draft = Draft(folder)
    images = [f"vg:{image}" for image in range(regions // PER_IMAGE)]
    size = pa.array([600] * len(images), pa.int32())
    sizes = pa.table({"image_id": images, "width": size, "height": size})
    rows = rows_of(visual_genome.regions, {"region_descriptions": _zipped(path)})
    normalise("visual_genome", REGIONS, rows, sizes, draft)
    return sum(entry.rows or 0 for entry in draft.close())


def ours_read(path: Path, regions: int) -> int:  # noqa: ARG001
    """Reader alone, out of the zip."""
    with TableWriter(path.with_suffix(".ours"), COLUMNS) as writer:
        batch: list[dict[str, Any]] = []
        for row in rows_of(visual_genome.regions, {"region_descriptions": _zipped(path)}):
            assert not isinstance(row, Rejected | NotAsked)
            batch.append(row[1])
            if len(batch) == 65_536:
                writer.write(_arrow(batch))
                batch = []
        writer.write(_arrow(batch))
    return writer.rows


def _arrow(rows: list[dict[str, Any]]) -> pa.Table:
    sides = list(zip(*(row["box"] for row in rows), strict=True)) or [()] * 4
    boxes = pa.StructArray.from_arrays(
        [pa.array(side, pa.float64()) for side in sides], fields=list(BOX_TYPE)
    )
    texts = [pa.array([row[name] for row in rows], pa.string()) for name in ("image_id", "region_id", "text")]
    return pa.table([texts[0], texts[1], boxes, texts[2]], schema=COLUMNS)


def json_load(path: Path, regions: int) -> int:  # noqa: ARG001
    """The standard library: the whole file as Python objects."""
    with path.open("rb") as file:
        records = json.load(file)
    rows = [
        {
            "image_id": f"vg:{record['id']}",
            "region_id": str(region["region_id"]),
            "box": (region["x"], region["y"], region["x"] + region["width"], region["y"] + region["height"]),
            "text": region["phrase"],
        }
        for record in records
        for region in record["regions"]
    ]
    pq.write_table(_arrow(rows), path.with_suffix(".json_load"), compression="zstd")
    return len(rows)


def duckdb_reader(path: Path, regions: int) -> int:
    """DuckDB's JSON reader with declared columns."""
    kind = "struct(region_id bigint, x double, y double, width double, height double, phrase varchar)[]"
    query = f"""
        select
            'vg:' || id as image_id,
            region.region_id::varchar as region_id,
            {{
                'x0': region.x, 'y0': region.y,
                'x1': region.x + region.width, 'y1': region.y + region.height
            }} as box,
            region.phrase as text
        from (
            select id, unnest(regions) as region
            from read_json({literal(path)}, format = 'array', columns = {{id: 'bigint', regions: '{kind}'}})
        )
    """
    with Database(path.parent) as database:
        database.run(
            f"copy ({query}) to {literal(path.with_suffix('.duckdb'))} (format parquet, compression zstd)"
        )
    return regions


def _zip(path: Path) -> Path:
    import zipfile

    packed = path.with_suffix(".json.zip")
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, "region_descriptions.json")
    return packed


def _lines(costs: dict[str, Cost], size: float) -> Iterator[str]:
    base = costs["json.load"]
    yield f"{'':<22}{'s':>8}{'MB/s':>9}{'peak MB':>9}{'speed':>9}{'memory':>9}   (against json.load)"
    for name, cost in costs.items():
        yield (
            f"{name:<22}{cost.seconds:>8.2f}{size / cost.seconds:>9.0f}{cost.peak:>9.0f}"
            f"{base.seconds / cost.seconds:>8.2f}x{cost.peak / base.peak:>8.2f}x"
        )


def main() -> None:
    """Measures all four and prints a line for each."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ingest", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument(
        "--regions", type=int, default=1_000_000, help="regions in the file (published: 5.4 million)"
    )
    regions = parser.parse_args().regions // PER_IMAGE * PER_IMAGE
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "region_descriptions.json"
        write_json(path, regions)
        size = path.stat().st_size / 1e6
        packed = _zip(path)
        costs = {
            "json.load": measured(json_load, path, regions),
            "DuckDB read_json": measured(duckdb_reader, path, regions),
            "ours, read": measured(ours_read, packed, regions),
            "ours, normalised": measured(ours_normalised, packed, regions),
        }
    for name, cost in costs.items():
        if cost.result != regions:
            sys.exit(f"{name}: {cost.result} rows of {regions}")
    print(f"{regions:,} regions, {size:.0f} MB of JSON; ours reads out of the zip")
    for line in _lines(costs, size):
        print(line)


if __name__ == "__main__":
    main()
