"""Steps from instances to the rows that are trained and evaluated on: count, select, gather, join, compare.

Strict splits are drawn first, over all tasks, for what they show bars rows of the others:

instances/<task> ── mixtures/<mixture>.<task>.test ──────── mixtures/<mixture>.pictures.test ─┐
                                                            mixtures/<mixture>.texts.test ────┤
                    mixtures/<mixture>.<task>.validation ── mixtures/<mixture>.pictures.validation ─┐
                    mixtures/<mixture>.<task>.train ◀───────────────────────────────────────────────┘
                    mixtures/<mixture>.<task>: the three together
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Final

from instructions.load import load_instructions, words_of_ours
from schemas.artifact import Reference
from schemas.instance import SPLITS, Split
from schemas.settings import BuildSettings
from transforms import registry
from transforms.bars import bar_shown, gather
from transforms.content import digest_of
from transforms.evaluation_texts import bar_reported, bar_texts, gather_texts, rows_that_say
from transforms.mixing import bounds, part_of
from transforms.overlaps import compare, overlaps_of
from transforms.picture_ways import PictureFiles, Way, look_at, picture_files
from transforms.registry import Key
from transforms.select import Bar, Bounded, compile_counts, join, select, values_part
from transforms.steps import Making, Step
from transforms.steps_instances import instances
from transforms.steps_tables import fills, images_of, table
from transforms.verdicts import reported

STRICTER: Final[Mapping[Split, tuple[Split, ...]]] = {
    "test": (),
    "validation": ("test",),
    "train": ("test", "validation"),
}
"""The splits whose pictures bar rows of a split."""


def counts(mixture: str) -> Reference:
    """How many rows of each task a mixture takes: one part a task."""
    return Reference("mixtures", mixture)


def drawn(mixture: str, task: str, split: Split, part: str | None = None) -> Reference:
    """The rows of one split of a task that a mixture takes, and their pictures."""
    return Reference("mixtures", f"{mixture}.{task}.{split}", part)


def shown(mixture: str, split: Split) -> Reference:
    """The pictures of one split of all tasks of a mixture."""
    return Reference("mixtures", f"{mixture}.pictures.{split}")


def held_texts(mixture: str) -> Reference:
    """What the evaluation rows of a mixture say."""
    return Reference("mixtures", f"{mixture}.texts.test")


def selected(mixture: str, task: str, part: str | None = None) -> Reference:
    """The rows of a task that a mixture takes, and their pictures."""
    return Reference("mixtures", f"{mixture}.{task}", part)


def splits_of(mixture: str, task: str) -> tuple[Split, ...]:
    """The splits that a mixture takes rows of, in order."""
    return tuple(bounds(registry.mixture(mixture), task))


def stages_in(mixture: str, tasks: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The stages of each task that a mixture of several stages trains on."""
    declared = registry.mixture(mixture)
    parts = {task: part_of(declared, task) for task in tasks}
    return {task: part.stages for task, part in parts.items() if part is not None and part.stages}


def select_steps(tasks: Sequence[str], ways: Mapping[Key, Way], settings: BuildSettings) -> Iterator[Step]:
    """All steps from the instances of the tasks to the rows that a mixture takes of them."""
    mixture = registry.mixture(settings.mixture)
    yield Step(
        counts(settings.mixture),
        "count",
        tuple(instances(task) for task in tasks),
        {"mixture": digest_of(mixture.model_dump())},
        partial(_count, tasks, settings),
        code=("transforms.select",),
        files={"mixture": f"transforms/mixtures/{settings.mixture}.toml"},
    )
    speaking = [
        task
        for task in tasks
        if registry.task(task).head.role == "eval" and "test" in splits_of(settings.mixture, task)
    ]
    for split in reversed(SPLITS):
        showing = [task for task in tasks if split in splits_of(settings.mixture, task)]
        there = [name for name in STRICTER[split] if _shows(tasks, name, settings)]
        for task in showing:
            yield _select_step(task, split, there, speaking if split == "train" else (), ways, settings)
        if showing:
            yield _gather_step(showing, split, settings)
        if split == "test" and speaking:
            yield _gather_texts_step(speaking, settings)
    for task in tasks:
        yield _join_step(task, settings)
    yield _compare_step(tasks, settings)


def _shows(tasks: Sequence[str], split: Split, settings: BuildSettings) -> bool:
    return any(split in splits_of(settings.mixture, task) for task in tasks)


def _count(tasks: Sequence[str], settings: BuildSettings, making: Making) -> None:
    paths = {task: making.table(instances(task)) for task in tasks}
    compile_counts(registry.mixture(settings.mixture), paths, making.draft)


def _values_of(task: str, settings: BuildSettings) -> tuple[str, Reference] | None:
    """The column of which each value gives a number of rows, and where these stand; None if none does."""
    part = part_of(registry.mixture(settings.mixture), task)
    if part is None or part.values is None:
        return None
    return part.values.column, Reference("mixtures", settings.mixture, values_part(task))


