"""Servers that speak TLS: only a valid certificate of that very host is believed."""

from __future__ import annotations

import random
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from urllib3.util import connection
from urllib3.util.connection import create_connection

from schemas.errors import BuildError, TransientError
from tests.transforms import fault_server as faults
from tests.transforms.certificates import DAY, Signer, signer, write_authority, write_certificate
from tests.transforms.downloading import DATA, SEEDS, SHA256, URL, get, good, left
from tests.transforms.fault_server import HASTY, Server
from transforms.addresses import Origin, Policy
from transforms.web import Web

pytestmark = pytest.mark.usefixtures("own_memory")

HOST = "host.org"
PUBLIC_ADDRESS = "93.184.216.34"


class Publisher:
    """A server at `https://host.org`, and the one authority that its clients trust.

    Attributes:
        server: answers at the path of `URL`.
        authority: signs what clients believe.
    """

    def __init__(self, folder: Path) -> None:
        self.authority = signer("the authority")
        self.trusted = folder / "authority"
        write_authority(self.trusted, self.authority)
        self._certificate = folder / "certificate"
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.show(HOST, self.authority)
        self.server = Server(self._context)

    def show(self, *certificate: Any) -> None:
        """Shows another certificate from the next connection on."""
        write_certificate(self._certificate, *certificate)
        self._context.load_cert_chain(self._certificate)


@pytest.fixture
def publisher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    """The server, to which all connections to its public address lead."""
    made = Publisher(tmp_path)

    def dialled(address: tuple[str, int], *arguments: Any, **options: Any) -> socket.socket:
        here = ("127.0.0.1", made.server.port) if address == (PUBLIC_ADDRESS, 443) else address
        return create_connection(here, *arguments, **options)

    monkeypatch.setattr(connection, "create_connection", dialled)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(made.trusted))
    with made.server.running():
        yield made


def client(*trusted: Origin) -> Web:
    """A client for which every name has the public address."""
    return Web(Policy(frozenset(trusted), lambda host, _: [PUBLIC_ADDRESS if host == HOST else host]), HASTY)


BAD: dict[str, Callable[[random.Random, Signer], tuple[Any, ...]]] = {
    "expired": lambda draw, authority: (HOST, authority, -DAY * draw.uniform(0.0001, 4_000)),
    "not valid yet": lambda draw, authority: (HOST, authority, DAY * draw.uniform(2.0001, 4_000)),
    "another host": lambda draw, authority: (f"{draw.choice('abc')}.{HOST}", authority),
    "another authority": lambda _, __: (HOST, signer("the authority")),
    "itself": lambda _, __: (HOST,),
}


@pytest.mark.parametrize("name", BAD)
def test_no_certificate_is_passed_over(publisher: Publisher, tmp_path: Path, name: str) -> None:
    publisher.server.tell("/data/a.zip", good)
    for seed in SEEDS:
        publisher.show(*BAD[name](random.Random(seed), publisher.authority))
        with pytest.raises(BuildError, match="certificate") as caught:
            get(tmp_path / str(seed), None, URL, web=client())
        assert not isinstance(caught.value, TransientError)
        assert "next:" in str(caught.value)
        assert left(tmp_path / str(seed)) == []
    assert publisher.server.asked == []


def test_a_valid_one_is_believed(publisher: Publisher, tmp_path: Path) -> None:
    for seed in SEEDS:
        publisher.show(HOST, publisher.authority)
        publisher.server.tell("/data/a.zip", faults.cut(DATA, 1_000 + seed), good)
        assert get(tmp_path / str(seed), None, URL, web=client()).sha256 == SHA256


def test_one_that_ends_between_two_tries(publisher: Publisher, tmp_path: Path) -> None:
    def expire(handler: faults.Handler) -> None:
        publisher.show(HOST, publisher.authority, -DAY)
        faults.cut(DATA, 40_000)(handler)

    publisher.server.tell("/data/a.zip", expire, good)
    with pytest.raises(BuildError, match="certificate"):
        get(tmp_path, None, URL, web=client())
    assert left(tmp_path) == []
    publisher.show(HOST, publisher.authority)
    publisher.server.asked.clear()
    assert get(tmp_path, None, URL, web=client()).sha256 == SHA256
    assert publisher.server.asked == [("/data/a.zip", "bytes=40000-")]


def test_a_redirect_may_lead_to_https(publisher: Publisher, server: Server, tmp_path: Path) -> None:
    for seed in SEEDS:
        at = random.Random(seed).randrange(1, len(DATA))
        publisher.server.tell("/data/a.zip", faults.cut(DATA, at), good)
        url = server.tell(f"/up/{seed}", faults.status(301 + seed % 2, Location=f"{URL}?token=secret"))
        folder = tmp_path / str(seed)
        fetched = get(folder, None, url, web=client(("http", "127.0.0.1", server.port)))
        assert (fetched.sha256, fetched.url) == (SHA256, url)


def test_a_redirect_never_leaves_https(publisher: Publisher, server: Server, tmp_path: Path) -> None:
    server.tell("/data/a.zip", good)
    server.asked.clear()
    for seed in SEEDS:
        draw = random.Random(seed)
        host = draw.choice([HOST, f"127.0.0.1:{server.port}", "127.1", "[::1]", "mirror.host.org"])
        location = f"http://{host}/data/a.zip?token=secret"
        publisher.server.tell(
            "/data/a.zip", faults.status(draw.choice([301, 302, 303, 307, 308]), Location=location)
        )
        with pytest.raises(BuildError, match="leaves https") as caught:
            get(tmp_path / str(seed), None, URL, web=client())
        assert "secret" not in str(caught.value)
        assert left(tmp_path / str(seed)) == []
    assert server.asked == []
