"""Which of our own code decides an output: a module and all first-party modules it imports."""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("schemas", "instructions", "shards", "transforms", "ofa", "sample_world", "flows")


def _file_of(module: str) -> Path | None:
    base = ROOT.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


def _imports(path: Path) -> list[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in names if name.split(".")[0] in ROOMS]


def closure(module: str) -> dict[str, Path]:
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
    files = {name: path for module in modules for name, path in closure(module).items()}
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name}\0".encode() + files[name].read_bytes() + b"\0")
    return digest.hexdigest()
