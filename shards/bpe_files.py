"""OFA's three vocabulary files: what they hold, and the checks that make them safe to use.

- `encoder.json`: GPT-2's pieces, `{"!": 0, ...}`; each character of a piece stands for one byte.
- `vocab.bpe`: a header line, then one merge of two pieces a line, most frequent first.
- `dict.txt`: fairseq's dictionary, `<piece number> <count>` a line, then `madeupwordNNNN 0` lines
  that fill it up. The order of its lines decides the unified ids.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import BuildError
from schemas.token import IMAGE_CODES, LOCATION_BINS, SPECIALS

ENCODER, MERGES, DICTIONARY = "encoder.json", "vocab.bpe", "dict.txt"
HEADER = "#version"
FILLER = "madeupword"
MOST_BYTES = 64 << 20
MOST_IDS = 1 << 16
"""Ids are stored as uint16."""


def _byte_alphabet() -> dict[str, int]:
    """GPT-2's spelling of bytes: a printable byte is its own character, others follow from U+0100."""
    printable = (*range(33, 127), *range(161, 173), *range(174, 256))
    others = (byte for byte in range(256) if byte not in printable)
    alphabet = {chr(byte): byte for byte in printable}
    return alphabet | {chr(256 + place): byte for place, byte in enumerate(others)}


BYTE_OF = _byte_alphabet()
"""Byte that each character of a piece stands for, in GPT-2's order."""


@dataclass(frozen=True)
class BpeFiles:
    """The three files, read and checked.

    Attributes:
        pieces: bytes of each piece, by GPT-2 number.
        spellings: the same pieces as `encoder.json` spells them.
        merges: pairs of spellings, most frequent first.
        dictionary: symbols in the order of `dict.txt`.
        fingerprint: sha256 over the names and the bytes of the files.
    """

    pieces: tuple[bytes, ...]
    spellings: tuple[str, ...]
    merges: tuple[tuple[str, str], ...]
    dictionary: tuple[str, ...]
    fingerprint: str


def read_bpe_files(folder: Path) -> BpeFiles:
    """Reads and checks the files.

    Raises:
        BuildError: a file is missing or is not what it should be; the message says which and where.
    """
    contents = {name: _bytes_of(folder / name) for name in (ENCODER, MERGES, DICTIONARY)}
    digest = hashlib.sha256()
    for name, data in contents.items():
        digest.update(f"{name} {len(data)}\n".encode())
        digest.update(data)
    spellings = _spellings(folder / ENCODER, contents[ENCODER])
    known = frozenset(spellings)
    merges = _merges(folder / MERGES, contents[MERGES], known)
    dictionary = _dictionary(folder / DICTIONARY, contents[DICTIONARY], len(spellings))
    pieces = tuple(bytes(BYTE_OF[character] for character in spelling) for spelling in spellings)
    return BpeFiles(pieces, spellings, merges, dictionary, digest.hexdigest())


def _bad(path: Path, got: object, expected: str) -> BuildError:
    return BuildError(
        "a vocabulary file is damaged or is another file",
        where=path,
        got=got,
        expected=expected,
        next_step="fetch the three files again from one place",
    )


def _bytes_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise _bad(path, error, "a readable file") from error
    if len(data) > MOST_BYTES:
        raise _bad(path, f"more than {MOST_BYTES} bytes", "about a megabyte")
    return data


def _lines(path: Path, data: bytes) -> list[str]:
    try:
        lines = data.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise _bad(path, error, "UTF-8 text") from error
    return lines[:-1] if lines[-1] == "" else lines


def _spellings(path: Path, data: bytes) -> tuple[str, ...]:
    try:
        encoder = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _bad(path, error, "a JSON object") from error
    if not isinstance(encoder, dict) or not all(type(number) is int for number in encoder.values()):
        raise _bad(path, "other JSON", "an object from pieces to whole numbers")
    if sorted(encoder.values()) != list(range(len(encoder))):
        raise _bad(path, f"{len(encoder)} pieces, numbers missing or repeated", "numbers from 0, each once")
    for spelling in encoder:
        if not spelling or any(character not in BYTE_OF for character in spelling):
            raise _bad(path, f"piece {spelling!r}", "characters of GPT-2's byte alphabet")
    missing = [character for character in BYTE_OF if character not in encoder]
    if missing:
        raise _bad(path, f"no piece for {len(missing)} bytes, such as {missing[0]!r}", "all 256 bytes")
    return tuple(sorted(encoder, key=encoder.__getitem__))


def _merges(path: Path, data: bytes, known: frozenset[str]) -> tuple[tuple[str, str], ...]:
    header, *lines = _lines(path, data) or [""]
    if not header.startswith(HEADER):
        raise _bad(path, f"first line {header[:40]!r}", f"a header line that begins with {HEADER}")
    merges = []
    for number, line in enumerate(lines, start=2):
        left, _, right = line.partition(" ")
        if left not in known or right not in known or left + right not in known:
            raise _bad(path, f"line {number}: {line[:80]!r}", f"two pieces of {ENCODER} that make a third")
        merges.append((left, right))
    return tuple(merges)


def _dictionary(path: Path, data: bytes, pieces: int) -> tuple[str, ...]:
    wanted = {str(number) for number in range(pieces)}
    seen: dict[str, int] = {}
    for number, line in enumerate(_lines(path, data), start=1):
        symbol, _, count = line.rpartition(" ")
        if not (symbol in wanted or symbol.startswith(FILLER)) or " " in symbol or not count.isdecimal():
            raise _bad(path, f"line {number}: {line[:80]!r}", f"number of a piece of {ENCODER}, and a count")
        if symbol in seen:
            raise _bad(path, f"line {number}: {symbol} again, as in line {seen[symbol]}", "each symbol once")
        seen[symbol] = number
    missing = len(wanted - seen.keys())
    if missing:
        raise _bad(path, f"{missing} of {pieces} pieces of {ENCODER} have no line", "a line for each piece")
    size = len(SPECIALS) + len(seen) + 1 + IMAGE_CODES + LOCATION_BINS
    if size > MOST_IDS:
        raise _bad(path, f"{size} ids in all", f"at most {MOST_IDS}")
    return tuple(seen)
