"""What the forward pass and a training step promise."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ofa.config import size
from ofa.model import OFA
from ofa.resnet import DropPath
from schemas.errors import BuildError
from tests.ofa.tiny_model import tiny_batch, tiny_config, tiny_model

WRITTEN = [(0, 6), (1, 4), (2, 6)]
"""Rows of the batch and how many of their target ids are not padding."""


def close(one: Tensor, other: Tensor, tolerance: float = 1e-5) -> bool:
    return bool((one - other).abs().max() <= tolerance)


def norm_statistics(model: OFA) -> list[Tensor]:
    return [module.running_mean.clone() for module in model.modules() if isinstance(module, nn.BatchNorm2d)]  # type: ignore[union-attr]


def gradients(model: OFA, batch: dict[str, Any], **others: Any) -> dict[str, Tensor]:
    model.zero_grad()
    torch.autograd.backward(model.loss(targets=batch["target_inputs"].roll(-1, 1), **batch, **others).loss)
    return {
        name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None
    }


def test_each_row_is_as_if_it_stood_alone() -> None:
    model, batch = tiny_model(), tiny_batch()
    with torch.no_grad():
        together = model(**batch)
        for row, length in WRITTEN:
            source = batch["source"][row : row + 1]
            alone = model(
                source[:, source[0] != 1],
                batch["target_inputs"][row : row + 1, :length],
                batch["pictures"][row : row + 1] if batch["has_picture"][row] else None,
            )
            assert close(together[row, :length], alone[0])


@pytest.mark.parametrize("entangled", [False, True])
def test_places_are_in_the_embeddings_only_if_asked(entangled: bool) -> None:
    model, batch = tiny_model(entangled_positions=entangled), tiny_batch()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "pos_q_linear" in name or "rel_pos_table" in name:
                parameter.zero_()
        words, inputs, pictures = (batch[name][:1] for name in ("source", "target_inputs", "pictures"))
        straight = model(words, inputs, pictures)
        assert close(straight, model(words.flip(1), inputs, pictures)) != entangled
        # Convolutions know the border of a picture: so what is flipped is what they have made of it.
        model.encoder.add_module("embed_images", nn.Sequential(model.encoder.embed_images, _Flipped()))
        assert close(straight, model(words, inputs, pictures)) != entangled


class _Flipped(nn.Module):
    def forward(self, features: Tensor) -> Tensor:
        return features.flip(2)


def test_pictures_of_rows_without_one_are_never_looked_at() -> None:
    model, batch = tiny_model(), tiny_batch()
    other = batch | {"pictures": batch["pictures"].clone()}
    other["pictures"][1] = float("nan")
    model.train()
    before = norm_statistics(model)
    one = gradients(model, batch)
    learnt = norm_statistics(model)
    fresh = tiny_model().train()
    two = gradients(fresh, other)
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert all(torch.equal(a, b) for a, b in zip(learnt, norm_statistics(fresh), strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(before, learnt, strict=True))


def test_batch_statistics_are_those_of_the_pictures_that_count() -> None:
    batch = tiny_batch()
    one, two = tiny_model().train(), tiny_model().train()
    one(**batch)
    rows = batch["has_picture"]
    two(batch["source"][rows], batch["target_inputs"][rows], batch["pictures"][rows])
    assert all(close(a, b) for a, b in zip(norm_statistics(one), norm_statistics(two), strict=True))


def test_a_batch_without_pictures_is_text() -> None:
    model, batch = tiny_model(), tiny_batch()
    nobody = batch | {"has_picture": torch.zeros(3, dtype=torch.bool)}
    with torch.no_grad():
        assert torch.equal(model(**nobody), model(batch["source"], batch["target_inputs"]))


def test_frozen_batch_norm_learns_nothing() -> None:
    model = tiny_model(batch_norm="frozen")
    model.train()
    before = norm_statistics(model)
    found = gradients(model, tiny_batch())
    assert all(torch.equal(a, b) for a, b in zip(before, norm_statistics(model), strict=True))
    assert not any(".bn" in name or "downsample.1" in name for name in found)
    assert "encoder.embed_images.layer1.0.conv1.weight" in found


def test_rows_of_image_codes_and_of_words_may_be_mixed() -> None:
    model, batch = tiny_model(), tiny_batch()
    flags = torch.tensor([True, False, False])
    with torch.no_grad():
        mixed = model(**batch, writes_codes=flags)
        codes = model(**batch, writes_codes=torch.ones(3, dtype=torch.bool))
        words = model(**batch)
    assert close(mixed[0], codes[0])
    assert close(mixed[2], words[2])
    assert not close(codes[0], words[0], 1e-3)
    assert set(gradients(model, batch)) < set(gradients(model, batch, writes_codes=flags))


def test_no_step_sees_what_comes_after() -> None:
    model, batch = tiny_model(), tiny_batch()
    for codes in (None, torch.ones(3, dtype=torch.bool)):
        later = batch | {"target_inputs": batch["target_inputs"].clone()}
        later["target_inputs"][:, 3:] = 9
        with torch.no_grad():
            one, two = model(**batch, writes_codes=codes), model(**later, writes_codes=codes)
        assert close(one[:, :3], two[:, :3], 1e-6)


def test_checkpointing_changes_no_gradient() -> None:
    batch = tiny_batch()
    plain = gradients(tiny_model().train(), batch)
    saving = gradients(tiny_model(gradient_checkpointing=True).train(), batch)
    assert set(plain) == set(saving)
    assert all(close(plain[name], saving[name], 1e-4) for name in plain)


def test_autocast_stays_near() -> None:
    model, batch = tiny_model(), tiny_batch()
    with torch.no_grad():
        exact = model(**batch)
        with torch.autocast("cpu", torch.bfloat16):
            rough = model(**batch)
    assert rough.dtype == torch.bfloat16
    assert close(exact, rough.float(), 0.05 * float(exact.abs().max()))


def test_kept_biases_follow_the_weights() -> None:
    model, batch = tiny_model(), tiny_batch()
    table = model.encoder.image_rel_pos_table_list[0].weight
    assert isinstance(table, nn.Parameter)
    with torch.no_grad():
        first = model(**batch)
        assert torch.equal(model(**batch), first)
        table.mul_(3.0)
        second = model(**batch)
        assert not close(first, second, 1e-4)
        table.data.div_(3.0)
        assert close(model.eval()(**batch), first)


def test_kept_biases_are_those_of_training() -> None:
    model, batch = tiny_model(), tiny_batch()
    with_gradient = model(**batch)
    for source in (batch["source"], batch["source"][:, :5]):
        wanted = model(source, batch["target_inputs"], batch["pictures"])
        with torch.no_grad():
            assert close(model(source, batch["target_inputs"], batch["pictures"]), wanted)
        with torch.inference_mode():
            assert close(model(source, batch["target_inputs"], batch["pictures"]), wanted)
    assert close(model(**batch), with_gradient, 1e-6)


def test_drop_path_drops_whole_rows() -> None:
    torch.manual_seed(0)
    dropped = DropPath(0.25)(torch.ones(2000, 3, 4))
    rows = dropped.flatten(1)
    assert bool((rows == rows[:, :1]).all())
    assert rows.unique().tolist() == pytest.approx([0.0, 4 / 3])
    assert float((rows[:, 0] == 0).float().mean()) == pytest.approx(0.25, abs=0.04)
    assert torch.equal(DropPath(0.25).eval()(rows), rows)


def test_drop_path_grows_with_depth() -> None:
    model = OFA(tiny_config(encoder_layers=3, encoder_drop_path=0.2, decoder_drop_path=0.1))
    assert [layer.drop_path.rate for layer in model.encoder.layers] == pytest.approx([0.0, 0.1, 0.2])  # type: ignore[union-attr]
    assert [layer.drop_path.rate for layer in model.decoder.layers] == pytest.approx([0.0, 0.1])  # type: ignore[union-attr]


def test_compiling_keeps_the_names() -> None:
    model = tiny_model()
    names = list(model.state_dict())
    model.compile_layers()
    assert list(model.state_dict()) == names


def test_initialisation_is_that_of_bert() -> None:
    torch.manual_seed(0)
    model = OFA(tiny_config())
    tokens = model.encoder.embed_tokens.weight
    assert not tokens[1].any()
    assert float(tokens.std()) == pytest.approx(0.02, rel=0.05)
    assert float(model.encoder.embed_images.conv1.weight.std()) == pytest.approx(
        (2 / (64 * 49)) ** 0.5, rel=0.05
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pictures": torch.zeros(3, 2, 3, 32, 32)}, "one picture a row"),
        ({"pictures": torch.zeros(3, 6, 32, 32)}, "one picture a row"),
        ({"pictures": torch.zeros(6, 3, 32, 32)}, "do not go with"),
        ({"pictures": torch.zeros(3, 1, 32, 32)}, "do not go with"),
        ({"pictures": torch.zeros(3, 3, 32, 129)}, "more patches"),
        ({"source": torch.full((3, 129), 5)}, "a source is longer"),
        ({"target_inputs": torch.full((3, 129), 5)}, "a target is longer"),
    ],
)
def test_what_does_not_fit_is_said(change: dict[str, Tensor], words: str) -> None:
    with pytest.raises(BuildError, match=words):
        tiny_model()(**tiny_batch() | change)


def test_limits_of_a_published_size() -> None:
    with torch.device("meta"):
        model = OFA(size("base"))
        too_long = torch.empty(1, 1025, dtype=torch.int64)
        fitting = torch.empty(1, 1, dtype=torch.int64)
        with pytest.raises(BuildError, match="1025 ids"):
            model(too_long, fitting)
        with pytest.raises(BuildError, match="43 x 42 patches"):
            model(fitting, fitting, torch.empty(1, 3, 673, 672))
