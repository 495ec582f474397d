"""Pictures: what is accepted, what is refused, and packs that survive the way back."""

from __future__ import annotations

import io
import os
import random
import struct
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from schemas.errors import BuildError
from shards.pictures import PACK, TABLE, Picture, PicturePack, inspect, open_rgb, write_pack

FORMATS = ["JPEG", "PNG", "GIF", "WEBP"]


def noise(width: int = 40, height: int = 30, mode: str = "RGB") -> Image.Image:
    channels = len(Image.new(mode, (1, 1)).getbands())
    values = np.random.default_rng(0).integers(0, 255, (height, width, channels), np.uint8)
    return Image.fromarray(values.squeeze(), mode) if mode != "CMYK" else Image.fromarray(values, "CMYK")


def saved(image: Image.Image, kind: str, **how: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


@pytest.mark.parametrize("kind", FORMATS)
def test_formats(kind: str) -> None:
    data = saved(noise(), kind)
    assert inspect(data)._replace(look=None) == Picture(40, 30, kind)
    opened = open_rgb(data)
    assert (opened.mode, opened.size) == ("RGB", (40, 30))


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("JPEG", "L"), ("JPEG", "CMYK"), ("PNG", "L"), ("PNG", "LA"), ("PNG", "RGBA"), ("WEBP", "RGBA")],
)
def test_modes(kind: str, mode: str) -> None:
    data = saved(noise(mode=mode), kind)
    assert inspect(data)._replace(look=None) == Picture(40, 30, kind)
    assert open_rgb(data).mode == "RGB"


def test_real_pictures(real: Path) -> None:
    paths = sorted((real / "coco").rglob("*.jpg"))[:20]
    paths += sorted((real / "nlvr").rglob("*.png"))[:10]
    assert len(paths) == 30
    for path in paths:
        data = path.read_bytes()
        found = inspect(data)
        assert found.problem is None, path
        assert open_rgb(data).size == (found.width, found.height)


def test_transparency_is_laid_on_white() -> None:
    clear = Image.new("RGBA", (2, 1), (10, 20, 30, 0))
    clear.putpixel((1, 0), (10, 20, 30, 255))
    opened = open_rgb(saved(clear, "PNG"))
    assert [opened.getpixel((place, 0)) for place in (0, 1)] == [(255, 255, 255), (10, 20, 30)]
    palette = Image.new("P", (1, 1), 0)
    palette.putpalette([1, 2, 3] * 256)
    assert open_rgb(saved(palette, "PNG", transparency=0)).getpixel((0, 0)) == (255, 255, 255)


def test_sixteen_bits_are_scaled() -> None:
    deep = Image.fromarray(np.array([[0, 0x8000, 0xFFFF]], np.uint16))
    opened = open_rgb(saved(deep, "PNG"))
    assert [opened.getpixel((place, 0)) for place in range(3)] == [(0,) * 3, (128,) * 3, (255,) * 3]


def test_orientation_only_if_asked() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved(noise(), "JPEG", exif=exif)
    assert inspect(data)._replace(look=None) == Picture(40, 30, "JPEG")
    assert open_rgb(data).size == (40, 30)
    assert inspect(data, orient=True)._replace(look=None) == Picture(30, 40, "JPEG")
    assert open_rgb(data, orient=True).size == (30, 40)


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "PPM", "ICO"])
def test_other_formats_are_refused(kind: str) -> None:
    data = saved(noise(), kind)
    assert inspect(data).problem == "picture_format"
    with pytest.raises(BuildError, match="cannot be decoded"):
        open_rgb(data)


