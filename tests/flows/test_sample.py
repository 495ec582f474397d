"""Where the sample world lies in a lake: under a name of what decides its bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows import sample
from schemas.settings import BuildSettings


def test_another_format_is_another_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sample.sample_folder(BuildSettings(lake=tmp_path))
    assert sample.sample_folder(BuildSettings(lake=tmp_path)) == before
    assert sample.sample_folder(BuildSettings(lake=tmp_path, seed=1)) != before
    monkeypatch.setattr(sample, "sources", lambda: ["nlvr"])
    assert sample.sample_folder(BuildSettings(lake=tmp_path)) != before
