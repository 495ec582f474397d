"""Streams of batches: in which order, and going on in the middle with other workers and ranks."""

from __future__ import annotations

import gc
import json
import pickle
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from ofa import batches as module
from ofa.batch import Batch
from ofa.batches import Batches
from ofa.examples import Examples
from ofa.order import Shuffle
from ofa.pictures import DecodedAhead
from schemas.errors import BuildError
from tests.ofa.made_collection import SIDE, make_collection, unpadded

SHUFFLES: list[Shuffle] = ["global", "window", "none"]


def same(one: Batch, other: Batch) -> bool:
    """Whether two batches are equal in everything."""
    for name in Batch.__dataclass_fields__:
        mine, theirs = getattr(one, name), getattr(other, name)
        equal = mine.equal(theirs) if isinstance(mine, torch.Tensor) else mine == theirs
        if not equal:
            return False
    return True


def streamed(stream: Batches, workers: int, patch: pytest.MonkeyPatch) -> list[Batch]:
    """What a `DataLoader` with workers gives, without processes: each worker's stream in turn."""

    def of_worker(number: int) -> list[Batch]:
        patch.setattr(module, "get_worker_info", lambda: SimpleNamespace(id=number, num_workers=workers))
        return list(stream)

    streams = [of_worker(number) for number in range(workers)]
    patch.setattr(module, "get_worker_info", lambda: None)
    if not workers:
        return list(stream)
    longest = max(map(len, streams))
    return [some[turn] for turn in range(longest) for some in streams if turn < len(some)]


def rows_of(batches: list[Batch]) -> list[list[int]]:
    return [batch.rows.tolist() for batch in batches]


@pytest.mark.parametrize("shuffle", SHUFFLES)
def test_an_epoch_is_every_instance_once(examples: Examples, shuffle: Shuffle) -> None:
    stream = Batches(examples, 7, shuffle=shuffle, epochs=2, window=4, threads=1)
    batches = list(stream)
    half = len(batches) // 2
    assert len(batches) == len(stream) == 2 * -(-len(examples) // 7)
    for epoch in (batches[:half], batches[half:]):
        assert sorted(row for batch in epoch for row in batch.rows.tolist()) == list(range(len(examples)))
    assert (rows_of(batches[:half]) == rows_of(batches[half:])) is (shuffle == "none")
    assert all(same(*pair) for pair in zip(batches, stream, strict=True))


@given(
    stop=st.integers(0, 27),
    workers=st.integers(0, 4),
    ranks=st.integers(1, 3),
    shuffle=st.sampled_from(SHUFFLES),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_state_goes_on_with_other_workers_and_ranks(
    examples: Examples,
    monkeypatch: pytest.MonkeyPatch,
    stop: int,
    workers: int,
    ranks: int,
    shuffle: Shuffle,
) -> None:
    how: dict[str, Any] = {"shuffle": shuffle, "epochs": 2, "window": 4, "threads": 1}
    whole = list(Batches(examples, 7, **how))
    # Saved by one of two ranks that ran without workers, and written down.
    other = list(Batches(examples, 7, **how, rank=1, ranks=2))
    state = json.loads(json.dumps(other[stop - 1].state)) if stop else None
    parts = [
        streamed(Batches(examples, 7, **how, state=state, rank=rank, ranks=ranks), workers, monkeypatch)
        for rank in range(ranks)
    ]
    assert len(whole) == 28
    for batch, *of_ranks in zip(whole[stop:], *parts, strict=True):
        for rank, part in enumerate(of_ranks):
            assert part.rows.equal(batch.rows[rank::ranks]) and part.state == batch.state
            assert part.instructions.equal(batch.instructions[rank::ranks])
            assert part.pictures.equal(batch.pictures[rank::ranks])
            assert [unpadded(row) for row in part.source] == [
                unpadded(row) for row in batch.source[rank::ranks]
            ]


@pytest.mark.parametrize("workers", [1, 2])
def test_worker_processes_give_the_same(examples: Examples, workers: int) -> None:
    expected = list(Batches(examples, 16, shuffle="window", epochs=2))
    stream = Batches(examples, 16, shuffle="window", epochs=2)
    # What other tests have started in this process, such as a server of Prefect, does not survive a fork.
    loader = DataLoader(stream, batch_size=None, num_workers=workers, multiprocessing_context="spawn")
    assert all(same(*pair) for pair in zip(expected, loader, strict=True))


def test_workers_that_are_spawned_open_the_files_anew(examples: Examples) -> None:
    """Such workers get what is pickled."""
    stream = Batches(examples.in_epoch(3), 16, threads=1)
    sent = pickle.dumps(stream)
    assert len(sent) < 5_000
    assert all(same(*pair) for pair in zip(stream, pickle.loads(sent), strict=True))
    again = pickle.loads(pickle.dumps(examples.in_epoch(3)))
    assert same(again[[1, 2]], examples.in_epoch(3)[[1, 2]])


def test_ranks_are_those_of_torch_distributed(examples: Examples, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: 1)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    expected = list(Batches(examples, 16, threads=1, rank=1, ranks=2))
    assert rows_of(list(Batches(examples, 16, threads=1))) == rows_of(expected)


def test_a_window_decodes_each_picture_once_an_epoch(
    examples: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: Counter[int] = Counter()
    decode = Examples.picture

    def counting(self: Examples, number: int) -> torch.Tensor:
        decoded[number] += 1
        return decode(self, number)

    monkeypatch.setattr(Examples, "picture", counting)
    list(Batches(examples, 5, shuffle="window", window=3, threads=2))
    assert decoded == Counter(dict.fromkeys(range(12), 1))


@pytest.mark.parametrize(("shuffle", "most"), [("global", 8 + 2), ("none", 8 + 2), ("window", 6 + 2)])
def test_few_pictures_are_held(
    examples: Examples, monkeypatch: pytest.MonkeyPatch, shuffle: Shuffle, most: int
) -> None:
    """Although there are only twelve, all of which would soon be held."""
    held = []

    class Watched(DecodedAhead):
        def ask(self, pictures: Iterable[int], until: Iterable[int]) -> None:
            super().ask(pictures, until)
            held.append(self.held)

    monkeypatch.setattr(module, "DecodedAhead", Watched)
    given = list(Batches(examples, 2, shuffle=shuffle, window=1, threads=1))
    assert len(given) == len(held) and 2 < max(held) <= most


def test_an_abandoned_stream_leaves_no_threads(examples: Examples) -> None:
    def decoders() -> list[str]:
        return [one.name for one in threading.enumerate() if one.name.startswith("pictures")]

    stream: Iterator[Batch] = iter(Batches(examples, 5, threads=2))
    next(stream)
    assert decoders()
    del stream
    assert not decoders()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"batch_size": 0}, "batch_size 0"),
        ({"epochs": 0}, "epochs 0"),
        ({"window": 0}, "window 0"),
        ({"threads": -1}, "threads -1"),
        ({"shuffle": "some"}, "no such shuffle"),
        ({"rank": 2, "ranks": 2}, "no such rank"),
        ({"rank": 1}, "belong together"),
        ({"batch_size": 3, "rank": 0, "ranks": 4}, "fewer rows than there are ranks"),
        ({"state": {"epoch": 0}}, "not a state"),
        ({"state": {"epoch": True}}, "not a state"),
    ],
)
def test_batches_that_cannot_be(examples: Examples, asked: dict[str, Any], message: str) -> None:
    whole: dict[str, Any] = {"batch_size": 8} | asked
    with pytest.raises(BuildError, match=message):
        Batches(examples, **whole)


