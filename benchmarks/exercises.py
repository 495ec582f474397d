"""Made-up instances, photographs and vocabularies that several benchmarks measure with. All is seeded.

An instance has a text, a question and an answer; some have four options as well. So there are two tasks,
`telling` and `choosing`, in the proportion of MultiInstruct's tasks with options.
"""

from __future__ import annotations

import io
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

from instructions.load import TaskInstructions
from instructions.render import parse
from schemas.box import BOX_TYPE
from shards.collection import COLLECTION, CollectedTask, Collection
from shards.format import INDEX, INSTRUCTIONS, ShardIndex, write_json
from shards.pictures import write_pack
from shards.prepare import prepare
from shards.rows import Layout
from shards.train_vocabulary import train_vocabulary
from shards.vocabulary import Vocabulary
from shards.write import write_split

WIDTH, HEIGHT = 640, 480
SCENES = 400
"""Different photographs; making one takes as long as decoding a dozen."""
SLOTS = ("text", "question")
TASKS = ("telling", "choosing")
CHOOSING = 0.3
"""Share of the instances that have options."""

_WORDINGS = {
    "telling": (
        "Look at the picture, read {text} and then answer {question}",
        "Someone says {text} of this picture. The question is {question} Give a short answer.",
        "{question} Before you answer, consider {text} as a hint about what is shown.",
        "Use the picture and the note {text} to answer the question {question}",
        "Given the description {text} of the image, what is the answer to {question}",
    ),
    "choosing": (
        "Look at the picture, read {text} and choose the answer to {question} {options}",
        "Someone says {text} of this picture. Pick the option that answers {question} {options}",
        "{question} Before you choose, consider {text} as a hint about what is shown. {options}",
        "Use the picture and the note {text} to decide {question} {options}",
        "Given the description {text} of the image, which option answers {question} {options}",
    ),
}
_OPENINGS = [
    f"{manner} {wish}"
    for manner in ("Please", "Kindly", "Now", "Next", "For this task,", "Here is an exercise:")
    for wish in ("do the following.", "take your time.", "be brief.", "be careful.", "answer in English.")
]
_TEXT = (
    "a the of in on and with to is near man woman child dog cat horse street table window building tree "
    "grass sky water boat train bus red blue green white black wooden large small old young standing walking "
    "holding riding wearing looking shirt jacket umbrella bottle plate sandwich keyboard refrigerator "
    "skateboard snowboarder motorcycle giraffe elephant bicycle behind between beside underneath left right"
)
_WORDS = _TEXT.split()


@dataclass(frozen=True)
class Instance:
    """One exercise; `options` is empty in the task `telling`."""

    uid: str
    image_id: str | None
    text: str
    question: str
    options: tuple[str, ...]
    target: str

    @property
    def task(self) -> str:
        """Name of its task."""
        return self.uid.partition("/")[0]


def wordings(task: str, count: int) -> list[str]:
    """`count` different instructions of a task, at most 155."""
    plain = _WORDINGS[task]
    return [*plain, *(f"{opening} {wording}" for opening in _OPENINGS for wording in plain)][:count]


def instances(pictures: int, each: int, with_pictures: bool = True) -> list[Instance]:
    """`each` instances of every picture, picture by picture."""
    draw = random.Random(0)
    made = []
    for number in range(pictures * each):
        options = tuple(_words(draw, 2, 6) for _ in range(4)) if draw.random() < CHOOSING else ()
        target = draw.choice(options) if options else _words(draw, 1, 8)
        image_id = _image_id(number // each) if with_pictures else None
        uid = f"{TASKS[bool(options)]}/{number}"
        made.append(Instance(uid, image_id, _words(draw, 5, 40), f"{_words(draw, 4, 12)}?", options, target))
    return made


def photographs(count: int) -> Iterator[tuple[str, bytes]]:
    """JPEGs of 640 x 480 pixels and about 120 kB, with the spectrum of photographs: detail at every scale.

    There are `SCENES` at most, and each file has a comment of its own.

    Yields:
        `image_id` and the file.
    """
    scenes = [_scene(number) for number in range(min(count, SCENES))]
    for number in range(count):
        comment = str(number).encode()
        segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2) + comment
        data = scenes[number % SCENES]
        yield _image_id(number), data[:2] + segment + data[2:]


