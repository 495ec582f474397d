"""What is left of HTML: its words, apart where they stood apart, in one pass whatever comes."""

from __future__ import annotations

import pytest

from transforms.markup import without_markup

MANY = 200_000


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        ("No markup at all.", "No markup at all."),
        ("<p>One &amp; two.</p><p>Th<b>r</b>ee.</p>", "One & two. Three."),
        ("<P CLASS='a'>One<BR/>two<br>three</P>", "One two three"),
        ('Said <a href="https://example.org/a?b=1&amp;c=2">so</a>.', "Said so."),
        ("&lt;b&gt; &quot;caf&eacute;&quot;&nbsp;&#39;&#x1F440;&#39; AT&T", "<b> \"café\" '\U0001f440' AT&T"),
        ("One.<script type='a'>var a = '<p>no</p>';</script>Two.<style>b{}</style>", "One. Two."),
        ("One.<script>never closed", "One."),
        ("<!DOCTYPE html><!-- a remark -->One.", "One."),
        ("3 < 4, a <3 b, 5 <, and >", "3 < 4, a <3 b, 5 <, and >"),
        ("A tag that is cut off <p class=", "A tag that is cut off <p class="),
        ("An end </s> of what never began", "An end of what never began"),
        ("<h1>One</h1>two<td>three</td>four", "One two three four"),
        ("", ""),
    ],
)
def test_words_are_kept(markup: str, words: str) -> None:
    assert " ".join(without_markup(markup).split()) == words


@pytest.mark.parametrize(
    "bad", ["<", "<a", "<a ", '<a b="', "<!", "<!--", "</", "<p>", "<script>", "&amp", "&#"]
)
def test_what_is_malformed_is_read_once(bad: str) -> None:
    # Where a text is read again from each of these on, this takes hours.
    assert len(without_markup(bad * MANY)) <= len(bad) * MANY
