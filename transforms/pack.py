"""From the selections of all tasks to one pack that holds each of their pictures once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from schemas.errors import BuildError
from shards.pictures import PACK, PACKED, TABLE, write_pack
from transforms.artifact import Draft
from transforms.content import digest_of, table_content
from transforms.duck import Database
from transforms.pictures import Pictures

_AT_ONCE = 256
"""Pictures that are fetched together where they are not here."""


def pack(selections: Sequence[Path], archives: Pictures, making: Draft) -> None:
    """Writes the picture pack of a mixture, in order of image.

    Args:
        selections: the table of pictures of each task, see `transforms.select.PICTURES`.

    Raises:
        BuildError: an archive no longer holds what the selection saw.
    """
    with Database(making.scratch) as database:
        database.view("selected", "pictures", selections)
        wanted = database.rows(
            "select distinct image_id, source, archive, picture, sha256, oriented "
            "from selected.pictures order by image_id"
        )
    oriented = {image_id for image_id, *_, turned in wanted if turned}
    table = write_pack(making.path(PACK).parent, _read(wanted, archives), oriented)
    making.describe(PACK, digest_of([(image_id, sha256) for image_id, *_, sha256, _ in wanted]))
    making.describe(TABLE, table_content(table.cast(PACKED)), table.num_rows)
    making.rows_out = table.num_rows


def _read(wanted: list[tuple[Any, ...]], archives: Pictures) -> Iterator[tuple[str, bytes]]:
    for number, (image_id, source, archive, member, sha256, _) in enumerate(wanted):
        if number % _AT_ONCE == 0:
            archives.prefetch((row[1], row[2], row[3]) for row in wanted[number : number + _AT_ONCE])
        data = archives.read(source, archive, member)
        if data is None or hashlib.sha256(data).hexdigest() != sha256:
            raise BuildError(
                "a picture is not what it was when it was selected",
                where=f"{source}.{archive}: {member}",
                expected=sha256,
                next_step="its file has changed, in the lake or at the publisher: delete it and build again",
            )
        yield image_id, data