def png_of_size(width: int, height: int) -> bytes:
    """A PNG that says it is that large and holds nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("size", [(7_072, 7_072), (10_000, 10_000), (20_000, 20_000), (60_000, 60_000)])
def test_bombs_are_refused_before_decoding(size: tuple[int, int]) -> None:
    data = png_of_size(*size)
    assert inspect(data).problem == "picture_too_large"
    with pytest.raises(BuildError):
        open_rgb(data)


def test_jpeg_with_endless_scans_is_refused() -> None:
    data = saved(noise(), "JPEG", progressive=True)
    start = data.rindex(b"\xff\xda")
    assert inspect(data).problem is None
    assert inspect(data[:start] + data[start:-2] * 100 + data[-2:]).problem == "picture_unreadable"


@pytest.mark.parametrize("kind", FORMATS)
def test_cut_files_are_unreadable(kind: str) -> None:
    data = saved(noise(200, 150), kind)
    for share in (0.2, 0.5, 0.9):
        assert inspect(data[: int(len(data) * share)]).problem in ("picture_unreadable", "picture_format")


@pytest.mark.parametrize("kind", FORMATS)
def test_damaged_files_never_raise(kind: str) -> None:
    data = saved(noise(), kind)
    draw = random.Random(1)
    for _ in range(300):
        damaged = bytearray(data)
        for _ in range(draw.randint(1, 8)):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        found = inspect(bytes(damaged))
        assert (found.problem is None) == (found.format == kind)
    assert inspect(b"").problem == "picture_format"


PICTURES = [
    ("coco:2", saved(noise(), "JPEG")),
    ("vg:1/../..", saved(noise(), "PNG")),
    ("é\x00 b", b""),
    ("w", b"RIFF"),
]


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    write_pack(tmp_path, iter(PICTURES))
    return tmp_path


def test_pack_is_a_plain_zip(pack: Path) -> None:
    with zipfile.ZipFile(pack / PACK) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["coco%3A2.jpg", "vg%3A1%2F..%2F...png", "%C3%A9%00%20b.bin", "w.webp"]
        assert [archive.read(name) for name in archive.namelist()] == [data for _, data in PICTURES]


def test_pack_gives_back_every_picture(pack: Path) -> None:
    reader = PicturePack(pack)
    assert reader.image_ids.to_pylist() == [image_id for image_id, _ in PICTURES]
    assert [reader.read(row, check=True) for row in range(len(PICTURES))] == [data for _, data in PICTURES]
    assert reader.rows_of(pa.array(["w", "coco:2"])).tolist() == [3, 0]
    with pytest.raises(BuildError, match="lacks a picture"):
        reader.rows_of(pa.array(["w", "vg:7"]))
    reader.close()


def test_pack_has_the_same_bytes(pack: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    again = tmp_path_factory.mktemp("again")
    write_pack(again, PICTURES)
    for name in (PACK, TABLE):
        assert (again / name).read_bytes() == (pack / name).read_bytes()


def test_threads_and_a_fork_share_a_reader(pack: Path) -> None:
    reader = PicturePack(pack)
    expected = [data for _, data in PICTURES] * 50
    with ThreadPoolExecutor(4) as threads:
        assert (
            list(threads.map(lambda place: reader.read(place % len(PICTURES)), range(len(expected))))
            == expected
        )
    child = os.fork()
    if child == 0:
        os._exit(0 if reader.read(0) == PICTURES[0][1] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    reader.close()


def test_flipped_byte_is_found(pack: Path) -> None:
    data = bytearray((pack / PACK).read_bytes())
    data[data.index(b"\xff\xd8") + 20] ^= 1
    (pack / PACK).write_bytes(bytes(data))
    reader = PicturePack(pack)
    with pytest.raises(BuildError, match="damaged"):
        reader.read(0, check=True)
    reader.close()


def test_short_or_missing_pack_is_refused(pack: Path) -> None:
    (pack / PACK).write_bytes((pack / PACK).read_bytes()[:100])
    with pytest.raises(BuildError, match="shorter"):
        PicturePack(pack)
    (pack / PACK).unlink()
    with pytest.raises(BuildError, match="cannot be opened"):
        PicturePack(pack)
    (pack / TABLE).write_bytes(b"PAR1")
    with pytest.raises(BuildError, match="cannot be opened"):
        PicturePack(pack)


def test_empty_pack_and_twice_the_same(tmp_path: Path) -> None:
    assert write_pack(tmp_path, []).num_rows == 0
    PicturePack(tmp_path).close()
    with pytest.raises(BuildError, match="twice"):
        write_pack(tmp_path, [("a", b"1"), ("a", b"2")])
