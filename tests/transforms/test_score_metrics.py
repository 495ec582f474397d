"""Metrics of one answer: by hand, and against the package that others use."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from transforms import score_metrics as metrics

OPTIONS = [
    "<bin_0> <bin_0> <bin_100> <bin_100>",
    "<bin_50> <bin_0> <bin_150> <bin_100>",
    "<bin_0> <bin_0> <bin_100> <bin_100>",
]


def test_rouge_l_equals_the_package_on_thousands_of_random_pairs() -> None:
    scorer = RougeScorer(["rougeL"], use_stemmer=False)
    drawn = random.Random(0)
    words = ["a", "The", "dog", "dogs", "7", "x-ray", "don't", "é", "İ", "<bin_3>", "_", "...", "K", "\n"]
    for _ in range(5_000):
        one, other = (" ".join(drawn.choices(words, k=drawn.randrange(14))) for _ in range(2))
        assert metrics.rouge_l(one, other) == scorer.score(other, one)["rougeL"].fmeasure


@given(st.text(max_size=60), st.text(max_size=60))
def test_rouge_l_equals_the_package_on_any_text(one: str, other: str) -> None:
    scorer = RougeScorer(["rougeL"], use_stemmer=False)
    assert metrics.rouge_l(one, other) == scorer.score(other, one)["rougeL"].fmeasure


@pytest.mark.parametrize(
    ("answer", "target", "exact", "prefix"),
    [
        ("Yes", "yes", 1, 1),
        (" yes. ", "yes", 1, 1),
        ("yes, it is", "yes", 0, 1),
        ("yesterday", "yes", 0, 1),
        ("not  sure", "not sure", 1, 0),
        ("e\u0301t\u00e9", "\u00e9t\u00e9", 1, 0),
        ("", "", 0, 0),
        ("no", "yes", 0, 0),
    ],
)
def test_accuracy_and_the_published_prefix_match(answer: str, target: str, exact: int, prefix: int) -> None:
    assert metrics.accuracy(answer, target) == exact
    assert metrics.prefix_accuracy(answer, target) == prefix


@pytest.mark.parametrize(
    ("answer", "target", "expected"),
    [
        ("<bin_10> <bin_0> <bin_100> <bin_100>", 0, 1),
        ("<bin_90> <bin_0> <bin_150> <bin_100>", 1, 1),
        ("<bin_90> <bin_0> <bin_150> <bin_100>", 0, 0),
        ("<bin_300> <bin_300> <bin_400> <bin_400>", 0, 0),
        # Exactly between the first two: the first as stored is meant.
        ("<bin_25> <bin_0> <bin_125> <bin_100>", 0, 1),
        ("<bin_25> <bin_0> <bin_125> <bin_100>", 1, 0),
        ("<bin_0> <bin_0> <bin_100>", 0, 0),
        ("<bin_0> <bin_0> <bin_100> <bin_1000>", 0, 0),
        ("the dog <bin_0> <bin_0> <bin_100> <bin_100>", 0, 0),
        ("<bin_100> <bin_100> <bin_0> <bin_0>", 0, 0),
        ("", 0, 0),
    ],
)
def test_the_option_with_the_highest_iou_is_the_answer(answer: str, target: int, expected: int) -> None:
    assert metrics.region_accuracy(answer, OPTIONS[target], OPTIONS) == expected


def test_iou_and_thin_regions() -> None:
    assert metrics.region_iou(OPTIONS[0], OPTIONS[1]) == pytest.approx(1 / 3)
    thin = "<bin_5> <bin_0> <bin_5> <bin_9>"
    assert metrics.region_iou(thin, thin) == 1
    assert metrics.region_iou(thin, OPTIONS[0]) == 0
    assert metrics.region_iou("a dog", OPTIONS[0]) == 0


def test_several_regions_are_matched_one_to_one() -> None:
    two = f"{OPTIONS[0]} <bin_500> <bin_500> <bin_600> <bin_600>"
    assert metrics.matching_f1(two, two) == 1
    assert metrics.matching_f1(OPTIONS[0], two) == pytest.approx(2 / 3)
    # The same region twice finds one thing once.
    assert metrics.matching_f1(f"{OPTIONS[0]} {OPTIONS[2]}", OPTIONS[0]) == pytest.approx(2 / 3)
    assert metrics.matching_f1("nothing", two) == 0


def test_vqa_accuracy_leaves_each_person_out_once() -> None:
    said = ["red"] * 3 + ["blue"] * 7
    assert metrics.vqa_accuracy("Red.", said) == pytest.approx(0.9)
    assert metrics.vqa_accuracy("blue", said) == 1
    assert metrics.vqa_accuracy("green", said) == 0
    assert metrics.vqa_accuracy("", ["", ""]) == 0
