"""A small collection that tests of batches share."""

from __future__ import annotations

from pathlib import Path

import pytest

from ofa.examples import Examples
from tests.ofa.made_collection import SIDE, make_collection


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection made by hand; tests only read it."""
    return make_collection(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="session")
def examples(folder: Path) -> Examples:
    """All its instances."""
    return Examples(folder, "train", SIDE)
