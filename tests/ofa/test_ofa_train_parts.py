"""The parts of training: the learning rate, averages, parts of a batch, recipes and the models they name."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ofa import weights
from ofa.average import Average
from ofa.config import SIZES
from ofa.examples import Examples
from ofa.model import OFA
from ofa.recipes import config_of, model_of, names
from ofa.recipes import recipe as by_name
from ofa.schedule import learning_rate
from schemas.errors import BuildError
from tests.ofa.training_runs import recipe


@given(
    updates=st.integers(1, 400),
    warmup=st.floats(0, 0.99),
    final=st.floats(0, 1),
)
def test_the_learning_rate_rises_and_falls(updates: int, warmup: float, final: float) -> None:
    held = recipe(learning_rate=2.0, final_learning_rate=final * 2.0, warmup=warmup)
    rates = [learning_rate(update, updates, held) for update in range(updates)]
    top = rates.index(max(rates))
    assert all(0 < rate <= 2.0 for rate in rates[: top + 1])
    assert all(one <= other for one, other in pairwise(rates[: top + 1]))
    assert all(one >= other for one, other in pairwise(rates[top:]))
    assert max(rates) == pytest.approx(2.0)
    if updates - round(warmup * updates) > 1:
        assert rates[-1] == pytest.approx(held.final_learning_rate)


def test_the_learning_rate_of_some_updates() -> None:
    held = recipe(learning_rate=1.0, final_learning_rate=0.2, warmup=0.4)
    assert [round(learning_rate(update, 10, held), 6) for update in range(10)] == [
        *(0.25, 0.5, 0.75, 1.0),
        *(1.0, 0.84, 0.68, 0.52, 0.36, 0.2),
    ]


def test_an_average_follows_weights_and_is_shown() -> None:
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 0.0)
    average = Average(model, 0.5)
    for value in (1.0, 2.0):
        nn.init.constant_(model.weight, value)
        average.follow()
    # 0 -> 0.5 -> 1.25
    with average.shown():
        assert model.weight.item() == 1.25
    assert model.weight.item() == 2.0
    other = Average(nn.Linear(2, 1), 0.5)
    with pytest.raises(BuildError, match="do not fit"):
        other.load(average.state())


@pytest.mark.parametrize("most", [1, 4, 100])
def test_parts_of_a_batch_are_its_rows(examples: Examples, most: int) -> None:
    rows = list(range(9))
    whole = examples[rows]
    parts = list(whole.parts(most))
    assert [row for part in parts for row in part.rows.tolist()] == rows
    assert all(len(part) <= most for part in parts)
    for part in parts:
        alone = examples[part.rows.tolist()]
        assert alone.source.equal(part.source)
        assert alone.target_inputs.equal(part.target_inputs)
        assert alone.targets.equal(part.targets)
        assert alone.pictures.equal(part.pictures)


@pytest.mark.parametrize("name", names())
def test_every_recipe_names_a_model(name: str) -> None:
    held = by_name(name)
    with torch.device("meta"):
        model = OFA(config_of(held, 59_457))
    assert model.config.dropout == held.dropout
    if held.size is not None:
        assert model.config.d_model == SIZES[held.size].d_model
        assert not held.from_scratch


def test_names_of_recipes_are_helped_with(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="no such recipe") as caught:
        by_name("laptob")
    assert "laptop" in str(caught.value)
    path = tmp_path / "mine.toml"
    path.write_text(
        'summary = "x"\nmixture = "all"\nsize = "tiny"\nepochs = 0\nrows = 1\nlearning_rate = 1\n'
    )
    with pytest.raises(BuildError, match="not a recipe") as caught:
        by_name(str(path))
    assert "epochs" in str(caught.value)


def test_drawn_weights_follow_from_the_seed() -> None:
    one, same, other = (model_of(recipe(), 600 + 9_192, None, seed) for seed in (1, 1, 2))
    name = "encoder.layers.0.fc1.weight"
    assert one.state_dict()[name].equal(same.state_dict()[name])
    assert not one.state_dict()[name].equal(other.state_dict()[name])


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    weights.save(model_of(recipe(), 9_800, None, 0), tmp_path)
    assert model_of(recipe(), 9_800, tmp_path, 0).config.vocabulary == 9_800
    with pytest.raises(BuildError, match="another vocabulary"):
        model_of(recipe(), 9_801, tmp_path, 0)
    wider = recipe().shape
    assert wider is not None
    with pytest.raises(BuildError, match="not of the recipe's size") as caught:
        model_of(recipe(shape=wider.model_copy(update={"ffn": 48})), 9_800, tmp_path, 0)
    assert "encoder_ffn 48" in str(caught.value)
