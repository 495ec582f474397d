"""What a person is shown: all of it, from where it says; and what a stranger wrote is never markup."""

from __future__ import annotations

import base64
import hashlib
import html.parser
import re
from dataclasses import replace

import pytest

from flows.console import plain
from schemas.artifact import Reference
from transforms.builder import Builder
from transforms.gallery import left_out_page, page
from transforms.rejects import left_out
from transforms.show import Piece, Shown, drawn, traced

TASK = "grounded_caption_selection"

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
    "</style><style>body{display:none}</style>",
    "\u202e<b>",
    "\u2066\u0627\u0644\u0633\u0644\u0627\u0645\u2067",
    "long " * 2_000 + "word" * 2_000,
]


class _Page(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return "".join(self.texts)


def read_page(text: str) -> _Page:
    parsed = _Page()
    parsed.feed(text)
    return parsed


@pytest.fixture(scope="module")
def one(sample_build: Builder) -> Shown:
    return drawn(sample_build.lake, TASK, 1, 0)[0]


def _spoilt(one: Shown, text: str) -> Shown:
    """An instance in which everything that a stranger may write is `text`."""
    return replace(
        one,
        uid=text,
        target=text,
        options=[text, "other"],
        pieces=[[Piece("slot", text)], *one.pieces[1:]],
        facts={text: text},
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_text_adds_nothing_to_a_page(sample_build: Builder, one: Shown, text: str) -> None:
    found = read_page(page(sample_build.lake, TASK, [_spoilt(one, text)]))
    harmless = read_page(page(sample_build.lake, TASK, [_spoilt(one, "x")]))
    assert found.tags == harmless.tags
    assert [name for name, _ in found.attributes] == [name for name, _ in harmless.attributes]
    assert found.text.count(text) == 6


def test_control_characters_become_signs_and_do_not_reach_a_page(sample_build: Builder, one: Shown) -> None:
    text = page(sample_build.lake, TASK, [_spoilt(one, "a\x00b\x1b[2Jc\x9bd\x7f")])
    assert "a␀b␛[2Jc\ufffdd␡" in text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text)


def test_what_a_stranger_wrote_has_a_direction_of_its_own(sample_build: Builder, one: Shown) -> None:
    text = page(sample_build.lake, TASK, [_spoilt(one, "\u202ereversed")])
    around = re.findall(r"<(\w+)([^>]*)>(?:<[^>]+>)*\u202ereversed", text)
    assert len(around) == 6
    assert all('dir="auto"' in rest or name == "span" for name, rest in around)


def test_a_page_lets_in_its_own_style_and_inlined_pictures_and_nothing_else(
    sample_build: Builder, one: Shown
) -> None:
    text = page(sample_build.lake, TASK, [one])
    policy = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)[0]
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy
    found = read_page(text)
    assert not {"script", "link", "iframe", "object", "form", "base"} & set(found.tags)
    assert not [name for name, _ in found.attributes if name.startswith("on") or name == "style"]


def test_text_cannot_move_the_cursor() -> None:
    shown = plain("\x1b[2Jgone\r\x07 [bold]kept[/bold]")
    assert shown.plain == " [2Jgone   [bold]kept[/bold]"
    assert not shown.spans
    assert plain("a\u202eb\u2066c").plain == "a b c"


def test_the_same_rows_are_drawn_again(sample_build: Builder) -> None:
    first = drawn(sample_build.lake, "visual_grounding", 5, 0)
    assert first == drawn(sample_build.lake, "visual_grounding", 5, 0)
    assert [one.uid for one in first] != [
        one.uid for one in drawn(sample_build.lake, "visual_grounding", 5, 1)
    ]


@pytest.mark.parametrize("task", ["visual_grounding", "visual_grounding_selection", "image_infilling"])
def test_the_pieces_of_a_prompt_are_the_prompt(sample_build: Builder, task: str) -> None:
    for one in drawn(sample_build.lake, task, 3, 0):
        assert len(one.prompts) == len(one.pieces) == 5
        assert ["".join(piece.text for piece in pieces) for pieces in one.pieces] == one.prompts
        assert all(piece.text for pieces in one.pieces for piece in pieces)


def test_a_page_has_everything_that_a_row_has(sample_build: Builder) -> None:
    shown = drawn(sample_build.lake, "visual_grounding_selection", 2, 0)
    origins = traced(sample_build.lake, "visual_grounding_selection", shown)
    text = page(sample_build.lake, "visual_grounding_selection", shown, origins)
    assert text.count("data:image/jpeg;base64,") == 2
    assert text.count("<rect") == sum(len(one.regions) for one in shown)
    assert text.count('<rect class="answer"') == 2
    assert text.count("✓") == 2
    assert text.count("Proved:") == 2
    assert text.count("region_descriptions.json") >= 10
    assert all(one.archive and one.archive[2] in text for one in shown)


def test_a_picture_comes_from_the_pack_or_the_archive_or_is_missing(sample_build: Builder) -> None:
    shown = drawn(sample_build.lake, "image_text_matching", 40, 0)
    text = page(sample_build.lake, "image_text_matching", shown)
    # Pictures that no source has are in no pack either; the sample world lists some.
    missing = text.count("is not in this lake") + text.count("cannot be read")
    assert text.count("data:image/") + missing == 40
    assert missing < 20


def test_what_was_left_out_of_a_task_is_counted_at_every_stage(sample_build: Builder) -> None:
    found = left_out(sample_build.lake, "object_matching", 2, 0)
    assert [ledger.artifact.partition("/")[0] for ledger in found.ledgers] == [
        "instances",
        "mixtures",
        "shards",
    ]
    for ledger in found.ledgers:
        manifest = sample_build.run(Reference(*ledger.artifact.split("/", 1))).manifest  # type: ignore[arg-type]
        assert ledger.rejected == manifest.rejected
        assert ledger.rows_in == ledger.rows_out + ledger.not_asked + sum(ledger.rejected.values())
    reasons = [one.rejected for one in found.shown]
    assert set(reasons) == {reason for ledger in found.ledgers for reason in ledger.rejected}
    assert max(map(reasons.count, reasons)) == 2
    assert found == left_out(sample_build.lake, "object_matching", 2, 0)
    text = left_out_page(sample_build.lake, found)
    assert all(f">{reason}<" in text for reason in reasons)
    assert text.count("<article") == len(found.shown)


def test_what_was_left_out_of_a_table_is_shown_as_it_was(sample_build: Builder) -> None:
    found = left_out(sample_build.lake, "visual_genome.regions", 9, 0)
    (ledger,) = found.ledgers
    assert {row.reason for row in found.rows} == set(ledger.rejected)
    assert len(found.rows) == sum(ledger.rejected.values())
    marked = [row for row in found.rows if row.reason == "reserved_mark"]
    assert marked
    text = left_out_page(sample_build.lake, found)
    assert text.count("<article") == len(found.rows)
    assert all(f"record {row.place.record}" in text for row in found.rows)


@pytest.mark.parametrize("name", ["no_such_task", "visual_genome.no_such_table", "no.where", "."])
def test_what_there_is_not_is_misuse(sample_build: Builder, name: str) -> None:
    from schemas.errors import BuildError

    with pytest.raises(BuildError) as caught:
        left_out(sample_build.lake, name, 1, 0)
    assert caught.value.exit_code == 2
