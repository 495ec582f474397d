"""Label smoothing, against the formula written out over all log-probabilities."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from ofa.loss import label_smoothed
from tests.ofa.tiny_model import tiny_batch, tiny_model


@given(st.integers(2, 30), st.integers(1, 6), st.floats(0.0, 0.9), st.integers(0, 99))
def test_formula(vocabulary: int, tokens: int, smoothing: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(tokens, vocabulary, generator=generator, dtype=torch.float64) * 5
    targets = torch.randint(vocabulary, (tokens,), generator=generator)
    logprobs = logits.log_softmax(-1)
    share = smoothing / (vocabulary - 1)
    nll = -logprobs.gather(1, targets[:, None]).sum()
    expected = (1 - smoothing - share) * nll - share * logprobs.sum()
    sums = label_smoothed(logits.float(), targets, smoothing)
    assert sums.loss.item() == pytest.approx(expected.item(), rel=1e-4, abs=1e-4)
    assert sums.nll.item() == pytest.approx(nll.item(), rel=1e-4, abs=1e-4)
    assert sums.tokens == tokens


def test_only_allowed_ids_share_the_probability() -> None:
    logits = torch.randn(2, 10, requires_grad=True)
    allowed = torch.zeros(2, 10, dtype=torch.bool)
    allowed[0, [1, 4, 7]] = True
    allowed[1, 3] = True
    sums = label_smoothed(logits, torch.tensor([4, 3]), 0.1, allowed)
    few = label_smoothed(logits[:1, [1, 4, 7]], torch.tensor([1]), 0.1)
    # The second row has no choice, and no loss.
    assert sums.loss.item() == pytest.approx(few.loss.item(), abs=1e-6)
    torch.autograd.backward(sums.loss)
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert not logits.grad[~allowed].any()


def test_model_counts_targets_that_are_not_padding() -> None:
    model, batch = tiny_model(), tiny_batch()
    targets = torch.cat([batch["target_inputs"][:, 1:], torch.full((3, 1), 2)], dim=1)
    targets[1] = torch.tensor([5, 6, 7, 2, 1, 1])
    sums = model.loss(targets=targets, smoothing=0.0, **batch)
    logits = model(**batch)
    assert sums.tokens == 16
    expected = functional.cross_entropy(
        logits.flatten(0, 1), targets.flatten(), ignore_index=1, reduction="sum"
    )
    assert sums.loss.item() == pytest.approx(expected.item(), rel=1e-5)