def test_a_state_of_other_batches_is_refused(folder: Path, examples: Examples) -> None:
    state = next(iter(Batches(examples, 8, shuffle="window", threads=1))).state
    assert state is not None and (state["epoch"], state["batches"]) == (0, 1)
    others: list[tuple[str, Examples, dict[str, Any]]] = [
        ("batch_size", examples, {"batch_size": 9}),
        ("shuffle", examples, {"shuffle": "global"}),
        ("window", examples, {"window": 5}),
        ("seed", Examples(folder, "train", SIDE, seed=1), {}),
        ("content", Examples(folder, "train", SIDE, tasks=["choosing"]), {}),
        ("content", Examples(folder, "train", SIDE, instruction=0), {}),
    ]
    for name, some, how in others:
        whole: dict[str, Any] = {"batch_size": 8, "shuffle": "window", "state": state} | how
        with pytest.raises(BuildError, match=f"belongs to other batches(.|\n)*{name}"):
            Batches(some, **whole)
    # What shows the same instances otherwise may change.
    blind = Examples(folder, "train", 2 * SIDE, blind=True)
    assert len(Batches(blind, 8, shuffle="window", state=state)) == -(-len(examples) // 8) - 1
    with pytest.raises(BuildError, match="not a state"):
        Batches(examples, 8, shuffle="window", state={**state, "more": 1})
    with pytest.raises(BuildError, match="not a state"):
        Batches(examples, 8, shuffle="window", state={**state, "batches": -1})


def test_a_worker_tells_what_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # How long torch waits for a worker that has failed.
    monkeypatch.setattr(torch.utils.data._utils, "MP_STATUS_CHECK_INTERVAL", 0.2)
    folder = make_collection(tmp_path, rows=10)
    path = folder / "pictures" / "pictures.zip"
    data = bytearray(path.read_bytes())
    data[600] ^= 1
    path.write_bytes(data)
    loader = DataLoader(Batches(Examples(folder, "train", SIDE), 4), batch_size=None, num_workers=1)
    with pytest.raises(BuildError, match="made:0") as raised:
        list(loader)
    del raised, loader
    gc.collect()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_pinned_batches_come_to_the_gpu(examples: Examples) -> None:
    loader = DataLoader(Batches(examples, 16), batch_size=None, num_workers=1, pin_memory=True)
    for batch in loader:
        assert batch.source.is_pinned() and batch.pictures.is_pinned()
        shown = batch.to("cuda").inputs()["pictures"]
        assert shown.device.type == "cuda"
        expected = batch.inputs()["pictures"]
        assert torch.allclose(shown.cpu(), expected, atol=1e-6)
