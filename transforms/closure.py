"""Which of our own code decides an output: a module and all first-party modules it imports."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parent.parent

_IMPORT: Final = re.compile(
    r"^[ \t]*(?:from[ ]+([\w.]+)[ ]+import[ ]+(\([^)]*\)|[^\n]+)|import[ ]+([\w.]+))", re.MULTILINE
)
_NAME: Final = re.compile(r"\w+")
ROOMS = ("schemas", "instructions", "shards", "transforms", "ofa", "sample_world", "flows")


@cache
def _file_of(module: str) -> Path | None:
    base = ROOT.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


@cache
def _content(path: Path) -> bytes:
    """Each file is read once, so that all that is said of the code is said of the same code."""
    return path.read_bytes()


@cache
def _imports(path: Path) -> tuple[str, ...]:
    """First-party names that a file imports, wherever in it; a name may be of a module or of a thing in one.

    The text is searched rather than parsed, which takes a tenth of the time. What only looks like an
    import, in a docstring, names a module too many at worst.
    """
    names: list[str] = []
    for module, several, single in _IMPORT.findall(_content(path).decode()):
        things = _NAME.findall(several)
        names += [single] if single else [module, *(f"{module}.{thing}" for thing in things)]
    return tuple(name for name in names if name.split(".")[0] in ROOMS)


@cache
def closure(module: str) -> Mapping[str, Path]:
    """The files of `module` and of everything first-party that it imports, by module name."""
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _file_of(name)
        if path is None or name in found:
            continue
        found[name] = path
        waiting += _imports(path)
    return found


@cache
def code_id(*modules: str) -> str:
    """Hash over the bytes of the closure of the given modules.

    A changed comment changes it too: rebuilding once too often is cheap, and what comes after
    is spared because the content stays the same.
    """
    files = _files(modules)
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name}\0".encode() + _content(files[name]) + b"\0")
    return digest.hexdigest()


@cache
def code_files(*modules: str) -> Mapping[str, str]:
    """What `code_id` is over: a hash of each file, by its path in the checkout."""
    return {
        path.relative_to(ROOT).as_posix(): hashlib.sha256(_content(path)).hexdigest()[:16]
        for path in sorted(_files(modules).values())
    }


def _files(modules: Sequence[str]) -> dict[str, Path]:
    return {name: path for module in modules for name, path in closure(module).items()}
