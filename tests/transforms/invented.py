"""Sources and tasks that tests invent, in a folder of the test and in place of those that ship.

`hill` has pictures and captions. `asker` asks questions about the pictures of `hill`, which it borrows.
`pilgrim` has files that only a person can fetch, one of them a tar.gz of pictures. `hermit` asks for
agreement to terms. Each has a task that reads it.
"""

from __future__ import annotations

import io
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import pytest
from PIL import Image

import transforms.sources
from instructions import load
from sample_world.archive import tar_gz
from schemas.settings import BuildSettings
from transforms import registry

HEAD = """
from schemas.source import Licence, Pin, RemoteFile, Source, Terms
from transforms.raw import Record

LICENCE = Licence(name="Terms of {name}", url="https://{name}.example/licence")
PAGE = "https://{name}.example/about"
WHO = dict(title="{name}", homepage=PAGE, licence=LICENCE, citation="@misc{{{name}}}")


class Picture(Record):
    id: int
    text: str
    split: str = "train"
    width: int | None = 40
    height: int | None = 30
"""

IMAGES = """

def images({file}):
    for place, one in {file}.{read}:
        yield place, {{
            "image_id": f"{prefix}:{{one.id}}", "width": one.width, "height": one.height,
            "published_split": one.split, "archive": "{archive}", "picture": f"pictures/{{one.id}}.jpg",
        }}


def captions({file}):
    for place, one in {file}.{read}:
        yield place, {{"image_id": f"{prefix}:{{one.id}}", "caption_id": str(one.id), "text": one.text}}
"""

HILL = """
SOURCE = Source(
    **WHO,
    files={
        "records": RemoteFile(urls=("https://hill.example/records.json",)),
        "pictures": RemoteFile(urls=("https://hill.example/pictures.zip",), holds="pictures", about_bytes=1),
    },
    accepts={"captions": 5, "captions/test": 1},
)
"""

ASKER = """
SOURCE = Source(
    **WHO,
    files={"questions_file": RemoteFile(urls=("https://asker.example/questions.jsonl",))},
    borrows={"records": "hill.records", "pictures": "hill.pictures"},
)


class Question(Record):
    picture: int
    question: str
    answer: str


def questions(questions_file):
    for place, one in questions_file.lines(Question):
        yield place, {
            "image_id": f"hill:{one.picture}", "question_id": str(place[2]), "question": one.question,
            "answer": one.answer,
        }
"""

PILGRIM = """
SOURCE = Source(
    **WHO,
    files={
        "records": RemoteFile(by_hand="pilgrim.json"),
        "pictures": RemoteFile(by_hand="pilgrim.tar.gz", holds="pictures"),
    },
    steps=("Register at https://pilgrim.example/.", "Run `multiinstruct adopt pilgrim PATH`."),
)
"""

HERMIT = """
SOURCE = Source(
    **WHO,
    files={
        "records": RemoteFile(urls=("https://hermit.example/records.json",)),
        "pictures": RemoteFile(single=("https://pictures.hermit.example/{}",), holds="pictures"),
    },
    terms=Terms(url="https://hermit.example/terms", summary="Keep it to yourself.", harmful=True),
    redistribution="forbidden",
)
"""

TASK = """/*
summary  = "Say what the picture of {source} shows."
category = "miscellaneous"
origin   = "existing"
role     = "{role}"
output   = "text"
metrics  = ["rouge_l"]
extra    = true
*/
select
    rows.image_id || ':' || rows.{key} as key,
    rows.image_id,
    pictures.split,
    rows.{target} as target
from {source}.{table} as rows
join {source}.pictures using (image_id)
order by key
"""

WORDS = ("Say", "Tell", "Write down", "Put into words", "Explain")


