"""What a task's query reads, parsed once: DuckDB takes more than a millisecond for each of seventy queries.

What it said is remembered by the text of the query, the rules of `transforms.duck` and the release of DuckDB.
"""

from __future__ import annotations

import json
from importlib.metadata import version

from transforms.closure import code_id
from transforms.content import digest_of
from transforms.duck import Lineage, lineage
from transforms.memory import note_text, remembered_text


def lineage_of(sql: str, where: object) -> Lineage:
    """What a query reads and calls.

    Raises:
        BuildError: it breaks a rule of `transforms.duck.lineage`.
    """
    key = digest_of([sql, code_id("transforms.duck"), version("duckdb")])
    found = _told(remembered_text(key))
    if found is None:
        found = lineage(sql, where)
        note_text(key, json.dumps(found))
    return found


def _told(text: str | None) -> Lineage | None:
    try:
        tables, settings = json.loads(text or "")
        return Lineage(tuple((schema, name) for schema, name in tables), tuple(map(str, settings)))
    except (ValueError, TypeError):
        return None