def _select_step(
    task: str,
    split: Split,
    stricter: Sequence[Split],
    speaking: Sequence[str],
    ways: Mapping[Key, Way],
    settings: BuildSettings,
) -> Step:
    sources = registry.sources_of(task)
    files = picture_files(sources, ways, settings)
    texts = (held_texts(settings.mixture),) if speaking else ()
    valued = _values_of(task, settings)
    marked = reported(settings.lake, task)
    return Step(
        drawn(settings.mixture, task, split),
        "select",
        (
            instances(task),
            Reference("mixtures", settings.mixture, task),
            *((valued[1],) if valued else ()),
            *(shown(settings.mixture, name) for name in stricter),
            *texts,
            *images_of(sources).values(),
            *files.inputs,
        ),
        {
            "seed": str(settings.seed),
            **files.asked,
            **({"reported": marked} if marked else {}),
            **({"values": valued[0]} if valued else {}),
        },
        partial(_select, task, split, stricter, texts, marked, sources, files, settings),
        code=("transforms.select", "transforms.bars", "transforms.evaluation_texts"),
        licences=files.licences,
    )


def _select(
    task: str,
    split: Split,
    stricter: Sequence[Split],
    texts: Sequence[Reference],
    marked: Sequence[str],
    sources: Sequence[str],
    files: PictureFiles,
    settings: BuildSettings,
    making: Making,
) -> None:
    bars: list[Bar] = [bar_reported(marked)]
    bars += [bar_shown(name, making.table(shown(settings.mixture, name))) for name in stricter]
    bars += [bar_texts(_holding(task, making, held)) for held in texts]
    valued = _values_of(task, settings)
    with files.opened(making) as pictures:
        select(
            task,
            settings.seed,
            (split,),
            making.table(instances(task)),
            making.table(Reference("mixtures", settings.mixture, task)),
            {source: making.table(images) for source, images in images_of(sources).items()},
            # Several rows show one picture; it is decoded once.
            cache(partial(look_at, pictures)),
            pictures.prefetch,
            pictures.expect,
            making.draft,
            making.threads,
            bars,
            Bounded(valued[0], making.table(valued[1])) if valued else None,
        )


def _holding(task: str, making: Making, texts: Reference) -> dict[str, str]:
    return rows_that_say(
        task, making.table(instances(task)), making.table(texts), making.draft.scratch, making.threads
    )


def _gather_texts_step(tasks: Sequence[str], settings: BuildSettings) -> Step:
    rows = {task: drawn(settings.mixture, task, "test", "rows") for task in tasks}
    ours = words_of_ours([load_instructions(task, settings.instructions) for task in tasks])
    return Step(
        held_texts(settings.mixture),
        "gather",
        (*(instances(task) for task in tasks), *rows.values()),
        {"ours": ours},
        partial(_gather_texts, rows, ours),
        code=("transforms.evaluation_texts",),
    )


def _gather_texts(rows: Mapping[str, Reference], ours: Sequence[str], making: Making) -> None:
    files = {task: (making.table(instances(task)), making.table(taken)) for task, taken in rows.items()}
    gather_texts(files, ours, making.draft)


def _gather_step(tasks: Sequence[str], split: Split, settings: BuildSettings) -> Step:
    parts = tuple(drawn(settings.mixture, task, split, "pictures") for task in tasks)
    return Step(
        shown(settings.mixture, split),
        "gather",
        parts,
        {},
        partial(_gather, parts),
        code=("transforms.bars",),
    )


def _gather(parts: Sequence[Reference], making: Making) -> None:
    gather([making.table(part) for part in parts], making.draft)


def _join_step(task: str, settings: BuildSettings) -> Step:
    parts = tuple(drawn(settings.mixture, task, split) for split in splits_of(settings.mixture, task))
    return Step(
        selected(settings.mixture, task),
        "join",
        (instances(task), *parts),
        {},
        partial(_join, task, parts),
        code=("transforms.select",),
    )


def _join(task: str, parts: Sequence[Reference], making: Making) -> None:
    folders = [making.inputs[part].path("") for part in parts]
    join(making.table(instances(task)), folders, making.draft)


def _compare_step(tasks: Sequence[str], settings: BuildSettings) -> Step:
    sources = {source for task in tasks for source in registry.sources_of(task)}
    listed = {source: table(source, "pictures") for source in sorted(sources) if fills(source, "images")}
    parts = tuple(shown(settings.mixture, split) for split in SPLITS if _shows(tasks, split, settings))
    return Step(
        overlaps_of(settings.mixture),
        "compare",
        (*listed.values(), *parts),
        {},
        partial(_compare, listed, parts),
        code=("transforms.overlaps",),
    )


def _compare(listed: Mapping[str, Reference], parts: Sequence[Reference], making: Making) -> None:
    compare(
        {source: making.table(pictures) for source, pictures in listed.items()},
        [making.table(part) for part in parts],
        making.draft,
    )
