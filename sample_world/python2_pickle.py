"""Pickles as Python 2 wrote them: protocol 2, in which a text is a string of bytes if it is ASCII."""

from __future__ import annotations

import struct
from typing import Any


def python2_pickle(value: Any) -> bytes:
    """A list, dict, text, integer, float or None as `pickle.dump(value, file, 2)` of Python 2 spells it.

    Opcodes are those of the module `pickletools`.
    """
    return b"\x80\x02" + _spelt(value) + b"."


def _spelt(value: Any) -> bytes:
    if value is None:
        return b"N"
    if isinstance(value, int):
        return b"J" + struct.pack("<i", value) if abs(value) < 1 << 31 else _long(value)
    if isinstance(value, float):
        return b"G" + struct.pack(">d", value)
    if isinstance(value, str):
        data = value.encode()
        return (b"T" if value.isascii() else b"X") + struct.pack("<I", len(data)) + data
    if isinstance(value, list):
        return b"](" + b"".join(_spelt(item) for item in value) + b"e"
    if isinstance(value, dict):
        return b"}(" + b"".join(_spelt(key) + _spelt(item) for key, item in value.items()) + b"u"
    raise TypeError(f"no plain data: {type(value).__name__}")


def _long(value: int) -> bytes:
    size = value.bit_length() // 8 + 1
    return b"\x8a" + bytes([size]) + value.to_bytes(size, "little", signed=True)
