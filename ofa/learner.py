"""One update of the weights: loss of the parts of a batch, gradients over all processes, AdamW."""

from __future__ import annotations

import math
from collections.abc import Iterable
from contextlib import nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import clip_grad_norm_, get_total_norm

from ofa.average import Average
from ofa.batch import Batch
from ofa.model import OFA
from ofa.processes import Processes
from schemas.errors import BuildError
from schemas.token import PAD
from schemas.training import Recipe

_PRECISIONS = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}

_ONLY_FOR_CODES = (
    "decoder.embed_image_positions.",
    "decoder.image_pos_ln.",
    "decoder.code_layernorm_embedding.",
    "decoder.image_rel_pos_table_list.",
)
"""Parameters that no row reaches whose answer is words."""


class Learnt(NamedTuple):
    """What an update says of itself, over all processes; see `schemas.training.Update`."""

    loss: float
    nll: float
    rows: int
    ids: int
    gradient: float | None
    stop: bool


class Learner:
    """A model, and all that changes as it learns.

    An update is one of the whole batch: its gradient is that of the loss summed over the targets of all
    processes and divided by their number (fairseq, `sentence_avg` off). So the number of processes and of
    parts changes nothing but the statistics of trained batch norms, dropout, and the last bits of sums.

    Args:
        model: moved to the device.
        mixed: some rows have no picture, so that parts of a batch may not reach all parameters.
        codes: some rows are answered with image codes.
    """

    def __init__(
        self,
        model: OFA,
        recipe: Recipe,
        processes: Processes,
        rows_at_once: int,
        *,
        mixed: bool = False,
        codes: bool = False,
    ) -> None:
        self.model = model.to(processes.device).train()
        self._recipe, self._processes, self._rows_at_once = recipe, processes, rows_at_once
        _freeze(self.model, recipe, codes)
        trained = [one for one in self.model.parameters() if one.requires_grad]
        self._optimizer = torch.optim.AdamW(
            trained,
            recipe.learning_rate,
            betas=recipe.betas,
            eps=recipe.epsilon,
            weight_decay=recipe.weight_decay,
            foreach=True,
        )
        self._trained = trained
        self._half = _PRECISIONS[recipe.precision]
        if self._half is torch.float16 and processes.device.type != "cuda":
            raise BuildError(
                "fp16 needs a GPU", got=processes.device, next_step="take a recipe with bf16 or fp32"
            )
        self._scaler = torch.amp.GradScaler(enabled=self._half is torch.float16)
        self.average = Average(self.model, recipe.average) if recipe.average else None
        self._loss: nn.Module = _Loss(self.model, recipe.smoothing)
        if processes.ranks > 1:
            self._loss = DistributedDataParallel(
                self._loss, broadcast_buffers=False, find_unused_parameters=mixed or codes
            )

    def learn(self, batch: Batch, rate: float, stop: bool = False) -> Learnt:
        """Makes one update with this process's rows of a batch.

        Args:
            rate: the learning rate.
            stop: this process was asked to stop; told to all.

        Raises:
            BuildError: the loss is no number any more. The weights are those before this batch.
        """
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        targets = int((batch.targets != PAD).sum())
        ids = targets + int((batch.source != PAD).sum())
        targets_of_all, rows, ids_of_all, stops = self._processes.sums(targets, len(batch), ids, stop)
        loss, nll = self._backward(batch, targets_of_all)
        loss, nll = self._processes.sums(loss, nll)
        self._check(loss, "the loss is no number any more")
        gradient = self._step()
        return Learnt(
            loss / targets_of_all, nll / targets_of_all, int(rows), int(ids_of_all), gradient, stops > 0
        )

    @torch.no_grad()
    def nll(self, parts: Iterable[Batch]) -> tuple[float, int]:
        """Summed negative log-likelihood of the targets of this process's batches, and how many there are."""
        self.model.eval()
        sums, count = 0.0, 0
        for part in parts:
            part = part.to(self._processes.device)
            with self._cast():
                found = self.model.loss(targets=part.targets, **part.inputs(), smoothing=0.0)
            sums, count = sums + float(found.nll), count + found.tokens
        self.model.train()
        return sums, count

    def agree(self) -> None:
        """Gives all processes the same statistics of batch norms: the mean of theirs."""
        norms = [one for one in self.model.modules() if isinstance(one, nn.BatchNorm2d)]
        statistics = [one for norm in norms for one in (norm.running_mean, norm.running_var)]
        self._processes.average(one for one in statistics if one is not None)

    def state(self) -> dict[str, Any]:
        """What is stored to go on."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "scaler": self._scaler.state_dict(),
            "average": self.average.state() if self.average else None,
        }

    def load(self, held: dict[str, Any]) -> None:
        """Takes what `state` has given."""
        self.model.load_state_dict(held["model"])
        self._optimizer.load_state_dict(held["optimizer"])
        self._scaler.load_state_dict(held["scaler"])
        if self.average:
            self.average.load(held["average"])

    def _backward(self, batch: Batch, targets_of_all: float) -> tuple[float, float]:
        """Adds up gradients, over all processes with the last part; this process's loss and nll, summed."""
        self._optimizer.zero_grad(set_to_none=True)
        parts = list(batch.parts(self._rows_at_once))
        losses, nlls = [], []
        for number, part in enumerate(parts, 1):
            part = part.to(self._processes.device)
            alone = isinstance(self._loss, DistributedDataParallel) and number < len(parts)
            with self._loss.no_sync() if alone else nullcontext():  # type: ignore[operator]
                with self._cast():
                    loss, nll = self._loss(part)
                # The gradients of processes are averaged, and ought to be summed.
                share = self._processes.ranks / targets_of_all
                self._scaler.scale(loss * share).backward()
            losses.append(loss.detach())
            nlls.append(nll)
        return float(torch.stack(losses).sum()), float(torch.stack(nlls).sum())

    def _step(self) -> float | None:
        self._scaler.unscale_(self._optimizer)
        if self._recipe.clip_norm:
            length = clip_grad_norm_(self._trained, self._recipe.clip_norm, foreach=True)
        else:
            length = get_total_norm([one.grad for one in self._trained if one.grad is not None], foreach=True)
        gradient = float(length)
        if not self._scaler.is_enabled():
            self._check(gradient, "a gradient is no number any more")
        self._scaler.step(self._optimizer)
        self._scaler.update()
        if not math.isfinite(gradient):
            return None
        if self.average:
            self.average.follow()
        return gradient

    def _check(self, number: float, what: str) -> None:
        if not math.isfinite(number):
            raise BuildError(
                what,
                got=number,
                next_step="the last checkpoint is as it was; take a recipe with a lower learning rate, "
                "a longer warm-up or another precision, under another --name",
            )

    def _cast(self) -> Any:
        if self._half is None:
            return nullcontext()
        return torch.autocast(self._processes.device.type, self._half)


class _Loss(nn.Module):
    """The loss as a module, which is what several processes share."""

    def __init__(self, model: OFA, smoothing: float) -> None:
        super().__init__()
        self._model, self._smoothing = model, smoothing

    def forward(self, part: Batch) -> tuple[Tensor, Tensor]:
        """Loss and negative log-likelihood, summed over targets."""
        sums = self._model.loss(targets=part.targets, **part.inputs(), smoothing=self._smoothing)
        return sums.loss, sums.nll


def _freeze(model: OFA, recipe: Recipe, codes: bool) -> None:
    """Leaves alone what is not trained: without a gradient, a weight neither moves nor decays."""
    model.encoder.embed_tokens.weight.requires_grad_(not recipe.freeze_embeddings)
    for name, parameter in model.named_parameters():
        if name.startswith(_ONLY_FOR_CODES):
            parameter.requires_grad_(codes)
