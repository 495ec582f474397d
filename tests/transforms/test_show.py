"""What a stranger wrote is shown as it is, and is never markup."""

from __future__ import annotations

import html.parser
from dataclasses import replace

import pytest

from flows.console import plain
from transforms.builder import Builder
from transforms.show import Shown, drawn, page

HOSTILE = [
    "</li><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "<svg onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "<!--",
    "]]>",
    "&lt;b&gt;",
    "javascript:alert(1)",
    "<a href='http://example.org'>",
    "\u202e<b>",
]


class _Page(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def _read(text: str) -> _Page:
    parsed = _Page()
    parsed.feed(text)
    return parsed


@pytest.fixture(scope="module")
def one(sample_build: Builder) -> Shown:
    return drawn(sample_build.lake, "grounded_caption_selection", 1, 0)[0]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_adds_nothing_to_a_page(sample_build: Builder, one: Shown, text: str) -> None:
    task = "grounded_caption_selection"
    spoilt = replace(one, uid=text, target=text, prompts=[text, *one.prompts[1:]], facts={text: text})
    harmless = replace(one, uid="x", target="x", prompts=["x", *one.prompts[1:]], facts={"x": "x"})
    found = _read(page(sample_build.lake, task, [spoilt]))
    assert found.tags == _read(page(sample_build.lake, task, [harmless])).tags
    assert found.text.count(text) == 5


def test_text_cannot_move_the_cursor() -> None:
    shown = plain("\x1b[2Jgone\r\x07 [bold]kept[/bold]")
    assert shown.plain == " [2Jgone   [bold]kept[/bold]"
    assert not shown.spans


def test_the_same_rows_are_drawn_again(sample_build: Builder) -> None:
    first = drawn(sample_build.lake, "visual_grounding", 5, 0)
    assert first == drawn(sample_build.lake, "visual_grounding", 5, 0)
    assert [one.uid for one in first] != [
        one.uid for one in drawn(sample_build.lake, "visual_grounding", 5, 1)
    ]
