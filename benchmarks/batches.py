"""What one trains on, against what others train on: disk, shuffled reads, decoding, and all of it together.

    pip install -e '.[train,benchmarks]'
    python -m benchmarks.batches
    python -m benchmarks.batches --pictures 5000 --each 8 --side 480

Instances and photographs are made up (`benchmarks.exercises`); every format holds the same. OFA's own way
is the TSV with a picture in each row: read in a shuffled order, text encoded (here by tiktoken), pictures
decoded and scaled by Pillow and normalised, in worker processes. Ours decodes in as many threads, and hands
out levels that the device normalises; one line tells what that costs on the processor instead. Ways are run
in turn; medians over the repeats are printed, and the ratio to the peer that the heading names.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import torch
import webdataset
from torch.utils.data import DataLoader

from benchmarks.exercises import Instance, instances, photographs, vocabulary, wordings, write_collection
from benchmarks.peers import (
    Collate,
    Encoder,
    HuggingFace,
    Row,
    Tsv,
    pillow,
    read_webdataset,
    rendered,
    template,
    write_webdataset,
)
from ofa.batches import TEXTS_AT_ONCE, Batches
from ofa.examples import Examples
from ofa.order import Shuffle, permutation
from ofa.pictures import square
from shards.pictures import PicturePack, stretched

Way = Callable[[], int]
"""Runs once and returns how many samples it gave."""


class Stored:
    """The same instances in every format, in one folder; peers, whose files are large, hold fewer of them."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        made = instances(options.pictures, options.each)
        photos = dict(photographs(options.pictures))
        self.picture_bytes = statistics.mean(map(len, photos.values()))
        _, words = vocabulary(options.vocabulary, folder, made)
        self.encoder = Encoder(words)
        self.collection, self.tsv = folder / "ours", folder / "rows.tsv"
        self.webdataset, self.hugging_face = folder / "webdataset", folder / "hugging_face"
        write_collection(self.collection, made, photos.items(), words)
        # In a drawn order already: WebDataset shuffles within a buffer only.
        some = random.Random(0).sample(made, min(options.peer_rows, len(made)))
        Tsv.write(self.tsv, _rows(some, photos))
        write_webdataset(self.webdataset, _rows(some, photos))
        HuggingFace.write(self.hugging_face, lambda: _rows(some, photos))
        self.rows, self.peer_rows = len(made), len(some)

    def bytes_of_rows(self) -> dict[str, float]:
        """Bytes on disk that an instance takes in each format."""
        peers = {
            "TSV, base64": self.tsv,
            "WebDataset": self.webdataset,
            "Hugging Face datasets": self.hugging_face,
        }
        held = {name: _bytes(place) / self.peer_rows for name, place in peers.items()}
        return {**held, "ours": _bytes(self.collection) / self.rows}


def _rows(made: Iterable[Instance], photos: dict[str, bytes]) -> Iterator[tuple[str, Row]]:
    forms = {task: template(wordings(task, 1)[0]) for task in ("telling", "choosing")}
    for one in made:
        yield one.uid, Row(rendered(forms[one.task], one), one.target, photos[one.image_id or ""])


def _bytes(place: Path) -> int:
    files = (path for path in place.rglob("*") if path.is_file()) if place.is_dir() else [place]
    return sum(path.stat().st_size for path in files)


def main(arguments: list[str] | None = None) -> None:
    """Prints one table a measurement."""
    options = _options(arguments)
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        stored = Stored(Path(folder), options)
        print(
            f"{stored.rows:,} instances (peers: {stored.peer_rows:,}) of {options.pictures:,} pictures of "
            f"{stored.picture_bytes / 1e3:.0f} kB, {options.side} pixels, batches of {options.batch}, "
            f"{options.workers} workers or threads, {os.cpu_count()} processors, torch {torch.__version__}, "
            f"median of {options.repeats}"
        )
        _disk(stored)
        _reads(stored, options)
        _decoding(stored, options)
        _end_to_end(stored, options)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.batches", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--pictures", type=int, default=4_000)
    parser.add_argument("--each", type=int, default=8, help="instances of each picture")
    parser.add_argument("--peer-rows", type=int, default=8_000, help="instances that peers hold")
    parser.add_argument("--side", type=int, default=384)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2, help="worker processes of peers, threads of ours")
    parser.add_argument("--rows", type=int, default=1_500, help="rows of a run that decodes each picture")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--vocabulary", type=Path, help="folder of OFA's three files; a small one is trained")
    parser.add_argument("--scratch", type=Path, help="where the formats are written and removed again")
    return parser.parse_args(arguments)


def _disk(stored: Stored) -> None:
    _table("disk, against TSV", "bytes an instance", stored.bytes_of_rows(), less_is_better=True)


def _batches(rows: int, size: int) -> list[list[int]]:
    """Rows in a drawn order."""
    order = permutation(rows, "order").tolist()
    return [order[at : at + size] for at in range(0, rows, size)]


