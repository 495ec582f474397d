"""Decoding: the cache changes nothing, beams are what they should be, constraints hold."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ofa.codes import first_code_id
from ofa.config import OFAConfig
from ofa.constraints import Boxes, Options, PictureCodes
from ofa.generate import Search, generate
from ofa.model import OFA
from schemas.errors import BuildError
from schemas.token import IMAGE_CODES, LOCATION_BINS
from tests.ofa.tiny_model import tiny_batch, tiny_config, tiny_model

EOS, PAD = 2, 1


@pytest.fixture(scope="module", params=[False, True], ids=["published", "entangled_positions"])
def model(request: pytest.FixtureRequest) -> OFA:
    return tiny_model(entangled_positions=request.param)


@pytest.fixture(scope="module")
def source() -> dict[str, Any]:
    return {name: tensor for name, tensor in tiny_batch().items() if name != "target_inputs"}


def scores_of(model: OFA, source: dict[str, Any], row: int, tokens: list[int]) -> float:
    """Log-probability of an answer and its end, computed without a cache."""
    one = {name: tensor[row : row + 1] for name, tensor in source.items()}
    with torch.no_grad():
        logprobs = model(target_inputs=torch.tensor([[0, *tokens]]), **one).log_softmax(-1)[0]
    return sum(float(logprobs[step, token]) for step, token in enumerate([*tokens, EOS]))


@pytest.mark.parametrize("codes", [False, True])
def test_greedy_takes_the_best_id_each_time(model: OFA, source: dict[str, Any], codes: bool) -> None:
    flags = torch.tensor([codes] * 3)
    search = Search(beams=1, longest=8, shortest=8)
    answers = generate(model, **source, search=search, writes_codes=codes)
    written = torch.zeros(3, 1, dtype=torch.int64)
    for _ in range(8):
        with torch.no_grad():
            logits = model(target_inputs=written, writes_codes=flags, **source)[:, -1]
        logits[:, [PAD, EOS]] = -torch.inf
        written = torch.cat([written, logits.argmax(-1, keepdim=True)], dim=1)
    assert [row[0].tokens for row in answers] == written[:, 1:].tolist()


def test_scores_are_those_of_the_whole_answer(model: OFA, source: dict[str, Any]) -> None:
    answers = generate(model, **source, search=Search(beams=4, longest=6, normalise=False))
    for row, found in enumerate(answers):
        assert len(found) == 4
        assert [answer.score for answer in found] == sorted((a.score for a in found), reverse=True)
        for answer in found:
            assert answer.score == pytest.approx(scores_of(model, source, row, answer.tokens), abs=1e-4)
            assert 1 <= len(answer.tokens) <= 6
    normalised = generate(model, **source, search=Search(beams=4, longest=6, length_penalty=2.0))
    for row, found in enumerate(normalised):
        for answer in found:
            whole = scores_of(model, source, row, answer.tokens)
            assert answer.score == pytest.approx(whole / (len(answer.tokens) + 1) ** 2, abs=1e-4)


def test_wide_search_finds_the_best_of_all_options(model: OFA, source: dict[str, Any]) -> None:
    options = [[list(pair) for pair in itertools.product((10, 11, 12), (20, 21))] + [[30]] for _ in range(3)]
    constraint = Options(model.config, options)
    answers = generate(
        model, **source, search=Search(beams=8, longest=4, normalise=False), constraint=constraint
    )
    for found in answers:
        assert sorted(answer.tokens for answer in found) == sorted(options[0])
        # Normalised over what may follow, the options share all of the probability.
        assert sum(torch.tensor([answer.score for answer in found]).exp()) == pytest.approx(1.0, abs=1e-4)


def test_each_row_has_its_own_options(model: OFA, source: dict[str, Any]) -> None:
    options = [[[5]], [[6, 7, 8, 9], [6, 7]], [[8], [8, 9]]]
    for beams in (1, 3):
        search = Search(beams=beams, longest=5)
        answers = generate(model, **source, search=search, constraint=Options(model.config, options))
        for found, choices in zip(answers, options, strict=True):
            assert found
            assert all(answer.tokens in choices for answer in found)


def test_rows_do_not_disturb_each_other(model: OFA, source: dict[str, Any]) -> None:
    search = Search(beams=3, longest=7, normalise=False)
    together = generate(model, **source, search=search)
    for row in range(3):
        one = {name: tensor[row : row + 1] for name, tensor in source.items()}
        alone = generate(model, **one, search=search)[0]
        assert [answer.tokens for answer in alone] == [answer.tokens for answer in together[row]]


@pytest.mark.parametrize("beams", [1, 4])
def test_boxes_have_corners_in_order(model: OFA, source: dict[str, Any], beams: int) -> None:
    first = model.config.vocabulary - LOCATION_BINS
    for most in (1, 2):
        search = Search(beams=beams, longest=4 * most, normalise=False)
        answers = generate(model, **source, search=search, constraint=Boxes(model.config, most))
        for answer in itertools.chain.from_iterable(answers):
            bins = [token - first for token in answer.tokens]
            assert len(bins) in {4, 4 * most}
            assert all(0 <= bin_ < LOCATION_BINS for bin_ in bins)
            for x0, y0, x1, y1 in zip(*[iter(bins)] * 4, strict=True):
                assert x0 < x1
                assert y0 < y1


def test_a_picture_is_written_in_codes(model: OFA, source: dict[str, Any]) -> None:
    constraint = PictureCodes(model.config, 16)
    search = Search(beams=2, longest=16)
    first = first_code_id(model.config.vocabulary)
    for found in generate(model, **source, search=search, constraint=constraint, writes_codes=True):
        assert len(found[0].tokens) == 16
        assert all(first <= token < first + IMAGE_CODES for token in found[0].tokens)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 4), st.integers(0, 3))
def test_no_sequence_twice(beams: int, size: int) -> None:
    model = tiny_model()
    source = torch.randint(4, 40, (2, 5), generator=torch.Generator().manual_seed(size))
    search = Search(beams=beams, longest=9, shortest=9, no_repeat_ngram=size)
    for answer in itertools.chain.from_iterable(generate(model, source, search=search)):
        grams = [tuple(answer.tokens[i : i + size]) for i in range(len(answer.tokens) - size + 1)]
        assert len(answer.tokens) == 9
        assert not size or len(set(grams)) == len(grams)


def test_errors(model: OFA, source: dict[str, Any]) -> None:
    with pytest.raises(BuildError, match="finds nothing"):
        Search(beams=0)
    with pytest.raises(BuildError, match="finds nothing"):
        Search(longest=3, shortest=4)
    with pytest.raises(BuildError, match="a target is longer"):
        generate(model, **source, search=Search(longest=128))
    with pytest.raises(BuildError, match="nothing to choose"):
        Options(model.config, [[[5]], [], [[6]]])
    with pytest.raises(BuildError, match="no answer") as raised:
        three = Options(model.config, [[[5]], [[6]], [[7, 8, 9]]])
        generate(model, **source, search=Search(longest=2), constraint=three)
    assert "row 2" in str(raised.value)


def test_constraints_stand_on_the_published_ids() -> None:
    config = OFAConfig(8, 1, 1, 1, 1, 8, 8, (1, 1, 1))
    row = torch.zeros(1, dtype=torch.int64)
    nothing = torch.zeros(1, 0, dtype=torch.int64)
    boxes = Boxes(config).allowed(nothing, row)[0].nonzero().flatten()
    assert (int(boxes[0]), int(boxes[-1])) == (58_457, 59_455)
    last = Boxes(config).allowed(torch.tensor([[58_457 + 7, 59_455]]), row)[0].nonzero().flatten()
    assert (int(last[0]), int(last[-1])) == (58_457 + 8, 59_456)
    codes = PictureCodes(config, 4).allowed(nothing, row)[0].nonzero().flatten()
    assert (int(codes[0]), int(codes[-1]), len(codes)) == (50_265, 58_456, 8_192)
    ended = PictureCodes(config, 0).allowed(nothing, row)[0].nonzero().flatten()
    assert ended.tolist() == [EOS]
    strange = Options(tiny_config(), [[[5]]]).allowed(torch.tensor([[6]]), row)[0].nonzero().flatten()
    assert strange.tolist() == [EOS]
