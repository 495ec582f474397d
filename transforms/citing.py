"""What to cite, and under which terms: the sources of exactly the rows that a build takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from schemas.build import Build
from schemas.errors import BuildError
from transforms import registry
from transforms.lake import member
from transforms.steps_shards import tokenised
from transforms.terms import SourceTerms, terms_of

PAPERS: Final[Mapping[str, str]] = {
    "MultiInstruct": """\
@inproceedings{xu2023multiinstruct,
  title = {{MultiInstruct}: Improving Multi-Modal Zero-Shot Learning via Instruction Tuning},
  author = {Xu, Zhiyang and Shen, Ying and Huang, Lifu},
  booktitle = {Proceedings of the 61st Annual Meeting of the Association for Computational Linguistics
               (Volume 1: Long Papers)},
  year = {2023}
}""",
    "OFA": """\
@inproceedings{wang2022ofa,
  title = {{OFA}: Unifying Architectures, Tasks, and Modalities Through a Simple Sequence-to-Sequence
           Learning Framework},
  author = {Wang, Peng and Yang, An and Men, Rui and Lin, Junyang and Bai, Shuai and Li, Zhikang and
            Ma, Jianxin and Zhou, Chang and Zhou, Jingren and Yang, Hongxia},
  booktitle = {International Conference on Machine Learning},
  year = {2022}
}""",
}
"""The paper that the tasks are those of, and the paper of the model that they were made for."""


@dataclass(frozen=True)
class Cited:
    """What a build owes to whom.

    Attributes:
        papers: BibTeX entries of the papers that the build follows, by name.
        sources: terms of each source with rows in the mixture, or whose pictures they show.
        rows: rows of the mixture that were made from each source, or show its pictures.
    """

    build: str
    mixture: str
    papers: Mapping[str, str]
    sources: list[SourceTerms]
    rows: Mapping[str, int]

    @property
    def bibtex(self) -> str:
        """All entries, each once."""
        entries = [*self.papers.values(), *(source.citation for source in self.sources)]
        return "\n\n".join(dict.fromkeys(entry.strip() for entry in entries)) + "\n"


def cited(lake: Path, build: Build) -> Cited:
    """What to cite for the mixture of a build.

    Raises:
        BuildError: the build has no mixture.
    """
    if build.mixture is None:
        raise BuildError(
            "the build has no mixture, so nothing can be trained on that should be cited",
            where=f"build {build.id}",
            next_step="multiinstruct build, without --until",
        )
    rows = Counter[str]()
    for task, count in _tasks(lake, build, build.mixture):
        rows.update(dict.fromkeys(_owners(task), count))
    return Cited(build.id, build.mixture, PAPERS, terms_of(rows), dict(sorted(rows.items())))


def _tasks(lake: Path, build: Build, mixture: str) -> Iterator[tuple[str, int]]:
    """The tasks with rows in the mixture, and how many."""
    for entry in build.members:
        made = member(lake, build, tokenised(mixture, entry.name)) if entry.stage == "instances" else None
        if made is not None and made.manifest.rows_out:
            yield entry.name, made.manifest.rows_out


def _owners(task: str) -> tuple[str, ...]:
    """The sources that a task is made from, and those whose files or pictures these borrow."""
    return registry.lenders(registry.sources_of(task))
