"""What the README says of the code is what the code says."""

from __future__ import annotations

import re

import pytest

from tests.conftest import ROOT
from transforms.source_card import markdown

_SOURCES = re.compile(r"(?<=--regenerate-golden` -->\n\n).*?(?=\n<!-- end of sources -->)", re.DOTALL)


def test_the_table_of_sources_is_that_of_the_declarations(request: pytest.FixtureRequest) -> None:
    path = ROOT / "README.md"
    if request.config.getoption("--regenerate-golden"):
        path.write_text(_SOURCES.sub(lambda _: markdown(), path.read_text(), count=1))
    (found,) = _SOURCES.findall(path.read_text())
    assert found == markdown(), "a declaration has changed: pytest tests/test_readme.py --regenerate-golden"
