"""Under which terms the sources of a build are given out, who has agreed to them, and what follows.

`export`, `publish` and `show` ask here and nowhere else. What a person has agreed to is remembered in
`<lake>/terms.json`, by source: the address of the terms, and a hash of what was agreed to.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from schemas.build import Build
from schemas.errors import BuildError, ExitCode
from schemas.settings import BuildSettings
from schemas.source import Terms
from transforms import registry
from transforms.artifact import write_whole


class SourceTerms(NamedTuple):
    """What one source asks of who uses it.

    Attributes:
        redistribution: what its publisher says of giving the data on: `allowed` under the licence,
            `forbidden`, or `unstated`.
        citation: a BibTeX entry.
    """

    source: str
    title: str
    homepage: str
    licence: str
    licence_url: str
    redistribution: str
    citation: str


def terms_of(sources: Iterable[str]) -> list[SourceTerms]:
    """The terms of some sources, in order of name."""
    declared = {source: registry.declaration(source) for source in sorted(set(sources))}
    return [
        SourceTerms(
            source,
            says.title,
            says.homepage,
            says.licence.name,
            says.licence.url,
            says.redistribution,
            says.citation,
        )
        for source, says in declared.items()
    ]


def sources_in(build: Build) -> list[str]:
    """The sources that a build holds something of, in order of name."""
    return sorted(
        {entry.name.partition(".")[0] for entry in build.members if entry.stage in ("raw", "tables")}
    )


def may_be_shown(source: str) -> bool:
    """Whether texts and pictures of a source may be shown to a person who has not asked for harmful ones."""
    terms = registry.declaration(source).terms
    return terms is None or not terms.harmful


def check_may_be_shown(sources: Iterable[str]) -> None:
    """Refuses to show what may hurt a person who has not asked for it.

    Raises:
        BuildError: one of the sources is harmful.
    """
    harmful = [source for source in sources if not may_be_shown(source)]
    if harmful:
        raise BuildError(
            "this is not shown, as it may hurt who sees it",
            got=", ".join(harmful),
            next_step="say --harmful to see it all the same",
            exit_code=ExitCode.USAGE,
        )


def may_be_given_on(source: str) -> bool:
    """Whether the publisher of a source leaves it open, or allows, that its data is given on."""
    return registry.declaration(source).redistribution != "forbidden"


def outstanding(source: str, settings: BuildSettings) -> Terms | None:
    """The terms of a source to which nobody has agreed, here or in the settings of the build.

    Raises:
        BuildError: what was agreed to cannot be read.
    """
    terms = registry.declaration(source).terms
    if terms is None or settings.sample or source in settings.accept_terms:
        return None
    return None if _agreed(settings.lake).get(source) == _said(terms) else terms


def agree(lake: Path, sources: Iterable[str]) -> None:
    """Remembers that a person has agreed to the terms of some sources, as they are declared now.

    Raises:
        BuildError: there is no such source, or it asks for no agreement.
    """
    given = tuple(sources)
    check_asking(given)
    declared = {name: registry.declaration(name).terms for name in given}
    agreed = {**_agreed(lake), **{name: _said(terms) for name, terms in declared.items() if terms}}
    if agreed != _agreed(lake):
        write_whole(_place(lake), (json.dumps(agreed, indent=1, sort_keys=True) + "\n").encode())


def check_asking(sources: tuple[str, ...]) -> None:
    """Raises a usage error for a source that there is not, or that asks for no agreement."""
    asking = [name for name in registry.source_names() if registry.declaration(name).terms is not None]
    registry.check_known("source with terms", sources, asking)


def _place(lake: Path) -> Path:
    return lake / "terms.json"


def _agreed(lake: Path) -> dict[str, dict[str, str]]:
    try:
        found = json.loads(_place(lake).read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise _unreadable(lake, error) from error
    if not isinstance(found, dict):
        raise _unreadable(lake, "no object")
    return found


def _unreadable(lake: Path, got: object) -> BuildError:
    return BuildError(
        "it cannot be read which terms were agreed to",
        where=_place(lake),
        got=got,
        next_step="delete the file, and agree again with --accept-terms",
    )


def _said(terms: Terms) -> dict[str, str]:
    """What is remembered of terms: other words or another address ask for another agreement."""
    return {"url": terms.url, "sha256": hashlib.sha256(terms.summary.encode()).hexdigest()}


def check_may_leave(sources: Iterable[str]) -> None:
    """Refuses to give on what its publisher does not want given on.

    Raises:
        BuildError: a publisher forbids it.
    """
    forbidden = [each for each in terms_of(sources) if not may_be_given_on(each.source)]
    if forbidden:
        raise BuildError(
            "the publisher of a source forbids that its data is given on",
            got=", ".join(f"{each.source} ({each.licence}, {each.licence_url})" for each in forbidden),
            next_step="build without it into another lake, and publish that: --source names those to build",
        )
