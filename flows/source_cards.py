"""`list sources`: all of them in a table, one of them as a card, or the table of the README."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any

from rich.filesize import decimal

from flows.console import out, plain, print_json, table
from transforms import registry
from transforms.source_card import Card, card, markdown


def list_sources(as_json: bool, as_markdown: bool) -> None:
    """The sources, as they declare themselves."""
    if as_markdown:
        sys.stdout.write(markdown())
        return
    cards = [card(name) for name in registry.source_names()]
    if as_json:
        print_json({one.source: one.declared.model_dump() for one in cards})
        return
    rows = [
        (
            one.source,
            one.declared.title,
            one.declared.kind,
            one.declared.licence.name,
            one.access,
            len(one.files),
            sum(file.sha256 is not None for file in one.files),
        )
        for one in cards
    ]
    columns = ("source", "title", "kind", "licence", "access", "files", "pinned")
    out.print(table(columns, rows, right=("files", "pinned")))
    out.print(plain("`multiinstruct list sources NAME` says all of one"))


def show_source(name: str, as_json: bool) -> None:
    """Everything that a person may want to know of a source before it is used."""
    one = card(name)
    if as_json:
        print_json(_as_dict(one))
        return
    declared = one.declared
    out.print(plain(f"{declared.title} ({one.source}, {declared.kind})"), style="bold")
    facts = [
        ("homepage", declared.homepage),
        ("licence", f"{declared.licence.name}, {declared.licence.url}"),
        ("given on", declared.redistribution),
        ("access", one.access),
        ("tables", ", ".join(one.tables)),
        ("read by", ", ".join(one.tasks)),
        ("borrows", ", ".join(one.lent)),
        ("publisher", ", ".join(f"{count:,} {what}" for what, count in declared.accepts.items())),
    ]
    out.print(table(("", ""), [fact for fact in facts if fact[1]]))
    _print_what_is_asked(one)
    rows = [
        (
            file.file,
            file.name or "single pictures",
            decimal(file.bytes) if file.bytes else "?",
            file.sha256 or "no",
            ", ".join(file.hosts) or "by hand",
        )
        for file in one.files
    ]
    out.print(table(("file", "name", "size", "pinned to sha256", "from"), rows, right=("size",)))
    out.print(plain(f"\n{declared.citation.strip()}"), style="dim")


def _print_what_is_asked(one: Card) -> None:
    """What a person has to do, step by step."""
    terms = one.declared.terms
    if terms is not None:
        harm = " Its material may hurt who sees it." if terms.harmful else ""
        out.print(
            plain(f"Terms: {terms.summary} {terms.url}{harm} Who agrees says --accept-terms {one.source}.")
        )
    for number, step in enumerate(one.declared.steps, start=1):
        out.print(plain(f"  {number}. {step}"))


def _as_dict(one: Card) -> dict[str, Any]:
    return {**asdict(one), "declared": one.declared.model_dump()}
