"""Asking servers about files: what has drifted from the declarations is told, and nothing is fetched."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from flows import fetching
from schemas.errors import BuildError, TransientError
from schemas.source import Pin, RemoteFile
from tests.transforms import fault_server as faults
from tests.transforms.fault_server import Server
from transforms import probe as probing
from transforms import registry
from transforms.probe import Probed, probe

DATA = b"x" * 5_000
SOURCE = "visual_genome"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A running server."""
    with Server().running() as running:
        yield running


@pytest.fixture
def declare(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Declares one file, at the server."""

    def declared(script: faults.Script, **fields: object) -> Probed:
        url = server.tell("/a.zip", script) + "?token=secret"
        file = RemoteFile.model_validate({"urls": (url,), **fields})
        source = registry.declaration(SOURCE).model_copy(update={"files": {"a": file}})
        monkeypatch.setattr(registry.reader(SOURCE), "SOURCE", source)
        (found,) = probe(SOURCE, server.web())
        return found

    yield declared


def pin(size: int) -> Pin:
    return Pin(sha256="0" * 64, bytes=size, witness="this test")


@pytest.mark.parametrize("ranges", [True, False])
def test_what_is_as_declared(server: Server, declare: object, ranges: bool) -> None:
    script = faults.whole(DATA, date=faults.DATE, ranges=ranges)
    server.asked.clear()
    found = declare(script, pin=pin(len(DATA)))  # type: ignore[operator]
    assert (found.state, found.detail) == ("as declared", "")
    assert (found.bytes, found.date, found.ranges) == (len(DATA), faults.DATE, ranges)
    assert [asked for _, asked in server.asked] == ["bytes=0-0"]
    assert "secret" not in found.url


@pytest.mark.parametrize(
    ("script", "fields", "message"),
    [
        (faults.whole(DATA), {"pin": pin(4_000)}, "5,000 bytes, pinned 4,000"),
        (faults.whole(DATA), {"about_bytes": 4_000}, "about 4,000"),
        (faults.absent, {}, "404"),
        (faults.body(b"<html>", Content_Type="text/html; charset=utf-8"), {}, "web page"),
        (faults.status(302, Location="https://visualgenome.org/a"), {}, "never contacted"),
    ],
)
def test_drift(declare: object, script: faults.Script, fields: dict[str, object], message: str) -> None:
    found = declare(script, **fields)  # type: ignore[operator]
    assert found.state == "drifted"
    assert message in found.detail


def test_what_does_not_answer_has_not_drifted(declare: object) -> None:
    assert declare(faults.status(503)).state == "unreachable"  # type: ignore[operator]


def test_a_size_that_is_near_enough(declare: object) -> None:
    assert declare(faults.whole(DATA), about_bytes=5_050).state == "as declared"  # type: ignore[operator]


@pytest.mark.parametrize(
    ("state", "kind"), [("as declared", None), ("drifted", BuildError), ("unreachable", TransientError)]
)
def test_the_command_fails_where_something_has_drifted(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    state: probing.State,
    kind: type[BuildError] | None,
) -> None:
    one = Probed(SOURCE, "a", "https://host.org/a", 1, None, None, True, state, "")
    monkeypatch.setattr(fetching, "ask", lambda _: iter([one]))
    if kind is None:
        fetching.probe(None, as_json=True)
    else:
        with pytest.raises(kind) as caught:
            fetching.probe(None, as_json=True)
        assert type(caught.value) is kind
    assert json.loads(capsys.readouterr().out)[0]["state"] == state
