"""Reading and writing weights: nothing in a file is ever run.

Our own checkpoint is a folder:

    model.safetensors    the weights
    config.json          the fields of `OFAConfig`

Checkpoints of the Hugging Face port and of fairseq are read with `weights_only`; the latter are renamed
through the key map.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from ofa.config import SIZES, OFAConfig
from ofa.model import OFA
from ofa.positions import code_positions, image_buckets, token_buckets
from ofa.state import check_shapes, read_state
from schemas.errors import BuildError

WEIGHTS: Final = "model.safetensors"
CONFIG: Final = "config.json"

_RENAMED: Final = tuple(
    (re.compile(rf"^(\w+\.layers\.\d+)\.{old}\."), rf"\1.{new}.")
    for old, new in (
        ("attn_ln", "self_attn_mid_layer_norm"),
        ("self_attn_ln", "self_attn_mid_layer_norm"),
        ("cross_attn_ln", "cross_attn_mid_layer_norm"),
        ("encoder_attn", "cross_attn"),
        ("encoder_attn_layer_norm", "cross_attn_layer_norm"),
        ("ffn_layernorm", "ffn_layer_norm"),
    )
)
_TOKENS = "encoder.embed_tokens.weight"
_TIED = ("decoder.embed_tokens.weight", "decoder.output_projection.weight")
_RECOMPUTED = re.compile(r"^(encoder|decoder)\.(version|token_rp_bucket|image_rp_bucket|image_position_idx)$")
_MEASURED = (
    "d_model",
    "encoder_layers",
    "decoder_layers",
    "encoder_heads",
    "decoder_heads",
    "encoder_ffn",
    "decoder_ffn",
    "resnet_layers",
    "vocabulary",
    "max_positions",
    "token_buckets",
    "image_grid",
)
"""Fields of the configuration that `config_of` reads off the shapes."""

_GROWING = (_TOKENS, "encoder.embed_image_positions.weight", "decoder.embed_image_positions.weight")


def hugging_face_name(name: str) -> str:
    """The Hugging Face port's name of a parameter that fairseq calls `name`; others stay as they are.

    `encoder.layers.0.attn_ln.bias` is `encoder.layers.0.self_attn_mid_layer_norm.bias`.
    """
    for old, new in _RENAMED:
        name = old.sub(new, name)
    return name


def file_of(checkpoint: Path) -> Path:
    """The file of weights of a checkpoint, which is that file or our folder."""
    return checkpoint / WEIGHTS if checkpoint.is_dir() else checkpoint


def load(checkpoint: Path, **settings: Any) -> OFA:
    """The model of a checkpoint, in single precision on the CPU, in training mode.

    Sizes are read off the shapes; what shapes do not say is taken from our `config.json` beside a file of
    safetensors.

    Args:
        checkpoint: our folder, or a file of any kind.
        settings: fields of `OFAConfig` to set otherwise, such as `dropout` or `batch_norm`.

    Raises:
        BuildError: as `read_state` and `model_of`, or the JSON is not the configuration of these weights.
    """
    path = file_of(checkpoint)
    state = read_state(path)
    config = config_of(state)
    beside = path.with_name(CONFIG)
    if path.suffix == ".safetensors" and beside.is_file():
        config = _config_beside(beside, config)
    return model_of(state, replace(config, **settings), where=path)


def _config_beside(path: Path, measured: OFAConfig) -> OFAConfig:
    """The configuration in a JSON file, if it fits the sizes that the weights have.

    That of the Hugging Face port, which names its `model_type`, says nothing that shapes do not.
    """
    try:
        values = json.loads(path.read_text())
        if "model_type" in values:
            return measured
        config = OFAConfig.from_json(values)
    except (ValueError, TypeError, AttributeError, BuildError) as error:
        raise BuildError("not a configuration of OFA", where=path, got=error) from error
    for name in _MEASURED:
        if getattr(config, name) != getattr(measured, name):
            raise BuildError(
                "the configuration is not that of the weights beside it",
                where=path,
                got=f"{name} = {getattr(config, name)}",
                expected=getattr(measured, name),
            )
    return config


def save(model: OFA, folder: Path, name: str = WEIGHTS) -> None:
    """Writes a checkpoint: safetensors, and the configuration as JSON beside them.

    Both are written aside and renamed, the weights last. Tied copies and what positions alone
    decide are left out.

    Args:
        name: of the file of weights; others of the same sizes, such as averaged ones, may lie beside it.
    """
    held = model.state_dict()
    state = {
        key: held[key].detach().cpu().contiguous()
        for key in held
        if key not in _TIED and not _RECOMPUTED.match(key)
    }
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f".{name}.{os.getpid()}"
    aside.write_text(json.dumps(model.config.to_json(), indent=1) + "\n")
    _put(aside, folder / CONFIG)
    save_file(state, aside, metadata={"format": "pt"})
    _put(aside, folder / name)


def _put(aside: Path, place: Path) -> None:
    with aside.open("rb") as file:
        os.fsync(file.fileno())
    aside.replace(place)


def config_of(state: Mapping[str, Tensor]) -> OFAConfig:
    """The sizes of a model, read off the shapes of its tensors (under either set of names).

    Raises:
        BuildError: these are not the tensors of an OFA model.
    """
    shapes = {hugging_face_name(name): tuple(tensor.shape) for name, tensor in state.items()}
    try:
        vocabulary, width = shapes[_TOKENS]
        pairs = shapes["encoder.image_rel_pos_table_list.0.weight"][0] - 3
        config = OFAConfig(
            d_model=width,
            encoder_layers=_count(shapes, "encoder.layers"),
            decoder_layers=_count(shapes, "decoder.layers"),
            encoder_heads=shapes["encoder.layers.0.self_attn.c_attn"][0],
            decoder_heads=shapes["decoder.layers.0.self_attn.c_attn"][0],
            encoder_ffn=shapes["encoder.layers.0.fc1.weight"][0],
            decoder_ffn=shapes["decoder.layers.0.fc1.weight"][0],
            resnet_layers=(
                _count(shapes, "encoder.embed_images.layer1"),
                _count(shapes, "encoder.embed_images.layer2"),
                _count(shapes, "encoder.embed_images.layer3"),
            ),
            vocabulary=vocabulary,
            max_positions=shapes["encoder.embed_positions.weight"][0] - 2,
            token_buckets=(shapes["encoder.token_rel_pos_table_list.0.weight"][0] + 1) // 2,
            image_grid=(math.isqrt(pairs) + 1) // 2,
        )
    except (KeyError, ValueError, IndexError) as error:
        raise BuildError(
            "not the weights of an OFA model",
            got=f"{len(shapes)} tensors; {type(error).__name__} {error}",
            expected="a checkpoint of fairseq's OFA or of its Hugging Face port",
        ) from error
    for published in SIZES.values():
        picture = published.patch_image_size
        if replace(published, vocabulary=vocabulary) == replace(config, patch_image_size=picture):
            return replace(config, patch_image_size=picture)
    return config


def model_of(state: Mapping[str, Tensor], config: OFAConfig, where: object = None) -> OFA:
    """A model with these weights, under either set of names.

    What positions alone decide is computed, not taken from `state`. Embeddings with fewer rows than
    the model has get rows drawn as fairseq does, N(0, width ** -0.5), with a seed of their own.

    Raises:
        BuildError: tensors are missing, unknown or of another shape.
    """
    with torch.device("meta"):
        model = OFA(config)
    expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    given = {hugging_face_name(name): tensor for name, tensor in state.items()}
    given = {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in given.items()
        if name not in _TIED and not _RECOMPUTED.match(name)
    }
    for name in _GROWING:
        if name in given:
            given[name] = _grown(given[name], expected[name])
    for name in expected:
        if name.endswith(".num_batches_tracked"):
            given.setdefault(name, torch.tensor(0))
    tokens = token_buckets(config.token_buckets)
    patches = image_buckets(config.image_grid)
    for side in ("encoder", "decoder"):
        given[f"{side}.token_rp_bucket"], given[f"{side}.image_rp_bucket"] = tokens, patches
    given["decoder.image_position_idx"] = code_positions(config.code_image_size, config.image_grid)
    if _TOKENS in given:
        given |= dict.fromkeys(_TIED, given[_TOKENS])
    check_shapes(given, expected, where)
    model.load_state_dict(given, assign=True)
    model.tie()
    return model


def _grown(tensor: Tensor, expected: tuple[int, ...]) -> Tensor:
    """`tensor` with rows added where only these are wanting."""
    if tensor.dim() != 2 or tensor.shape[1] != expected[1] or tensor.shape[0] >= expected[0]:
        return tensor
    generator = torch.Generator().manual_seed(0)
    rows = torch.empty(expected[0] - tensor.shape[0], expected[1])
    nn.init.normal_(rows, std=expected[1] ** -0.5, generator=generator)
    return torch.cat([tensor, rows])


def _count(shapes: Mapping[str, Any], prefix: str) -> int:
    """How many modules are numbered under `prefix`."""
    dots = prefix.count(".") + 1
    return len({name.split(".")[dots] for name in shapes if name.startswith(f"{prefix}.")})
