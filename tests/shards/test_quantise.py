"""Bins against OFA's own, and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import BuildError
from schemas.settings import Quantisation
from shards.quantise import dequantise, quantise

RULES = get_args(Quantisation)


def inside(vector: dict[str, list[float]]) -> bool:
    width, height = vector["image_wh"]
    return vector["box_xyxy"][2] <= width and vector["box_xyxy"][3] <= height


def test_ofa_480_equals_ofa(vectors: Path) -> None:
    known = json.loads((vectors / "ofa_box_vectors.json").read_text())["vectors"]
    chosen = [vector for vector in known if vector["patch_image_size"] == 480 and inside(vector)]
    assert len(chosen) == 9
    for vector in chosen:
        width, height = vector["image_wh"]
        assert quantise([vector["box_xyxy"]], [width], [height], "ofa_480")[0].tolist() == vector["bins"]
        back = dequantise([vector["bins"]], [width], [height], "ofa_480")[0]
        assert back.tolist() == vector["dequantised_xyxy"]


def test_whole_image_equals_ofa_at_512(vectors: Path) -> None:
    known = json.loads((vectors / "ofa_box_vectors.json").read_text())
    simple = known["normalised_variant_whole_image_to_0_999"]
    at_512 = [vector for vector in known["vectors"] if vector["patch_image_size"] == 512 and inside(vector)]
    assert len(simple) == 10 and len(at_512) == 9
    for vector in [*simple, *at_512]:
        width, height = vector["image_wh"]
        bins = quantise([vector["box_xyxy"]], [width], [height], "whole_image_999")[0].tolist()
        assert bins == vector.get("bins_simple", vector.get("bins"))


def test_boxes_are_clipped_to_the_picture() -> None:
    box = [[-5.0, -1.0, 700.0, 481.0]]
    assert quantise(box, [640], [480], "whole_image_999").tolist() == [[0, 0, 999, 999]]
    assert quantise(box, [640], [480], "ofa_480").tolist() == [[0, 0, 937, 937]]


def test_halves_go_to_the_even_bin() -> None:
    # 1.5 / 999 * 999 and 2.5 / 999 * 999 lie exactly between two bins.
    assert quantise([[1.5, 2.5, 3.5, 4.5]], [999], [999], "whole_image_999").tolist() == [[2, 2, 4, 4]]


@pytest.mark.parametrize("rule", RULES)
@given(
    st.lists(st.floats(0, 1), min_size=4, max_size=4),
    st.integers(1, 20_000),
    st.integers(1, 20_000),
)
def test_there_and_back_is_within_half_a_bin(
    rule: Quantisation, parts: list[float], width: int, height: int
) -> None:
    box = np.array(parts) * [width, height, width, height]
    bins = quantise([box], [width], [height], rule)
    assert ((bins >= 0) & (bins <= 999)).all()
    back = dequantise(bins, [width], [height], rule)[0]
    scale = 512 / 480 if rule == "ofa_480" else 1.0
    step = np.array([width, height, width, height]) / 999 * scale
    assert (np.abs(back - box) <= step * 0.501).all()
    assert quantise([back], [width], [height], rule).tolist() == bins.tolist()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_no_number_is_refused(bad: float) -> None:
    with pytest.raises(BuildError, match="no number"):
        quantise([[0, 0, bad, 1]], [10], [10], "whole_image_999")


def test_no_size_and_no_bin_are_refused() -> None:
    with pytest.raises(BuildError, match="no size"):
        quantise([[0, 0, 1, 1]], [0], [10], "whole_image_999")
    with pytest.raises(BuildError, match="out of range"):
        dequantise([[0, 0, 1, 1000]], [10], [10], "whole_image_999")


def test_no_boxes_give_no_bins() -> None:
    assert quantise(np.empty((0, 4)), [], [], "whole_image_999").shape == (0, 4)
