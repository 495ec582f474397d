"""`encode` and `decode` of the command: one string or list a line, through the vocabulary's own files."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from flows.sample import with_sample
from schemas.errors import BuildError, ExitCode
from schemas.settings import BuildSettings
from shards.vocabulary import Vocabulary
from transforms.builder import Builder
from transforms.lake import writing
from transforms.steps_shards import ASSEMBLED, VOCABULARY, vocabulary_step
from transforms.steps_tables import raw_steps

Kind = TypeVar("Kind")


def load(name: str, lake: Path, mirror: str | None, offline: bool) -> Vocabulary:
    """The vocabulary, fetched into the lake on first use."""
    settings = BuildSettings(lake=lake, mirror=mirror, offline=offline, sample=name == "sample")
    if settings.sample:
        with writing(lake):
            settings = with_sample(settings)
    steps = (*raw_steps(VOCABULARY, settings), vocabulary_step())
    builder = Builder(settings, {step.reference: step for step in steps})
    if any(builder.find(step) is None for step in steps):
        with writing(lake):
            for step in steps:
                builder.run(step.reference)
    return Vocabulary.load(builder.run(ASSEMBLED).path(""))


def encode(text: str, symbols: bool, name: str, lake: Path, mirror: str | None, offline: bool) -> None:
    """Prints a JSON list of ids for each text."""
    vocabulary = load(name, lake, mirror, offline)
    for string in _lines(str) if text == "-" else [text]:
        ids = vocabulary.encode_symbols(string) if symbols else vocabulary.encode(string)
        sys.stdout.write(json.dumps(ids) + "\n")


def decode(ids: str, name: str, lake: Path, mirror: str | None, offline: bool) -> None:
    """Prints a JSON string for each list of ids."""
    vocabulary = load(name, lake, mirror, offline)
    for numbers in _lines(list[int]) if ids == "-" else [_value(ids, list[int], "the argument")]:
        sys.stdout.write(json.dumps(vocabulary.decode(numbers), ensure_ascii=False) + "\n")


def _lines(kind: type[Kind]) -> Iterator[Kind]:
    for number, line in enumerate(sys.stdin, start=1):
        if line.strip():
            yield _value(line, kind, f"line {number}")


def _value(text: str, kind: type[Kind], where: str) -> Kind:
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError as error:
        raise BuildError(
            "not the JSON that is read here", where=where, got=error, exit_code=ExitCode.USAGE
        ) from error