@dataclass(frozen=True)
class Invented:
    """The invented world.

    Attributes:
        mirror: where the files of the sources lie, but for what only a person can fetch.
        handed: what a person has fetched.
    """

    mirror: Path
    handed: Path
    sources: Path
    tasks: Path

    def settings(self, lake: Path, **changed: object) -> BuildSettings:
        """A build of this world up to instances, without a network."""
        asked = {"lake": lake, "mirror": str(self.mirror), "offline": True, "unpinned": True, **changed}
        return BuildSettings.model_validate({"until": "instances", **asked})

    def source(self, name: str, text: str) -> None:
        """Writes the module of a source."""
        (self.sources / f"{name}.py").write_text(HEAD.format(name=name) + text)
        sys.modules.pop(f"transforms.sources.{name}", None)

    def put(self, place: str, data: bytes) -> Path:
        """Writes a file of the mirror."""
        path = self.mirror / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(data)
        return path


def picture(number: int) -> bytes:
    """A small picture in a colour of its own."""
    written = io.BytesIO()
    Image.new("RGB", (40, 30), (number * 20 % 256, 90, 200)).save(written, "JPEG")
    return written.getvalue()


@pytest.fixture
def invented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invented:
    """Four sources and their tasks, in place of those that ship."""
    world = Invented(tmp_path / "mirror", tmp_path / "handed", tmp_path / "sources", tmp_path / "tasks")
    instructions = tmp_path / "instructions"
    for folder in (world.mirror, world.handed, world.sources, world.tasks, instructions):
        folder.mkdir()
    monkeypatch.setattr(registry, "SOURCES", world.sources)
    monkeypatch.setattr(registry, "TASKS", world.tasks)
    monkeypatch.setattr(load, "SHIPPED", instructions)
    monkeypatch.setattr(transforms.sources, "__path__", [*transforms.sources.__path__, str(world.sources)])
    for name in ("hill", "asker", "pilgrim", "hermit"):
        monkeypatch.delitem(sys.modules, f"transforms.sources.{name}", raising=False)
    own = {"file": "records", "read": "records(Picture)", "archive": "pictures"}
    world.source("hill", HILL + IMAGES.format(prefix="hill", **own))
    borrowed = IMAGES.format(prefix="hill", **{**own, "archive": "hill.pictures"}).partition(
        "\n\n\ndef captions"
    )[0]
    world.source("asker", ASKER + borrowed)
    world.source("pilgrim", PILGRIM + IMAGES.format(prefix="pilgrim", **own))
    world.source("hermit", HERMIT + IMAGES.format(prefix="hermit", **own))
    for source, role in (("hill", "train"), ("asker", "train"), ("pilgrim", "train"), ("hermit", "eval")):
        questions = source == "asker"
        text = TASK.format(
            source=source,
            role=role,
            table="questions" if questions else "captions",
            key="question_id" if questions else "caption_id",
            target="answer" if questions else "text",
        )
        (world.tasks / f"{source}_task.sql").write_text(text)
        lines = "".join(f"    '{word} what the picture of {source} shows.',\n" for word in WORDS)
        (instructions / f"{source}_task.toml").write_text(f"instructions = [\n{lines}]\n")
    _write_files(world)
    return world


def _write_files(world: Invented) -> None:
    def records(count: int, split: str) -> bytes:
        listed = [
            {"id": number, "text": f"Scene {number}.", "split": split} for number in range(1, count + 1)
        ]
        return json.dumps(listed).encode()

    world.put("hill.example/records.json", records(6, "train"))
    world.put("hermit.example/records.json", records(3, "test"))
    lines = [{"picture": 2, "question": "What is there?", "answer": "a hill"}]
    lines += [{"picture": 3, "question": "What else?", "answer": "a tree"}]
    world.put("asker.example/questions.jsonl", "\n".join(map(json.dumps, lines)).encode())
    with ZipFile(world.put("hill.example/pictures.zip", b""), "w") as archive:
        for number in range(1, 7):
            archive.writestr(f"pictures/{number}.jpg", picture(number))
    (world.handed / "pilgrim.json").write_bytes(records(4, "train"))
    with tar_gz(world.handed / "pilgrim.tar.gz") as add:
        for number in range(1, 9):
            add(f"pictures/{number}.jpg", picture(number))


def with_vocabulary(world: Invented, sample_mirror: Path) -> None:
    """Puts the sample world's vocabulary into the mirror, so that shards can be made."""
    for folder in sample_mirror.iterdir():
        if "fbaipublicfiles" in folder.name:
            shutil.copytree(folder, world.mirror / folder.name)
