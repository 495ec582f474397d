"""Which addresses may be contacted: only public ones, whatever a name or a redirect says.

A name is resolved once, every answer is checked, and the connection is made to the very address that
was checked: a name server that answers differently a moment later changes nothing.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from schemas.errors import BuildError

NEVER_CONTACTED: Final = ("visualgenome.org",)
"""Hosts that once served data and now belong to someone else."""

PORTS: Final = {"https": 443, "http": 80}
"""The schemes that are spoken, each on its own port only."""

Origin = tuple[str, str, int]
"""Scheme, host and port."""

Resolve = Callable[[str, int], list[str]]
"""All addresses of a host name; raises OSError if there are none."""

_TRANSLATED: Final = IPv6Network("64:ff9b::/96")
"""Addresses of IPv4 as networks without it write them (RFC 6052)."""

_CLOSED: Final = (
    # Local translation, Teredo, old site-local addresses: all may lead into a private network.
    IPv6Network("64:ff9b:1::/48"),
    IPv6Network("2001::/32"),
    IPv6Network("fec0::/10"),
)


def resolve(host: str, port: int) -> list[str]:
    """Asks the system for the addresses of a host."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def origin(url: str) -> Origin:
    """Scheme, host and port of an address.

    Raises:
        BuildError: the address is not valid.
    """
    parts = _split(url)
    scheme = parts.scheme.lower()
    return scheme, _host(parts), _port(parts) or PORTS.get(scheme, 0)


def is_public(address: str) -> bool:
    """Whether an IP address is a unicast address of the public internet."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        if any(found in network for network in _CLOSED):
            return False
        found = _inner(found) or found
    return found.is_global and not (
        found.is_multicast or found.is_reserved or found.is_unspecified or found.is_loopback
    )


def _inner(address: IPv6Address) -> IPv4Address | None:
    """The address of IPv4 that one of IPv6 stands for, if it does."""
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour


@dataclass(frozen=True)
class Policy:
    """What may be contacted.

    Attributes:
        trusted: origins that the user has named, as a mirror; they may be private and plain http.
        resolve: from a host name to its addresses.
    """

    trusted: frozenset[Origin] = frozenset()
    resolve: Resolve = resolve

    def trusts(self, url: str) -> bool:
        """Whether the user has named this origin."""
        return origin(url) in self.trusted

    def check(self, url: str) -> None:
        """Refuses an address that is wrong whatever it resolves to.

        Raises:
            BuildError: a host never to be contacted, another scheme or port than usual, or no address.
        """
        scheme, host, port = origin(url)
        if any(host == name or host.endswith(f".{name}") for name in NEVER_CONTACTED):
            raise BuildError(
                "this host no longer belongs to the publisher and is never contacted",
                where=host,
                next_step="put the file into a mirror and name it with --mirror",
            )
        if (scheme, host, port) in self.trusted:
            return
        if PORTS.get(scheme) != port:
            raise _refused(host, f"{scheme} on port {port}", "https on port 443")

    def addresses(self, host: str, port: int) -> list[str]:
        """The IP addresses of a host to connect to, in the order in which to try them.

        Raises:
            BuildError: one of them is not public, and the user has not named the host.
            OSError: the name has no address.
        """
        found = self.resolve(host, port)
        if any((scheme, host.lower().rstrip("."), port) in self.trusted for scheme in PORTS):
            return found
        for address in found:
            if not is_public(address):
                raise _refused(host, address, "a public address")
        return found


PUBLIC: Final = Policy()


def _refused(host: str, got: str, expected: str) -> BuildError:
    return BuildError(
        "this address is not contacted",
        where=host,
        got=got,
        expected=expected,
        next_step="if it is meant, name it with --mirror",
    )


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        raise _invalid() from None


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").lower().rstrip(".")
    if not host:
        raise _invalid()
    return host


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError:
        raise _invalid() from None


def _invalid() -> BuildError:
    return BuildError("the address is not valid", next_step="correct the address in its declaration")
