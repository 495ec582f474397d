"""What a dataset declares about itself: its files, where they lie, and what may be done with them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^/\s]+/\S+$")]


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
        single: for an archive of pictures, where one of them lies alone; `{}` is its member's name.
            A file of pictures without `urls` has no archive, and its pictures are fetched one by one.
    """

    urls: tuple[Url, ...] = ()
    pin: Pin | None = None
    about_bytes: int | None = Field(default=None, gt=0)
    holds: Literal["records", "pictures"] = "records"
    single: tuple[Url, ...] = ()

    @model_validator(mode="after")
    def _lies_somewhere(self) -> RemoteFile:
        if not self.urls and not (self.holds == "pictures" and self.single):
            raise ValueError("a file needs an address, or pictures the address of a single one")
        if any(url.count("{}") != 1 for url in self.single):
            raise ValueError("the address of a single picture holds {} once")
        return self


class Licence(Declaration):
    """Under which terms the publisher gives the data out."""

    name: str
    url: Url


class Source(Declaration):
    """One dataset, as its publisher gives it out.

    Attributes:
        title: the dataset's own name.
        homepage: where a person reads about it, if that page is to be trusted.
        licence: terms of the data.
        citation: BibTeX entry.
        kind: `dataset` for the 21 sources of the benchmark, `auxiliary` for what else is fetched.
        files: every file that is read, by the name that a reader's parameters use.
    """

    title: str
    homepage: Url
    licence: Licence
    citation: str
    kind: Literal["dataset", "auxiliary"] = "dataset"
    files: dict[str, RemoteFile] = Field(min_length=1)
