"""From selected instances to the ids of one task's shard.

One row in: an instance with its texts, options and boxes. One row out: its target, texts and
regions as lists of unified ids, its options likewise, and the row of its picture.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.instance import SLOTS, Split
from schemas.settings import BuildSettings
from schemas.task import TaskHead
from shards.format import INDEX, ShardIndex, StoredFile, instances_file, pictures_file, write_json
from shards.rows import Layout, Target
from shards.vocabulary import Vocabulary
from shards.write import write_split
from transforms.artifact import Draft
from transforms.content import digest_of, table_content
from transforms.duck import Database, literal


def tokenise(
    task: str,
    head: TaskHead,
    instances: Path,
    rows: Path,
    pictures: Path,
    codes: Path | None,
    vocabulary: Vocabulary,
    settings: BuildSettings,
    making: Draft,
    threads: int | None = None,
) -> None:
    """Writes a shard folder: every split that has rows, and `index.json`.

    Args:
        rows: the rows that are taken, see `transforms.select.ROWS`.
        pictures: what their pictures hold, see `transforms.select.PICTURES`.
        codes: where answers are pictures, these as codes, see `transforms.codes.CODES`.
    """
    slots = tuple(name for name in pq.read_schema(instances).names if name in SLOTS)
    layout = Layout(slots, settings.quantisation, head.truncate, "text" if codes is None else "codes")
    written: dict[Split, int] = {}
    files: dict[str, StoredFile] = {}
    folder = making.path(INDEX).parent
    with Database(making.scratch, threads) as database:
        for name, path in (("instances", instances), ("rows", rows), ("pictures", pictures)):
            database.view("given", name, [path])
        if codes is not None:
            database.view("given", "codes", [codes])
        splits = database.rows("select split, count(*) from given.rows group by split order by split")
        for split, _ in splits:
            batches = database.batches(_query(split, slots, layout.target))
            result = write_split(folder, split, batches, vocabulary, layout)
            written[split] = result.rows
            files.update(result.files)
            making.reject(result.rejected)
            if result.truncated:
                making.facts.setdefault("truncated", {})[split] = result.truncated
            _describe(making, folder, split, result.rows)
    index = ShardIndex(
        task=task,
        text_slots=slots,
        truncate=head.truncate,
        vocabulary_size=vocabulary.size,
        vocabulary_fingerprint=vocabulary.fingerprint,
        quantisation=settings.quantisation,
        options_style=settings.options_style,
        mixture=settings.mixture,
        target=layout.target,
        blank=head.blank,
        rows=written,
        files=files,
    )
    write_json(folder / INDEX, index)
    making.describe(INDEX, digest_of(index.model_dump(exclude={"files"})))
    making.rows_in = sum(count for _, count in splits)
    making.rows_out = sum(written.values())


def _query(split: str, slots: tuple[str, ...], target: Target) -> str:
    codes = target == "codes"
    # A file of another size than declared keeps its boxes in proportion.
    return f"""
        select
            instances.uid,
            instances.image_id,
            pictures.width as image_width,
            pictures.height as image_height,
            coalesce(pictures.width / pictures.declared_width, 1) as across,
            coalesce(pictures.height / pictures.declared_height, 1) as down,
            list_transform(instances.regions, lambda box: {{
                'x0': box.x0 * across, 'y0': box.y0 * down, 'x1': box.x1 * across, 'y1': box.y1 * down
            }}) as regions,
            instances.options,
            {"codes.codes" if codes else "instances.target"}
            {"".join(f", instances.{slot}" for slot in slots)}
        from given.rows as rows
        join given.instances as instances using (uid)
        left join given.pictures as pictures on instances.image_id = pictures.image_id
        {"left join given.codes as codes on rows.uid = codes.uid" if codes else ""}
        where rows.split = {literal(split)}
        order by rows.place
    """


def _describe(making: Draft, folder: Path, split: str, rows: int) -> None:
    with pa.memory_map(str(folder / instances_file(split))) as source:
        instances = pa.ipc.open_file(source).read_all()
    making.describe(instances_file(split), table_content(instances), rows)
    shown = pq.read_table(folder / pictures_file(split))
    making.describe(pictures_file(split), table_content(shown), shown.num_rows)
