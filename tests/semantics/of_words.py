"""Checkers of the tasks whose exercises are in words: questions, captions, statements, steps, labels."""

from __future__ import annotations

import re
from typing import Final

from sample_world.coco_records import records_of
from sample_world.villages import HOUSES, Village
from tests.semantics.checkers import Checker, Row, labelled, only, region
from tests.semantics.truth import (
    AbsentError,
    answer,
    canonical,
    judge,
    judge_numbered,
    numbered,
    pointed_at,
)
from tests.semantics.world import Shown


def _true_answer(row: Row, shown: Shown) -> str:
    """The answer to a row's question; nothing if it cannot be answered."""
    try:
        return answer(shown.things, row["question"])
    except AbsentError:
        return ""


def _answered(row: Row, shown: Shown) -> bool:
    return canonical(row["target"]) == _true_answer(row, shown)


def _answer_chosen(row: Row, shown: Shown) -> bool:
    true = _true_answer(row, shown)
    return only(row, lambda option: canonical(option) == true)


def _presence(row: Row, shown: Shown) -> bool:
    return labelled(row, {"yes": True, "no": False}.get(_true_answer(row, shown)))


def _pointed(row: Row, shown: Shown) -> bool:
    try:
        thing = pointed_at(shown.things, row["question"])
    except AbsentError:
        return False
    return only(row, lambda option: shown.same(region(row, option), thing.box))


def _question_matching(row: Row, shown: Shown) -> bool:
    return labelled(row, _true_answer(row, shown) != "")


def _reasoned(row: Row, shown: Shown) -> bool:
    """An answer or a reason about numbered things, whose regions stand behind the things in the question."""
    try:
        _, things = numbered(shown.things, row["question"])
        context = row.get("context")
        known = context is None or judge_numbered(shown.things, row["question"], context)
        named = len(things) == len(row["regions"]) and all(
            shown.same(box, thing.box) for box, thing in zip(row["regions"], things, strict=True)
        )
        return known and named and only(row, lambda said: judge_numbered(shown.things, row["question"], said))
    except AbsentError:
        return False


def _dialogue(row: Row, shown: Shown) -> bool:
    place = int(row["key"].rpartition(":")[2])
    lines = row["history"].split("\n") if place else []
    turns = [re.fullmatch(r"(.+\?) (.+)", line) for line in lines]
    if len(lines) != place or not all(turns):
        return False
    told = [(turn[1], turn[2]) for turn in turns if turn] + [(row["question"], row["target"])]
    return all(_answered({"question": asked, "target": said}, shown) for asked, said in told)


def _caption(row: Row, shown: Shown) -> bool:
    return judge(shown.things, row["target"]) is True


def _drawn(row: Row, shown: Shown) -> bool:
    return judge(shown.things, row["text"]) is True


def _filled(row: Row, shown: Shown) -> bool:
    (x0, y0, x1, y1), scene = row["target_box"].values(), shown.things
    middle = (scene.width / 4, scene.height / 4, scene.width * 3 / 4, scene.height * 3 / 4)
    return row["target_image_id"] == row["image_id"] and (x0, y0, x1, y1) == middle


def _judged(row: Row, shown: Shown) -> bool:
    return labelled(row, judge(shown.things, row["text"]))


def _captioned(shown: Shown, text: str) -> bool:
    """Whether a caption is true, and published for the picture: another one's may be true by chance."""
    published = [caption["caption"] for caption in records_of(shown.things)["captions"]]
    return text in published and judge(shown.things, text) is True


def _caption_matching(row: Row, shown: Shown) -> bool:
    return labelled(row, _captioned(shown, row["text"]))


def _caption_chosen(row: Row, shown: Shown) -> bool:
    return only(row, lambda option: _captioned(shown, option))


def true_by_chance(row: Row, shown: Shown) -> bool:
    """Whether a caption that is offered as wrong is true all the same."""
    offered = row["options"] if "text" not in row else [] if row["label"] else [row["text"]]
    return any(judge(shown.things, one) for one in offered if one != row["target"])


_VERDICTS: Final = {True: "yes", False: "no", None: "not sure"}


def _entailed(row: Row, shown: Shown) -> bool:
    return only(row, lambda option: option == _VERDICTS[judge(shown.things, row["text"])])


def _checked(row: Row, shown: Shown) -> bool:
    """What was found out is true of the picture, and does not say the verdict."""
    if isinstance(shown.fact, Village):
        return _checked_village(row, shown.fact)
    first, *found = re.findall(r"[^.]+\.", row["context"])
    findings = first == "We looked at the picture." and len(found) == 2
    return findings and all(judge(shown.things, sentence) for sentence in found) and _entailed(row, shown)


