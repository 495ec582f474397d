"""What a dataset declares about itself: its files, where they lie, and what may be done with them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

BY_HAND = "by-hand"
"""Scheme of the address of a file that only a person can fetch, and folder of such files in a mirror."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^/\s]+(/\S*)?$")]


class Declaration(BaseModel):
    """Base of all declarations: immutable, and a misspelt field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Pin(Declaration):
    """The bytes that a file is known to have, and who says so."""

    sha256: Sha256
    bytes: int | None = Field(default=None, gt=0)
    witness: Annotated[str, StringConstraints(min_length=1)]


class RemoteFile(Declaration):
    """One file of a publisher.

    Attributes:
        urls: where it lies, healthiest first; all of them serve the same bytes.
        pin: what its bytes are, where that is known. A file without a pin is refused
            unless the build says `--unpinned`.
        about_bytes: size to expect where no pin says it; for planning only.
        holds: `records` that a reader turns into tables, or `pictures` that are read in place.
        by_hand: the name of a file that only a person can fetch, who then hands it to the lake with
            `adopt`. Such a file has no `urls`; a mirror keeps it as `by-hand/SOURCE/NAME`.
        orient: whether the EXIF orientation of its pictures is to be applied. Boxes are measured in pictures
            as they are stored, so that this is for sources without boxes, whose pictures people saw upright.
        single: for an archive of pictures, where one of them lies alone; `{}` is its member's name.
            A file of pictures without `urls` has no archive, and its pictures are fetched one by one.
        members: for a zip of records, the members that the reader reads. By these names `adopt` knows
            what a person has unpacked and kept without the zip.
        instead: members of an older version, which the reader reads as well. `adopt` takes them where none
            of `members` lies unpacked.
    """

    urls: tuple[Url, ...] = ()
    pin: Pin | None = None
    about_bytes: int | None = Field(default=None, gt=0)
    holds: Literal["records", "pictures"] = "records"
    single: tuple[Url, ...] = ()
    members: tuple[str, ...] = ()
    instead: tuple[str, ...] = ()
    by_hand: Annotated[str, StringConstraints(pattern=r"^[^/\\\s]+$")] | None = None
    orient: bool = False

    @model_validator(mode="after")
    def _lies_somewhere(self) -> RemoteFile:
        if self.urls and self.by_hand:
            raise ValueError("a file that only a person can fetch has no address")
        if not self.urls and not self.by_hand and not (self.holds == "pictures" and self.single):
            raise ValueError("a file needs an address, or pictures the address of a single one")
        if any(url.count("{}") != 1 for url in self.single):
            raise ValueError("the address of a single picture holds {} once")
        if self.orient and self.holds != "pictures":
            raise ValueError("only pictures have an orientation")
        if self.members and (self.holds != "records" or self.is_tar):
            raise ValueError("only a zip of records lists its members")
        if self.instead and not self.members:
            raise ValueError("an older version has members instead of some")
        return self

    @property
    def is_tar(self) -> bool:
        """Whether it is a tar.gz, which can only be read from its beginning."""
        return any(name.endswith((".tar.gz", ".tgz")) for name in (*self.urls, self.by_hand or ""))


class Licence(Declaration):
    """Under which terms the publisher gives the data out."""

    name: str
    url: Url


class Terms(Declaration):
    """What a person has to agree to before a source is used, with `--accept-terms SOURCE`.

    Attributes:
        url: where the terms stand.
        summary: what they ask, in a sentence.
        harmful: whether the material may hurt who sees it; it is then never shown by default.
    """

    url: Url
    summary: Annotated[str, StringConstraints(min_length=1)]
    harmful: bool = False


class Source(Declaration):
    """One dataset, as its publisher gives it out.

    Attributes:
        title: the dataset's own name.
        homepage: where a person reads about it, if that page is to be trusted.
        licence: terms of the data.
        citation: BibTeX entry.
        kind: `dataset` for the 21 sources of the benchmark, `auxiliary` for what else is fetched.
        files: every file that is read, by the name that a reader's parameters use.
        borrows: files of other sources that the reader reads or whose pictures it shows, as
            `source.file`, by the name that its parameters use. They are held once.
        steps: what a person has to do to get the files that are `by_hand`, step by step.
        terms: what a person has to agree to, if anything.
        redistribution: what the publisher says of giving the data on: `allowed` under its licence,
            `forbidden`, or `unstated`.
        accepts: counts that the publisher states: rows by `table` or `table/split`, as in
            `{"captions": 616767}`, and different values by `table.column`. A table that comes out otherwise
            is worth a warning.
    """

    title: str
    homepage: Url
    licence: Licence
    citation: str
    kind: Literal["dataset", "auxiliary"] = "dataset"
    files: dict[str, RemoteFile] = Field(min_length=1)
    borrows: dict[str, Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+\.[a-z0-9_]+$")]] = {}
    steps: tuple[str, ...] = ()
    terms: Terms | None = None
    redistribution: Literal["allowed", "forbidden", "unstated"] = "unstated"
    accepts: dict[str, int] = {}

    @model_validator(mode="after")
    def _is_consistent(self) -> Source:
        if bool(self.steps) != any(file.by_hand for file in self.files.values()):
            raise ValueError("a source with files that a person fetches says how, and only such a source")
        if shared := self.files.keys() & self.borrows.keys():
            raise ValueError(f"a file is its own or borrowed, not both: {sorted(shared)}")
        return self

    def located(self, name: str) -> Source:
        """The source, of this name, with `by-hand://NAME/FILE` as address of what only a person can fetch."""
        files = {
            key: file.model_copy(update={"urls": (f"{BY_HAND}://{name}/{file.by_hand}",)})
            for key, file in self.files.items()
            if file.by_hand
        }
        return self.model_copy(update={"files": {**self.files, **files}}) if files else self
