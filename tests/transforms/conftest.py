"""Fixtures of the tests that download."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.transforms.fault_server import Server
from transforms import resume


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A running server."""
    with Server().running() as running:
        yield running


@pytest.fixture
def own_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a machine remembers is the test's own, no proxy is asked, and files are synced often."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(resume, "SYNC_BYTES", 4_096)
