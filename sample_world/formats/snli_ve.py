"""What SNLI-VE is made of, as published: SNLI's pairs, two lists of photographs, and these in a tar.gz.

A photograph of the test list has four sentences that its scene bears out, four that it contradicts, and
four that it leaves open. Twins share two of which each is true of one of them only. Some of these
photographs are COCO's and Visual Genome's as well, under their numbers on Flickr. A few photographs are of
the other list. The pairs about one may stand in any of SNLI's parts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from PIL import Image

from sample_world.archive import archive, deflate, tar_gz, write_file
from sample_world.coco import photographs
from sample_world.draw import draw, encoded
from sample_world.irregular_snli_ve import PICTURES, RECORDS, Records
from sample_world.scene import Scene, Statement
from sample_world.scenes import flickr_id, further_scenes

_SNLI: Final = "nlp.stanford.edu/projects/snli/snli_1.0.zip"
_LISTS: Final = "raw.githubusercontent.com/necla-ml/SNLI-VE/e6cf745d2e677a2ad878b3cc095cde75c0bbb144/data"
_ARCHIVE: Final = "by-hand/snli_ve/flickr30k_images.tar.gz"
_PARTS: Final = ("train", "dev", "test")

# Far above the pairs of all other scenes; numbers on Flickr follow from them.
_FIRST_PAIR: Final = 120_000_000
_FIRST_SPARE_PAIR: Final = 125_000_000
_FIRST_TRAINED_PAIR: Final = 127_000_000
_PAIRS_AT_SCALE_1: Final = 10

_SHARED: Final = 4
"""Photographs that COCO has for training."""

_OF_EACH: Final = 4
"""Sentences of each label about a photograph of the test list."""

UNSEEN: Final = ("is heavy", "was a present", "smells of soap", "has been here for a week")
"""What no picture tells of a thing."""


class Judged(NamedTuple):
    """A sentence, and how it stands to a scene: entailment, contradiction or neutral."""

    text: str
    label: str


class _Photograph(NamedTuple):
    """A photograph: its number on Flickr, the scene, what is said of it, and what makes its file."""

    number: int
    scene: Scene
    records: Records
    made: Callable[[Image.Image], bytes | None]


def write(mirror: Path, seed: int, scale: float) -> None:
    """Writes the four files below `mirror`, each where its source says that it lies.

    Irregular photographs (see `sample_world.irregular_snli_ve`) come first, then the regular ones, then
    those that are not of the test list.

    Raises:
        OSError: the folder cannot be written. Each file is then as it was, or whole.
    """
    every = [*_irregular(seed), *_regular(seed, scale), *_trained_on(seed)]
    with archive(mirror / _SNLI) as file:
        for place, part in enumerate(_PARTS):
            pairs = [
                pair
                for position, photograph in enumerate(every)
                if position % len(_PARTS) == place
                for pair in photograph.records["pairs"]
            ]
            text = "".join(f"{json.dumps(pair)}\n" for pair in pairs)
            deflate(file, f"snli_1.0/snli_1.0_{part}.jsonl", text.encode())
    for name in ("test", "train_val"):
        numbers = [number for photograph in every for number in photograph.records[name]]
        write_file(mirror / _LISTS / f"flickr30k_{name}.lst", "\n".join(map(str, numbers)).encode())
    with tar_gz(mirror / _ARCHIVE) as add:
        for photograph in every:
            picture = photograph.made(draw(photograph.scene))
            if picture is not None:
                add(f"flickr30k_images/{photograph.number}.jpg", picture)


def evaluated(seed: int, scale: float) -> Iterator[Scene]:
    """The scenes of the regular photographs of the test list, twin after twin."""
    own = further_scenes(seed, _FIRST_PAIR, max(1, round(_PAIRS_AT_SCALE_1 * scale)))
    return chain(own, shared(seed, scale))


def shared(seed: int, scale: float) -> Iterator[Scene]:
    """Those of them that COCO has for training; of a world of few photographs there may be none."""
    return islice(photographs(seed, scale, "train2014"), 2, 2 + _SHARED)


def irregular_photographs(seed: int) -> dict[str, int]:
    """Number of each irregular photograph, by the name of what is irregular, in file order."""
    names = (*RECORDS, *PICTURES)
    return {name: photograph.number for name, photograph in zip(names, _irregular(seed), strict=True)}


def judged(scene: Scene) -> Iterator[Judged]:
    """The sentences about a scene, of each label first those about what differs from its twin."""
    for label, said in (("entailment", True), ("contradiction", False)):
        some = [statement for statement in scene.statements if statement.label == said]
        some.sort(key=lambda statement: not _flips(scene, statement))
        # The others from here and there, so that places, numbers and colours all occur.
        yield from (Judged(statement.text, label) for statement in [some[0], *some[1::3]][:_OF_EACH])
    for thing, unseen in zip(scene.things, UNSEEN, strict=False):
        yield Judged(f"The {thing.name} {unseen}.", "neutral")


def _flips(scene: Scene, statement: Statement) -> bool:
    """Whether a statement is one that is about what differs from the twin."""
    difference = scene.difference
    if difference is None or statement.things[:1] != (difference.thing,):
        return False
    if difference.kind == "relation":
        return statement.relation in ("touching", "detached from")
    return statement in scene.statements[:2]


def _regular(seed: int, scale: float) -> Iterator[_Photograph]:
    return (_photograph(scene, encoded) for scene in evaluated(seed, scale))


def _irregular(seed: int) -> Iterator[_Photograph]:
    made = {name: PICTURES.get(name, encoded) for name in (*RECORDS, *PICTURES)}
    for (name, making), pair in zip(made.items(), range(_FIRST_SPARE_PAIR, 1 << 62), strict=False):
        scene, _ = further_scenes(seed, pair, 1)
        photograph = _photograph(scene, making)
        if name in RECORDS:
            RECORDS[name](photograph.records)
        yield photograph


def _trained_on(seed: int) -> Iterator[_Photograph]:
    """Photographs of the other list."""
    for scene in further_scenes(seed, _FIRST_TRAINED_PAIR, 3):
        photograph = _photograph(scene, encoded)
        records = {**photograph.records, "test": [], "train_val": [photograph.number]}
        yield photograph._replace(records=records)


def _photograph(scene: Scene, made: Callable[[Image.Image], bytes | None]) -> _Photograph:
    number = flickr_id(scene.number)
    captions = scene.captions[:5]
    pairs = []
    for position, (text, label) in enumerate(judged(scene)):
        caption = position % len(captions)
        pairs.append(
            _pair(f"{number}.jpg#{caption}", captions[caption], position // len(captions), text, label)
        )
    return _Photograph(number, scene, {"test": [number], "train_val": [], "pairs": pairs}, made)


def _pair(caption_id: str, caption: str, turn: int, text: str, label: str) -> dict[str, Any]:
    """A line of SNLI. Its parses are not those of a parser."""
    return {
        "annotator_labels": [label] * (5 if turn else 1),
        "captionID": caption_id,
        "gold_label": label,
        "pairID": f"{caption_id}r{turn + 1}{label[0]}",
        "sentence1": caption,
        "sentence1_binary_parse": f"( {caption} )",
        "sentence1_parse": f"(ROOT (S {caption}))",
        "sentence2": text,
        "sentence2_binary_parse": f"( {text} )",
        "sentence2_parse": f"(ROOT (S {text}))",
    }
