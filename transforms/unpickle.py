"""Pickled plain data, read without the module `pickle`: lists, dicts, tuples, texts and numbers only.

A pickle is a program for a machine with a stack. This machine has the instructions that build plain data
and no others: none that names a class or a function, calls anything, or asks for a persistent object.
Protocols 0 to 5 are those of Python's `pickletools`; byte strings of Python 2 are read as Latin-1.
"""

from __future__ import annotations

import codecs
import reprlib
import struct
from collections.abc import Callable
from typing import Any, Final

from schemas.errors import BuildError

MOST_BYTES: Final = 200 << 20
"""Size of a pickle. RefCOCO's largest is some tens of megabytes."""

MOST_STEPS: Final = 20_000_000
"""Instructions of a pickle, and values copied where one is named twice."""

MOST_CONTAINERS: Final = 5_000_000
"""Lists, dicts and tuples of a pickle: the smallest instructions make the largest objects."""

_MOST_DIGITS: Final = 40
_MOST_INTEGER_BYTES: Final = 16

_MARK: Final = object()
"""What lies on the stack where a list of arguments begins."""


_TELLER: Final = reprlib.Repr()
_TELLER.maxlevel, _TELLER.maxdict, _TELLER.maxlist, _TELLER.maxtuple = 8, 100, 100, 100
_TELLER.maxstring = _TELLER.maxlong = _TELLER.maxother = 1_000


def told(value: Any) -> str:
    """Plain data as text; what is very long or deep is cut."""
    return _TELLER.repr(value)


class _NotPlainError(Exception):
    """The pickle holds something else than plain data, or is damaged."""


def unpickled(data: bytes, where: object) -> Any:
    """The plain data that a pickle holds.

    Args:
        data: the whole file.
        where: names the file in errors.

    Raises:
        BuildError: the pickle holds anything but plain data, is damaged, or too large.
    """
    if len(data) > MOST_BYTES:
        raise BuildError(
            "the pickle is too large",
            where=where,
            got=f"{len(data):,} bytes",
            expected=f"at most {MOST_BYTES:,}",
        )
    machine = _Machine(data)
    try:
        return machine.run()
    except (_NotPlainError, IndexError, KeyError, ValueError, struct.error, RecursionError) as error:
        raise BuildError(
            "the file is not the pickled plain data that it should be",
            where=f"{where}, byte {machine.at:,}",
            got=error if isinstance(error, _NotPlainError) else f"{type(error).__name__}: {error}",
            expected="lists, dicts, texts and numbers",
            next_step="delete the file and fetch it again; never open it with Python's pickle",
        ) from error


