"""Pictures to image codes and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from ofa import vqgan
from ofa.codes import code_text, codes_of, first_code_id, middle, pictures_of
from ofa.vqgan import VQGAN
from schemas.errors import BuildError


@pytest.fixture(scope="module")
def fixture(vectors: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = torch.load(vectors / "vqgan_parity.pt", weights_only=True)
    return loaded


@pytest.fixture(scope="module")
def model(fixture: dict[str, Any]) -> VQGAN:
    torch.set_num_threads(1)
    return vqgan.model_of(fixture["state_dict"])


def test_middle_of_a_picture_is_encoded_by_itself(fixture: dict[str, Any], model: VQGAN) -> None:
    whole, part = fixture["cases"]["full_256"], fixture["cases"]["middle_128"]
    cut = middle(whole["image_u8"][None])
    assert torch.equal(cut[0], part["image_u8"])
    assert torch.equal(codes_of(model, cut)[0], part["codes"].flatten().long())


def test_codes_become_the_reference_picture(fixture: dict[str, Any], model: VQGAN) -> None:
    case = fixture["cases"]["middle_128"]
    picture = pictures_of(model, case["codes"].long().view(1, -1))[0]
    assert picture.shape == (128, 128, 3)
    assert int((picture.int() - case["dec_u8"].int()).abs().max()) <= 1


@pytest.mark.parametrize("shape", [(1, 64, 96, 3), (1, 60, 60, 3), (64, 64, 3), (1, 3, 64, 64), (1, 0, 0, 3)])
def test_other_pictures_are_refused(shape: tuple[int, ...], model: VQGAN) -> None:
    with pytest.raises(BuildError, match="no codes"):
        codes_of(model, torch.zeros(shape, dtype=torch.uint8))


@pytest.mark.parametrize("codes", [[[1, 2, 3]], [[0, 0, 0, 512]], [[-1, 0, 0, 0]], [[]]])
def test_other_codes_are_refused(codes: list[list[int]], model: VQGAN) -> None:
    with pytest.raises(BuildError, match="code"):
        pictures_of(model, torch.tensor(codes, dtype=torch.int64))


def test_checkpoint_of_training_loads(fixture: dict[str, Any], tmp_path: Path) -> None:
    state = fixture["state_dict"] | {"loss.discriminator.weight": torch.zeros(3)}
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "last.ckpt")
    loaded = vqgan.load(tmp_path / "last.ckpt")
    assert loaded.config == vqgan.VQGANConfig(32, (1, 1, 2, 3), 2, 64, 512)
    assert not loaded.training


@pytest.mark.parametrize(
    "change", [{"first_stage.weight": torch.zeros(1)}, {"quant_conv.bias": torch.zeros(5)}]
)
def test_other_tensors_are_refused(change: dict[str, Any], fixture: dict[str, Any]) -> None:
    with pytest.raises(BuildError, match="do not fit"):
        vqgan.model_of(fixture["state_dict"] | change)
    with pytest.raises(BuildError, match="missing"):
        vqgan.model_of({name: fixture["state_dict"][name] for name in list(fixture["state_dict"])[:-1]})


@pytest.mark.parametrize(
    "tensor", [torch.zeros(()), torch.zeros(0, 3, 3, 3), torch.zeros(33, 3, 3, 3), torch.zeros(3)]
)
def test_shapes_of_no_model_are_refused(tensor: torch.Tensor, fixture: dict[str, Any]) -> None:
    for name in ("encoder.conv_in.weight", "quantize.embed.weight"):
        with pytest.raises(BuildError):
            vqgan.model_of(fixture["state_dict"] | {name: tensor})


def test_ids_and_text_of_codes() -> None:
    assert first_code_id(59_457) == 50_265
    assert code_text(torch.tensor([0, 8191])) == "<code_0> <code_8191>"
