"""The card beside an export: what it holds, how it is read, and under whose terms it stands."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from schemas.instance import Split
from transforms.terms import SourceTerms

_READ: Final = {
    "jsonl": "One JSON object a line, in the fields of the published MultiInstruct records; `image_path` is "
    "relative to this folder. Regions are written as four numbers `x0 y0 x1 y1` in pixels of the picture.\n\n"
    "```python\nimport json\nrecords = [json.loads(line) for line in open('{first}.jsonl')]\n```",
    "parquet": "Regions are named `<region_0>`, `<region_1>` … in `prompt`, `target` and `options`; "
    "`regions` gives their boxes `[x0, y0, x1, y1]` in pixels of the picture. `facts` is JSON.\n\n"
    "```python\nfrom datasets import load_dataset\nrows = load_dataset('this/folder', split='{first}')\n"
    "rows[0]['image'].show()\n```",
    "tsv": "OFA's columns of visual question answering: question id, image id, question, `1.0|!+answer`, an "
    "empty column of objects, the picture in base64; `--selected-cols=0,5,2,3,4`. Regions are written as "
    "four numbers in pixels of the picture. Line breaks of a prompt are blanks, and a row without a "
    "picture has a black one.",
    "webdataset": "Each sample is a `.json` and a picture. Regions are named `<region_0>`, `<region_1>` … in "
    "`prompt`, `target` and `options`; `regions` gives their boxes `[x0, y0, x1, y1]` in pixels of the "
    "picture.\n\n```python\nimport webdataset\n"
    "for sample in webdataset.WebDataset('{first}-000000.tar', shardshuffle=False).decode('pil'):\n"
    "    print(sample['json']['prompt'])\n```",
}


class Facts(NamedTuple):
    """What a card says.

    Attributes:
        instruction: which instructions, in words.
        rows: records written, by split and task.
        left_out: records that the format cannot hold, by reason.
    """

    build: str
    mixture: str
    seed: int
    format: str
    instruction: str
    rows: Mapping[Split, Mapping[str, int]]
    left_out: Mapping[str, int]
    terms: Sequence[SourceTerms]


def card(facts: Facts) -> str:
    """`README.md`, with the head that the Hugging Face Hub reads where the format is theirs."""
    return "\n".join(_lines(facts)) + "\n"


def licences(terms: Sequence[SourceTerms]) -> str:
    """`licences.json`: the terms of every source, for a program."""
    return json.dumps([each._asdict() for each in terms], indent=1, ensure_ascii=False) + "\n"


def _lines(facts: Facts) -> Iterator[str]:
    if facts.format == "parquet":
        yield from _head(facts)
    yield "# MultiInstruct, rebuilt"
    yield ""
    yield (
        f"Exported from build `{facts.build}`, mixture `{facts.mixture}`, seed {facts.seed}; "
        f"{facts.instruction}. The same build gives the same bytes."
    )
    yield ""
    yield "## How it is read"
    yield ""
    yield _READ[facts.format].replace("{first}", next(iter(facts.rows), "train"))
    yield ""
    yield "Pictures are the publishers' files. Those few with an EXIF orientation are written anew as PNG, so"
    yield "that every reader sees them alike."
    yield ""
    yield "## What it holds"
    yield ""
    splits = list(facts.rows)
    yield f"| task | {' | '.join(splits)} |"
    yield f"|---|{'---:|' * len(splits)}"
    for task in sorted({task for rows in facts.rows.values() for task in rows}):
        yield f"| `{task}` | {' | '.join(f'{facts.rows[split].get(task, 0):,}' for split in splits)} |"
    yield f"| all | {' | '.join(f'{sum(facts.rows[split].values()):,}' for split in splits)} |"
    for reason, count in facts.left_out.items():
        yield ""
        yield f"{count:,} records are left out, as this format cannot hold them: `{reason}`."
    yield from _terms(facts.terms)


def _head(facts: Facts) -> Iterator[str]:
    yield "---"
    yield "pretty_name: MultiInstruct, rebuilt"
    yield "license: other"
    yield "license_name: terms-of-the-sources"
    yield "license_link: licences.json"
    yield "configs:"
    yield "- config_name: default"
    yield "  data_files:"
    for split in facts.rows:
        yield f"  - split: {split}"
        yield f"    path: data/{split}-*.parquet"
    yield "---"
    yield ""


def _terms(terms: Sequence[SourceTerms]) -> Iterator[str]:
    yield ""
    yield "## Terms"
    yield ""
    yield "Each source keeps its publisher's terms. `licences.json` lists them for a program."
    yield ""
    yield "| source | title | licence | may be given on |"
    yield "|---|---|---|---|"
    for each in terms:
        yield (
            f"| `{each.source}` | [{each.title}]({each.homepage}) | [{each.licence}]({each.licence_url}) "
            f"| {_GIVEN_ON[each.redistribution]} |"
        )
    yield ""
    yield "## To be cited"
    yield ""
    yield "```bibtex"
    for each in terms:
        yield each.citation.strip()
    yield "```"


_GIVEN_ON: Final = {"allowed": "yes", "forbidden": "**no**", "unstated": "its publisher does not say"}
