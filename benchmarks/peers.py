"""How others store and read the same instances: OFA's TSV, WebDataset, Hugging Face datasets, tiktoken.

Each is used as its own documentation shows it. All hold the rendered prompt and the answer as text, and
the picture as the publisher's JPEG, once for each instance.
"""

from __future__ import annotations

import base64
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import datasets
import numpy as np
import numpy.typing as npt
import tiktoken
import torch
import webdataset
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from benchmarks.exercises import Instance
from schemas.token import BOS, EOS, PAD
from shards.bpe_files import BYTE_OF, BpeFiles, read_bpe_files

PATTERN = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
"""GPT-2's pattern of pieces."""

BUFFER = 1_000
"""Samples among which WebDataset shuffles, and samples of a shard."""


class Row(NamedTuple):
    """One instance as the peers hand it out."""

    prompt: str
    target: str
    picture: bytes


def template(wording: str) -> str:
    """An instruction for `str.format`: the options bring their own line breaks."""
    return wording.replace(" {options}", "{options}")


def rendered(form: str, one: Instance) -> str:
    """A prompt, by the standard library."""
    options = "\n\n[Options]: " + " |||| ".join(one.options) if one.options else ""
    return form.format(text=one.text, question=one.question, options=options)


class Tsv(Dataset[Row]):
    """OFA's format: a line an instance, the picture in base64; read by the offsets of lines.

    OFA itself reads lines in the order of the file; the offsets are what a shuffle needs at least.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDONLY)
        self._offsets = np.load(path.with_suffix(".npy"))

    @staticmethod
    def write(path: Path, rows: Iterator[tuple[str, Row]]) -> None:
        """Writes the file, and the offsets beside it."""
        offsets = [0]
        with path.open("wb") as file:
            for uid, row in rows:
                # A line break would end the row.
                prompt = row.prompt.replace("\n", "\\n")
                line = f"{uid}\t{prompt}\t{row.target}\t".encode() + base64.b64encode(row.picture) + b"\n"
                offsets.append(offsets[-1] + file.write(line))
        np.save(path.with_suffix(".npy"), np.array(offsets))

    def __getitem__(self, number: int) -> Row:
        first, last = int(self._offsets[number]), int(self._offsets[number + 1])
        _, prompt, target, picture = os.pread(self._file, last - first, first).split(b"\t")
        return Row(prompt.decode().replace("\\n", "\n"), target.decode(), base64.b64decode(picture))

    def __len__(self) -> int:
        return len(self._offsets) - 1


class HuggingFace(Dataset[Row]):
    """A data set saved to disk, read by lists of rows."""

    def __init__(self, folder: Path) -> None:
        self._rows = datasets.load_from_disk(str(folder)).with_format("arrow")

    @staticmethod
    def write(folder: Path, rows: Callable[[], Iterator[tuple[str, Row]]]) -> None:
        """Writes the data set; what it leaves in its cache is not counted."""
        datasets.disable_progress_bars()
        made = datasets.Dataset.from_generator(
            lambda: ({"uid": uid, **row._asdict()} for uid, row in rows()),
            cache_dir=str(folder.with_name("cache")),
        )
        made.save_to_disk(str(folder))

    def __getitems__(self, numbers: Sequence[int]) -> list[Row]:
        """Rows, as a `DataLoader` asks for them."""
        table = self._rows[list(numbers)]
        return [
            Row(*values) for values in zip(*(table[name].to_pylist() for name in Row._fields), strict=True)
        ]

    def __len__(self) -> int:
        return len(self._rows)


def write_webdataset(folder: Path, rows: Iterator[tuple[str, Row]]) -> None:
    """Writes shards of a picture and a JSON file an instance."""
    folder.mkdir()
    with webdataset.ShardWriter(f"{folder}/%06d.tar", maxcount=BUFFER, verbose=0) as writer:
        for number, (_, row) in enumerate(rows):
            text = json.dumps({"prompt": row.prompt, "target": row.target}).encode()
            writer.write({"__key__": f"{number:08d}", "jpg": row.picture, "json": text})


def read_webdataset(folder: Path) -> webdataset.WebDataset:
    """Its rows, in the only shuffle there is: of shards, and of a buffer."""
    urls = sorted(str(path) for path in folder.glob("*.tar"))
    stream = webdataset.WebDataset(urls, shardshuffle=len(urls), seed=0, empty_check=False)
    return stream.shuffle(BUFFER, initial=BUFFER).map(_row)


def _row(sample: Mapping[str, Any]) -> Row:
    text = json.loads(sample["json"])
    return Row(text["prompt"], text["target"], sample["jpg"])


class Encoder:
    """tiktoken with OFA's pieces, and its numbers turned into unified ids.

    Attributes:
        encoding: of tiktoken.
        ids: unified id of each of its numbers.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._load(read_bpe_files(folder))

    def _load(self, files: BpeFiles) -> None:
        piece_of = dict(zip(files.spellings, files.pieces, strict=True))
        ranks: dict[bytes, int] = {}
        for spelling in (*BYTE_OF, *(left + right for left, right in files.merges)):
            ranks.setdefault(piece_of[spelling], len(ranks))
        number = {piece: place for place, piece in enumerate(files.pieces)}
        unified = {symbol: place + 4 for place, symbol in enumerate(files.dictionary)}
        self.ids = np.array([unified[str(number[piece])] for piece in ranks], np.int64)
        self.encoding = tiktoken.Encoding("ofa", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})

    def __reduce__(self) -> tuple[Any, ...]:
        return Encoder, (self._folder,)

    def batch(self, prompts: Sequence[str], targets: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Padded sources and targets: int64 (rows, longest) each."""
        return self._padded(prompts, [BOS], [EOS]), self._padded(targets, [], [EOS])

    def _padded(self, texts: Sequence[str], first: list[int], last: list[int]) -> Tensor:
        encoded = [self.encoding.encode_ordinary(f" {text}") for text in texts]
        lengths = np.array([len(one) for one in encoded])
        before, width = len(first), int(lengths.max()) + len(first) + len(last)
        ids = np.full((len(texts), width), PAD)
        place = np.arange(width)
        # One look-up for the whole batch: a look-up for each text costs as much again as encoding it.
        ids[(place >= before) & (place < before + lengths[:, None])] = self.ids[list(chain(*encoded))]
        ids[:, :before] = first
        ids[np.arange(len(texts)), before + lengths] = last
        return torch.from_numpy(ids)


def pillow(data: bytes, side: int) -> npt.NDArray[np.uint8]:
    """A picture as OFA's `patch_resize_transform` begins: RGB, bicubic."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC))


class Collate:
    """Rows become what OFA's datasets collate: padded ids, and pictures as normalised floats."""

    def __init__(self, encoder: Encoder, side: int) -> None:
        self._encoder, self._side = encoder, side

    def __call__(self, rows: Sequence[Row]) -> tuple[Tensor, Tensor, Tensor]:
        """Sources, targets, and pictures float32 (rows, 3, side, side)."""
        source, target = self._encoder.batch([row.prompt for row in rows], [row.target for row in rows])
        pictures = [self._picture(row.picture) for row in rows]
        return source, target, torch.stack(pictures)

    def _picture(self, data: bytes) -> Tensor:
        levels = torch.from_numpy(pillow(data, self._side).copy()).permute(2, 0, 1).contiguous()
        return levels.float().div(255).sub_(0.5).div_(0.5)
