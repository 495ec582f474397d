"""Cross-entropy with label smoothing, as OFA trains."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class LossSums(NamedTuple):
    """Sums over target tokens.

    Attributes:
        loss: with smoothing; its gradient is divided by the tokens of the whole update.
        nll: without, for reports; carries no gradient.
        tokens: how many there were.
    """

    loss: Tensor
    nll: Tensor
    tokens: int


def label_smoothed(
    logits: Tensor, targets: Tensor, smoothing: float, allowed: Tensor | None = None
) -> LossSums:
    """Sum of (1 - s - e) * -log p(target) + e * sum over ids of -log p, e = s / (ids - 1).

    The formula is that of OFA `adjust_label_smoothed_cross_entropy`.

    Args:
        logits: (tokens, vocabulary).
        targets: int64 (tokens,), no padding among them.
        smoothing: s, 0 for none.
        allowed: bool (tokens, vocabulary), ids among which the answer is sought; all if absent.
    """
    logits = logits.float()
    if allowed is None:
        count: Tensor | int = logits.shape[-1]
        total = logits.sum(-1)
    else:
        count = allowed.sum(-1)
        total = logits.masked_fill(~allowed, 0.0).sum(-1)
        logits = logits.masked_fill(~allowed, -torch.inf)
    norm = logits.logsumexp(-1)
    nll = norm - logits.gather(-1, targets[:, None]).squeeze(-1)
    # -log p summed over ids without a tensor of log-probabilities as wide as the vocabulary.
    spread = count * norm - total
    others = torch.as_tensor(count - 1, device=logits.device).clamp(min=1)
    share = smoothing / others
    loss = (1.0 - smoothing - share) * nll + share * spread
    return LossSums(loss.sum(), nll.detach().sum(), targets.numel())
