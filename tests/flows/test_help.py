"""The help of every subcommand: its examples are understood, and run where they need but a lake."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from flows.cli import app
from transforms.builder import Builder

ON_A_LAKE = ("audit", "builds", "catalog", "plan", "sql", "verify")
"""With those of `list`, the commands whose examples need but the sample world's lake and leave it be."""


def _commands(group: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    for own, command in group.commands.items():
        whole = f"{name} {own}".strip()
        yield from _commands(command, whole) if hasattr(command, "commands") else [(whole, command)]


COMMANDS: dict[str, Any] = dict(_commands(get_command(app)))


def _examples(name: str) -> list[str]:
    return re.findall(r"`(multiinstruct [^`]+)`", COMMANDS[name].epilog or "")


@pytest.mark.parametrize("name", COMMANDS)
def test_each_example_is_understood(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert _examples(name)
    for example in _examples(name):
        words = shlex.split(re.split(r" [<>|] ", example)[0])
        own = words[1 + len(name.split()) :]
        assert words[1 : 1 + len(name.split())] == name.split()
        if "--checkpoint" in own:
            # The parser holds it to be there.
            weights = Path(own[own.index("--checkpoint") + 1])
            weights.parent.mkdir(parents=True, exist_ok=True)
            weights.touch()
        COMMANDS[name].make_context(name, own)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name.startswith("list ") or name in ON_A_LAKE])
def test_each_example_runs_as_printed(name: str, sample_build: Builder, tmp_path: Path) -> None:
    search = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for example in _examples(name):
        if "| jq" in example and not shutil.which("jq"):
            continue
        ran = subprocess.run(
            ["sh", "-c", example],
            cwd=tmp_path,
            env={**os.environ, "PATH": search, "MULTIINSTRUCT_LAKE": str(sample_build.lake)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, f"{example}: {ran.stderr}"
        assert ran.stdout
        assert not ran.stderr


def test_examples_stand_on_lines_of_their_own() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "flows.cli", "audit", "--help"],
        env={**os.environ, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line.strip(" •") for line in ran.stdout.splitlines()]
    assert [line for line in lines if line.startswith("multiinstruct")] == _examples("audit")
