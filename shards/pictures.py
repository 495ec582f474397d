"""Pictures as bytes: looked at, decoded, packed, read back. The only module that decodes them.

A pack is a folder of two files:

    pictures.zip      the pictures as they were published, stored (not compressed), one member each
    pictures.parquet  image_id, offset, size, crc32: where each picture's bytes lie in the zip;
                      oriented: whether its EXIF orientation is to be applied

so any zip tool opens a pack, and a reader needs one `pread` a picture and no zip at all.
"""

from __future__ import annotations

import io
import os
import threading
import warnings
import zipfile
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import simplejpeg
from PIL import Image, ImageOps, UnidentifiedImageError

from schemas.box import Box
from schemas.errors import BuildError
from shards.look import SIDE, Look, look

MOST_PIXELS = 50_000_000
"""A larger picture is refused before it is decoded: 81 million pixels fit a file of 10 kB."""

MOST_SCANS = 64
"""Progressive JPEGs have about ten; hundreds keep a decoder busy for minutes."""

FORMATS: Final = ("JPEG", "PNG", "GIF", "WEBP")
PACK, TABLE = "pictures.zip", "pictures.parquet"
PACKED: Final = pa.schema(
    [
        pa.field("image_id", pa.string(), False),
        pa.field("offset", pa.int64(), False),
        pa.field("size", pa.int64(), False),
        pa.field("crc32", pa.uint32(), False),
        pa.field("oriented", pa.bool_(), False),
    ]
)

_ORIENTATION = 0x0112
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_EXIF_MARKS = (b"Exif", b"EXIF", b"eXIf", b"exif")
_EPOCH = (1980, 1, 1, 0, 0, 0)
_LOCAL_HEADER = 30
_warnings_lock = threading.Lock()


class Picture(NamedTuple):
    """What `inspect` found.

    Attributes:
        width: pixels as stored; swapped where an orientation was asked for that turns the picture.
        height: likewise.
        format: one of `FORMATS`, or empty if the picture cannot be used.
        problem: None, or `picture_unreadable`, `picture_too_large`, `picture_format`.
        look: what it looks like, upright if that was asked for; None for a plain picture.
    """

    width: int
    height: int
    format: str
    problem: str | None = None
    look: Look | None = None


def inspect(data: bytes, orient: bool = False) -> Picture:
    """Decodes a picture fully and strictly, and says what it is. Never raises, whatever the bytes.

    A JPEG with any irregularity is unreadable, although lenient decoders show something. Of an
    animation only the first picture is looked at.

    Args:
        data: a file's bytes.
        orient: whether width and height are those after the EXIF orientation.
    """
    try:
        found, image = _looked_at(data, orient)
        if isinstance(image, str):
            # Stricter than Pillow, which shows two of three damaged files without a word.
            decoded = simplejpeg.decode_jpeg(data, colorspace=image, strict=True)
            image = Image.fromarray(decoded[..., 0] if image == "GRAY" else decoded)
        return found._replace(look=_look(_upright(image, data) if orient else image))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError, _TooLargeError):
        return Picture(0, 0, "", "picture_too_large")
    except UnidentifiedImageError:
        return Picture(0, 0, "", "picture_format")
    except Exception:  # decoders raise whatever comes to them on hostile bytes
        return Picture(0, 0, "", "picture_unreadable")


