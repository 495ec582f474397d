"""Names and shapes of every size are those of the published checkpoints."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ofa.config import SIZES, OFAConfig, size
from ofa.model import OFA
from ofa.vqgan import VQGAN, VQGANConfig
from schemas.errors import BuildError

# ofa.md §6.1: counted on the reference.
PARAMETERS = {
    "tiny": 33_488_336,
    "medium": 92_892_000,
    "base": 182_238_536,
    "large": 472_977_152,
    "huge": 929_486_848,
}


@pytest.mark.parametrize("name", SIZES)
def test_state_is_that_of_the_hugging_face_port(name: str, vectors: Path) -> None:
    with torch.device("meta"):
        model = OFA(SIZES[name])
    learnt = dict(model.named_parameters(remove_duplicate=False))
    ours = {
        key: ("x".join(map(str, value.shape)) or "scalar", str(value.dtype), key in learnt)
        for key, value in model.state_dict().items()
    }
    lines = (vectors / f"ofa_{name}_params.tsv").read_text().splitlines()[1:]
    theirs = {
        key: (shape, f"torch.{dtype}", kind == "param")
        for key, shape, dtype, kind in (line.split("\t") for line in lines)
    }
    assert ours == theirs
    assert sum(parameter.numel() for parameter in model.parameters()) == PARAMETERS[name]


def test_state_of_the_vqgan(vectors: Path) -> None:
    with torch.device("meta"):
        model = VQGAN(VQGANConfig())
    ours = {key: ",".join(map(str, value.shape)) for key, value in model.state_dict().items()}
    lines = (vectors / "vqgan_params.tsv").read_text().splitlines()
    assert ours == dict(line.split("\t") for line in lines)


def test_embeddings_are_one_parameter() -> None:
    with torch.device("meta"):
        model = OFA(SIZES["tiny"])
    tokens = model.encoder.embed_tokens.weight
    assert model.decoder.embed_tokens.weight is tokens
    assert model.decoder.output_projection.weight is tokens


def test_a_size_takes_settings() -> None:
    assert size("base", dropout=0.0) == OFAConfig(768, 6, 6, 12, 12, 3072, 3072, (3, 4, 23), 384, dropout=0.0)
    with pytest.raises(BuildError, match="no such size"):
        size("enormous")


def test_configuration_survives_json() -> None:
    config = size("tiny", batch_norm="frozen")
    assert OFAConfig.from_json(config.to_json()) == config
    with pytest.raises(BuildError, match="unknown fields: colour"):
        OFAConfig.from_json(config.to_json() | {"colour": 1})
    with pytest.raises(BuildError, match="heads"):
        size("tiny", encoder_heads=3)
