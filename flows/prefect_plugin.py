"""Lets `prefect deployment run build-multiinstruct` mean the deployment of that name.

Prefect wants `FLOW/DEPLOYMENT`, and ours have one name. Plugins run before Prefect reads its
arguments, so the bare name is doubled here. This is our own use of a hook that is meant for
environment variables; where plugins are off, the full name is needed, as documented.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from prefect.plugins import register_hook


@register_hook
def setup_environment(*, ctx: Any) -> None:  # noqa: ARG001
    """Doubles a bare deployment name in `prefect deployment run NAME`."""
    arguments = sys.argv
    if len(arguments) < 4 or Path(arguments[0]).name != "prefect":
        return
    group, verb, name = arguments[1:4]
    runs_one = group in ("deployment", "deployments") and verb == "run"
    if runs_one and not name.startswith("-") and "/" not in name:
        arguments[3] = f"{name}/{name}"