def open_rgb(data: bytes, orient: bool = False) -> Image.Image:
    """Decodes a picture to RGB; transparency is laid on white.

    Args:
        data: a file's bytes, inspected before.
        orient: whether the EXIF orientation is applied. OFA does not.

    Raises:
        BuildError: the picture is too large or cannot be decoded.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise BuildError("a picture is too large", got=image.size, expected=f"{MOST_PIXELS} pixels")
            image.load()
            turned = ImageOps.exif_transpose(image) if orient else image
            return _on_white(turned)
    except BuildError:
        raise
    except Exception as error:  # decoders raise whatever comes to them on hostile bytes
        raise BuildError(
            "a picture cannot be decoded", got=error, next_step="verify the picture's file or pack"
        ) from error


def pixels(data: bytes, orient: bool = False) -> npt.NDArray[np.uint8]:
    """The pixels of `open_rgb`: uint8 (height, width, 3). JPEGs do not pass through Pillow, which is slower.

    Raises:
        BuildError: the picture is too large or cannot be decoded.
    """
    if data.startswith(b"\xff\xd8") and not orient:
        try:
            height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
            if colours in ("Gray", "YCbCr") and height * width <= MOST_PIXELS:
                decoded: npt.NDArray[np.uint8] = simplejpeg.decode_jpeg(data, colorspace="RGB")
                return decoded
        except ValueError:
            pass  # Pillow may do, or says what is wrong
    return np.array(open_rgb(data, orient))


def stretched(data: bytes, side: int, orient: bool = False) -> npt.NDArray[np.uint8]:
    """A whole picture, scaled to a square whatever its shape: uint8 (side, side, 3).

    What OFA sees: Pillow's bicubic filter, across and then down. Pillow 13 begins with tall pictures
    downwards, which rounds otherwise, so the order is spelled out here.

    Raises:
        BuildError: the picture is too large or cannot be decoded.
    """
    image = open_rgb(data, orient)
    across = image.resize((side, image.height), Image.Resampling.BICUBIC)
    return np.array(across.resize((side, side), Image.Resampling.BICUBIC))


def squared(data: bytes, side: int, box: Box | None = None) -> npt.NDArray[np.uint8]:
    """A part of a picture, scaled to a square: uint8 (side, side, 3) RGB.

    It is what one gets by scaling the whole picture and cutting the part out. Lanczos as in OFA
    (`run_scripts/image_gen/generate_code.py`), which does not cut: its codes may be of no square.

    Args:
        data: a file's bytes, inspected before.
        side: pixels of the square.
        box: the part, in pixels of the file; the largest square in the middle if None.

    Raises:
        BuildError: the picture cannot be decoded, or the box lies outside it.
    """
    image = open_rgb(data)
    if box is None:
        short = min(image.size)
        left, top = (image.width - short) / 2, (image.height - short) / 2
        box = Box(left, top, left + short, top + short)
    try:
        part = image.resize((side, side), Image.Resampling.LANCZOS, box=box)
    except ValueError as error:
        raise BuildError("a part lies outside its picture", got=tuple(box), expected=image.size) from error
    return np.asarray(part)


def settled(data: bytes, orient: bool = False) -> bytes:
    """A picture that every reader sees alike, whether it applies EXIF orientations or not.

    Nearly all pictures have none, and are given back as they are. Any other is written anew as PNG, turned
    upright if its orientation is to be applied, else as it lies.

    Args:
        data: a file's bytes, inspected before.
        orient: whether the EXIF orientation is to be applied.

    Raises:
        BuildError: the picture is too large or cannot be decoded.
    """
    if not any(mark in data for mark in _EXIF_MARKS):
        return data
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            turned = image.getexif().get(_ORIENTATION, 1) not in (0, 1)
    except Exception as error:  # decoders raise whatever comes to them on hostile bytes
        raise BuildError("a picture cannot be decoded", got=error) from error
    return png(np.asarray(open_rgb(data, orient))) if turned else data


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """A picture, uint8 (height, width, 3) RGB, as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


class _TooLargeError(Exception):
    """The picture has more than `MOST_PIXELS`."""


def _looked_at(data: bytes, orient: bool) -> tuple[Picture, str | Image.Image]:
    """What Pillow says of a picture, and its pixels, or the colours to which it is still to be decoded."""
    # Which warnings are errors is state of the whole process, so one picture at a time.
    with _warnings_lock, warnings.catch_warnings():
        warnings.simplefilter("error")
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise _TooLargeError
            if data.count(b"\xff\xda") > MOST_SCANS and image.format == "JPEG":
                raise ValueError("too many scans")
            turns = orient and image.getexif().get(_ORIENTATION) in (5, 6, 7, 8)
            width, height = (image.height, image.width) if turns else image.size
            found = Picture(width, height, str(image.format))
            if image.format == "JPEG" and image.mode in ("L", "RGB"):
                return found, "GRAY" if image.mode == "L" else "RGB"
            return found, _on_white(image)


def _upright(image: Image.Image, data: bytes) -> Image.Image:
    """Turns a decoded picture as the EXIF orientation of its file says."""
    with Image.open(io.BytesIO(data), formats=FORMATS) as stored:
        turn = _TURNS.get(stored.getexif().get(_ORIENTATION, 1))
    return image if turn is None else image.transpose(turn)


def _look(image: Image.Image) -> Look | None:
    shrunk = image.resize((SIDE, SIDE), Image.Resampling.BOX).convert("RGB")
    return look(np.asarray(shrunk))


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        # 16 bits a pixel; Pillow's own conversion would cut off everything above 255.
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    ground = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(ground, layer).convert("RGB")


