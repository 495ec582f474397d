"""Steps from selected instances to what one trains on: encode, tokenise, prepare, pack, collect."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from instructions.load import load_instructions
from schemas.artifact import Reference
from schemas.settings import BuildSettings
from schemas.task import TaskHead
from shards.collection import COLLECTION, ONE_STAGE, CollectedTask, Collection, stages_of
from shards.format import INSTRUCTIONS, read_index, write_json
from shards.prepare import prepare
from shards.vocabulary import Vocabulary
from transforms import registry
from transforms.codes import Encoder, encode
from transforms.content import digest_of
from transforms.pack import pack
from transforms.picture_ways import PictureFiles, Way, picture_files, ways_of
from transforms.registry import Key
from transforms.shown import check_shown
from transforms.steps import Making, Step
from transforms.steps_instances import instances, instruction_file, task_file
from transforms.steps_select import select_steps, selected, stages_in
from transforms.steps_tables import images_of, is_held, raw, raw_steps
from transforms.tokenise import tokenise

VOCABULARY = "ofa_bpe"
"""The auxiliary source that holds the text half of the vocabulary."""

IMAGE_CODER = "vqgan_checkpoint"
"""The auxiliary source that holds the weights which write pictures as codes."""

WEIGHTS = raw(IMAGE_CODER, "weights")

ASSEMBLED = Reference("shards", "vocabulary")
"""The vocabulary's files in one folder, so that a lake is all that training needs."""


def coded(mixture: str, task: str) -> Reference:
    """The answers of a task as image codes, where they are pictures."""
    return Reference("shards", f"{mixture}.{task}.codes")


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


def vocabulary_of(making: Making) -> Vocabulary:
    """The assembled vocabulary, for steps that have it among their inputs."""
    return _opened(making.inputs[ASSEMBLED].path(""))


# Three steps of each task ask for it, and OFA's files take a third of a second to open.
@lru_cache(maxsize=1)
def _opened(folder: Path) -> Vocabulary:
    return Vocabulary.load(folder)


def weights_step(settings: BuildSettings) -> Step | None:
    """The step of the image coder's weights if the lake holds them; a build never fetches them by itself."""
    return next((step for step in raw_steps(IMAGE_CODER, settings) if is_held(step, settings.lake)), None)


def waiting(tasks: Sequence[str], settings: BuildSettings, encoder: Encoder | None) -> dict[str, str]:
    """The tasks that cannot become shards here, and why."""
    drawing = [task for task in tasks if registry.task(task).head.output == "image"]
    if not drawing:
        return {}
    if encoder is None:
        return dict.fromkeys(
            drawing, "its answers are pictures, which become codes only with torch installed"
        )
    if weights_step(settings) is None:
        fetch = f"multiinstruct build --source {IMAGE_CODER} --unpinned"
        return dict.fromkeys(drawing, f"its answers are pictures, and the lake lacks the weights: {fetch}")
    return {}


def shard_steps(
    tasks: Sequence[str], settings: BuildSettings, encoder: Encoder | None = None
) -> Iterator[Step]:
    """All steps of a mixture over the given tasks, none of which is `waiting`."""
    ways = ways_of(tasks, settings)
    yield vocabulary_step()
    yield from select_steps(tasks, ways, settings)
    for task in tasks:
        if encoder is not None and registry.task(task).head.output == "image":
            yield _encode_step(task, ways, settings, encoder)
        yield _tokenise_step(task, settings)
        yield _prepare_step(task, settings)
    yield _pack_step(tasks, ways, settings)
    yield _collect_step(tasks, settings)


def _encode_step(task: str, ways: Mapping[Key, Way], settings: BuildSettings, encoder: Encoder) -> Step:
    sources = registry.sources_of(task)
    files = picture_files(sources, ways, settings)
    return Step(
        coded(settings.mixture, task),
        "encode",
        (
            instances(task),
            selected(settings.mixture, task, "rows"),
            *images_of(sources).values(),
            *files.inputs,
            WEIGHTS,
        ),
        {"encoder": encoder.code, **files.asked},
        partial(_encode, task, sources, files, settings, encoder),
        code=("transforms.codes",),
        licences=files.licences,
        files={"encoder": "ofa/codes.py"},
    )


