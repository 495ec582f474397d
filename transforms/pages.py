"""HTML pages: templates filled in with everything escaped. They run no script and fetch nothing."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Path(__file__).with_name("templates")

_SIGNS = {code: chr(0x2400 + code) for code in range(32) if chr(code) not in "\t\n"} | {
    0x7F: "\u2421",
    **dict.fromkeys(range(0x80, 0xA0), "\ufffd"),
}
"""Control characters, which HTML does not allow, and the signs that stand for them."""


def rendered(template: str, **values: object) -> str:
    """A template of `transforms/templates`, filled in. A value that it lacks is an error."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    return environment.get_template(template).render(**values)


class Style(NamedTuple):
    """A style sheet, and the hash by which a page lets it in and no other."""

    text: str
    hash: str


def stylesheet(name: str) -> Style:
    """A style sheet of `transforms/templates`, to stand in a page exactly as it is."""
    text = (TEMPLATES / name).read_text()
    return Style(text, "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode())


def _visible(value: object) -> object:
    # What is safe already is ours: a style sheet, or the answer of a macro.
    return value.translate(_SIGNS) if isinstance(value, str) and not hasattr(value, "__html__") else value
