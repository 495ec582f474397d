"""Why a step has to run again: what is asked of it now, against what was asked when it last ran."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from schemas.artifact import Manifest
from transforms.closure import code_files
from transforms.runs import Runs
from transforms.steps import FOLDERS, Step

_SHORT: Final = 24
"""Characters of a value that a person is shown whole."""

_NAMED: Final = 4
"""Files, parts and changes that are named in one reason."""


@dataclass(frozen=True)
class Change:
    """One thing that is asked otherwise than before.

    Attributes:
        what: the setting, `query`, `code`, or the input as `tables/vsr.images`.
        files: files of the checkout that have changed, or in which it stands.
        parts: what has changed of a value that has named parts.
        before: the value of then; None if there was none.
        after: the value of now; None if there is none.
    """

    what: str
    files: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    before: Any = None
    after: Any = None

    def __str__(self) -> str:
        """`seed 0 → 1`, `query (transforms/tasks/visual_grounding.sql)`."""
        named = self.files or self.parts
        where = f" ({_listed(named)})" if named else ""
        if _is_plain(self.before) and _is_plain(self.after) and (self.before, self.after) != (None, None):
            return f"{self.what} {_shown(self.before)} → {_shown(self.after)}{where}"
        if (self.before is None) != (self.after is None):
            return f"{self.what} is {'new' if self.before is None else 'no longer used'}{where}"
        return f"{self.what}{where}"


def reason(found: Sequence[Change]) -> str:
    """Some changes as one reason for a person."""
    return f"changed: {_listed([str(change) for change in found])}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def changes(
    step: Step, contents: Mapping[str, str] | None, before: Manifest, runs: Runs
) -> tuple[Change, ...]:
    """What differs from when an artifact was last made, in order of name; inputs come last.

    Args:
        step: over its inputs, if they are made.
        contents: content id of each input, or None as long as one of them is not made.
    """
    if contents is None:
        # Where an input will lie is not known yet, whatever it was before.
        return tuple(change for change in _asked(step, before, runs) if change.what != FOLDERS)
    return (*_asked(step, before, runs), *_inputs(contents, before))


def _asked(step: Step, before: Manifest, runs: Runs) -> Iterator[Change]:
    now = step.decided_by
    for name in sorted({*now, *before.asked}):
        old, new = before.asked.get(name), now.get(name)
        if old == new:
            continue
        if name == "code":
            yield Change(name, _changed_files(step, runs.code_files(str(old))))
        elif isinstance(old, dict) and isinstance(new, dict):
            parts = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
            yield Change(name, parts=tuple(parts))
        else:
            files = (step.files[name],) if name in step.files else ()
            yield Change(name, files, before=old, after=new)


def _changed_files(step: Step, old: Mapping[str, str] | None) -> tuple[str, ...]:
    new = code_files(*step.code)
    if old is None:
        return tuple(sorted(f"{module.replace('.', '/')}.py or what it imports" for module in step.code))
    return tuple(sorted(path for path in {*old, *new} if old.get(path) != new.get(path)))


def _inputs(contents: Mapping[str, str], before: Manifest) -> Iterator[Change]:
    for name in sorted({*contents, *before.inputs}):
        old, new = before.inputs.get(name), contents.get(name)
        if old != new:
            yield Change(name, before=old, after=new)


def _is_plain(value: Any) -> bool:
    """Whether a value can be shown in a reason: hashes say nothing to a person."""
    if isinstance(value, str):
        return len(value) < _SHORT
    return value is None or isinstance(value, bool | int | float)


def _shown(value: Any) -> str:
    return "none" if value is None else str(value)