def _encode(
    task: str,
    sources: Sequence[str],
    files: PictureFiles,
    settings: BuildSettings,
    encoder: Encoder,
    making: Making,
) -> None:
    with files.opened(making) as pictures:
        encode(
            making.table(instances(task)),
            making.table(selected(settings.mixture, task, "rows")),
            {source: making.table(images) for source, images in images_of(sources).items()},
            pictures,
            encoder,
            making.file(WEIGHTS),
            making.draft,
            making.threads,
        )


def _tokenise_step(task: str, settings: BuildSettings) -> Step:
    head = registry.task(task).head
    codes = (coded(settings.mixture, task),) if head.output == "image" else ()
    return Step(
        tokenised(settings.mixture, task),
        "tokenise",
        (instances(task), selected(settings.mixture, task), ASSEMBLED, *codes),
        {
            "quantisation": settings.quantisation,
            "options_style": settings.options_style,
            "truncate": head.truncate,
            "blank": head.blank,
        },
        partial(_tokenise, task, head, settings),
        code=("transforms.tokenise",),
        files={"truncate": task_file(task), "blank": task_file(task)},
    )


def _tokenise(task: str, head: TaskHead, settings: BuildSettings, making: Making) -> None:
    tokenise(
        task,
        head,
        making.table(instances(task)),
        making.table(selected(settings.mixture, task, "rows")),
        making.table(selected(settings.mixture, task, "pictures")),
        making.table(coded(settings.mixture, task)) if head.output == "image" else None,
        vocabulary_of(making),
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
        },
        partial(_prepare, task, settings),
        code=("transforms.shown", "shards.prepare"),
        files={"instructions": instruction_file(task, settings)},
    )


def _prepare(task: str, settings: BuildSettings, making: Making) -> None:
    loaded = load_instructions(task, settings.instructions)
    check_shown(loaded, making.table(instances(task)))
    vocabulary = vocabulary_of(making)
    write_json(making.draft.path(INSTRUCTIONS), prepare(loaded, vocabulary))


def _pack_step(tasks: Sequence[str], ways: Mapping[Key, Way], settings: BuildSettings) -> Step:
    sources = sorted({source for task in tasks for source in registry.sources_of(task)})
    files = picture_files(sources, ways, settings)
    return Step(
        packed(settings.mixture),
        "pack",
        (
            *(selected(settings.mixture, task, "pictures") for task in tasks),
            *files.inputs,
        ),
        files.asked,
        partial(_pack, tasks, files, settings),
        code=("transforms.pack",),
        licences=files.licences,
    )


def _pack(tasks: Sequence[str], files: PictureFiles, settings: BuildSettings, making: Making) -> None:
    pictures = [making.table(selected(settings.mixture, task, "pictures")) for task in tasks]
    with files.opened(making) as opened:
        pack(pictures, opened, making.draft)


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
        _staged(tasks, settings),
        partial(_collect, tasks, settings),
        code=("shards.collection",),
        files={"stages": f"transforms/mixtures/{settings.mixture}.toml"},
        names_folders=True,
    )


def _staged(tasks: Sequence[str], settings: BuildSettings) -> dict[str, Any]:
    """What a mixture of several stages adds to a collection."""
    mixture = registry.mixture(settings.mixture)
    if not mixture.stages:
        return {}
    return {"stages": [mixture.stages, stages_in(settings.mixture, tasks)], "blind": mixture.blind}


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
    mixture = registry.mixture(settings.mixture)
    trained = [task for task, one in found.items() if one.rows.get("train")]
    its_stages = stages_in(settings.mixture, trained) or dict.fromkeys(trained, (ONE_STAGE,))
    collection = Collection(
        mixture=settings.mixture,
        vocabulary=place(ASSEMBLED),
        pictures=place(packed(settings.mixture)),
        tasks=found,
        stages=stages_of(its_stages, mixture.stages or (ONE_STAGE,), mixture.blind),
    )
    path.write_text(collection.model_dump_json(indent=1) + "\n")
    contents = {str(ref): made.manifest.content_id for ref, made in making.inputs.items()}
    making.draft.describe(COLLECTION, digest_of({**contents, **_staged(tasks, settings)}))
    making.draft.rows_out = sum(sum(task.rows.values()) for task in found.values())