def _checked_village(row: Row, village: Village) -> bool:
    claim = re.fullmatch(r"An? (\w+) has struck this village\.", row["text"])
    standing = f"We looked at the picture. The houses that stand are {HOUSES - village.ruins}."
    assert claim is not None
    struck = "yes" if claim[1] == village.kind else "no"
    return row["context"] == standing and only(row, lambda option: option == struck)


def _read_over(row: Row, shown: Shown) -> bool:
    return bool(row["target"] == shown.fact.words)


def _untrue(row: Row, shown: Shown) -> bool:
    return labelled(row, not judge(shown.things, shown.fact.words))


def _step(row: Row, shown: Shown) -> tuple[list[str], int, int]:
    """The steps of the method of a row, the step in the picture, and the one that the row is about."""
    found = re.search(r"/method_(\d+)_step_(\d+)\.jpg$", row["image_id"])
    assert found is not None
    _, method, step = row["key"].rsplit(":", 2)
    assert method == found[1]
    told = shown.fact.methods[int(method)]
    assert row["method"] == told.name
    return [step.text for step in told.steps], int(found[2]), int(step)


def _next_step(row: Row, shown: Shown) -> bool:
    steps, pictured, about = _step(row, shown)
    context = row["context"].split("\n") if about else []
    return (
        pictured == about
        and [*context, row["text"], row["target"]] == steps[: about + 2]
        and row["target"] not in (row["text"], *context)
    )


def _next_step_chosen(row: Row, shown: Shown) -> bool:
    steps, pictured, about = _step(row, shown)
    return (
        pictured == about
        and set(row["options"]) <= set(steps)
        and only(row, lambda option: option == steps[about + 1])
    )


def _text_order(row: Row, shown: Shown) -> bool:
    """The picture of one step, the text of one of its neighbours."""
    steps, pictured, about = _step(row, shown)
    return (
        pictured == about
        and row["text"] in (steps[about - 1], steps[about + 1])
        and labelled(row, row["text"] == steps[about + 1])
    )


def _picture_order(row: Row, shown: Shown) -> bool:
    """The text of one step, the picture of one of its neighbours."""
    steps, pictured, about = _step(row, shown)
    return abs(pictured - about) == 1 and row["text"] == steps[about] and labelled(row, pictured == about + 1)


_FLAWS: Final = {
    "BLR": "blur",
    "BRT": "too bright",
    "DRK": "too dark",
    "FRM": "bad framing",
    "OBS": "obscured view",
    "ROT": "rotated view",
    "OTH": "other flaws",
}


def _quality(row: Row, shown: Shown) -> bool:
    flaws = [_FLAWS[code] for code in shown.fact] or ["no flaws"]
    return len(row["options"]) == 1 + len(_FLAWS) and only(row, lambda option: option in flaws)


def _disaster(row: Row, shown: Shown) -> bool:
    village: Village = shown.fact
    return only(row, lambda option: option == village.kind.replace("_", " "))


def _damage(row: Row, shown: Shown) -> bool:
    village: Village = shown.fact
    words = {0: "little or none damage", 1: "mild damage", 3: "severe damage"}
    return only(row, lambda option: option == words[village.ruins])


def _informative(row: Row, shown: Shown) -> bool:
    village: Village = shown.fact
    quiet = (village.kind, village.ruins, village.visitors) == ("not_disaster", 0, "nobody")
    return only(row, lambda option: option == ("not informative" if quiet else "informative"))


CHECKERS: Final[dict[str, Checker]] = {
    **dict.fromkeys(("open_domain_vqa", "compositional_vqa", "outside_knowledge_vqa", "text_vqa"), _answered),
    **dict.fromkeys(
        (
            *("visual_question_answering", "color_recognition", "scene_recognition", "object_recognition"),
            *("position_reasoning", "counting", "utility_affordance", "sentiment_understanding"),
            *("sport_understanding", "activity_recognition", "attribute_recognition"),
        ),
        _answer_chosen,
    ),
    "object_detection": _presence,
    "grounded_vqa": _pointed,
    "question_image_matching": _question_matching,
    "commonsense_vqa": _reasoned,
    "visual_answer_justification": _reasoned,
    "visual_dialogue": _dialogue,
    "image_captioning": _caption,
    "image_generation": _drawn,
    "image_infilling": _filled,
    "image_text_matching": _caption_matching,
    "visual_spatial_relationship": _judged,
    "natural_language_for_visual_reasoning": _judged,
    "image_text_selection": _caption_chosen,
    "visual_entailment": _entailed,
    "multimodal_factual_checking": _checked,
    "visual_text_extraction": _read_over,
    "hateful_content_detection": _untrue,
    "wikihow_next_step_generation": _next_step,
    "wikihow_next_step_selection": _next_step_chosen,
    "wikihow_image_text_ordering": _text_order,
    "wikihow_text_image_ordering": _picture_order,
    "image_quality": _quality,
    "disaster_type_classification": _disaster,
    "medic_damage_severity": _damage,
    "medic_informative": _informative,
}
