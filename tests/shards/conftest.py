"""Vocabularies that tests of shards use."""

from __future__ import annotations

from pathlib import Path

import pytest

from instructions.load import load_instructions, shipped_tasks
from shards.train_vocabulary import train_vocabulary
from shards.vocabulary import Vocabulary
from tests.shards.shard_helpers import HOSTILE

SHARED_BPE = Path(__file__).resolve().parents[3] / "shared" / "bpe"


@pytest.fixture(scope="session")
def small_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small vocabulary's three files. Runs of blanks and breaks are trained, to be mergeable."""
    folder = tmp_path_factory.mktemp("small_bpe")
    runs = [f"a{space * count}b" for space in (" ", "\n", "\n ", " \n") for count in range(1, 6)] * 9
    # With the words of the instructions, or these would be longer than an instruction may be.
    words = [wording.text for task in shipped_tasks() for wording in load_instructions(task).wordings]
    train_vocabulary([*HOSTILE, *runs, *words] * 3, folder, 1_000)
    return folder


@pytest.fixture(scope="session")
def small(small_files: Path) -> Vocabulary:
    """A small trained vocabulary."""
    return Vocabulary.load(small_files)


@pytest.fixture(scope="session", params=["small", "ofa"])
def vocabulary(request: pytest.FixtureRequest, small: Vocabulary) -> Vocabulary:
    """The small vocabulary always, OFA's own where its files are there."""
    if request.param == "small":
        return small
    if not SHARED_BPE.is_dir():
        pytest.skip(f"OFA's vocabulary files are not there: {SHARED_BPE}")
    return Vocabulary.load(SHARED_BPE)