def _scene(number: int) -> bytes:
    draw = np.random.default_rng(number)
    levels = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    for octave in range(8):
        cells = draw.integers(0, 256, (3 << octave, 4 << octave, 3), np.uint8)
        layer = Image.fromarray(cells).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
        levels += (np.asarray(layer, np.float32) - 128) * 0.75**octave
    for _ in range(6):
        x, y = draw.integers(0, WIDTH - 60), draw.integers(0, HEIGHT - 60)
        levels[y : y + draw.integers(20, 200), x : x + draw.integers(20, 200)] += draw.normal(0, 40, 3)
    file = io.BytesIO()
    Image.fromarray((levels + 128).clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=90)
    return file.getvalue()


def vocabulary(folder: Path | None, scratch: Path, made: Sequence[Instance]) -> tuple[Vocabulary, Path]:
    """The vocabulary of a folder, or a small one trained on the instances, and where it lies."""
    if folder is None:
        folder = scratch / "vocabulary"
        texts = {text for one in made[:2_000] for text in (one.text, one.question, one.target)}
        train_vocabulary([*texts, *(text for task in TASKS for text in wordings(task, 155))], folder)
    return Vocabulary.load(folder), folder


def write_collection(
    folder: Path,
    made: Sequence[Instance],
    pictures: Iterable[tuple[str, bytes]],
    vocabulary_folder: Path,
    instructions: int = 5,
) -> None:
    """A collection of the two tasks in a folder, as a build writes it."""
    encoder = Vocabulary.load(vocabulary_folder)
    (folder / "pictures").mkdir(parents=True)
    write_pack(folder / "pictures", pictures)
    tasks = {}
    for task in TASKS:
        rows = [one for one in made if one.task == task]
        tasks[task] = _write_task(folder, task, rows, encoder, instructions)
    collection = Collection(
        mixture="made", vocabulary=str(vocabulary_folder), pictures="pictures", tasks=tasks
    )
    (folder / COLLECTION).write_text(collection.model_dump_json())


def _write_task(
    folder: Path, task: str, rows: Sequence[Instance], encoder: Vocabulary, instructions: int
) -> CollectedTask:
    place = folder / task
    place.mkdir()
    layout = Layout(SLOTS, "whole_image_999")
    written = write_split(place, "train", [_table(rows)], encoder, layout)
    parsed = tuple(parse(text) for text in wordings(task, instructions))
    write_json(place / INSTRUCTIONS, prepare(TaskInstructions(task, parsed), encoder))
    index = ShardIndex(
        task=task,
        text_slots=SLOTS,
        vocabulary_size=encoder.size,
        vocabulary_fingerprint=encoder.fingerprint,
        quantisation="whole_image_999",
        options_style="spaced",
        mixture="made",
        rows={"train": written.rows},
        files=written.files,
    )
    write_json(place / INDEX, index)
    return CollectedTask(shard=task, instructions=task, rows={"train": written.rows})


def _table(rows: Sequence[Instance]) -> pa.Table:
    sizes = [None if one.image_id is None else (WIDTH, HEIGHT) for one in rows]
    return pa.table(
        {
            "uid": [one.uid for one in rows],
            "image_id": pa.array([one.image_id for one in rows], pa.string()),
            "image_width": pa.array([size and size[0] for size in sizes], pa.int32()),
            "image_height": pa.array([size and size[1] for size in sizes], pa.int32()),
            "regions": pa.array([[] for _ in rows], pa.list_(BOX_TYPE)),
            "options": pa.array([one.options for one in rows], pa.list_(pa.string())),
            "target": [one.target for one in rows],
            "text": [one.text for one in rows],
            "question": [one.question for one in rows],
        }
    )


def _words(draw: random.Random, least: int, most: int) -> str:
    # Common words first, as in English.
    weights = [1 / (place + 2) for place in range(len(_WORDS))]
    return " ".join(draw.choices(_WORDS, weights, k=draw.randint(least, most)))


def _image_id(number: int) -> str:
    return f"made:{number}"
