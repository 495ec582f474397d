"""All that is said in a scene is recomputed from boxes, and seen in the picture."""

from __future__ import annotations

import re
from collections import Counter
from io import BytesIO
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sample_world.draw import draw, encoded
from sample_world.scene import COLOURS, PLACES, Box, Description, Scene, Thing
from sample_world.scenes import scene_count, scenes, spare_scenes

THREE_PAIRS = 3 / 48
"""The scale at which each kind of difference occurs once."""

REGULAR = list(scenes(0, 1.0))
NAME = re.compile(rf"({'|'.join(COLOURS)}) ([a-z]+)")


def within(inner: Box, outer: Box) -> bool:
    return all(a >= b if side < 2 else a <= b for side, (a, b) in enumerate(zip(inner, outer, strict=True)))


def holds(predicate: str, subject: Box, other: Box, width: int) -> bool:
    """Whether a predicate is true of two boxes."""
    x0, y0, x1, y1 = subject
    u0, v0, u1, v1 = other
    centred = abs((x0 + x1) - (u0 + u1)) <= 2
    return {
        "left of": x1 <= u0,
        "right of": x0 >= u1,
        "above": y1 < v0,
        "below": y0 > v1,
        "over": y1 <= v0,
        "on": y1 == v0 and centred,
        "under": y0 == v1 and centred,
        "next to": y0 < v1 and v0 < y1 and 0 <= u0 - x1 < width / 3,
        "has": within(other, subject) and subject != other,
    }[predicate]


def place(scene: Scene, box: Box) -> str:
    """The cell in which the middle of a box lies."""
    row = ("upper", "lower")[(box[1] + box[3]) // scene.height]
    return f"{row} {('left', 'middle', 'right')[(box[0] + box[2]) * 3 // (2 * scene.width)]}"


def around(things: list[Thing]) -> Box:
    x0, y0, x1, y1 = zip(*(thing.box for thing in things), strict=True)
    return min(x0), min(y0), max(x1), max(y1)


def is_true(scene: Scene, said: Description) -> bool:
    """Whether a phrase is true of its box, by its words and the things of the scene."""
    named = {thing.name: thing for thing in scene.things}
    mentioned = [named[match[0]] for match in NAME.finditer(said.phrase) if match[0] in named]
    if said.fact == "all":
        return said.box == (0, 0, scene.width, scene.height) and mentioned == list(scene.things)
    if said.fact == "row":
        row = said.phrase.split()[1]
        members = [thing for thing in scene.things if place(scene, thing.box).startswith(row)]
        return members == [scene.things[index] for index in said.things] and said.box == around(members)
    things = [thing for thing in scene.things if thing.box == said.box]
    if said.fact == "category":
        return [thing.category for thing in scene.things].count(said.phrase) == 1 == len(things)
    if said.fact == "colour":
        return [f"the {thing.category} is {thing.colour}" for thing in things] == [said.phrase]
    subject = mentioned[0]
    if said.fact in ("name", "place", "has"):
        where = said.phrase.partition(" in the ")[2]
        return things == mentioned and where in ("", place(scene, said.box))
    if said.fact == "part":
        return said.box == subject.part_box and within(said.box, subject.box)
    first, second = mentioned
    expected = around(mentioned) if said.fact in ("next to", "over") else first.box
    return (
        said.phrase.split(first.name)[1].strip().startswith(said.fact)
        and said.box == expected
        and [scene.things[index] for index in said.things] == mentioned
        and holds(said.fact, first.box, second.box, scene.width)
    )


def assert_true(scene: Scene) -> None:
    assert len({thing.name for thing in scene.things}) == len(scene.things)
    for thing in scene.things:
        assert thing.place == place(scene, thing.box)
        assert within(thing.box, (0, 0, scene.width, scene.height))
    phrases = Counter(said.phrase for said in scene.descriptions)
    assert max(phrases.values()) == 1
    for said in scene.descriptions:
        assert is_true(scene, said), said
    for predicate, subject, other in scene.relations:
        one, another = scene.things[subject], scene.things[other]
        box = another.part_box if predicate == "has" else another.box
        assert holds(predicate, one.box, box, scene.width), (predicate, one, another)
    assert len({question.question for question in scene.questions}) == len(scene.questions)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 1 << 64))
def test_all_that_is_said_is_true(seed: int) -> None:
    for scene in scenes(seed, THREE_PAIRS):
        assert_true(scene)


def test_the_check_of_truth_can_fail() -> None:
    scene = REGULAR[0]
    for said in scene.descriptions:
        assert not is_true(scene, said._replace(box=(0, 0, 20, 20))), said
    flipped = {
        "left of": "right of",
        "right of": "left of",
        "above": "below",
        "on": "above",
        "under": "below",
    }
    for said in scene.descriptions:
        if other := flipped.get(said.fact):
            phrase = said.phrase.replace(said.fact, other)
            assert not is_true(scene, said._replace(phrase=phrase, fact=other)), said


def test_answers_follow_from_the_things() -> None:
    for scene in REGULAR:
        named = {thing.name: thing for thing in scene.things}
        at = {thing.place: thing for thing in scene.things}
        for question, answer, _ in scene.questions:
            where = next((place for place in PLACES if question.endswith(f"in the {place}?")), None)
            asked = [named[match[0]] for match in NAME.finditer(question) if match[0] in named]
            if question.startswith("How many"):
                assert answer == {5: "Five.", 6: "Six."}[len(scene.things)]
            elif question.startswith("What colour") and where:
                assert at[where].category in question and answer.lower() == f"{at[where].colour}."
            elif question.startswith("What is in") and where:
                assert answer.lower().rstrip(".").split(" ", 1)[1] == at[where].name
            elif question.startswith("Where"):
                assert answer == f"In the {asked[0].place}."
            elif question.startswith("Does"):
                assert answer == ("Yes." if asked[0].box[3] == asked[1].box[1] else "No.")
            else:
                assert answer == next(f"{thing.word}." for thing in scene.things if thing.word)


