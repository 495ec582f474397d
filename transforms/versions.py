"""Which libraries made an artifact. Kept beside its identity, never in it."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import version


@cache
def made_with() -> dict[str, str]:
    """Versions of what can change the bytes of a file: `{"python": "3.11.7", "pyarrow": ...}`."""
    packages = ("pyarrow", "duckdb", "pillow", "tokenizers")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}
