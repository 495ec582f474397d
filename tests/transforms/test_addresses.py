"""Which addresses are contacted: no name, spelling, redirect or name server leads into a private network."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from urllib3.util import connection

from schemas.errors import BuildError, TransientError
from tests.transforms import fault_server as faults
from tests.transforms.fault_server import HASTY, Server
from transforms import addresses
from transforms.addresses import Policy, is_public
from transforms.web import Web

PRIVATE = [
    *("127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1"),
    *("169.254.169.254", "100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1"),
    *("203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"),
    *("::1", "::", "fe80::1", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "2001:db8::1", "2001::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::7f00:1"),
    *("2002:7f00:1::", "2002:a00:1::1", "100::1"),
]
PUBLIC = ["1.1.1.1", "8.8.8.8", "128.95.1.1", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"]
SPELLINGS = [
    *("127.0.0.1", "127.1", "127.0.1", "0x7f000001", "0x7f.1", "2130706433", "017700000001", "0177.0.0.1"),
    *("localhost", "LOCALHOST.", "0", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_private(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address: str) -> None:
    assert is_public(address)


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, list[str]]]:
    """A private service whose port counts as an ordinary one, and whoever has connected to it."""
    met: list[str] = []
    opened = socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    port = opened.getsockname()[1]
    for scheme in ("http", "https"):
        monkeypatch.setitem(addresses.PORTS, scheme, port)

    def accept() -> None:
        while True:
            connection, found = opened.accept()
            met.append(str(found))
            connection.close()
            if found[1] == last:
                return

    last = 0
    thread = threading.Thread(target=accept)
    thread.start()
    yield port, met
    closing = socket.socket(socket.AF_INET)
    closing.bind(("127.0.0.1", 0))
    last = closing.getsockname()[1]
    closing.connect(("127.0.0.1", port))
    closing.close()
    thread.join()
    opened.close()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_spelling_reaches_a_private_service(listener: tuple[int, list[str]], scheme: str) -> None:
    port, met = listener
    client = Web(patience=HASTY)
    with Server().running() as server:
        leading = server.web()
        for spelling in SPELLINGS:
            url = f"{scheme}://{spelling}:{port}/a"
            with pytest.raises(BuildError), client.ask(url):
                pass
            moved = server.tell("/moved", faults.status(302, Location=url))
            with pytest.raises(BuildError), leading.ask(moved):
                pass
    assert met == []


def test_the_address_that_was_checked_is_the_one_that_is_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = iter([["93.184.215.14"], ["127.0.0.1"], ["127.0.0.1"]])
    met: list[tuple[str, int]] = []

    def note(address: tuple[str, int], *_: object, **__: object) -> socket.socket:
        met.append(address)
        raise OSError("no network")

    monkeypatch.setattr(connection, "create_connection", note)
    client = Web(Policy(resolve=lambda *_: next(answers)), HASTY)
    with pytest.raises(TransientError), client.ask("https://host.org/a"):
        pass
    # The name server changes its mind: nothing is connected to.
    with pytest.raises(BuildError, match="not contacted"), client.ask("https://host.org/a"):
        pass
    assert met == [("93.184.215.14", 443)]


def test_one_private_address_among_public_ones_is_enough() -> None:
    policy = Policy(resolve=lambda *_: ["8.8.8.8", "10.0.0.1"])
    with pytest.raises(BuildError, match="not contacted"):
        policy.addresses("host.org", 443)


@pytest.mark.parametrize(
    "url",
    [
        *("https://host.org:8443/a", "http://host.org:443/a", "https://host.org:80/a", "ftp://host.org/a"),
        *("file:///etc/passwd", "gopher://host.org/", "https:///a", "https://host.org:x/", "https://[::1/"),
    ],
)
def test_other_ports_and_schemes(url: str) -> None:
    with pytest.raises(BuildError):
        Policy().check(url)


def test_a_host_that_was_taken_over_is_never_contacted() -> None:
    for host in ("visualgenome.org", "www.visualgenome.org", "VisualGenome.org.", "visualgenome.org:443"):
        with pytest.raises(BuildError, match="never contacted"):
            Policy(frozenset({("https", "visualgenome.org", 443)})).check(f"https://{host}/a.zip")
    Policy().check("https://notvisualgenome.org/a.zip")


def test_only_the_mirror_itself_leads_to_the_mirror() -> None:
    with Server().running() as mirror, Server().running() as stranger:
        mirror.tell("/a", faults.body(b"here"))
        away = stranger.tell("/a", faults.status(302, Location=f"{mirror.url}/a"))
        both = frozenset({("http", "127.0.0.1", mirror.port), ("http", "127.0.0.1", stranger.port)})
        client = Web(Policy(both), HASTY)
        with pytest.raises(BuildError, match="leaves https"), client.ask(away):
            pass
        home = mirror.tell("/b", faults.status(302, Location="/a"))
        with client.ask(home) as answer:
            assert answer.whole(10) == b"here"


def test_no_cookie_is_kept() -> None:
    with Server().running() as server:
        client = server.web()
        seen: list[str | None] = []

        def step(handler: faults.Handler) -> None:
            seen.append(handler.headers.get("Cookie"))
            handler.answer(200, b"", Set_Cookie="a=b; Path=/")

        url = server.tell("/a", step)
        for _ in range(2):
            with client.ask(url) as answer:
                assert answer.whole(1) == b""
        assert seen == [None, None]