class _Machine:
    """The machine; see the module.

    Attributes:
        at: where in the pickle it has come.
    """

    def __init__(self, data: bytes) -> None:
        self.at = 0
        self._data = data
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._steps = MOST_STEPS
        self._containers = MOST_CONTAINERS

    def run(self) -> Any:
        """Follows the instructions up to the last one; the value that is left."""
        data = self._data
        while True:
            if self.at >= len(data):
                raise _NotPlainError("an end without the last instruction")
            code = data[self.at]
            self.at += 1
            self._count(1)
            if code == _STOP:
                return self._last()
            instruction = _INSTRUCTIONS.get(code)
            if instruction is None:
                raise _NotPlainError(f"instruction {bytes([code])!r}")
            instruction(self)

    def _last(self) -> Any:
        if len(self._stack) != 1 or self._stack[0] is _MARK:
            raise _NotPlainError(f"{len(self._stack)} values at the end")
        return self._stack[0]

    def _count(self, steps: int) -> None:
        self._steps -= steps
        if self._steps < 0:
            raise _NotPlainError(f"over {MOST_STEPS:,} instructions")

    def _contain(self) -> None:
        self._containers -= 1
        if self._containers < 0:
            raise _NotPlainError(f"over {MOST_CONTAINERS:,} lists and dicts")

    def _take(self, size: int) -> bytes:
        found = self._data[self.at : self.at + size]
        if size < 0 or len(found) < size:
            raise _NotPlainError(f"an end inside a value of {size:,} bytes")
        self.at += size
        return found

    def _line(self) -> bytes:
        end = self._data.find(b"\n", self.at)
        if end < 0:
            raise _NotPlainError("an end inside a line")
        found = self._data[self.at : end]
        self.at = end + 1
        return found

    def _number(self, form: struct.Struct) -> Any:
        return form.unpack(self._take(form.size))[0]

    def _pop(self) -> Any:
        value = self._stack.pop()
        if value is _MARK:
            raise _NotPlainError("a mark for a value")
        return value

    def _arguments(self) -> list[Any]:
        """The values above the last mark, which go with it."""
        at = len(self._stack) - 1
        while self._stack[at] is not _MARK:
            at -= 1
            if at < 0:
                raise _NotPlainError("no mark")
        found = self._stack[at + 1 :]
        del self._stack[at:]
        return found

    def _top(self, kind: type[Any]) -> Any:
        value = self._stack[-1]
        if type(value) is not kind:
            raise _NotPlainError(f"{type(value).__name__} for {kind.__name__}")
        return value

    # Instructions.

    def mark(self) -> None:
        self._stack.append(_MARK)

    def pop(self) -> None:
        self._stack.pop()

    def pop_mark(self) -> None:
        self._arguments()

    def skip_protocol(self) -> None:
        if self._take(1)[0] > 5:
            raise _NotPlainError("a protocol that does not exist")

    def skip_frame(self) -> None:
        self._take(8)

    def integer_line(self) -> None:
        line = self._line()
        self._stack.append({b"00": False, b"01": True}[line] if line in (b"00", b"01") else _digits(line))

    def long_line(self) -> None:
        self._stack.append(_digits(self._line().removesuffix(b"L")))

    def long(self, form: struct.Struct) -> None:
        size = self._number(form)
        if size > _MOST_INTEGER_BYTES:
            raise _NotPlainError(f"a number of {size:,} bytes")
        self._stack.append(int.from_bytes(self._take(size), "little", signed=True))

    def number(self, form: struct.Struct) -> None:
        self._stack.append(self._number(form))

    def float_line(self) -> None:
        self._stack.append(float(self._line()))

    def constant(self, value: Any) -> None:
        self._stack.append(value)

    def quoted_line(self) -> None:
        line = self._line().strip()
        if len(line) < 2 or line[0] not in b"'\"" or line[-1] != line[0]:
            raise _NotPlainError("a text without quotes")
        self._stack.append(codecs.escape_decode(line[1:-1])[0].decode("latin-1"))

    def unicode_line(self) -> None:
        self._stack.append(self._line().decode("raw-unicode-escape"))

    def text(self, form: struct.Struct, encoding: str, errors: str) -> None:
        self._stack.append(self._take(self._number(form)).decode(encoding, errors))

    def empty(self, kind: type[Any]) -> None:
        self._contain()
        self._stack.append(kind())

    def collect(self, kind: Callable[[list[Any]], Any]) -> None:
        self._contain()
        self._stack.append(kind(self._arguments()))

    def collect_last(self, count: int) -> None:
        self._contain()
        values = [self._pop() for _ in range(count)]
        self._stack.append(tuple(reversed(values)))

    def append(self) -> None:
        value = self._pop()
        self._top(list).append(value)

    def append_all(self) -> None:
        values = self._arguments()
        self._top(list).extend(values)

    def set_item(self) -> None:
        value, key = self._pop(), self._pop()
        self._top(dict).update(_pairs([key, value]))

    def set_items(self) -> None:
        values = self._arguments()
        self._top(dict).update(_pairs(values))

    def remember(self, number: int) -> None:
        value = self._stack[-1]
        if value is _MARK:
            raise _NotPlainError("a mark for a value")
        self._memo[number] = value

    def remember_next(self) -> None:
        self.remember(len(self._memo))

    def recall(self, number: int) -> None:
        self._stack.append(self._copied(self._memo[number]))

    def _copied(self, value: Any) -> Any:
        """The value: were it shared, a small pickle could hold itself, or more than fits anywhere."""
        if not isinstance(value, list | tuple | dict):
            return value
        self._contain()
        self._count(len(value))
        if isinstance(value, dict):
            return {key: self._copied(found) for key, found in value.items()}
        return type(value)(self._copied(found) for found in value)


