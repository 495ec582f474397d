"""A step makes one artifact; the graph of steps is what a build runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from schemas.artifact import Manifest, Reference
from transforms.artifact import Artifact, Draft
from transforms.closure import code_id
from transforms.content import digest_of

FOLDERS: Final = "folders"
"""What is asked of a step whose files name the folders of its inputs: fingerprints, by reference."""

Progress = Callable[[int, int | None], None]
"""Told how many bytes of how many have come. The total is None where no one knows it; of pictures that
come one by one it is an estimate."""


def silent(done: int, total: int | None) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class Making:
    """What a step is given: where to write, what to read, and how hard to work.

    Attributes:
        draft: the artifact being made.
        inputs: the finished inputs, by reference without part.
        threads: worker threads; each library's own choice if None.
    """

    draft: Draft
    inputs: Mapping[Reference, Artifact]
    threads: int | None = None
    progress: Progress = silent

    def table(self, reference: Reference) -> Path:
        """The Parquet file of an input: the part that is named, or the only one."""
        artifact = self.inputs[reference.whole]
        if reference.part is not None:
            return artifact.path(f"{reference.part}.parquet")
        (path,) = artifact.tables
        return path

    def file(self, reference: Reference) -> Path:
        """The only data file of an input."""
        (path,) = sorted((self.inputs[reference].folder / "data").iterdir())
        return path


@dataclass(frozen=True)
class Step:
    """One artifact that a build may make.

    Attributes:
        reference: the artifact.
        verb: what is done, for a person: `derive`, `tokenise`.
        inputs: what it is made from.
        asked: what else decides the outcome beside code, by a name that a person understands.
        make: writes it, and returns what was asked but became known only now, if anything.
        code: modules of ours that decide the outcome, with everything of ours that they import.
        files: in which file of the checkout each name of `asked` stands, where it stands in one.
        licences: terms of what this step itself brings in.
        settled: whether `asked` is complete. What a file without a pin holds is known once it is here.
        refused: why the step must not run, if it must not.
        awaited: whether a person can change that for this source alone, by fetching a file or agreeing to
            terms. A build that does not ask for the source by name then does without it.
        note: what a person should know of the outcome, if anything; plans say it, made or not.
        names_folders: whether its files name the folders of its inputs. It is then made again when one of
            them lies in another folder, though it holds the same.
    """

    reference: Reference
    verb: str
    inputs: tuple[Reference, ...]
    asked: Mapping[str, Any]
    make: Callable[[Making], Mapping[str, Any] | None]
    code: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    licences: tuple[str, ...] = ()
    settled: bool = True
    refused: str | None = None
    awaited: bool = False
    note: str | None = None
    names_folders: bool = False

    @property
    def title(self) -> str:
        """Names the step in lists and in Prefect: `derive visual_grounding`."""
        return f"{self.verb} {self.reference.name}"

    @property
    def decided_by(self) -> dict[str, Any]:
        """What decides the outcome beside the inputs: what is asked, and a hash of the code."""
        return {**self.asked, **({"code": code_id(*self.code)} if self.code else {})}

    def over(self, found: Mapping[Reference, Manifest]) -> Step:
        """The step over its inputs as they are made: where they lie is asked too, if its files name it."""
        if not self.names_folders:
            return self
        folders = {str(reference.whole): found[reference.whole].fingerprint for reference in self.inputs}
        return replace(self, asked={**self.asked, FOLDERS: folders})

    def fingerprint(self, contents: Mapping[str, str]) -> str:
        """16 hex digits over what is asked and the content ids of the inputs."""
        return digest_of(
            {
                "stage": self.reference.stage,
                "name": self.reference.name,
                "asked": self.decided_by,
                "inputs": dict(contents),
            }
        )[:16]


def contents_of(step: Step, found: Mapping[Reference, Manifest]) -> dict[str, str] | None:
    """Content id of each input of a step, or None as long as one of them is not made."""
    contents = {}
    for reference in step.inputs:
        manifest = found.get(reference.whole)
        if manifest is None:
            return None
        contents[str(reference)] = manifest.content_of(reference.part)
    return contents
