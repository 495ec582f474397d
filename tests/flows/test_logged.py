"""What the log of a run says of bytes as they come: now and then, with how long the rest takes."""

from __future__ import annotations

from flows.logged import LoggedProgress


def test_bytes_are_told_now_and_then_with_the_time_that_is_left() -> None:
    said: list[str] = []
    seconds = iter(range(0, 10_000, 10))
    progress = LoggedProgress(said.append, every=30, clock=lambda: float(next(seconds)))
    # A million bytes a second, of which 500 million were here before.
    for step in range(10):
        progress(500_000_000 + step * 10_000_000, 1_400_000_000)
    assert said == [
        "530.0 MB of 1.4 GB, 1.0 MB a second, 14 min left",
        "560.0 MB of 1.4 GB, 1.0 MB a second, 14 min left",
        "590.0 MB of 1.4 GB, 1.0 MB a second, 14 min left",
    ]


def test_a_size_that_nobody_knows_has_no_end() -> None:
    said: list[str] = []
    seconds = iter(range(0, 10_000, 40))
    progress = LoggedProgress(said.append, every=30, clock=lambda: float(next(seconds)))
    for done in (0, 8_000_000, 8_000_000):
        progress(done, None)
    progress(8_000_000, 9_000_000)
    assert said == [
        "8.0 MB of unknown, 200.0 kB a second",
        "8.0 MB of unknown, 100.0 kB a second",
        "8.0 MB of 9.0 MB, 66.7 kB a second, 0 min left",
    ]


def test_what_is_quick_is_not_told() -> None:
    said: list[str] = []
    progress = LoggedProgress(said.append, every=30, clock=lambda: 7.0)
    for done in range(100):
        progress(done, 100)
    assert said == []
