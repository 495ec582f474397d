"""The file system is the registry: sources, tasks and mixtures are the files of their folders."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

from pydantic import ValidationError

from schemas.errors import BuildError, ExitCode
from schemas.mixture import Mixture
from schemas.reason import FIXES
from schemas.settings import Rules
from schemas.source import RemoteFile, Source
from schemas.task import TaskHead
from transforms.queries import lineage_of

_HERE = Path(__file__).parent
SOURCES = _HERE / "sources"
TASKS = _HERE / "tasks"
MIXTURES = _HERE / "mixtures"
PUBLISHED = TASKS / "published"
"""Queries of the tasks whose rows the published scripts make otherwise."""

Key = tuple[str, str]
"""Source and declared file."""


@dataclass(frozen=True)
class Task:
    """One task: what it declares, its query, and what the query reads.

    Attributes:
        name: stem of the SQL file.
        head: the TOML head.
        sql: the whole file.
        reads: tables `(schema, name)` in order of first mention; the first is the one whose rows
            are asked about.
        settings: settings of the build that the query uses.
        file: where the query stands in the checkout.
        waived: reasons that are in the query and leave no row out.
    """

    name: str
    head: TaskHead
    sql: str
    reads: tuple[tuple[str, str], ...]
    settings: tuple[str, ...]
    file: str
    waived: tuple[str, ...] = ()

    @property
    def parents(self) -> tuple[str, ...]:
        """Tasks whose instances this one reads."""
        return tuple(name for schema, name in self.reads if schema == "instances")


def source_names() -> list[str]:
    """All sources, in order of name."""
    return sorted(path.stem for path in SOURCES.glob("*.py") if path.stem != "__init__")


def task_names() -> list[str]:
    """All tasks, in order of name."""
    return sorted(path.stem for path in TASKS.glob("*.sql"))


def mixture_names() -> list[str]:
    """All mixtures, in order of name."""
    return sorted(path.stem for path in MIXTURES.glob("*.toml"))


def check_known(kind: str, names: tuple[str, ...], known: list[str]) -> None:
    """Raises a usage error for a name that no file has."""
    for name in names:
        if name not in known:
            raise BuildError(
                f"no such {kind}",
                got=name,
                expected=", ".join(known),
                exit_code=ExitCode.USAGE,
            )


def reader(source: str) -> ModuleType:
    """The module of a source: `SOURCE` and a generator for each table it fills."""
    return import_module(f"transforms.sources.{source}")


def declaration(source: str) -> Source:
    """What a source declares. Files that only a person can fetch have an address, see `Source.located`."""
    declared = reader(source).SOURCE
    if not isinstance(declared, Source):
        raise BuildError("SOURCE is not a Source", where=f"transforms/sources/{source}.py")
    held = _located.get(source)
    if held is None or held[0] is not declared:
        held = _located[source] = declared, declared.located(source)
    return held[1]


_located: dict[str, tuple[Source, Source]] = {}
"""Declarations as they stand in their modules, and with addresses."""


def owner_of(source: str, name: str) -> Key:
    """Whose file a source means by a name: its own, the name of a borrow, or what is borrowed by it.

    `owner_of("vqa_v2", "train2014")`, where `vqa_v2` borrows `mscoco.train2014` by that name, and
    `owner_of("vqa_v2", "mscoco.train2014")` are both `("mscoco", "train2014")`.
    """
    owner, _, file = declaration(source).borrows.get(name, name).rpartition(".")
    return owner or source, file


def lent_file(key: Key) -> RemoteFile:
    """The declaration of a file, by its owner and name."""
    source, name = key
    return declaration(source).files[name]


def shown_files(source: str) -> tuple[Key, ...]:
    """The files, its own and borrowed ones, that hold pictures which a source may show."""
    declared = declaration(source)
    keys = [owner_of(source, name) for name in (*declared.files, *declared.borrows)]
    return tuple(key for key in keys if lent_file(key).holds == "pictures")


def lenders(sources: Iterable[str]) -> tuple[str, ...]:
    """The sources whose files others among `sources` read or show, and these themselves, in order of name."""
    named = set(sources)
    lent = {owner_of(source, name)[0] for source in named for name in declaration(source).borrows}
    return tuple(sorted(named | lent))


_read: dict[Path, tuple[tuple[int, int, int], str]] = {}


def _text(path: Path) -> str:
    """The text of a file, read once for as long as it is the same: a plan asks for each a hundred times."""
    found = path.stat()
    state = (found.st_ino, found.st_mtime_ns, found.st_size)
    held = _read.get(path)
    if held is None or held[0] != state:
        held = _read[path] = state, path.read_text()
    return held[1]


@cache
def _parsed(path: Path, text: str) -> Task:
    if not text.startswith("/*") or "*/" not in text:
        raise BuildError("a task begins with a TOML head in a comment", where=path, expected="/* … */")
    try:
        head = TaskHead.model_validate(tomllib.loads(text[2 : text.index("*/")]))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise BuildError("the head of the task is not valid", where=path, got=error) from error
    found = lineage_of(text, path)
    return Task(path.stem, head, text, found.tables, found.settings, _shown(path))


def task(name: str, rules: Rules = "ours") -> Task:
    """Reads a task's file.

    The published rules are ours less the reasons in `FIXES`; where rows are made otherwise, the query is
    that of the same name in `PUBLISHED`.

    Raises:
        BuildError: its head is not valid, or its query breaks a rule of `lineage`.
    """
    path = TASKS / f"{name}.sql"
    ours = _parsed(path, _text(path))
    return ours if rules == "ours" else _published(ours)


def _published(ours: Task) -> Task:
    path = PUBLISHED / f"{ours.name}.sql"
    found = ours
    if path.is_file():
        text = path.read_text()
        read = lineage_of(text, path)
        found = replace(ours, sql=text, reads=read.tables, settings=read.settings, file=_shown(path))
    return replace(
        found,
        head=ours.head.model_copy(update={"balance": False}),
        waived=tuple(reason for reason in FIXES if f"'{reason}'" in found.sql),
    )


def _shown(path: Path) -> str:
    """A file as a person finds it: in the checkout, or wherever it is."""
    checkout = _HERE.parent
    return path.relative_to(checkout).as_posix() if path.is_relative_to(checkout) else str(path)


def mixture(name: str) -> Mixture:
    """Reads a mixture's file."""
    path = MIXTURES / f"{name}.toml"
    return _mixed(path, path.read_text())


@cache
def _mixed(path: Path, text: str) -> Mixture:
    try:
        return Mixture.model_validate(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise BuildError("the mixture is not valid", where=path, got=error) from error


def sources_of(name: str) -> tuple[str, ...]:
    """The sources whose tables a task reads, through all tasks that it derives from."""
    read = task(name)
    own = {schema for schema, _ in read.reads if schema != "instances"}
    return tuple(sorted(own.union(*(sources_of(parent) for parent in read.parents))))
