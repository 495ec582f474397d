"""A plan loads no more than it needs: what it does not ask for would make a person wait."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

HEAVY = ("duckdb", "fsspec", "jinja2", "pandas", "prefect", "requests", "torch", "urllib3")

PLAN = """
import sys
from pathlib import Path
from flows.building import show_plan
from schemas.settings import BuildSettings
show_plan(BuildSettings(lake=Path(sys.argv[1])), as_json=True)
print(*sorted(set(sys.argv[2:]) & set(sys.modules)), file=sys.stderr)
"""


def test_a_plan_loads_nothing_that_only_work_needs(tmp_path: Path) -> None:
    """The first plan of all has DuckDB read the queries; from then on it is remembered what they read."""
    loaded = [
        subprocess.run(
            [sys.executable, "-c", PLAN, str(tmp_path / "lake"), *HEAVY],
            capture_output=True,
            check=True,
            text=True,
            env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
        )
        for _ in range(2)
    ]
    assert [run.stderr.split() for run in loaded] == [["duckdb"], []]
    first, second = (json.loads(run.stdout)["steps"] for run in loaded)
    assert first == second
