"""The subcommands that look: `list`, `show`, `sql`."""

from __future__ import annotations

from pathlib import Path

from flows import codes
from flows.console import out, plain, print_json, table
from instructions.load import load_instructions
from schemas.source import Source
from transforms import catalogue, registry
from transforms import show as showing


def list_sources(as_json: bool) -> None:
    """The sources, as they declare themselves."""
    declared = {name: registry.declaration(name) for name in registry.source_names()}
    if as_json:
        print_json({name: source.model_dump() for name, source in declared.items()})
        return
    rows = [
        (name, source.title, source.kind, source.licence.name, len(source.files), _pinned(source))
        for name, source in declared.items()
    ]
    columns = ("source", "title", "kind", "licence", "files", "pinned")
    out.print(table(columns, rows, right=("files", "pinned")))


def _pinned(source: Source) -> str:
    return f"{sum(file.pin is not None for file in source.files.values())}"


def list_tasks(as_json: bool) -> None:
    """The tasks, and what each is made from."""
    tasks = [registry.task(name) for name in registry.task_names()]
    if as_json:
        print_json(
            [
                {
                    "task": task.name,
                    **task.head.model_dump(),
                    "reads": [".".join(read) for read in task.reads],
                    "sources": registry.sources_of(task.name),
                }
                for task in tasks
            ]
        )
        return
    rows = [
        (
            task.name,
            task.head.category,
            task.head.origin,
            task.head.role,
            task.head.output,
            ", ".join(".".join(read) for read in task.reads),
        )
        for task in tasks
    ]
    out.print(table(("task", "category", "origin", "role", "output", "made from"), rows))
    out.print(plain(f"{len(tasks)} tasks"))


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
            out.print(plain(f"  {number}. {text}"))


def show(
    lake: Path, task: str, count: int, seed: int, html: Path | None, own: Path | None, as_json: bool
) -> None:
    """Instances of the current build, on the terminal, as JSON or as a page."""
    shown = showing.drawn(lake, task, count, seed, own)
    if html is not None:
        html.parent.mkdir(parents=True, exist_ok=True)
        html.write_text(showing.page(lake, task, shown, codes.decoder(lake)), encoding="utf-8")
    if as_json:
        print_json([one.as_dict() for one in shown])
        return
    if html is not None:
        out.print(plain(f"{len(shown)} instances of {task} in {html}"))
        return
    for one in shown:
        _print(one)


def _print(one: showing.Shown) -> None:
    out.rule(plain(one.uid), align="left")
    where = " / ".join(one.archive) if one.archive else "no picture"
    out.print(plain(f"{one.split} · {one.drawn_image_id} {one.width}×{one.height} · {where}"), style="dim")
    for number, prompt in enumerate(one.prompts, start=1):
        out.print(plain(f"  {number}. {prompt}"))
    for number, box in enumerate(one.regions):
        out.print(plain(f"  <region_{number}> = {box.x0:g}, {box.y0:g}, {box.x1:g}, {box.y1:g}"), style="dim")
    for name, value in one.facts.items():
        out.print(plain(f"  {name} = {value}"), style="dim")
    out.print(plain(f"  → {_answer(one)}"), style="green")


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