def _digits(line: bytes) -> int:
    if len(line) > _MOST_DIGITS:
        raise _NotPlainError(f"a number of {len(line):,} digits")
    return int(line)


def _pairs(values: list[Any]) -> dict[str, Any]:
    keys = values[::2]
    if len(values) % 2 or not all(type(key) is str for key in keys):
        raise _NotPlainError("a dict whose keys are not all texts")
    return dict(zip(keys, values[1::2], strict=True))


_BYTE: Final = struct.Struct("<B")
_SHORT: Final = struct.Struct("<H")
_INT: Final = struct.Struct("<i")
_SIZE: Final = struct.Struct("<I")
_LARGE: Final = struct.Struct("<Q")
_DOUBLE: Final = struct.Struct(">d")

_STOP: Final = ord(".")
_INSTRUCTIONS: Final[dict[int, Callable[[_Machine], None]]] = {
    ord("("): _Machine.mark,
    ord("0"): _Machine.pop,
    ord("1"): _Machine.pop_mark,
    ord("I"): _Machine.integer_line,
    ord("J"): lambda machine: machine.number(_INT),
    ord("K"): lambda machine: machine.number(_BYTE),
    ord("M"): lambda machine: machine.number(_SHORT),
    ord("L"): _Machine.long_line,
    0x8A: lambda machine: machine.long(_BYTE),
    0x8B: lambda machine: machine.long(_SIZE),
    ord("F"): _Machine.float_line,
    ord("G"): lambda machine: machine.number(_DOUBLE),
    ord("N"): lambda machine: machine.constant(None),
    0x88: lambda machine: machine.constant(True),
    0x89: lambda machine: machine.constant(False),
    ord("S"): _Machine.quoted_line,
    ord("T"): lambda machine: machine.text(_SIZE, "latin-1", "strict"),
    ord("U"): lambda machine: machine.text(_BYTE, "latin-1", "strict"),
    ord("V"): _Machine.unicode_line,
    ord("X"): lambda machine: machine.text(_SIZE, "utf-8", "surrogatepass"),
    0x8C: lambda machine: machine.text(_BYTE, "utf-8", "surrogatepass"),
    0x8D: lambda machine: machine.text(_LARGE, "utf-8", "surrogatepass"),
    ord("]"): lambda machine: machine.empty(list),
    ord("}"): lambda machine: machine.empty(dict),
    ord(")"): lambda machine: machine.empty(tuple),
    ord("l"): lambda machine: machine.collect(list),
    ord("t"): lambda machine: machine.collect(tuple),
    ord("d"): lambda machine: machine.collect(_pairs),
    0x85: lambda machine: machine.collect_last(1),
    0x86: lambda machine: machine.collect_last(2),
    0x87: lambda machine: machine.collect_last(3),
    ord("a"): _Machine.append,
    ord("e"): _Machine.append_all,
    ord("s"): _Machine.set_item,
    ord("u"): _Machine.set_items,
    ord("p"): lambda machine: machine.remember(_digits(machine._line())),
    ord("q"): lambda machine: machine.remember(machine._number(_BYTE)),
    ord("r"): lambda machine: machine.remember(machine._number(_SIZE)),
    0x94: _Machine.remember_next,
    ord("g"): lambda machine: machine.recall(_digits(machine._line())),
    ord("h"): lambda machine: machine.recall(machine._number(_BYTE)),
    ord("j"): lambda machine: machine.recall(machine._number(_SIZE)),
    0x80: _Machine.skip_protocol,
    0x95: _Machine.skip_frame,
}
"""What each instruction does."""
