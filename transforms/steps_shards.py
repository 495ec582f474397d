"""Steps from instances to what one trains on: count, select, tokenise, prepare, pack, collect."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from functools import cache, partial
from pathlib import Path

from instructions.load import load_instructions
from schemas.artifact import Reference
from schemas.settings import BuildSettings
from shards.collection import COLLECTION, CollectedTask, Collection
from shards.format import INSTRUCTIONS, read_index, write_json
from shards.prepare import prepare
from shards.vocabulary import Vocabulary
from transforms import registry
from transforms.archive import ZipArchive
from transforms.closure import code_id
from transforms.content import digest_of
from transforms.pack import pack
from transforms.pictures import PictureArchives
from transforms.select import compile_counts, select
from transforms.shown import check_shown
from transforms.steps import Making, Step
from transforms.steps_instances import instances
from transforms.steps_tables import raw, table
from transforms.tokenise import tokenise

VOCABULARY = "ofa_bpe"
"""The auxiliary source that holds the text half of the vocabulary."""

ASSEMBLED = Reference("shards", "vocabulary")
"""The vocabulary's files in one folder, so that a lake is all that training needs."""


def counts(mixture: str) -> Reference:
    """How many rows of each task a mixture takes: one part a task."""
    return Reference("mixtures", mixture)


def selected(mixture: str, task: str, part: str | None = None) -> Reference:
    """The rows of a task that a mixture takes, and their pictures."""
    return Reference("mixtures", f"{mixture}.{task}", part)


def tokenised(mixture: str, task: str) -> Reference:
    """The shard folder of a task."""
    return Reference("shards", f"{mixture}.{task}")


def prepared(task: str) -> Reference:
    """The instructions of a task as ids."""
    return Reference("shards", f"instructions.{task}")


def packed(mixture: str) -> Reference:
    """The picture pack of a mixture."""
    return Reference("shards", f"{mixture}.pictures")


def collected(mixture: str) -> Reference:
    """The collection of a mixture: what one trains on."""
    return Reference("shards", mixture)


def vocabulary_step() -> Step:
    """The step that puts the vocabulary's files into one folder."""
    files = tuple(raw(VOCABULARY, name) for name in registry.declaration(VOCABULARY).files)
    return Step(ASSEMBLED, "assemble", files, {}, partial(_assemble, files))


def _assemble(files: Sequence[Reference], making: Making) -> None:
    for reference in files:
        path = making.file(reference)
        shutil.copyfile(path, making.draft.path(path.name))


def shard_steps(tasks: Sequence[str], settings: BuildSettings) -> Iterator[Step]:
    """All steps of a mixture over the given tasks."""
    mixture = registry.mixture(settings.mixture)
    yield vocabulary_step()
    yield Step(
        counts(settings.mixture),
        "count",
        tuple(instances(task) for task in tasks),
        {"mixture": digest_of(mixture.model_dump()), "code": code_id("transforms.select")},
        partial(_count, tasks, settings),
    )
    for task in tasks:
        yield _select_step(task, settings)
        yield _tokenise_step(task, settings)
        yield _prepare_step(task, settings)
    yield _pack_step(tasks, settings)
    yield _collect_step(tasks, settings)


def _count(tasks: Sequence[str], settings: BuildSettings, making: Making) -> None:
    roles = {task: registry.task(task).head.role for task in tasks}
    paths = {task: making.table(instances(task)) for task in tasks}
    compile_counts(registry.mixture(settings.mixture), roles, paths, making.draft)


def _archives(sources: Sequence[str]) -> list[tuple[str, str]]:
    """The files that hold pictures, as (source, file)."""
    return [
        (source, name)
        for source in sources
        for name, file in registry.declaration(source).files.items()
        if file.holds == "pictures"
    ]


def _opened(archives: Sequence[tuple[str, str]], making: Making) -> PictureArchives:
    return PictureArchives({key: ZipArchive(making.file(raw(*key))) for key in archives})


def _select_step(task: str, settings: BuildSettings) -> Step:
    sources = registry.sources_of(task)
    archives = _archives(sources)
    return Step(
        selected(settings.mixture, task),
        "select",
        (
            instances(task),
            Reference("mixtures", settings.mixture, task),
            *(table(source, "images") for source in sources),
            *(raw(*key) for key in archives),
        ),
        {"seed": str(settings.seed), "code": code_id("transforms.select")},
        partial(_select, task, sources, archives, settings),
    )


