"""Tensors by name: read out of a checkpoint, and held to the names and shapes of a model.

Nothing in a file is ever run: files of `torch.save` are read with `weights_only` and a short list of
classes.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import load_file
from torch import Tensor

from schemas.errors import BuildError

State = dict[str, Tensor]

ALLOWED: Final = (argparse.Namespace,)
"""Classes that a checkpoint may hold besides what `weights_only` lets through: fairseq's arguments."""


def read_state(path: Path) -> State:
    """The tensors of a checkpoint by name, whatever else it holds.

    `.safetensors` files are read as such, everything else as a file of `torch.save`, in which the
    tensors may lie under `model` (fairseq) or `state_dict` (Lightning).

    Raises:
        BuildError: the file cannot be read without running what it holds, or holds no tensors.
    """
    if not path.is_file():
        raise BuildError("no such checkpoint", where=path, next_step="download it, or adopt the file")
    try:
        if path.suffix == ".safetensors":
            held: Any = load_file(path)
        else:
            with torch.serialization.safe_globals(list(ALLOWED)):
                held = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file may raise anything at all
        raise _unreadable(path, f"{type(error).__name__}: {str(error)[:500]}") from error
    for key in ("model", "state_dict"):
        if isinstance(held, Mapping) and isinstance(held.get(key), Mapping):
            held = held[key]
    tensors = held.items() if isinstance(held, Mapping) else ()
    state = {str(name): value for name, value in tensors if isinstance(value, Tensor)}
    if not state:
        raise _unreadable(path, f"{type(held).__name__} without tensors by name")
    return state


def check_shapes(given: Mapping[str, Tensor], expected: Mapping[str, tuple[int, ...]], where: object) -> None:
    """Raises BuildError unless `given` has exactly the expected names and shapes."""
    missing = sorted(set(expected) - set(given))
    unknown = sorted(set(given) - set(expected))
    other = [
        f"{name} {tuple(given[name].shape)} instead of {shape}"
        for name, shape in expected.items()
        if name in given and tuple(given[name].shape) != shape
    ]
    problems = {"missing": missing, "unknown": unknown, "of another shape": other}
    if any(problems.values()):
        got = "; ".join(
            f"{len(names)} {problem} ({', '.join(names[:5])}{', …' if len(names) > 5 else ''})"
            for problem, names in problems.items()
            if names
        )
        raise BuildError(
            "weights do not fit the model",
            where=where,
            got=got,
            expected=f"exactly the {len(expected)} tensors of the model",
            next_step="check that the checkpoint is of this size of the model",
        )


def _unreadable(path: Path, got: object) -> BuildError:
    return BuildError(
        "the checkpoint cannot be read safely",
        where=path,
        got=got,
        expected="tensors by name; no classes but " + ", ".join(item.__name__ for item in ALLOWED),
        next_step="convert it to safetensors in a sandbox, or fetch it again if it is damaged",
    )
