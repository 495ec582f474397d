"""What is irregular in the files that SNLI-VE is made of, each in pairs about a photograph of its own.

no_gold_label     people did not agree on one pair
visual_genome     a pair about a caption of Visual Genome
unlisted          the photograph is in neither list
other_label       a pair with a label that does not exist
spellings         3 sentences: blanks around and double ones; no period; quotes
empty_sentence    a sentence of nothing but a blank
reserved_mark     a sentence that holds `[Options]`
repeated          a pair that comes twice
malformed         a pair whose sentence is a number, and one without a label
other_id          a pair whose id names no file
listed_twice      the photograph is twice in the test list
in_both_lists     the photograph is in the other list as well
picture_absent    listed, but not in the archive
picture_truncated a JPEG without its last third
picture_grey      a JPEG without colours
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sample_world.irregular import PICTURES as VISUAL_GENOME_PICTURES

Records = dict[str, Any]
"""What is said of one photograph: its lines in the lists `test` and `train_val`, and its `pairs`."""


def _pairs(records: Records) -> list[dict[str, Any]]:
    pairs: list[dict[str, Any]] = records["pairs"]
    return pairs


def _no_gold_label(records: Records) -> None:
    first = _pairs(records)[0]
    first["gold_label"] = "-"
    first["annotator_labels"] = ["neutral", "neutral", "entailment", "entailment", "contradiction"]


def _visual_genome(records: Records) -> None:
    first = _pairs(records)[0]
    first.update(captionID="vg_104", pairID="vg_104r1e")


def _unlisted(records: Records) -> None:
    records["test"].clear()


def _other_label(records: Records) -> None:
    _pairs(records)[0]["gold_label"] = "hidden"


def _spellings(records: Records) -> None:
    spoilers: list[Callable[[str], str]] = [
        lambda text: f" {text.replace(' ', '  ', 1)} ",
        lambda text: text.removesuffix("."),
        lambda text: f'"{text}"',
    ]
    for pair, spoil in zip(_pairs(records), spoilers, strict=False):
        pair["sentence2"] = spoil(pair["sentence2"])


def _empty_sentence(records: Records) -> None:
    _pairs(records)[0]["sentence2"] = " "


def _reserved_mark(records: Records) -> None:
    _pairs(records)[0]["sentence2"] = "A sign says [Options]: left or right."


def _repeated(records: Records) -> None:
    _pairs(records).append(dict(_pairs(records)[0]))


def _malformed(records: Records) -> None:
    _pairs(records)[0]["sentence2"] = 7
    del _pairs(records)[1]["gold_label"]


def _other_id(records: Records) -> None:
    first = _pairs(records)[0]
    first["pairID"] = first["pairID"].replace(".jpg#", "-")


def _listed_twice(records: Records) -> None:
    records["test"] *= 2


def _in_both_lists(records: Records) -> None:
    records["train_val"].extend(records["test"])


RECORDS: Final[dict[str, Callable[[Records], None]]] = {
    "no_gold_label": _no_gold_label,
    "visual_genome": _visual_genome,
    "unlisted": _unlisted,
    "other_label": _other_label,
    "spellings": _spellings,
    "empty_sentence": _empty_sentence,
    "reserved_mark": _reserved_mark,
    "repeated": _repeated,
    "malformed": _malformed,
    "other_id": _other_id,
    "listed_twice": _listed_twice,
    "in_both_lists": _in_both_lists,
}
"""Changes what is said of one photograph, in place."""

PICTURES: Final = {
    name: VISUAL_GENOME_PICTURES[name] for name in ("picture_absent", "picture_truncated", "picture_grey")
}
"""Makes the file of one photograph; None: there is none."""
