"""The moving average of a model's weights, as OFA keeps one beside them (fairseq `--store-ema`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ofa.state import State, check_shapes


class Average:
    """average = decay * average + (1 - decay) * weights, after each update, of parameters that are trained.

    The image trunk's statistics are no parameters: those of the weights are used.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._decay = decay
        self._followed = {name: one for name, one in model.named_parameters() if one.requires_grad}
        self._held = {name: one.detach().clone() for name, one in self._followed.items()}

    @torch.no_grad()
    def follow(self) -> None:
        """Takes in the weights as they are now."""
        torch._foreach_lerp_(list(self._held.values()), list(self._followed.values()), 1.0 - self._decay)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """A context in which the model has the averaged weights."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def state(self) -> State:
        """The averages by name of the parameter."""
        return self._held

    def load(self, state: State) -> None:
        """Takes averages that were stored.

        Raises:
            BuildError: they are of other parameters.
        """
        check_shapes(state, {name: tuple(one.shape) for name, one in self._held.items()}, "average")
        for name, held in self._held.items():
            held.copy_(state[name])

    @torch.no_grad()
    def _swap(self) -> None:
        for name, parameter in self._followed.items():
            held: Tensor = self._held[name]
            kept = parameter.detach().clone()
            parameter.copy_(held)
            held.copy_(kept)