def _select(
    task: str,
    sources: Sequence[str],
    archives: Sequence[tuple[str, str]],
    settings: BuildSettings,
    making: Making,
) -> None:
    # Several rows show one picture; it is decoded once.
    check = cache(_opened(archives, making).check)
    select(
        task,
        settings.seed,
        making.table(instances(task)),
        making.table(Reference("mixtures", settings.mixture, task)),
        {source: making.table(table(source, "images")) for source in sources},
        check,
        making.draft,
        making.threads,
    )


def _tokenise_step(task: str, settings: BuildSettings) -> Step:
    truncate = registry.task(task).head.truncate
    return Step(
        tokenised(settings.mixture, task),
        "tokenise",
        (instances(task), selected(settings.mixture, task), ASSEMBLED),
        {
            "quantisation": settings.quantisation,
            "options_style": settings.options_style,
            "truncate": truncate,
            "code": code_id("transforms.tokenise"),
        },
        partial(_tokenise, task, truncate, settings),
    )


def _tokenise(task: str, truncate: str | None, settings: BuildSettings, making: Making) -> None:
    tokenise(
        task,
        truncate,
        making.table(instances(task)),
        making.table(selected(settings.mixture, task, "rows")),
        making.table(selected(settings.mixture, task, "pictures")),
        Vocabulary.load(making.inputs[ASSEMBLED].path("")),
        settings,
        making.draft,
        making.threads,
    )


def _prepare_step(task: str, settings: BuildSettings) -> Step:
    loaded = load_instructions(task, settings.instructions)
    return Step(
        prepared(task),
        "prepare",
        (instances(task), ASSEMBLED),
        {
            "instructions": [wording.text for wording in loaded.wordings],
            "code": code_id("transforms.shown", "shards.prepare"),
        },
        partial(_prepare, task, settings),
    )


def _prepare(task: str, settings: BuildSettings, making: Making) -> None:
    loaded = load_instructions(task, settings.instructions)
    check_shown(loaded, making.table(instances(task)))
    vocabulary = Vocabulary.load(making.inputs[ASSEMBLED].path(""))
    write_json(making.draft.path(INSTRUCTIONS), prepare(loaded, vocabulary))


def _pack_step(tasks: Sequence[str], settings: BuildSettings) -> Step:
    sources = sorted({source for task in tasks for source in registry.sources_of(task)})
    archives = _archives(sources)
    return Step(
        packed(settings.mixture),
        "pack",
        (
            *(selected(settings.mixture, task, "pictures") for task in tasks),
            *(raw(*key) for key in archives),
        ),
        {"code": code_id("transforms.pack")},
        partial(_pack, tasks, archives, settings),
    )


def _pack(
    tasks: Sequence[str], archives: Sequence[tuple[str, str]], settings: BuildSettings, making: Making
) -> None:
    pictures = [making.table(selected(settings.mixture, task, "pictures")) for task in tasks]
    pack(pictures, _opened(archives, making), making.draft)


def _collect_step(tasks: Sequence[str], settings: BuildSettings) -> Step:
    return Step(
        collected(settings.mixture),
        "collect",
        (
            *(tokenised(settings.mixture, task) for task in tasks),
            *(prepared(task) for task in tasks),
            packed(settings.mixture),
            ASSEMBLED,
        ),
        {"code": code_id("shards.collection")},
        partial(_collect, tasks, settings),
    )


def _collect(tasks: Sequence[str], settings: BuildSettings, making: Making) -> None:
    path = making.draft.path(COLLECTION)
    # The draft is renamed to a sibling, so that what is relative to it stays true.
    here = path.parent

    def place(reference: Reference) -> str:
        return Path(os.path.relpath(making.inputs[reference].path(""), here)).as_posix()

    found = {}
    for task in tasks:
        reference = tokenised(settings.mixture, task)
        rows = read_index(making.inputs[reference].path("")).rows
        found[task] = CollectedTask(shard=place(reference), instructions=place(prepared(task)), rows=rows)
    collection = Collection(
        mixture=settings.mixture,
        vocabulary=place(ASSEMBLED),
        pictures=place(packed(settings.mixture)),
        tasks=found,
    )
    path.write_text(collection.model_dump_json(indent=1) + "\n")
    contents = {str(ref): made.manifest.content_id for ref, made in making.inputs.items()}
    making.draft.describe(COLLECTION, digest_of(contents))
    making.draft.rows_out = sum(sum(task.rows.values()) for task in found.values())
