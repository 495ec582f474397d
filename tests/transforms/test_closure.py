"""What our own code decides: the files that a module is made of."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from transforms.closure import ROOMS, ROOT, closure

FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def _parsed(path: Path) -> set[str]:
    """First-party names that Python itself finds imported in a file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.update([node.module, *(f"{node.module}.{alias.name}" for alias in node.names)])
    return {name for name in names if name.split(".")[0] in ROOMS}


@pytest.mark.parametrize("room", ROOMS)
def test_every_import_of_every_module_counts(room: str) -> None:
    for path in FILES:
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[0] == room and parts[-1] != "__init__":
            found = closure(".".join(parts))
            assert _parsed(path) & found.keys() == {
                name
                for name in _parsed(path)
                if (ROOT.joinpath(*name.split(".")).with_suffix(".py").is_file())
                or (ROOT.joinpath(*name.split(".")) / "__init__.py").is_file()
            }, path
