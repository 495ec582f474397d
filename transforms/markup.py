"""Text out of HTML: what is left when its tags are taken away and its entities are read.

The standard library's parser is not used: it takes time with the square of what is malformed (half a
minute for 80 KB), and what it makes of that differs between releases of Python.
"""

from __future__ import annotations

import html
import re
from typing import Final

# No part of a match can begin another one, so that a text is read once, whatever it holds.
_TAG: Final = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*)[^<>]*>|<![^<>]*>")

_INLINE: Final = frozenset(
    (
        *("a", "abbr", "b", "bdi", "bdo", "cite", "code", "del", "dfn", "em"),
        *("font", "i", "ins", "kbd", "mark", "q", "s", "samp", "small", "span"),
        *("strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr"),
    )
)
"""Elements that stand inside a line of text. All others end it."""

_HIDDEN: Final = frozenset({"script", "style"})


def without_markup(text: str) -> str:
    """The words of a piece of HTML, which need not be well formed.

    Tags are taken away, and scripts and styles with what they hold. What stood in different paragraphs,
    cells or lines stays apart: `<p>One &amp; two.</p><p>Th<b>r</b>ee.</p>` becomes ` One & two.  Three. `.
    A `<` that begins no tag stays.
    """
    kept: list[str] = []
    hidden = ""
    end = 0
    for tag in _TAG.finditer(text):
        closing, name = bool(tag[1]), (tag[2] or "").lower()
        if not hidden:
            kept.append(text[end : tag.start()])
            kept.append("" if name in _INLINE else " ")
            hidden = name if name in _HIDDEN and not closing else ""
        elif closing and name == hidden:
            hidden = ""
        end = tag.end()
    if not hidden:
        kept.append(text[end:])
    return html.unescape("".join(kept))