def test_there_are_forty_to_sixty_descriptions_and_about_twenty_relations() -> None:
    counts = [len(scene.descriptions) for scene in scenes(1, 4.0)]
    assert min(counts) >= 40 and max(counts) <= 60
    assert 48 < sum(counts) / len(counts) < 53
    assert all(14 <= len(scene.relations) <= 24 for scene in REGULAR)
    assert all(240 <= scene.width <= 400 and 180 <= scene.height <= 300 for scene in REGULAR)
    assert len({(scene.width, scene.height) for scene in REGULAR}) > 30


@pytest.mark.parametrize("kind", ["colour", "place", "relation"])
def test_twins_differ_in_exactly_one_fact(kind: str) -> None:
    twins = list(zip(REGULAR[::2], REGULAR[1::2], strict=True))
    twins = [pair for pair in twins if pair[0].difference and pair[0].difference.kind == kind]
    assert len(twins) == 16
    for first, second in twins:
        assert first.difference and second.difference
        assert (first.number ^ 1, first.width, first.height, first.background) == (
            *(second.number, second.width, second.height, second.background),
        )
        differing = [
            (index, {key for key, value in one._asdict().items() if value != getattr(other, key)})
            for index, (one, other) in enumerate(zip(first.things, second.things, strict=True))
            if one != other
        ]
        keys = {"colour": {"colour"}, "place": {"box", "place"}, "relation": {"box"}}[kind]
        assert differing == [(first.difference.thing, keys)]
        one, other = (scene.things[first.difference.thing].box for scene in (first, second))
        assert (one[2] - one[0], one[3] - one[1]) == (other[2] - other[0], other[3] - other[1])
        assert kind != "relation" or one[0] == other[0]
        assert (first.difference.here, first.difference.there) == (
            *(second.difference.there, second.difference.here),
        )


def test_each_twin_answers_the_question_of_the_difference_otherwise() -> None:
    for first, second in zip(REGULAR[::2], REGULAR[1::2], strict=True):
        assert first.difference
        answers = [
            [q.answer for q in scene.questions if q.question == first.difference.question]
            for scene in (first, second)
        ]
        assert [len(found) for found in answers] == [1, 1]
        assert answers[0] != answers[1]


def nearest(pixel: tuple[int, ...], colours: dict[str, tuple[int, int, int]]) -> str:
    return min(colours, key=lambda name: sum((a - b) ** 2 for a, b in zip(pixel, colours[name], strict=True)))


def dominant(picture: Image.Image, box: Box, background: tuple[int, int, int]) -> str:
    """The colour, or the background, that most pixels of a box are nearest to."""
    seen: Counter[str] = Counter()
    for count, pixel in picture.crop(box).getcolors(1 << 20) or []:
        assert isinstance(pixel, tuple)
        seen[nearest(pixel, {**COLOURS, "background": background})] += int(count)
    return seen.most_common(1)[0][0]


def test_what_is_said_of_a_box_is_seen_there() -> None:
    for scene in REGULAR[:24]:
        picture = Image.open(BytesIO(encoded(draw(scene)))).convert("RGB")
        assert picture.size == (scene.width, scene.height)
        for thing in scene.things:
            assert dominant(picture, thing.box, scene.background) == thing.colour, thing
            assert dominant(picture, thing.part_box, scene.background) == thing.part_colour, thing


def test_words_are_printed_inside_their_plate() -> None:
    signs = [(scene, thing) for scene in REGULAR for thing in scene.things if thing.word]
    assert len(signs) > 20
    for scene, thing in signs:
        dark = draw(scene).crop(thing.part_box).convert("L").point(lambda value: 255 * (value < 128))
        printed = dark.getbbox()
        assert printed is not None
        assert within(printed, (1, 1, dark.width - 1, dark.height - 1))
        assert printed[2] - printed[0] > dark.width // 2 and printed[3] - printed[1] >= 8


def test_pictures_of_twins_differ_only_where_the_thing_is() -> None:
    for first, second in zip(REGULAR[:24:2], REGULAR[1:24:2], strict=True):
        assert first.difference
        one, other = draw(first), draw(second)
        for scene in (first, second):
            for picture in (one, other):
                picture.paste((0, 0, 0), scene.things[first.difference.thing].box)
        assert draw(first).tobytes() != draw(second).tobytes()
        assert one.tobytes() == other.tobytes()


def test_scenes_stream_at_any_scale() -> None:
    assert scene_count(1126) == 108_096
    assert next(scenes(0, 1e9)) == REGULAR[0]
    assert list(scenes(0, THREE_PAIRS)) == REGULAR[:6]


def test_another_seed_gives_other_scenes() -> None:
    assert all(
        one.things != other.things for one, other in zip(REGULAR[:6], scenes(1, THREE_PAIRS), strict=True)
    )


def test_spare_scenes_go_on_after_the_regular_ones() -> None:
    spare = list(islice(spare_scenes(0, 1.0), 20))
    assert [scene.number for scene in spare] == list(range(96, 116))
    assert not {scene.things for scene in spare} & {scene.things for scene in REGULAR}
    for scene in spare:
        assert scene.difference is None
        assert_true(scene)
