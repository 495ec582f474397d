"""Recipes by name, and the model that one trains. `ofa/recipes/<name>.toml` is the registry."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import torch

from ofa import weights
from ofa.config import OFAConfig, size
from ofa.model import INIT_STD, OFA
from ofa.positions import CODE_STRIDE
from ofa.resnet import STRIDE
from schemas.errors import BuildError, ExitCode
from schemas.token import TARGET_PICTURE_SIDE
from schemas.training import Recipe, Shape

FOLDER: Final = Path(__file__).resolve().parent / "recipes"


def names() -> list[str]:
    """All recipes, in order of name."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def recipe(name: str) -> Recipe:
    """A recipe by its name, or by the path of a file of one's own.

    Raises:
        BuildError: there is no such recipe, or a file is not one.
    """
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if not path.is_file():
        raise BuildError(
            "no such recipe",
            got=name,
            expected=f"{', '.join(names())}, or a file of one's own that ends in .toml",
            exit_code=ExitCode.USAGE,
        )
    try:
        return Recipe.model_validate(tomllib.loads(path.read_text()))
    except ValueError as error:  # of pydantic and of tomllib
        raise BuildError(
            "not a recipe",
            where=path,
            got=error,
            next_step="compare it with those in ofa/recipes",
            exit_code=ExitCode.USAGE,
        ) from error


def config_of(recipe: Recipe, vocabulary: int) -> OFAConfig:
    """The model of a recipe, for a vocabulary of this many ids."""
    if recipe.shape is None:
        published = size(str(recipe.size), vocabulary=vocabulary)
        return replace(published, **_trained_so(recipe))
    return _own(recipe.shape, vocabulary, **_trained_so(recipe))


def model_of(recipe: Recipe, vocabulary: int, start: Path | None, seed: int) -> OFA:
    """The model that a run begins with: that of a checkpoint, or one whose weights are drawn.

    Args:
        start: see `ofa.weights.load`.
        seed: of the draw.

    Raises:
        BuildError: the checkpoint cannot be read, or is not of the recipe's size or vocabulary.
    """
    expected = config_of(recipe, vocabulary)
    if start is None:
        torch.manual_seed(drawn(seed, "weights"))
        return OFA(expected, recipe.shape.init_std if recipe.shape else INIT_STD)
    model = weights.load(start, **_trained_so(recipe), patch_image_size=expected.patch_image_size)
    if model.config.vocabulary != vocabulary:
        raise BuildError(
            "a model has another vocabulary than the shards",
            where=start,
            got=f"{model.config.vocabulary} ids in the model",
            expected=f"{vocabulary}, as in the shards",
            next_step="build the shards with the vocabulary that the model was trained with",
            exit_code=ExitCode.USAGE,
        )
    if model.config != expected:
        here, there = model.config.to_json(), expected.to_json()
        raise BuildError(
            "a checkpoint is not of the recipe's size",
            where=start,
            got=", ".join(f"{name} {here[name]}" for name in here if here[name] != there[name]),
            expected=", ".join(f"{name} {there[name]}" for name in here if here[name] != there[name]),
            next_step="take the recipe of that size, or another checkpoint",
            exit_code=ExitCode.USAGE,
        )
    return model


def drawn(seed: int, *names: object) -> int:
    """A seed for torch, the first 63 bits of md5 of a seed and names."""
    told = "|".join(str(name) for name in (seed, *names))
    return int.from_bytes(hashlib.md5(told.encode(), usedforsecurity=False).digest()[:8]) >> 1


def _trained_so(recipe: Recipe) -> dict[str, Any]:
    return {
        "dropout": recipe.dropout,
        "encoder_drop_path": recipe.drop_path,
        "decoder_drop_path": recipe.drop_path,
        "batch_norm": recipe.batch_norm,
        "gradient_checkpointing": recipe.gradient_checkpointing,
    }


def _own(shape: Shape, vocabulary: int, **settings: Any) -> OFAConfig:
    # Pictures that are written have a grid of codes of their own, in the same tables.
    sides = (-(-shape.picture_side // STRIDE), TARGET_PICTURE_SIDE // CODE_STRIDE)
    return OFAConfig(
        d_model=shape.width,
        encoder_layers=shape.encoder_layers,
        decoder_layers=shape.decoder_layers,
        encoder_heads=shape.heads,
        decoder_heads=shape.heads,
        encoder_ffn=shape.ffn,
        decoder_ffn=shape.ffn,
        resnet_layers=shape.resnet_layers,
        patch_image_size=shape.picture_side,
        image_grid=max(sides),
        code_image_size=TARGET_PICTURE_SIDE,
        vocabulary=vocabulary,
        max_positions=shape.positions,
        entangled_positions=shape.entangled_positions,
        **settings,
    )
