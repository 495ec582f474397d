"""The subcommands about publishers' files: `adopt`, `pin`, `probe`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from flows.console import out, plain, print_json, table
from schemas.errors import BuildError, TransientError
from schemas.settings import BuildSettings
from transforms.adopt import Adopted, pin_lines
from transforms.adopt import adopt as take_over
from transforms.lake import writing
from transforms.pins import MEMBERS_WITNESS
from transforms.probe import probe as ask
from transforms.terms import agree, outstanding

_MOST_NAMED: Final = 20
"""Missing pictures that the terminal names; `--json` names all."""


def adopt(lake: Path, source: str, path: Path, as_json: bool, accept_terms: Sequence[str] = ()) -> None:
    """Takes over archives and what was unpacked from them, and says what matched and what is missing."""
    with writing(lake):
        agree(lake, accept_terms)
        found = take_over(lake, source, path)
    terms = outstanding(source, BuildSettings(lake=lake))
    if as_json:
        compared = found.compared
        print_json(
            {
                "files": [outcome._asdict() for outcome in found.outcomes],
                "pictures": found.pictures,
                "picture_bytes": found.picture_bytes,
                "others": found.others,
                "terms": terms and terms.model_dump(),
                "pictures_listed": compared and compared.listed,
                "pictures_missing": compared and [one._asdict() for one in compared.missing],
            }
        )
    else:
        rows = [
            (one.file, one.name, "" if one.bytes is None else f"{one.bytes:,}", one.state, one.detail)
            for one in found.outcomes
        ]
        out.print(table(("file", "name", "bytes", "state", "detail"), rows, right=("bytes",)))
        _say_which_pictures(source, found)
        if found.others:
            out.print(plain(f"{found.others:,} files belong to nothing that {source} declares"))
        if terms is not None:
            out.print(
                plain(f"{source} is built only with --accept-terms {source}: {terms.summary} {terms.url}")
            )
    wrong = [one.name for one in found.outcomes if one.state == "wrong"]
    if wrong:
        raise BuildError(
            f"{len(wrong)} files are not what they are called, and were not taken over",
            where=path,
            got=", ".join(wrong),
            next_step="fetch them again",
        )


def _say_which_pictures(source: str, found: Adopted) -> None:
    if found.pictures:
        out.print(plain(f"{found.pictures:,} pictures, {found.picture_bytes:,} bytes"))
    if found.compared is None:
        if found.pictures:
            first = f"multiinstruct build --source {source} --until tables"
            out.print(plain(f"which pictures are missing can be said once they are listed: run `{first}`"))
            out.print(plain("and then this command once more"))
        return
    listed, missing = found.compared.listed, found.compared.missing
    out.print(plain(f"{listed - len(missing):,} of the {listed:,} pictures that {source} lists are here"))
    if missing:
        rows = [
            (one.file, one.picture, f"{one.width} x {one.height}" if one.width and one.height else "")
            for one in missing[:_MOST_NAMED]
        ]
        out.print(table(("file", "missing picture", "pixels"), rows))
    if len(missing) > _MOST_NAMED:
        out.print(plain(f"and {len(missing) - _MOST_NAMED:,} more, which --json names"))


def pin(lake: Path, source: str) -> None:
    """Prints the pins of what the lake holds of a source, to be pasted into its declaration."""
    found = pin_lines(lake, source)
    if not found:
        raise BuildError(
            "the lake holds no file of this source",
            where=lake,
            got=source,
            next_step=f"multiinstruct build --source {source} --until tables --unpinned",
        )
    for name, known in found.items():
        if known.witness == MEMBERS_WITNESS:
            out.print(plain(f"# {name}: no pin, for it holds {known.witness}"))
            continue
        lines = (
            f"# {name}",
            "pin=Pin(",
            f"    sha256={json.dumps(known.sha256)},",
            f"    bytes={known.bytes or 0:_},",
            f"    witness={json.dumps(known.witness, ensure_ascii=False)},",
            "),",
        )
        for line in lines:
            out.print(plain(line))


def probe(source: str | None, as_json: bool) -> None:
    """Asks each host about every file, and fails if one is not as declared."""
    found = list(ask(source))
    if as_json:
        print_json([one._asdict() for one in found])
    else:
        rows = [
            (
                f"{one.source}.{one.file}",
                "" if one.bytes is None else f"{one.bytes:,}",
                one.date or "",
                one.kind or "",
                "yes" if one.ranges else "no",
                one.state,
                one.detail,
            )
            for one in found
        ]
        columns = ("file", "bytes", "changed", "kind", "ranges", "state", "detail")
        out.print(table(columns, rows, right=("bytes",)))
    drifted = [one for one in found if one.state == "drifted"]
    if drifted:
        raise BuildError(
            f"{len(drifted)} of {len(found)} addresses are not as declared",
            got=", ".join(f"{one.source}.{one.file}" for one in drifted),
            next_step="look at the addresses above, and change the declarations after a review",
        )
    silent = [one for one in found if one.state == "unreachable"]
    if silent:
        raise TransientError(
            f"{len(silent)} of {len(found)} addresses did not answer",
            got=", ".join(f"{one.source}.{one.file}" for one in silent),
            next_step="ask again later",
        )
