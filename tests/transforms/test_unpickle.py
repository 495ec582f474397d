"""Pickles are read as data, and never run."""

from __future__ import annotations

import os
import pickle
import random
import struct
import subprocess
import sys
from collections import OrderedDict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import BuildError
from transforms import unpickle
from transforms.unpickle import unpickled

PLAIN: list[Any] = [
    [],
    {},
    (),
    "",
    None,
    True,
    [{"sent_ids": [0, 1, 2], "raw": "the lady with the blue shirt", "nested": [{"a": (1,), "b": (1, 2, 3)}]}],
    [0, -1, 255, 256, 65535, 65536, 2**31 - 1, -(2**31), 2**40, -(2**100)],
    [0.0, -1.5, 1e300, float("inf")],
    ["Übergröße", "\udcff lone", "line\nbreak", "quote ' and \" \\", "\x00", "x" * 300, "y" * 70_000],
    {f"key {number}": number for number in range(3_000)},
    list(range(3_000)),
]
PROTOCOLS = range(6)


class Gadget:
    """What an attacker puts into a pickle."""

    def __init__(self, made: tuple[Any, ...]) -> None:
        self.made = made

    def __reduce__(self) -> tuple[Any, ...]:
        return self.made


class Slotted:
    """An object with a state."""

    def __init__(self) -> None:
        self.state = 1


GADGETS: dict[str, Any] = {
    "a function": os.system,
    "a class": Decimal,
    "an object": Slotted(),
    "a call": Gadget((os.system, ("true",))),
    "a call with a state": Gadget((OrderedDict, (), {"a": 1})),
    "a call with items": Gadget((list, (), None, iter([1]))),
    "a subclass": OrderedDict(a=1),
    "a set": {1},
    "bytes": b"bytes",
    "a bytearray": bytearray(b"bytes"),
    "a complex number": 1j,
    "an integer as key": {1: 2},
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("data", PLAIN, ids=lambda data: repr(data)[:20])
def test_plain_data_comes_out_as_it_went_in(data: Any, protocol: int) -> None:
    assert unpickled(pickle.dumps(data, protocol), "a.p") == data


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("gadget", GADGETS)
@pytest.mark.parametrize("place", ["alone", "in a list", "in a dict", "as a second"])
def test_nothing_but_plain_data_comes_out(gadget: str, protocol: int, place: str) -> None:
    found = GADGETS[gadget]
    held = {"alone": found, "in a list": [found], "in a dict": {"a": found}, "as a second": [1, found]}[place]
    with pytest.raises(BuildError, match="not the pickled plain data") as caught:
        unpickled(pickle.dumps(held, protocol), "a.p")
    assert "a.p, byte" in str(caught.value)


class _Persistent(pickle.Pickler):
    def persistent_id(self, obj: Any) -> str | None:
        return "somewhere else" if obj == "mine" else None


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_lies_elsewhere_is_not_asked_for(protocol: int, tmp_path: Path) -> None:
    path = tmp_path / "a.p"
    with path.open("wb") as file:
        _Persistent(file, protocol).dump(["mine"])
    with pytest.raises(BuildError, match="instruction"):
        unpickled(path.read_bytes(), "a.p")


def test_texts_of_python_2_are_latin_1() -> None:
    assert unpickled(b"\x80\x02]q\x00(U\x04caf\xe9q\x01T\x03\x00\x00\x00\xfc\xdf!h\x01e.", "a.p") == [
        "café",
        "üß!",
        "café",
    ]
    assert unpickled(b"(lp0\nS'caf\\xe9\\n'\np1\naI01\naL7L\nag1\na.", "a.p") == ["café\n", True, 7, "café\n"]


def test_a_value_that_is_named_twice_is_copied() -> None:
    shared = [1, {"a": [2]}]
    first, second = unpickled(pickle.dumps([shared, shared], 2), "a.p")
    assert first == second == shared
    assert first is not second
    assert first[1] is not second[1]


def test_what_holds_itself_does_not_hang() -> None:
    loop: list[Any] = []
    loop.append(loop)
    assert unpickled(pickle.dumps(loop, 2), "a.p") == [[]]


def _laughs(depth: int) -> bytes:
    """Lists of ten times the list before: 30 bytes more make ten times as many values."""
    values: list[Any] = []
    for _ in range(depth):
        values = [values] * 10
    return pickle.dumps(values, 2)


BOMBS = {
    "a long text": b"\x80\x04\x8d" + struct.pack("<Q", 1 << 40) + b"x.",
    "a long number": b"\x80\x02\x8b" + struct.pack("<i", 1 << 30) + b"1.",
    "a negative length": b"T" + struct.pack("<i", -1) + b".",
    "many digits": b"I" + b"9" * 1_000_000 + b"\n.",
    "a far memo": b"]r\xff\xff\xff\x7f.",
    "laughs": _laughs(12),
    "deep": b"]" * 200_000 + b"a" * 199_999 + b"q\x00h\x00.",
    "many containers": b"(" + b"}" * 600_000 + b"l.",
    "many values": b"(" + b"N" * 2_100_000 + b"l.",
    "no end": b"]" * 100,
    "empty": b"",
    "a frame that does not end": b"\x95" + struct.pack("<Q", 1 << 60),
}

BOUNDED = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (500 << 20, 500 << 20))
from schemas.errors import BuildError
from transforms import unpickle
# A tenth of the real bounds in half of the memory, so that it does not take as long.
unpickle.MOST_STEPS //= 10
unpickle.MOST_CONTAINERS //= 10
from tests.transforms.test_unpickle import BOMBS
from transforms.unpickle import unpickled
for name, bomb in BOMBS.items():
    try:
        value = unpickled(bomb, name)
        # A large number of a memo is only a number, and depth harms nobody until it is walked.
        assert name in ("a far memo",), name
    except BuildError:
        pass
"""


def test_bombs_stay_small() -> None:
    ran = subprocess.run([sys.executable, "-c", BOUNDED], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-2_000:]


def test_a_pickle_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpickle, "MOST_BYTES", 10)
    with pytest.raises(BuildError, match="too large"):
        unpickled(pickle.dumps(list(range(100)), 2), "a.p")


def test_mutants_are_data_or_a_clear_error() -> None:
    draw = random.Random(5)
    originals = [pickle.dumps(PLAIN[6:9], protocol) for protocol in PROTOCOLS]
    outcomes = {"data": 0, "error": 0}
    for number in range(3_000):
        mutant = bytearray(originals[number % len(originals)])
        for _ in range(draw.choice((1, 1, 2, 5))):
            place = draw.randrange(len(mutant))
            if draw.random() < 0.7:
                mutant[place] = draw.randrange(256)
            else:
                del mutant[place : place + draw.randrange(1, 9)]
            mutant = mutant or bytearray(b".")
        try:
            unpickled(bytes(mutant), "a.p")
            outcomes["data"] += 1
        except BuildError:
            outcomes["error"] += 1
    assert min(outcomes.values()) > 100
