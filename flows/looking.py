"""The subcommands that look: `list tasks`, `list instructions`, `show`, `sql`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

from flows import codes
from flows.console import out, plain, print_json, table
from instructions.load import load_instructions
from schemas.errors import BuildError, ExitCode
from transforms import (
    catalogue,
    gallery,
    overlaps,
    registry,
    rejects,
    score_shown,
    score_store,
    task_table,
)
from transforms import show as showing
from transforms.origins import Origin, Place, leaves
from transforms.terms import check_may_be_shown


def list_tasks(as_json: bool, as_markdown: bool) -> None:
    """The tasks, and what each is made from; those beside the 62 apart."""
    if as_markdown:
        sys.stdout.write(task_table.markdown())
    elif as_json:
        print_json(
            [
                {
                    "task": task.name,
                    **task.head.model_dump(),
                    "reads": [".".join(read) for read in task.reads],
                    "sources": registry.sources_of(task.name),
                }
                for task in map(registry.task, registry.task_names())
            ]
        )
    else:
        for extra in (False, True):
            rows = [task_table.row(task) for task in task_table.tasks(extra=extra)]
            out.print(table(task_table.COLUMNS, rows))
        out.print(plain(task_table.summary()))


def list_overlaps(lake: Path, as_json: bool) -> None:
    """How many photographs pairs of sources share."""
    found = overlaps.read(lake)
    if as_json:
        print_json([asdict(entry) for entry in found])
        return
    rows = [
        (entry.source, entry.other, *(str(entry.photographs.get(way, 0)) for way in overlaps.WAYS))
        for entry in found
    ]
    out.print(table(("source", "other", *(f"by {way}" for way in overlaps.WAYS)), rows))
    out.print(plain(f"{len(found)} pairs of sources have photographs in common"))


def list_instructions(task: str | None, own: Path | None, as_json: bool) -> None:
    """The instructions of one task, or of all."""
    if task is not None:
        registry.check_known("task", (task,), registry.task_names())
    names = registry.task_names() if task is None else [task]
    found = {name: [wording.text for wording in load_instructions(name, own).wordings] for name in names}
    if as_json:
        print_json(found)
        return
    for name, texts in found.items():
        out.print(plain(name), style="bold")
        for number, text in enumerate(texts, start=1):
            out.print(plain(_numbered(number, text)))


def show(
    lake: Path,
    task: str,
    count: int,
    seed: int,
    html: Path | None,
    own: Path | None,
    as_json: bool,
    harmful: bool = False,
    predictions: str | None = None,
) -> None:
    """Instances of the current build, on the terminal, as JSON or as a page.

    Args:
        predictions: an evaluation, whose instances are shown with what its model has answered.
    """
    if "." in task:
        raise BuildError(
            "a table is shown by what was left out of it, or asked with sql",
            got=task,
            next_step=f"multiinstruct show {task} --rejected, or multiinstruct sql 'from {task} limit 5'",
            exit_code=ExitCode.USAGE,
        )
    if not harmful:
        check_may_be_shown(showing.sources_shown(task))
    if predictions is not None:
        _show_answered(lake, task, count, seed, html, as_json, predictions)
        return
    shown = showing.drawn(lake, task, count, seed, own)
    origins = showing.traced(lake, task, shown)
    if html is not None:
        _write(html, gallery.page(lake, task, shown, origins, codes.decoder(lake)))
    if as_json:
        print_json([{**one.as_dict(), "made_from": asdict(origins[one.uid])} for one in shown])
    elif html is not None:
        out.print(plain(f"{len(shown)} instances of {task} in {html}"))
    else:
        for one in shown:
            print_shown(one, origins[one.uid])


def _show_answered(
    lake: Path, task: str, count: int, seed: int, html: Path | None, as_json: bool, name: str
) -> None:
    shown, answers = score_shown.sampled(lake, score_store.opened(lake, name), task, count, seed)
    if html is not None:
        _write(html, gallery.page(lake, task, shown, answers=answers))
    if as_json:
        given = {one.uid: [answer._asdict() for answer in answers.given[one.uid]] for one in shown}
        print_json([{**one.as_dict(), "answers": given[one.uid]} for one in shown])
    elif html is not None:
        out.print(plain(f"{len(shown)} instances of {task} and the answers of {name} in {html}"))
    else:
        for one in shown:
            print_shown(one, None)
            for answer in answers.given[one.uid]:
                told = f"  {answer.instruction + 1}. {answer.text or 'nothing'} ({100 * answer.score:.0f})"
                out.print(plain(told), style="yellow")


def show_rejected(
    lake: Path,
    name: str,
    count: int,
    seed: int,
    html: Path | None,
    own: Path | None,
    as_json: bool,
    harmful: bool = False,
) -> None:
    """What was left out of a task or of a table, and why."""
    if not harmful:
        check_may_be_shown([name.partition(".")[0]] if "." in name else showing.sources_shown(name))
    found = rejects.left_out(lake, name, count, seed, own)
    if html is not None:
        _write(html, gallery.left_out_page(lake, found))
    if as_json:
        print_json(found.as_dict())
    elif html is not None:
        out.print(plain(f"what was left out of {name} in {html}"))
    else:
        _print_left_out(found)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _print_left_out(found: rejects.LeftOut) -> None:
    for ledger in found.ledgers:
        rejected = sum(ledger.rejected.values())
        sums = f"{ledger.rows_in:,} rows in, {ledger.rows_out:,} kept, {ledger.not_asked:,} not asked"
        out.print(plain(f"{ledger.artifact}: {sums}, {rejected:,} rejected"), style="bold")
        rows = [(f"  {reason}", f"{number:,}") for reason, number in ledger.rejected.items()]
        if rows:
            out.print(table(("  reason", "rows"), rows, ("rows",)))
    for row in found.rows:
        detail = f": {row.detail}" if row.detail else ""
        out.rule(plain(f"{row.reason}{detail}"), align="left")
        out.print(plain(_where(row.place)), style="dim")
        out.print(plain(row.row))
    for one in found.shown:
        print_shown(one, None)


def _where(place: Place) -> str:
    item = "" if place.item is None else f", item {place.item}"
    return f"{place.source}.{place.file} · {place.member} · record {place.record}{item}"


def print_shown(one: showing.Shown, origin: Origin | None) -> None:
    """One instance on the terminal."""
    out.rule(plain(f"{one.rejected} · {one.uid}" if one.rejected else one.uid), align="left")
    size = f" {one.width}×{one.height}" if one.width and one.height else ""
    picture = f"{one.drawn_image_id}{size}" if one.archive else "no picture"
    out.print(plain(f"{one.split} · {picture}"), style="dim")
    for number, prompt in enumerate(one.prompts, start=1):
        out.print(plain(_numbered(number, prompt)))
    for number, box in enumerate(one.regions):
        out.print(plain(f"  <region_{number}> = {box.x0:g}, {box.y0:g}, {box.x1:g}, {box.y1:g}"), style="dim")
    if one.rejected and one.options:
        out.print(plain(f"  options = {' | '.join(one.options)}"))
    for name, value in one.facts.items():
        out.print(plain(f"  {name} = {value}"), style="dim")
    if one.archive and one.picture_file:
        out.print(plain(f"  picture = {'.'.join(one.picture_file)} · {one.archive[2]}"), style="dim")
    for part in leaves(origin) if origin else ():
        where = _where(part.place) if part.place else ""
        out.print(plain(f"  from {part.table} {part.name}: {where} · {part.says}"), style="dim")
    if origin is not None and not origin.proved:
        out.print(plain(f"  not proved that these rows are all: {origin.why_not}"), style="dim")
    out.print(plain(f"  → {_answer(one)}"), style="green")


def _numbered(number: int, text: str) -> str:
    """A text of one or several lines under its number."""
    return f"  {number}. {text}".replace("\n", "\n     ")


def _answer(one: showing.Shown) -> str:
    if one.target_image_id is None:
        return one.target
    box = ", ".join(f"{side:g}" for side in one.target_box) if one.target_box else "the middle"
    held = f" as {len(one.codes)} codes" if one.codes else ""
    return f"the picture {one.target_image_id} ({box}){held}"


def sql(lake: Path, query: str, as_json: bool) -> None:
    """The answer of a query over the current build."""
    columns, rows = catalogue.ask(lake, query)
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
        return
    out.print(table(columns, rows))
    out.print(plain(f"{len(rows)} rows"), style="dim")
