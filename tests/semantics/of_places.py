"""Checkers of the tasks about relations, described regions, overlap, and things in boxes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sample_world.scene import Relation, Thing
from schemas.box import Box
from tests.semantics.checkers import Checker, Row, category, labelled, only, region
from tests.semantics.world import Shown


def _ends(shown: Shown, relation: Relation) -> tuple[str, tuple[int, ...], str, tuple[int, ...]]:
    """Name and box of the subject and of the object of a relation."""
    subject, other = shown.things.things[relation.subject], shown.things.things[relation.object]
    if relation.predicate == "has":
        return subject.category, subject.box, subject.part, subject.part_box
    return subject.category, subject.box, other.category, other.box


def _relations(shown: Shown) -> Iterator[tuple[str, str, Box, str, Box]]:
    for relation in shown.things.relations:
        name, box, other_name, other_box = _ends(shown, relation)
        yield relation.predicate, name, Box(*box), other_name, Box(*other_box)


def _relationship(row: Row, shown: Shown) -> bool:
    one, other = row["regions"]
    true = {said for said, _, box, _, other_box in _relations(shown) if (box, other_box) == (one, other)}
    return row["target"] in true


def _object_name(row: Row, shown: Shown) -> bool:
    (one,) = row["regions"]
    true = {name for said, _, box, name, _ in _relations(shown) if (said, box) == (row["relation"], one)}
    return row["target"] in true


def _subject_name(row: Row, shown: Shown) -> bool:
    (one,) = row["regions"]
    true = {name for said, name, _, _, box in _relations(shown) if (said, box) == (row["relation"], one)}
    return row["target"] in true


def _object_place(row: Row, shown: Shown) -> bool:
    one, _ = row["regions"]
    true = {box for said, _, start, _, box in _relations(shown) if (said, start) == (row["relation"], one)}
    return true == {region(row, row["target"])}


def _subject_place(row: Row, shown: Shown) -> bool:
    one, _ = row["regions"]
    true = {box for said, _, box, _, end in _relations(shown) if (said, end) == (row["relation"], one)}
    return true == {region(row, row["target"])}


def _attribute(row: Row, shown: Shown) -> bool:
    (box,) = row["regions"]
    index = shown.at(box)
    if index is None:
        return False
    thing = shown.things.things[index]
    pattern = ("lettered", "black") if thing.word else ("dotted",)
    return only(row, lambda option: option in (thing.colour, thing.part_colour, *pattern))


def _said(shown: Shown, box: Box) -> set[str]:
    """Everything that is true of a box by construction of the scene."""
    return {one.phrase for one in shown.things.descriptions if Box(*one.box) == box}


def _caption(row: Row, shown: Shown) -> bool:
    (box,) = row["regions"]
    return row["target"] in _said(shown, box)


def _grounding(row: Row, shown: Shown) -> bool:
    places = [Box(*one.box) for one in shown.things.descriptions if one.phrase == row["text"]]
    return places == [region(row, row["target"])]


def _caption_selection(row: Row, shown: Shown) -> bool:
    (box,) = row["regions"]
    return only(row, lambda option: option in _said(shown, box))


def _grounding_selection(row: Row, shown: Shown) -> bool:
    return only(row, lambda option: row["text"] in _said(shown, region(row, option)))


def _caption_matching(row: Row, shown: Shown) -> bool:
    (box,) = row["regions"]
    return labelled(row, row["text"] in _said(shown, box))


def _overlaps(row: Row) -> dict[str, float]:
    """Square pixels that each option shares with the given region, which is the first."""
    given = row["regions"][0]
    assert region(row, row["target"]) != given
    return {option: given.overlap(region(row, option)) for option in row["options"]}


def _most(row: Row, _: Shown) -> bool:
    overlaps = _overlaps(row)
    return overlaps[row["target"]] > 0 and only(row, lambda one: overlaps[one] == max(overlaps.values()))


def _least(row: Row, _: Shown) -> bool:
    overlaps = _overlaps(row)
    return overlaps[row["target"]] > 0 and only(row, lambda one: overlaps[one] == min(overlaps.values()))


def _overlapping(row: Row, _: Shown) -> bool:
    overlaps = _overlaps(row)
    return only(row, lambda option: overlaps[option] > 0)


def _apart(row: Row, _: Shown) -> bool:
    overlaps = _overlaps(row)
    return only(row, lambda option: overlaps[option] == 0)


def _overlap_detection(row: Row, _: Shown) -> bool:
    one, other = row["regions"]
    return labelled(row, one.overlap(other) > 0)


def _area(row: Row, shown: Shown) -> bool:
    (box,) = row["regions"]
    share: float = 100 * box.area / (shown.things.width * shown.things.height)
    return -0.5 <= int(row["target"]) - share <= 0.5


def _of_category(shown: Shown, name: str) -> list[Box]:
    """The boxes of all things of a category, from top to bottom, then from left to right."""
    boxes = [thing.box for thing in shown.things.things if thing.category == name]
    return [Box(*box) for box in sorted(boxes, key=lambda box: (box[1], box[0]))]


def _object_grounding(row: Row, shown: Shown) -> bool:
    answers = [region(row, name) for name in row["target"].split()]
    true = _of_category(shown, row["text"])
    return len(answers) == len(true) and all(map(shown.same, answers, true))


def _object_identification(row: Row, shown: Shown) -> bool:
    (box,) = row["regions"]
    return category(shown, box) == str(row["target"])


def _object_matching(row: Row, shown: Shown) -> bool:
    one, other = (category(shown, box) for box in row["regions"])
    return one != "" and other != "" and labelled(row, one == other)


def _object_region_selection(row: Row, shown: Shown) -> bool:
    return only(row, lambda option: category(shown, region(row, option)) == row["text"])


def _missing_object(row: Row, shown: Shown) -> bool:
    one, other = (category(shown, box) for box in row["regions"])
    kinds = [option for option in row["options"] if option != "None"]
    missing = [kind for kind in kinds if kind not in (one, other)]
    return "" not in (one, other) and only(row, lambda option: option in (missing or ["None"]))


def _object_there(row: Row, shown: Shown) -> bool:
    shows = [category(shown, box) for box in row["regions"]]
    return only(row, lambda option: option in shows)


def _object_region_matching(row: Row, shown: Shown) -> bool:
    (box,) = row["regions"]
    return category(shown, box) != "" and labelled(row, category(shown, box) == row["text"])


def _expression(shown: Shown, text: str) -> list[int]:
    """Indexes of the things that an expression of RefCOCO fits."""
    return [
        index
        for index, thing in enumerate(shown.things.things)
        if _fits(thing, text.lower().replace(",", ""))
    ]


def _fits(thing: Thing, text: str) -> bool:
    """Whether a thing has the name or the category, the place and the part that are spoken of."""
    part = f'the word "{thing.word.lower()}"' if thing.word else f"a {thing.part_colour} dot"
    named, *with_part = text.removeprefix("the ").removesuffix(" of the picture.").split(" with ")
    named, *with_place = named.split(" in the ")
    return (
        named in (thing.name, f"{thing.category} {thing.place}")
        and with_part in ([], [part])
        and with_place in ([], [thing.place])
    )


def _expression_grounding(row: Row, shown: Shown) -> bool:
    index = shown.at(region(row, row["target"]))
    return [index] == _expression(shown, row["text"])


def _expression_generation(row: Row, shown: Shown) -> bool:
    (box,) = row["regions"]
    return [shown.at(box)] == _expression(shown, row["target"])


def _expression_selection(row: Row, shown: Shown) -> bool:
    fitting = _expression(shown, row["text"])
    return only(row, lambda option: shown.at(region(row, option)) in fitting)


def _written_in(shown: Shown, box: Box) -> str:
    """The word on the sign whose plate has the box, if it can be read."""
    index = shown.part_at(box)
    thing = None if index is None else shown.things.things[index]
    return thing.word if thing is not None and thing.legible else ""


def _text_localization(row: Row, shown: Shown) -> bool:
    return only(row, lambda option: _written_in(shown, region(row, option)) == row["text"])


def _region_text(row: Row, shown: Shown) -> bool:
    (box,) = row["regions"]
    word = _written_in(shown, box)
    return word != "" and labelled(row, word == row["text"])


def _text_type(row: Row, shown: Shown) -> bool:
    (box,) = row["regions"]
    index = shown.part_at(box)
    return index is not None and only(row, lambda kind: kind == shown.things.things[index].lettering)


def _legibility(row: Row, shown: Shown) -> bool:
    (box,) = row["regions"]
    index = shown.part_at(box)
    return index is not None and labelled(row, shown.things.things[index].legible)


def _read_word(row: Row, shown: Shown) -> bool:
    (box,) = row["regions"]
    return _written_in(shown, box) == str(row["target"])


CHECKERS: Final[dict[str, Checker]] = {
    "visual_object_relationship": _relationship,
    "visual_object_identification": _object_name,
    "visual_subject_identification": _subject_name,
    "visual_object_localization": _object_place,
    "visual_subject_localization": _subject_place,
    "grounded_object_attribute_identification": _attribute,
    "grounded_captioning": _caption,
    "visual_grounding": _grounding,
    "grounded_caption_selection": _caption_selection,
    "visual_grounding_selection": _grounding_selection,
    "region_caption_matching": _caption_matching,
    "most_overlapping_region_selection": _most,
    "least_overlapping_region_selection": _least,
    "overlapping_region_selection": _overlapping,
    "non_overlapping_region_selection": _apart,
    "region_overlapping_detection": _overlap_detection,
    "region_area": _area,
    "object_grounding": _object_grounding,
    "grounded_object_identification": _object_identification,
    "object_matching": _object_matching,
    "object_region_selection": _object_region_selection,
    "missing_object_selection": _missing_object,
    "region_object_selection": _object_there,
    "object_region_matching": _object_region_matching,
    "referring_expression_grounding": _expression_grounding,
    "referring_expression_generation": _expression_generation,
    "referring_expression_selection": _expression_selection,
    "text_localization": _text_localization,
    "region_text_matching": _region_text,
    "text_type_classification": _text_type,
    "text_legibility": _legibility,
    "ocr": _read_word,
}
