"""The order of an epoch: complete, drawn by seed and epoch alone, and kind to pictures."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ofa.order import Order, Shuffle, choices, draws, permutation
from shards.ragged import Integers

SHUFFLES: list[Shuffle] = ["global", "window", "none"]
property_test = settings(max_examples=60, deadline=None)
pictures_of_rows = st.lists(st.integers(-1, 9), min_size=1, max_size=120).map(
    lambda rows: np.array(rows, np.int64)
)


def lengths(rows: Integers) -> tuple[Integers, Integers]:
    return 5 + rows * 7 % 23, 2 + rows * 5 % 200


def order_of(
    pictures: Integers, batch_size: int = 4, shuffle: Shuffle = "global", window: int = 3, epoch: int = 0
) -> Order:
    return Order(pictures, batch_size, lengths, (0, epoch), shuffle, window)


def test_draws_are_splitmix64() -> None:
    """Against the generator as it is published, one number after the other."""
    mask = 2**64 - 1
    state = int.from_bytes(hashlib.md5(b"7|of what").digest()[:8])
    expected = []
    for _ in range(20):
        state = (state + 0x9E3779B97F4A7C15) & mask
        mixed = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & mask
        expected.append(mixed ^ (mixed >> 31))
    assert draws(np.arange(20), 7, "of what").tolist() == expected
    assert draws([3], 7, "of what").tolist() == expected[3:4]


def test_choices_are_even_and_independent() -> None:
    first, second = (choices(np.arange(50_000), 5, epoch) for epoch in (0, 1))
    pairs = np.bincount(5 * first + second, minlength=25)
    assert len(pairs) == 25 and abs(pairs - 2_000).max() < 250
    assert choices(np.arange(10), 1, "x").tolist() == [0] * 10


def test_orders_never_change() -> None:
    """Saved states would point elsewhere."""
    assert permutation(10, 0, 0, "rows").tolist() == [6, 0, 2, 8, 4, 1, 3, 5, 9, 7]
    batches = [order_of(np.arange(10)).batch(number).rows.tolist() for number in range(3)]
    assert batches == [[0, 4, 1], [3, 7, 8, 9], [5, 2, 6]]


@given(
    pictures=pictures_of_rows,
    batch_size=st.integers(1, 20),
    shuffle=st.sampled_from(SHUFFLES),
    window=st.integers(1, 12),
)
@property_test
def test_each_row_is_in_one_batch(pictures: Integers, batch_size: int, shuffle: Shuffle, window: int) -> None:
    order = order_of(pictures, batch_size, shuffle, window)
    batches = [order.batch(number).rows for number in range(order.batches)]
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(pictures)))
    sizes = {len(batch) for batch in batches}
    assert max(sizes) <= batch_size and max(sizes) - min(sizes) <= 1
    # Any batch can be asked for first, as when an epoch is resumed.
    for number in reversed(range(order.batches)):
        assert (
            order_of(pictures, batch_size, shuffle, window).batch(number).rows.tolist()
            == batches[number].tolist()
        )
    if shuffle == "none":
        assert np.concatenate(batches).tolist() == list(range(len(pictures)))


@given(pictures=pictures_of_rows, batch_size=st.integers(1, 20), window=st.integers(1, 12))
@property_test
def test_a_window_shows_each_picture_while_it_is_kept(
    pictures: Integers, batch_size: int, window: int
) -> None:
    order = order_of(pictures, batch_size, "window", window)
    last_kept: dict[int, int] = {}
    for number in range(order.batches):
        rows, until = order.batch(number)
        assert (until >= number).all() and (until < order.batches).all()
        for picture, last in zip(pictures[rows].tolist(), until.tolist(), strict=True):
            assert picture < 0 or last_kept.setdefault(picture, last) == last
            assert picture < 0 or number <= last


def test_a_window_keeps_few_pictures() -> None:
    pictures = np.repeat(np.arange(400), 8)
    order = order_of(pictures, 16, "window", 20)
    kept: dict[int, int] = {}
    most = 0
    for number in range(order.batches):
        rows, until = order.batch(number)
        kept |= dict(zip(pictures[rows].tolist(), until.tolist(), strict=True))
        kept = {picture: last for picture, last in kept.items() if last >= number}
        most = max(most, len(kept))
    assert 20 <= most <= 40


@pytest.mark.parametrize("shuffle", ["global", "window"])
def test_epochs_and_seeds_differ(shuffle: Shuffle) -> None:
    pictures = np.arange(300) // 3
    orders = {
        names: [Order(pictures, 10, lengths, names, shuffle, 5).batch(n).rows.tolist() for n in range(30)]
        for names in ((0, 0), (0, 1), (1, 0))
    }
    told = list(orders.values())
    assert told[0] != told[1] and told[0] != told[2] and told[1] != told[2]
    # Rows of one picture do not come one after the other, and batches not by length.
    firsts = [batch[0] for batch in told[0]]
    assert firsts != sorted(firsts)


def test_batches_hold_rows_of_like_length() -> None:
    order = order_of(np.full(2_000, -1), 20)
    padded = real = mixed = 0
    for number in range(order.batches):
        source, target = lengths(order.batch(number).rows)
        mixed += len(set((target > 128).tolist())) > 1
        padded += len(source) * int(source.max())
        real += int(source.sum())
    assert real > 0.9 * padded
    # Long targets, as of image codes, do not pad short ones, but where the one kind ends.
    assert mixed <= 1