def write_pack(
    folder: Path, pictures: Iterable[tuple[str, bytes]], oriented: Container[str] = frozenset()
) -> pa.Table:
    """Writes `pictures.zip` and `pictures.parquet`; the bytes depend on the pictures alone.

    Args:
        folder: where they go; it exists.
        pictures: `image_id` and the file's bytes, in the order in which they will lie.
        oriented: the images whose EXIF orientation is to be applied.

    Returns:
        The table, with the schema `PACKED`.

    Raises:
        BuildError: an `image_id` comes twice.
    """
    rows: dict[str, tuple[int, int, int, bool]] = {}
    with zipfile.ZipFile(folder / PACK, "w", zipfile.ZIP_STORED, allowZip64=True) as pack:
        for image_id, data in pictures:
            if image_id in rows:
                raise BuildError("a picture comes twice", where=folder / PACK, got=image_id)
            member = zipfile.ZipInfo(_member_name(image_id, data), _EPOCH)
            member.create_system = 3
            pack.writestr(member, data)
            start = member.header_offset + _LOCAL_HEADER + len(member.filename)
            rows[image_id] = (start, len(data), crc32(data), image_id in oriented)
    columns = zip(*rows.values(), strict=True) if rows else ((), (), (), ())
    table = pa.table([list(rows), *map(list, columns)], schema=PACKED)
    pq.write_table(table, folder / TABLE, compression="zstd", write_page_checksum=True)
    return table


def _member_name(image_id: str, data: bytes) -> str:
    """ASCII and without slashes, so that no tool can be led outside its folder."""
    kinds = ((b"\xff\xd8", "jpg"), (b"\x89PNG", "png"), (b"GIF8", "gif"), (b"RIFF", "webp"))
    ending = next((ending for mark, ending in kinds if data.startswith(mark)), "bin")
    return f"{quote(image_id, safe='')}.{ending}"


class PicturePack:
    """Reads a pack. Threads and forked processes may share one.

    Attributes:
        image_ids: pictures in the order of the pack, an Arrow array.
        oriented: whether the EXIF orientation of each is to be applied: (pictures,) bool.
    """

    def __init__(self, folder: Path) -> None:
        """Opens a pack.

        Raises:
            BuildError: a file is missing, or the table points outside the zip.
        """
        self._path = folder / PACK
        try:
            table = pq.read_table(folder / TABLE, schema=PACKED, page_checksum_verification=True)
            self._handle = os.open(self._path, os.O_RDONLY)
        except (OSError, pa.ArrowException) as error:
            raise BuildError("a picture pack cannot be opened", where=folder, got=error) from error
        self.image_ids: pa.Array = table["image_id"].combine_chunks()
        self._offsets, self._sizes, self._crcs = (table[name].to_numpy() for name in PACKED.names[1:4])
        self.oriented: npt.NDArray[np.bool_] = table["oriented"].to_numpy()
        end = os.fstat(self._handle).st_size
        if len(table) and (min(self._offsets.min(), self._sizes.min()) < 0 or self._end() > end):
            self.close()
            raise BuildError(
                "a picture pack is shorter than its table says",
                where=self._path,
                got=f"{end} bytes",
                expected=f"at least {self._end()}",
                next_step="pack the pictures again",
            )

    def _end(self) -> int:
        return max(map(int.__add__, self._offsets.tolist(), self._sizes.tolist()))

    def rows_of(self, image_ids: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Row of each picture in the pack: (pictures,) int64.

        Raises:
            BuildError: a picture is not in the pack.
        """
        rows = pc.index_in(image_ids, value_set=self.image_ids)
        if rows.null_count:
            missing = image_ids.filter(rows.is_null())
            raise BuildError(
                "a pack lacks a picture", where=self._path, got=f"{missing[0]} and {len(missing) - 1} more"
            )
        found: np.ndarray[tuple[int], np.dtype[np.int64]] = rows.to_numpy().astype(np.int64)
        return found

    def read(self, row: int, check: bool = False) -> bytes:
        """The bytes of one picture.

        Args:
            row: its row in the pack.
            check: whether to compare the bytes with their CRC.

        Raises:
            BuildError: the pack has been shortened or damaged.
        """
        size = int(self._sizes[row])
        data = os.pread(self._handle, size, int(self._offsets[row]))
        if len(data) != size or (check and crc32(data) != self._crcs[row]):
            raise BuildError(
                "a picture in a pack is damaged",
                where=f"{self._path}: {self.image_ids[row]}",
                got=f"{len(data)} bytes, crc32 {crc32(data)}",
                expected=f"{size} bytes, crc32 {self._crcs[row]}",
                next_step="pack the pictures again",
            )
        return data

    def close(self) -> None:
        """Closes the file."""
        os.close(self._handle)
