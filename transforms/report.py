"""The report of a build, as JSON for programs and as a page for people, under `<lake>/reports/<build id>/`.

It belongs to a build as `builds/<id>.json` does, and is no part of it: a page that looks different does not
make another build. It is made from manifests alone, and written again only where it would say something else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from schemas.artifact import STAGES, Reference, Stage
from schemas.build import Build
from schemas.report import Ledger, Report, SourceReport, StageReport, TaskReport, Unexpected
from schemas.waiting import Waiting
from shards.format import read_index
from transforms import registry
from transforms.artifact import Artifact, write_whole
from transforms.audit_build import read_build_audit
from transforms.audit_task import AUDIT, read_audit
from transforms.lake import member
from transforms.pages import rendered
from transforms.steps_audit import audited
from transforms.steps_select import selected
from transforms.steps_shards import tokenised

FOLDER = "reports"
PAGE = "index.html"
DATA = "report.json"

Made = Mapping[Reference, Artifact]


def folder_of(lake: Path, build: Build) -> Path:
    """Where the report of a build lies."""
    return lake / FOLDER / build.id


def write(lake: Path, build: Build, waiting: Sequence[Waiting], unweighed: Sequence[str] = ()) -> None:
    """Writes the report of a build that is in the lake, and leaves alone what says the same already.

    Args:
        waiting: what is not finished, and why.
        unweighed: see `schemas.report.Report`.

    Raises:
        BuildError: an artifact of the build is missing.
    """
    report = report_of(lake, build, waiting, unweighed)
    page = rendered("report.html", report=report, licences=_licences(report))
    folder = folder_of(lake, build)
    for name, text in ((PAGE, page), (DATA, report.model_dump_json(indent=1) + "\n")):
        data = text.encode()
        path = folder / name
        if not path.is_file() or path.read_bytes() != data:
            write_whole(path, data)


def read(lake: Path, build: Build) -> Report:
    """The report of a build, as it was written."""
    return Report.model_validate_json((folder_of(lake, build) / DATA).read_bytes())


def report_of(lake: Path, build: Build, waiting: Sequence[Waiting], unweighed: Sequence[str] = ()) -> Report:
    """What the manifests of a build say, put together."""
    found = {entry.reference: member(lake, build, entry.reference) for entry in build.members}
    made = {reference: artifact for reference, artifact in found.items() if artifact is not None}
    tasks = [reference.name for reference in made if reference.stage == "instances"]
    audit = made.get(audited(build.mixture)) if build.mixture else None
    return Report(
        build=build.id,
        mixture=build.mixture,
        waiting=list(waiting),
        unweighed=list(unweighed),
        tasks=[_task(task, made, build.mixture) for task in tasks],
        sources=[_source(source, made, tasks) for source in _sources(made)],
        stages=list(_stages(made)),
        audit=read_build_audit(audit.path(AUDIT)) if audit else None,
    )


def _bytes(artifact: Artifact) -> int:
    return sum(entry.bytes for entry in artifact.manifest.files)


def _ledger(artifact: Artifact) -> Ledger:
    manifest = artifact.manifest
    return Ledger(
        artifact=f"{manifest.stage}/{manifest.name}",
        fingerprint=manifest.fingerprint,
        rows_in=manifest.rows_in,
        rows_out=manifest.rows_out,
        not_asked=manifest.not_asked,
        rejected=manifest.rejected,
        bytes=_bytes(artifact),
    )


def _task(task: str, made: Made, mixture: str | None) -> TaskReport:
    head = registry.task(task).head
    chosen = made.get(selected(mixture, task)) if mixture else None
    shard = made.get(tokenised(mixture, task)) if mixture else None
    audit = made.get(audited(mixture, task)) if mixture else None
    return TaskReport(
        task=task,
        category=head.category,
        role=head.role,
        instances=_ledger(made[Reference("instances", task)]),
        chosen=_ledger(chosen) if chosen else None,
        shard=read_index(shard.path("")).rows if shard else {},
        written=_ledger(shard) if shard else None,
        audit=read_audit(audit.path(AUDIT)) if audit else None,
    )


def _sources(made: Made) -> list[str]:
    """Sources that the build has files or tables of, in order of name."""
    return sorted({ref.name.partition(".")[0] for ref in made if ref.stage in ("raw", "tables")})


def _of(source: str, stage: Stage, made: Made) -> list[Artifact]:
    return [
        artifact
        for reference, artifact in made.items()
        if reference.stage == stage and reference.name.partition(".")[0] == source
    ]


def _source(source: str, made: Made, tasks: Iterable[str]) -> SourceReport:
    declared = registry.declaration(source)
    files = _of(source, "raw", made)
    return SourceReport(
        source=source,
        title=declared.title,
        homepage=declared.homepage,
        licence=declared.licence.name,
        licence_url=declared.licence.url,
        redistribution=declared.redistribution,
        tasks=[task for task in tasks if source in registry.sources_of(task)],
        files=len(files),
        bytes=sum(_bytes(file) for file in files),
        tables=[_ledger(table) for table in _of(source, "tables", made)],
        unexpected=[
            Unexpected.model_validate(one)
            for table in _of(source, "tables", made)
            for one in table.manifest.facts.get("unexpected", [])
        ],
    )


def _stages(made: Made) -> Iterator[StageReport]:
    for stage in STAGES:
        artifacts = [artifact for reference, artifact in made.items() if reference.stage == stage]
        if artifacts:
            yield StageReport(
                stage=stage,
                artifacts=len(artifacts),
                files=sum(len(artifact.manifest.files) for artifact in artifacts),
                bytes=sum(_bytes(artifact) for artifact in artifacts),
            )


def _licences(report: Report) -> dict[tuple[str, str], list[SourceReport]]:
    """The sources under each licence, by its name and address."""
    licences: dict[tuple[str, str], list[SourceReport]] = defaultdict(list)
    for source in report.sources:
        licences[source.licence, source.licence_url].append(source)
    return dict(sorted(licences.items()))
