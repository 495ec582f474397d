"""What the README says of the code is what the code says."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.conftest import ROOT
from transforms import source_card, task_table


@pytest.mark.parametrize(
    ("what", "markdown"), [("sources", source_card.markdown), ("tasks", task_table.markdown)]
)
def test_a_table_is_that_of_the_declarations(
    what: str, markdown: Callable[[], str], request: pytest.FixtureRequest
) -> None:
    marks = rf"(?<=<!-- {what}: written by `pytest tests/test_readme.py --regenerate-golden` -->\n\n)"
    place = re.compile(rf"{marks}.*?(?=\n<!-- end of {what} -->)", re.DOTALL)
    path = ROOT / "README.md"
    if request.config.getoption("--regenerate-golden"):
        path.write_text(place.sub(lambda _: markdown(), path.read_text(), count=1))
    (found,) = place.findall(path.read_text())
    assert found == markdown(), "a declaration has changed: pytest tests/test_readme.py --regenerate-golden"


def test_there_are_as_many_tasks_as_the_paper_has() -> None:
    assert task_table.summary() == (
        "62 tasks in 10 categories: 34 existing and 28 derived, 53 to train on and 9 held out; 13 extras"
    )
