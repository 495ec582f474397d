"""How much a step has to do, in a number that grows as its time and its output do."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from schemas.artifact import Manifest, Reference
from schemas.instance import SPLITS
from schemas.settings import BuildSettings
from transforms import registry
from transforms.mixing import bounds
from transforms.steps import Step

_BY_ROWS: Final = frozenset({"select", "encode", "tokenise"})
"""What is done to the rows that a mixture takes, however many instances its task has."""


class Size(NamedTuple):
    """How large an artifact is, or probably becomes."""

    bytes: int
    rows: int


def size_of(manifest: Manifest) -> Size:
    """How large a finished artifact is."""
    return Size(sum(entry.bytes for entry in manifest.files), manifest.rows_out)


def work_of(step: Step, sizes: Mapping[Reference, Size], settings: BuildSettings) -> int:
    """Rows for a step on what a mixture takes, else bytes of the inputs; 0 for a step without inputs.

    Archives of pictures do not count: only some of what they hold is read.

    Args:
        sizes: of the inputs at least.
    """
    if step.verb in _BY_ROWS:
        instances = step.inputs[0].whole
        splits = step.reference.name.split(".")[2:] if step.verb == "select" else SPLITS
        return min(sizes[instances].rows, _taken(instances.name, splits, sizes[instances].rows, settings))
    inputs = dict.fromkeys(reference.whole for reference in step.inputs)
    return sum(sizes[reference].bytes for reference in inputs if not _is_of_pictures(reference))


def _taken(task: str, splits: Collection[str], available: int, settings: BuildSettings) -> int:
    """How many rows of some splits of a task the mixture takes at most."""
    wanted = bounds(registry.mixture(settings.mixture), task)
    return sum(count or available for split, count in wanted.items() if split in splits)


def _is_of_pictures(reference: Reference) -> bool:
    if reference.stage != "raw":
        return False
    source, _, file = reference.name.partition(".")
    declared = registry.declaration(source).files.get(file)
    # What is no declared file was repacked out of one.
    return declared is None or declared.holds == "pictures"
