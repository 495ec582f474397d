"""The processes that train one model together: one, or those that `torchrun` has started."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed

from schemas.errors import BuildError, ExitCode


@dataclass(frozen=True)
class Processes:
    """This process among those that train together.

    Attributes:
        device: of this process.
        rank: its number, from 0.
        ranks: how many there are.
    """

    device: torch.device
    rank: int = 0
    ranks: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the one that writes files."""
        return self.rank == 0

    def sums(self, *numbers: float) -> list[float]:
        """Each number summed over all processes, in double precision."""
        if self.ranks == 1:
            return list(numbers)
        held = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        distributed.all_reduce(held)
        return held.tolist()

    def largest(self, number: float) -> float:
        """The largest number that any process has."""
        if self.ranks == 1:
            return number
        held = torch.tensor([number], dtype=torch.float64, device=self.device)
        distributed.all_reduce(held, op=distributed.ReduceOp.MAX)
        return float(held)

    def average(self, tensors: Iterable[Tensor]) -> None:
        """Replaces each tensor by its mean over all processes."""
        if self.ranks > 1:
            for tensor in tensors:
                distributed.all_reduce(tensor.div_(self.ranks))

    def wait(self) -> None:
        """Until all processes are here."""
        if self.ranks > 1:
            distributed.barrier()


@contextmanager
def joined(device: str | None) -> Iterator[Processes]:
    """Joins the other processes if `torchrun` has started this one: a context that leaves them at its end.

    Args:
        device: such as `cpu` or `cuda`, where each process takes the GPU with its number on the machine; a
            GPU where there is one if None.

    Raises:
        BuildError: there is no such device.
    """
    kind = device or ("cuda" if torch.cuda.is_available() else "cpu")
    together = "WORLD_SIZE" in os.environ
    if kind == "cuda" and together:
        kind = f"cuda:{os.environ['LOCAL_RANK']}"
    place = _device(kind)
    if place.type == "cuda":
        torch.cuda.set_device(place)
    if not together:
        yield Processes(place)
        return
    distributed.init_process_group("nccl" if place.type == "cuda" else "gloo")
    try:
        yield Processes(place, distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise BuildError(
            "there is no such device",
            got=name,
            expected="cpu, or one of the GPUs that torch sees",
            next_step=f"torch says: {str(error).splitlines()[0]}",
            exit_code=ExitCode.USAGE,
        ) from error
    return device
