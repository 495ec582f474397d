"""Buckets and positions, against values read off the reference (ofa.md §6.4 and §6.5)."""

from __future__ import annotations

from hashlib import sha256

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ofa.positions import Grid, code_positions, grid_positions, image_buckets, token_buckets


def digest(table: Tensor) -> str:
    return sha256(table.numpy().astype("<i8").tobytes()).hexdigest()


def test_tables_are_those_of_the_checkpoints() -> None:
    assert digest(token_buckets(256)) == "20c31e82a79b5e99e560102fc14acca443cae87bcddffeb9021430a3dd46e46c"
    assert digest(image_buckets(42)) == "f982ef63073e509c2bee49d3c0fcd15ab78c40b214d286478c0f58bad925b756"


def test_token_buckets_at_chosen_distances() -> None:
    table = token_buckets(256)
    distances = [0, 1, 127, 128, 129, 130, 200, 255, 512, 1000, 1023]
    assert table[distances, 0].tolist() == [255, 256, 382, 383, 384, 384, 411, 426, 468, 509, 510]
    assert table[0, [128, 1023]].tolist() == [127, 0]


def test_image_buckets_at_chosen_pairs() -> None:
    table = image_buckets(42)
    assert [int(table[pair]) for pair in ((1, 1), (1, 2), (1, 43))] == [3444, 3443, 3361]
    assert [int(table[pair]) for pair in ((0, 5), (5, 0), (0, 0))] == [6889, 6890, 6891]


@given(st.sampled_from([8, 32, 64, 128, 256, 512]))
def test_every_bucket_has_a_row(buckets: int) -> None:
    table = token_buckets(buckets)
    assert int(table.min()) >= 0
    assert int(table.max()) <= 2 * buckets - 2
    assert bool((table[1:, 0].diff() >= 0).all()), "further away never means a smaller bucket"
    assert torch.equal(table + table.T, torch.full_like(table, 2 * (buckets - 1)))


@given(st.integers(1, 6), st.integers(1, 6))
def test_patches_are_numbered_row_by_row(height: int, width: int) -> None:
    rows = grid_positions(Grid(height, width), 42).view(height, width)
    assert int(rows[-1, -1]) == (height - 1) * 42 + width
    assert rows[0].tolist() == list(range(1, width + 1))


def test_image_codes_stand_where_their_patches_do() -> None:
    table = code_positions(128, 42)
    assert table.shape == (1025,)
    assert int(table[0]) == 0
    assert torch.equal(table[1:257], grid_positions(Grid(16, 16), 42))
    assert set(table[257:].tolist()) == {1024}
