"""The subcommands `audit` and `cite`: what the rows of a build are like, and to whom they are owed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from flows.console import out, plain, print_json, table
from schemas.audit import BuildAudit, Guesses, Reviews, SplitAudit, Spread
from schemas.errors import BuildError, ExitCode
from schemas.report import Report, TaskReport
from transforms.builds import named
from transforms.citing import Cited, cited
from transforms.lake import whole
from transforms.report import report_of


def audit(lake: Path, task: str | None, as_json: bool) -> None:
    """Prints the audit of the current build, of one task or of all."""
    told = report_of(lake, whole(lake), ())
    if told.audit is None:
        raise BuildError(
            "the current build has no audit",
            where=f"build {told.build}",
            next_step="multiinstruct build, without --until",
        )
    if task is None:
        if as_json:
            tasks = {one.task: _as_dict(one) for one in told.tasks if one.audit}
            print_json({"build": told.build, **told.audit.model_dump(), "tasks": tasks})
        else:
            _print_build(told, told.audit)
        return
    found = [one for one in told.tasks if one.task == task and one.audit is not None]
    if not found:
        raise BuildError(
            "the current build has no audit of this task",
            got=task,
            expected=", ".join(one.task for one in told.tasks if one.audit),
            exit_code=ExitCode.USAGE,
        )
    if as_json:
        print_json(_as_dict(found[0]))
    else:
        _print_task(found[0], told.audit)


def _as_dict(task: TaskReport) -> dict[str, object]:
    return task.audit.model_dump() if task.audit else {}


def _print_build(told: Report, audit: BuildAudit) -> None:
    rows = [
        (
            one.task,
            one.role,
            one.audit.family,
            f"{one.audit.instances:,}" + (" few" if one.audit.few else ""),
            f"{sum(split.rows for split in one.audit.splits.values()):,}",
            f"{sum(split.duplicates for split in one.audit.splits.values()):,}",
            _best(one.audit.guesses),
            _errors(one.audit.reviews),
        )
        for one in told.tasks
        if one.audit is not None
    ]
    columns = ("task", "role", "family", "instances", "rows", "twice", "best guess", "marked wrong")
    out.print(table(columns, rows, right=columns[3:], whole=("task",)))
    out.print(plain(f"build {told.build}, mixture {audit.mixture}"))
    shared = sum(audit.shared_pictures.values())
    out.print(plain(f"{audit.held_out_pictures:,} pictures are held out; {shared:,} training rows show one"))
    said = sum(one.found for one in audit.violations if one.rule == "evaluation_text_in_training")
    out.print(plain(f"{audit.evaluation_texts:,} texts are held out; {said:,} training rows hold one"))
    families = ", ".join(f"{name} {count:,}" for name, count in audit.families.items())
    out.print(plain(f"training rows by family: {families}"))
    removed = Counter[str]()
    for task in told.tasks:
        for rule in task.audit.removed if task.audit else ():
            removed[rule.kind] += rule.rows
    kinds = ", ".join(f"{kind} {count:,}" for kind, count in sorted(removed.items()))
    out.print(plain(f"rows left out by kind of rule: {kinds}"))
    for one in audit.pretraining:
        out.print(plain(f"pretraining of OFA: {_seen(audit, one.task)}"))
    for broken in audit.violations:
        out.print(plain(f"{broken.task} breaks {broken.rule}: {', '.join(broken.rows)}"), style="bold red")


def _print_task(task: TaskReport, build: BuildAudit) -> None:
    audit = task.audit
    if audit is None:
        return
    few = ", fewer than 5,000" if audit.few else ""
    out.print(plain(f"{audit.task}: {audit.instances:,} instances{few}; {audit.family}"), style="bold")
    for split, of in audit.splits.items():
        _print_split(split, of)
    if audit.guesses is not None:
        learnt = "" if audit.guesses.learnt_from == "train" else ", either half from the other"
        out.print(plain(f"guessing without the picture, on {audit.guesses.scored_on}{learnt}"))
        rows = [
            (f"  {way.replace('_', ' ')}", f"{guess.accuracy:.1%}", f"{guess.right:,} of {guess.rows:,}")
            for way, guess in audit.guesses.ways.items()
        ]
        out.print(table(("  way", "right", "rows"), rows, right=("right", "rows")))
    types = ", ".join(f"{kind.replace('_', ' ')} {rows:,}" for kind, rows in audit.answer_types.items())
    out.print(plain(f"answers: {types}"))
    prompts = f"{audit.prompts:,} different prompts of {audit.inputs:,} inputs"
    out.print(plain(f"{prompts}; verbs of the instructions: {', '.join(audit.verbs)}"))
    for one in build.nearest:
        if one.task == audit.task:
            wording = f"in wording {one.wording or 'none'} ({one.wording_share:.0%})"
            answers = f"in answers {one.answers or 'none'} ({one.answers_share:.0%})"
            out.print(plain(f"nearest training task: {wording}, {answers}"))
    if audit.task in build.shared_pictures:
        out.print(plain(f"training rows that show a held-out picture: {build.shared_pictures[audit.task]:,}"))
    if seen := _seen(build, audit.task):
        out.print(plain(f"pretraining of OFA: {seen}"))
    for rule in audit.removed:
        out.print(plain(f"left out of {rule.stage}: {rule.rows:,} {rule.reason} ({rule.kind})"))
    if audit.reviews is not None:
        out.print(plain(f"marked wrong by people: {_errors(audit.reviews)}"))
    for broken in audit.violations:
        out.print(plain(f"breaks {broken.rule}: {', '.join(broken.rows)}"), style="bold red")


def _print_split(name: str, of: SplitAudit) -> None:
    counts = f"{of.rows:,} rows of {of.available:,}, {of.pictures:,} pictures, {of.answers:,} answers"
    out.print(plain(f"{name}: {counts}, {of.duplicates:,} twice, {of.texts_of_training:,} said in training"))
    frequent = ", ".join(f"{one.text} {one.rows / of.rows:.0%}" for one in of.frequent)
    out.print(plain(f"  most frequent: {frequent}"))
    if of.labels:
        out.print(plain(f"  labels {', '.join(f'{name} {rows:,}' for name, rows in of.labels.items())}"))
    if of.option_counts:
        places = _counts(of.answer_places)
        out.print(plain(f"  options {_counts(of.option_counts)}; place of the answer {places}"))
    lengths = f"prompt {_spread(of.source_ids)}, answer {_spread(of.target_ids)}"
    out.print(plain(f"  ids: {lengths}; {of.truncated:,} rows cut"))
    if of.box_shares:
        shares = f"{of.box_shares.median:.1%} of the picture, {of.narrow_boxes:,} narrower than 32 pixels"
        out.print(plain(f"  {of.regions:,} boxes, half of them up to {shares}"))


def _counts(counts: Mapping[int, int]) -> str:
    return ", ".join(f"{number}: {rows:,}" for number, rows in counts.items())


def _spread(of: Spread | None) -> str:
    return f"{of.least:g} to {of.most:g}, median {of.median:g}" if of else "none"


def _best(guesses: Guesses | None) -> str:
    if guesses is None:
        return ""
    way = max(guesses.ways, key=lambda name: guesses.ways[name].accuracy)
    return f"{guesses.ways[way].accuracy:.1%} {way.replace('_', ' ')}"


def _errors(reviews: Reviews | None) -> str:
    if reviews is None or reviews.error_rate is None:
        return ""
    return f"{reviews.error_rate:.1%} ({reviews.low:.1%} to {reviews.high:.1%})"


def _seen(build: BuildAudit, task: str) -> str:
    for one in build.pretraining:
        if one.task == task:
            counts = ", ".join(f"{name.replace('_', ' ')} {rows:,}" for name, rows in one.standing.items())
            return f"of {one.pictures:,} test pictures of {task}: {counts}"
    return ""


def cite(lake: Path, build: str | None, bibtex: bool, as_json: bool) -> None:
    """Prints whom to cite and under which terms, for the mixture of a build."""
    found = cited(lake, whole(lake) if build is None else named(lake, build))
    if as_json:
        print_json(
            {
                "build": found.build,
                "mixture": found.mixture,
                "papers": found.papers,
                "sources": [{**one._asdict(), "rows": found.rows[one.source]} for one in found.sources],
            }
        )
    elif bibtex:
        out.print(plain(found.bibtex), end="")
    else:
        _print_cited(found)


def _print_cited(found: Cited) -> None:
    out.print(plain(f"mixture {found.mixture} of build {found.build}"))
    rows = [
        (one.source, one.title, f"{found.rows[one.source]:,}", one.licence, one.redistribution)
        for one in found.sources
    ]
    out.print(table(("source", "dataset", "rows", "licence", "giving on"), rows, right=("rows",)))
    for one in found.sources:
        out.print(plain(f"{one.source}: {one.homepage} · {one.licence_url}"), style="dim")
    out.print(plain(f"\n{found.bibtex}"), end="")
