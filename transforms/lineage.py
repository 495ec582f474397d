"""From a row of a shard back to the publishers' bytes: every file on the way, with size, sha256 and terms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from schemas.artifact import Manifest, Reference
from schemas.build import Build
from schemas.errors import BuildError, ExitCode
from schemas.instance import Split
from shards.pictures import PACK, TABLE
from shards.read import Shard
from transforms import registry
from transforms.artifact import Artifact, recorded
from transforms.evidence import Row
from transforms.lake import member, whole
from transforms.origins import Origin, Place, leaves
from transforms.picture_places import single_url
from transforms.steps_select import selected
from transforms.steps_shards import packed, tokenised
from transforms.steps_tables import raw, table
from transforms.tracing import origins


@dataclass(frozen=True)
class File:
    """One file that a row comes from.

    Attributes:
        url: where the publisher gives it out.
        bytes: its size; None where only the publisher knows.
        sha256: of its bytes; of a single picture it stands with the picture.
        here: whether the lake holds it.
    """

    source: str
    file: str
    url: str
    bytes: int | None
    sha256: str | None
    licence: str
    here: bool


@dataclass(frozen=True)
class ShownPicture:
    """The picture of an instance.

    Attributes:
        picture_id: the photograph, of which several sources may have copies.
        place: where a source lists it.
        archive: owner and name of the file that holds it, such as `mscoco.train2014`.
        width: pixels, of the file where the build has looked at it, else as declared.
        licence: terms of this one picture, where its publisher gives them.
        sha256: of the picture's own bytes, where the build has looked at it.
        pack_row: its row in the picture pack, and where its bytes lie there, if it was packed.
    """

    image_id: str
    picture_id: str | None
    split: str | None
    width: int | None
    height: int | None
    place: Place
    archive: str
    member: str
    licence: str | None
    sha256: str | None
    pack: str | None
    pack_row: int | None
    pack_offset: int | None
    pack_bytes: int | None


@dataclass(frozen=True)
class Stop:
    """A stage that the row has come through, or at which it was left out.

    Attributes:
        stage: `shards`, `mixtures` or `instances`.
        folder: the artifact.
        says: where in it the row stands, or why it does not.
    """

    stage: str
    folder: str
    says: str


@dataclass(frozen=True)
class Lineage:
    """Everything that a row comes from.

    Attributes:
        stops: from the shard back to the instance.
        files: of the publishers, each once.
    """

    uid: str
    build: str
    split: str
    stops: list[Stop]
    origin: Origin
    pictures: list[ShownPicture]
    files: list[File]

    def as_dict(self) -> dict[str, Any]:
        """For a program to read."""
        return asdict(self)


def lineage(lake: Path, uid: str) -> Lineage:
    """What the instance `<task>/<key>` of the current build comes from.

    Raises:
        BuildError: the build has no such instance; if its query left the row out, the reason is told.
    """
    build = whole(lake)
    task, _, key = uid.partition("/")
    registry.check_known("task", (task,), registry.task_names())
    instances = member(lake, build, Reference("instances", task))
    if instances is None:
        raise BuildError("the current build has no such task", where=lake, got=task, exit_code=ExitCode.USAGE)
    row = _one(instances.tables[0], key)
    if row is None:
        raise _no_instance(instances, uid, key)
    origin = origins(lake, build, task, [row], thorough=True)[key]
    pictures = [_picture(lake, build, task, image_id) for image_id in _images(row)]
    places = [
        *(part.place for part in leaves(origin) if part.place),
        *(picture.place for picture in pictures),
    ]
    keys = [registry.owner_of(place.source, place.file) for place in places]
    keys += [registry.owner_of(picture.place.source, picture.archive) for picture in pictures]
    files = [_file(lake, build, *key, pictures) for key in sorted(set(keys))]
    return Lineage(uid, build.id, row["split"], list(_stops(lake, build, task, row)), origin, pictures, files)


def _one(path: Path, key: str, column: str = "key") -> Row | None:
    found: list[Row] = pq.read_table(path, filters=[(column, "=", key)]).to_pylist()
    return found[0] if found else None


def _no_instance(instances: Artifact, uid: str, key: str) -> BuildError:
    rejects = instances.folder / "rejected.parquet"
    left_out = _one(rejects, key) if rejects.is_file() else None
    if left_out is None:
        return BuildError(
            "the current build has no such instance",
            got=uid,
            next_step=f'multiinstruct sql "select uid from instances.{instances.manifest.name} limit 5"',
            exit_code=ExitCode.USAGE,
        )
    return BuildError(
        "the row was left out of its task",
        where=uid,
        got=f"rejected as {left_out['rejected']}",
        next_step=f"multiinstruct show {instances.manifest.name} --rejected",
    )


def _stops(lake: Path, build: Build, task: str, row: Row) -> Iterator[Stop]:
    """Where the row stands in the shard, the mixture and the instances."""
    uid, split = row["uid"], row["split"]
    if build.mixture is not None:
        shard = member(lake, build, tokenised(build.mixture, task))
        if shard is not None:
            yield Stop("shards", _folder(shard.manifest), _in_shard(shard, uid, split))
        taken = member(lake, build, selected(build.mixture, task))
        if taken is not None:
            yield Stop("mixtures", _folder(taken.manifest), _in_mixture(taken, uid))
    made = member(lake, build, Reference("instances", task))
    if made is not None:
        query = registry.task(task, made.manifest.asked.get("rules", "ours")).file
        yield Stop("instances", _folder(made.manifest), f"key {row['key']}, by {query}")


def _in_shard(made: Artifact, uid: str, split: Split) -> str:
    if (made.path("") / f"{split}.arrow").is_file():
        shard = Shard(made.path(""), split)
        number = shard.uids.index(uid).as_py()
        if number >= 0:
            ids = sum(map(len, shard.slots.of(number))) + sum(map(len, shard.options.of(number)))
            return f"row {number} of {split}.arrow, {ids} ids, picture row {shard.picture[number]}"
    return _left_out(made, uid) or "not taken by the mixture"


def _in_mixture(made: Artifact, uid: str) -> str:
    row = _one(made.path("rows.parquet"), uid, "uid")
    if row is None:
        return _left_out(made, uid) or "not drawn: the mixture takes fewer rows than there are"
    return f"number {row['place']} of {row['split']} in drawn order"


def _left_out(made: Artifact, uid: str) -> str | None:
    path = made.folder / "rejected.parquet"
    row = _one(path, uid, "uid") if path.is_file() else None
    return f"left out as {row['rejected']}" if row else None


def _folder(manifest: Manifest) -> str:
    return f"{manifest.stage}/{manifest.name}/{manifest.fingerprint}"


def _images(row: Row) -> list[str]:
    named = (row.get("image_id"), row.get("target_image_id"))
    return list(dict.fromkeys(image_id for image_id in named if image_id))


def _picture(lake: Path, build: Build, task: str, image_id: str) -> ShownPicture:
    sources = registry.sources_of(task)
    listed = _of_sources(lake, build, sources, "images", image_id)
    if listed is None:
        raise BuildError("no source lists the picture of the instance", got=image_id)
    photograph = _of_sources(lake, build, sources, "pictures", image_id) or {}
    taken = member(lake, build, selected(build.mixture, task)) if build.mixture else None
    seen = (_one(taken.path("pictures.parquet"), image_id, "image_id") if taken else None) or {}
    pack = member(lake, build, packed(build.mixture)) if build.mixture else None
    packs = pq.read_table(pack.path(TABLE)).to_pylist() if pack and seen else []
    number = next((number for number, row in enumerate(packs) if row["image_id"] == image_id), None)
    lies = packs[number] if number is not None else {}
    return ShownPicture(
        image_id=image_id,
        picture_id=photograph.get("picture_id"),
        split=photograph.get("split"),
        width=seen.get("width", listed["width"]),
        height=seen.get("height", listed["height"]),
        place=Place(listed["source"], listed["file"], listed["member"], listed["record"], listed["item"]),
        archive=".".join(registry.owner_of(listed["source"], listed["archive"])),
        member=listed["picture"],
        licence=listed["licence"],
        sha256=seen.get("sha256"),
        pack=f"{_folder(pack.manifest)}/data/{PACK}" if pack and lies else None,
        pack_row=number,
        pack_offset=lies.get("offset"),
        pack_bytes=lies.get("size"),
    )


def _of_sources(lake: Path, build: Build, sources: Iterable[str], name: str, image_id: str) -> Row | None:
    for source in sources:
        made = member(lake, build, table(source, name))
        row = _one(made.tables[0], image_id, "image_id") if made else None
        if row is not None:
            return row
    return None


def _file(lake: Path, build: Build, source: str, name: str, pictures: Iterable[ShownPicture]) -> File:
    """A publisher's file, as the lake has it or as it is declared."""
    declared = registry.declaration(source)
    file = declared.files[name]
    entry = next((entry for entry in build.members if entry.reference == raw(source, name)), None)
    made = recorded(lake, entry.reference, entry.fingerprint) if entry else None
    if made is None:
        mine = [one for one in pictures if registry.owner_of(one.place.source, one.archive) == (source, name)]
        single = [single_url(url, mine[0].member) for url in file.single if mine]
        pin = file.pin
        return File(
            source,
            name,
            next(iter([*single, *file.urls]), file.by_hand or ""),
            pin.bytes if pin and not single else None,
            pin.sha256 if pin and not single else None,
            declared.licence.name,
            False,
        )
    (held,) = made.manifest.files
    url = str(made.manifest.facts.get("url") or next(iter(file.urls), file.by_hand or ""))
    here = (made.folder / held.path).is_file()
    return File(source, name, url, held.bytes, held.sha256, declared.licence.name, here)