def _reads(stored: Stored, options: argparse.Namespace) -> None:
    """Texts and JPEG bytes of rows in a shuffled order, in this process."""
    batches = _batches(stored.peer_rows, options.batch)
    mine = [np.array(batch) for batch in _batches(stored.rows, options.batch)]
    tsv, hugging_face = Tsv(stored.tsv), HuggingFace(stored.hugging_face)
    examples = Examples(stored.collection, "train", options.side, instruction=0)
    pack = PicturePack(stored.collection / "pictures")
    at_once = max(1, TEXTS_AT_ONCE // options.batch)

    def ours(check: bool) -> int:
        read = 0
        for at in range(0, len(mine), at_once):
            for text in examples.texts(mine[at : at + at_once]):
                read += len([pack.read(picture, check) for picture in text.pictures.tolist()])
        return read

    ways = {
        "TSV, base64": lambda: sum(len([tsv[number] for number in batch]) for batch in batches),
        "WebDataset, buffer": lambda: sum(1 for _ in read_webdataset(stored.webdataset)),
        "Hugging Face datasets": lambda: sum(len(hugging_face.__getitems__(batch)) for batch in batches),
        "ours": lambda: ours(False),
        "ours, CRC checked": lambda: ours(True),
    }
    _table("shuffled reads, against TSV", "samples/s", _rates(ways, options.repeats))


def _decoding(stored: Stored, options: argparse.Namespace) -> None:
    """From the JPEG to a square of levels, on one core."""
    pack = PicturePack(stored.collection / "pictures")
    data = [pack.read(row) for row in range(min(options.pictures, 100))]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for side in sorted({384, 480, options.side}):
        errors = [_error(one, side) for one in data]
        ways = {
            "Pillow": partial(_run, pillow, data, side),
            "ours": partial(_run, square, data, side),
        }
        _table(
            f"decoded to {side} pixels on one core, against Pillow",
            "pictures/s",
            _rates(ways, options.repeats),
        )
        print(
            f"  {_decibels(statistics.mean(errors)):.1f} dB in all, {_decibels(max(errors)):.1f} dB at worst"
        )
    torch.set_num_threads(threads)


def _run(decode: Callable[[bytes, int], object], data: Sequence[bytes], side: int) -> int:
    for one in data:
        decode(one, side)
    return len(data)


def _error(data: bytes, side: int) -> float:
    difference = square(data, side).numpy().astype(np.float64) - stretched(data, side)
    return float(np.square(difference).mean())


def _decibels(error: float) -> float:
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def _end_to_end(stored: Stored, options: argparse.Namespace) -> None:
    """Batches of padded ids and decoded pictures, in a shuffled order, over again each time."""
    collate = Collate(stored.encoder, options.side)
    batches = _batches(stored.peer_rows, options.batch)[: -(-options.rows // options.batch)]
    examples = Examples(stored.collection, "train", options.side)
    workers = {"num_workers": options.workers, "collate_fn": collate}

    def ours(shuffle: Shuffle, rows: int, processes: int = 0, here: bool = False) -> int:
        threads = options.workers if not processes else 1
        stream = Batches(examples, options.batch, shuffle=shuffle, threads=threads)
        given = 0
        for batch in DataLoader(stream, batch_size=None, num_workers=processes):
            given += len(batch.inputs()["source"]) if here else len(batch)
            if given >= rows:
                break
        return given

    ways: dict[str, Way] = {
        "TSV, base64, Pillow": lambda: _given(DataLoader(Tsv(stored.tsv), batch_sampler=batches, **workers)),
        "WebDataset, buffer, Pillow": lambda: _given(
            islice(
                webdataset.WebLoader(read_webdataset(stored.webdataset), batch_size=options.batch, **workers),
                len(batches),
            )
        ),
        "Hugging Face datasets, Pillow": lambda: _given(
            DataLoader(HuggingFace(stored.hugging_face), batch_sampler=batches, **workers)
        ),
        "ours, global shuffle": lambda: ours("global", options.rows),
        "ours, global, normalised here": lambda: ours("global", options.rows, here=True),
        "ours, global, worker processes": lambda: ours("global", options.rows, options.workers),
        "ours, window shuffle": lambda: ours("window", stored.rows),
    }
    _table("end to end, against TSV", "samples/s", _rates(ways, options.repeats))


def _given(batches: Iterable[Sequence[torch.Tensor]]) -> int:
    return sum(len(batch[0]) for batch in batches)


def _rates(ways: Mapping[str, Way], repeats: int) -> dict[str, float]:
    """Samples a second of each way, medians; run in turn, so that other work on the machine meets all."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            began = time.perf_counter()
            count = way()
            found[name].append(count / (time.perf_counter() - began))
    return {name: statistics.median(rates) for name, rates in found.items()}


def _table(heading: str, unit: str, figures: dict[str, float], less_is_better: bool = False) -> None:
    print(f"\n{heading}")
    peer = next(iter(figures.values()))
    for name, figure in figures.items():
        ratio = peer / figure if less_is_better else figure / peer
        print(f"  {name:<32} {figure:>10,.0f} {unit} {ratio:>7.2f}x")


if __name__ == "__main__":
    main()
