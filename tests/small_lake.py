"""A lake with a build of one task and all that it is made from, for tests that copy or send a lake."""

from __future__ import annotations

import shutil
from pathlib import Path

from transforms.artifact import find
from transforms.lake import commit, whole

TASK = "natural_language_for_visual_reasoning"
SOURCE = "nlvr"


def copy_small(sample: Path, lake: Path) -> Path:
    """Copies out of the lake of the sample world what one task needs, and makes that its current build."""
    build = whole(sample)
    mixed = build.mixture or ""
    belongs = (TASK, mixed, f"{mixed}.{TASK}", f"{mixed}.pictures", f"instructions.{TASK}", "vocabulary")
    kept = []
    for entry in build.members:
        if entry.name in belongs or entry.name.startswith(f"{SOURCE}."):
            folder = f"{entry.stage}/{entry.name}/{entry.fingerprint}"
            shutil.copytree(sample / folder, lake / folder)
            kept.append(find(lake, entry.reference, entry.fingerprint))
    commit(lake, [made for made in kept if made is not None], mixed)
    return lake
