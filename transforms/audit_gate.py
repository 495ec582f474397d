"""The last door before a build becomes the current one: no invariant may be broken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import pyarrow.parquet as pq

from schemas.artifact import Reference
from schemas.audit import Violation
from schemas.errors import BuildError
from transforms.artifact import REJECTED_ROWS, Artifact
from transforms.audit_build import read_build_audit
from transforms.audit_task import AUDIT
from transforms.steps_audit import audited
from transforms.steps_select import selected
from transforms.steps_shards import tokenised

_MEANING: Final = {
    "picture_in_two_splits": "each photograph is in exactly one split",
    "held_out_picture_in_training": "no training row shows a picture that a test row shows",
    "evaluation_text_in_training": "no training row holds an evaluation text of six words or more",
    "target_not_among_options": "the answer is exactly one of the options",
    "uid_not_unique": "no two rows of a build have one name",
    "ledger_does_not_close": "every row is kept, left out with a reason, or not asked for",
}

Made = Mapping[Reference, Artifact]


def check_invariants(made: Iterable[Artifact], mixture: str | None) -> None:
    """Holds the artifacts of a build that is about to become the current one to the audit's invariants.

    Raises:
        BuildError: one is broken; it names task, rule and up to three rows.
    """
    found = {Reference(one.manifest.stage, one.manifest.name): one for one in made}
    broken = list(_ledgers(found, mixture))
    told: Path | None = None
    if mixture is not None and audited(mixture) in found:
        told = found[audited(mixture)].path(AUDIT)
        broken += read_build_audit(told).violations
    if not broken:
        return
    first, more = broken[0], len(broken) - 1
    others = f"; and {more} more" if more else ""
    raise BuildError(
        f"the build breaks a rule and does not become the current one: {first.rule}",
        where=f"task {first.task}",
        got=f"{first.found} rows, such as {', '.join(first.rows)}: {first.detail}{others}",
        expected=_MEANING[first.rule],
        next_step=f"all that was found is in {told}" if told else "run verify, then the build again",
    )


def _ledgers(made: Made, mixture: str | None) -> Iterator[Violation]:
    """Accounts of a task that do not agree with each other or with the files they tell of."""
    for reference, artifact in made.items():
        if reference.stage == "instances":
            task = reference.name
            chain = [artifact]
            if mixture is not None:
                further = (selected(mixture, task), tokenised(mixture, task))
                chain += [made[one] for one in further if one in made]
            for one, wrong in _wrong(chain):
                yield Violation(
                    rule="ledger_does_not_close",
                    task=task,
                    found=1,
                    rows=[f"{one.manifest.stage}/{one.manifest.name}"],
                    detail=wrong,
                )


def _wrong(chain: list[Artifact]) -> Iterator[tuple[Artifact, str]]:
    before: int | None = None
    for artifact in chain:
        manifest = artifact.manifest
        if before is not None and manifest.rows_in != before:
            yield artifact, f"{manifest.rows_in} rows in, of {before} that were made"
        before = manifest.rows_out
        left_out = artifact.folder / REJECTED_ROWS
        held = pq.read_metadata(left_out).num_rows if left_out.is_file() else 0
        if held != sum(manifest.rejected.values()):
            yield (
                artifact,
                f"{held} rows left out, of {sum(manifest.rejected.values())} that are accounted for",
            )
    kept = sum(pq.read_metadata(path).num_rows for path in chain[0].tables)
    if kept != chain[0].manifest.rows_out:
        yield chain[0], f"{kept} rows, of {chain[0].manifest.rows_out} that are accounted for"
