"""The rooms of the house: who may import whom, and which module is the door to which package."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

ROOMS: dict[str, set[str]] = {
    "schemas": set(),
    "instructions": {"schemas"},
    "shards": {"schemas", "instructions"},
    "transforms": {"schemas", "instructions", "shards"},
    "ofa": {"schemas", "shards"},
    "sample_world": {"schemas"},
    "flows": {"schemas", "instructions", "shards", "transforms", "ofa", "sample_world"},
}
"""What each room may import of the others."""

PACKAGES: dict[str, set[str]] = {
    "schemas": {"pydantic", "pyarrow"},
    "instructions": {"pydantic"},
    "shards": {"pydantic", "pyarrow", "numpy", "tokenizers", "PIL", "simplejpeg"},
    "transforms": {
        *("duckdb", "pyarrow", "fsspec", "requests", "urllib3", "numpy", "msgspec", "filelock", "jinja2"),
        "isal",
        "pydantic",
    },
    "ofa": {"torch", "numpy", "safetensors"},
    "sample_world": {"PIL"},
    "flows": {"prefect", "typer", "rich", "pydantic", "msgspec"},
}
"""What each room may import from outside the standard library."""

DOORS: dict[str, set[str]] = {
    "duckdb": {"transforms/duck.py"},
    "requests": {"transforms/web.py"},
    "urllib3": {"transforms/web.py"},
    "fsspec": {"transforms/storage.py"},
    "filelock": {"transforms/lake.py", "transforms/resume.py"},
    "jinja2": {"transforms/pages.py"},
    "isal": {"transforms/zip_format.py", "transforms/gzip_stream.py"},
    "simplejpeg": {"shards/pictures.py"},
}
"""Packages that exactly these modules may import."""


def _modules() -> Iterator[tuple[str, Path]]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield room, path


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            yield str(node.module)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_its_place_allows(room: str) -> None:
    allowed = {room, *ROOMS[room], *PACKAGES[room], *sys.stdlib_module_names}
    strangers = [
        f"{path.relative_to(ROOT)} imports {name}"
        for of, path in _modules()
        if of == room
        for name in _imports(path)
        if name.split(".")[0] not in allowed
    ]
    assert strangers == []


def test_each_outside_package_has_one_door() -> None:
    users: dict[str, set[str]] = {package: set() for package in DOORS}
    for _, path in _modules():
        for name in _imports(path):
            if name.split(".")[0] in DOORS:
                users[name.split(".")[0]].add(path.relative_to(ROOT).as_posix())
    assert {package: doors for package, doors in users.items() if not doors <= DOORS[package]} == {}
    assert {package for package, doors in users.items() if not doors} == set()


def test_only_one_module_decodes_pictures() -> None:
    decoders = {
        path.relative_to(ROOT).as_posix()
        for room, path in _modules()
        if room != "sample_world" and any(name.split(".")[0] == "PIL" for name in _imports(path))
    }
    assert decoders == {"shards/pictures.py"}


@pytest.mark.parametrize("folder", ["transforms/sources", "sample_world/formats"])
def test_no_source_imports_another(folder: str) -> None:
    package = folder.replace("/", ".")
    siblings = [
        f"{path.name} imports {name}"
        for path in sorted((ROOT / folder).glob("*.py"))
        for name in _imports(path)
        if name.startswith(package)
    ]
    assert siblings == []


def test_the_command_imports_prefect_and_torch_only_where_it_runs_them() -> None:
    eager = {
        path.name
        for path in sorted((ROOT / "flows").glob("*.py"))
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names])
        if str(name).split(".")[0] in ("prefect", "torch")
    }
    assert eager == {"build.py", "evaluate.py", "finetune.py", "prefect_plugin.py"}


def test_files_stay_small() -> None:
    long = {
        path.relative_to(ROOT).as_posix(): lines
        for _, path in _modules()
        if (lines := len(path.read_text().splitlines())) > 400
    }
    assert long == {}


def test_nothing_is_unpickled_and_no_archive_is_unpacked() -> None:
    functions = {"eval", "exec", "compile", "__import__"}
    methods = {"extractall", "extract"}
    found = [
        f"{path.relative_to(ROOT)}: {ast.unparse(node.func)}"
        for _, path in _modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Name) and node.func.id in functions)
            or (isinstance(node.func, ast.Attribute) and node.func.attr in methods)
        )
    ]
    found += [f"{path}: pickle" for _, path in _modules() if "pickle" in set(_imports(path))]
    assert found == []
