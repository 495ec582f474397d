"""Reads what the sample world wrote, without a reader of the project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from zipfile import ZipFile


def members(mirror: Path, address: str) -> dict[str, Any]:
    """The members of a zip at an address below the mirror: JSON, or bytes where the name says otherwise."""
    with ZipFile(mirror / address) as archive:
        return {
            name: json.loads(archive.read(name)) if name.endswith(".json") else archive.read(name)
            for name in archive.namelist()
        }


def shape(value: Any) -> Any:
    """The keys of a record and the type of each value; a list has the shapes of its elements."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted({json.dumps(shape(item), sort_keys=True) for item in value})
    return "number" if isinstance(value, int | float) else type(value).__name__
