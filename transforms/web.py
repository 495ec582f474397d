"""Asking a server: redirects, certificates, addresses and silence; the one door to requests.

It is imported where a server is asked, for a plan that asks none should not wait for it.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urljoin, urlsplit

from schemas.errors import BuildError, TransientError
from transforms.addresses import PUBLIC, Policy, origin

if TYPE_CHECKING:
    import requests
    from urllib3.connection import HTTPConnection
    from urllib3.connectionpool import HTTPConnectionPool

Result = TypeVar("Result")

MOST_REDIRECTS: Final = 5

MOST_CONNECTIONS: Final = 24
"""Connections that are kept open to one host. At 20 ms an answer, a tenth of an archive's pictures comes
twice as fast over 24 of them as the whole archive over a line that costs nothing."""

OK: Final = 200
PARTIAL: Final = 206
NOT_FOUND: Final = 404
NOT_SATISFIABLE: Final = 416

_PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})

_BLOCK: Final = 1 << 18

LEAST_RATE: Final = 128
"""Bytes a second below which a server counts as silent."""


@dataclass(frozen=True)
class Patience:
    """How long a server is waited for, in seconds.

    Attributes:
        connect: for a connection.
        stall: for bytes in the middle of a file; slower than `LEAST_RATE` over that long is silence.
        attempts: tries of all addresses of a file that bring nothing new.
        pause: before the second try; twice as long before each one after that.
        longest_pause: a pause is not longer, whatever the server asks for.
    """

    connect: float = 15
    stall: float = 30
    attempts: int = 4
    pause: float = 1
    longest_pause: float = 60


PATIENT: Final = Patience()


class BusyError(TransientError):
    """The server is there and wants to be asked later.

    Attributes:
        after: seconds after which it wants to be asked, if it says so.
    """

    def __init__(self, where: str, status: int, after: float | None) -> None:
        super().__init__(
            "the server is busy or failing",
            where=where,
            got=f"status {status}",
            next_step="run the same command again",
        )
        self.after = after


class Answer:
    """What a server answers, at the end of all redirects.

    Attributes:
        where: the address that was asked for, for messages.
        status: a status that is no failure of the moment.
        headers: by name, in any case of letters.
    """

    def __init__(self, where: str, response: requests.Response, stall: float) -> None:
        self.where = where
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self._response = response
        self._stall = stall

    def header(self, name: str) -> str | None:
        """A header's value, or None."""
        return self.headers.get(name)

    @property
    def length(self) -> int | None:
        """How many bytes the body has, if the server says so."""
        announced = self.headers.get("Content-Length", "")
        return int(announced) if announced.isdecimal() else None

    @property
    def ends_visibly(self) -> bool:
        """Whether a body that is cut short can be told from a whole one."""
        return self.length is not None or "chunked" in self.headers.get("Transfer-Encoding", "").lower()

    def blocks(self) -> Iterator[bytes]:
        """The body as it comes.

        Raises:
            TransientError: the connection fails, or the server is as good as silent.
        """
        began, came = time.monotonic(), 0
        with _network(self.where):
            while block := self._response.raw.read1(_BLOCK, decode_content=False):
                came += len(block)
                passed = time.monotonic() - began
                if passed > self._stall:
                    if came < LEAST_RATE * passed:
                        raise _failed(self.where, f"{came} bytes in {passed:.0f} s")
                    began, came = time.monotonic(), 0
                yield block

    def whole(self, most: int) -> bytes:
        """The whole body.

        Raises:
            BuildError: it has more than `most` bytes.
            TransientError: as `blocks`, or it ends before what was announced.
        """
        found = bytearray()
        for block in self.blocks():
            found += block
            if len(found) > most:
                raise BuildError(
                    "the server sends more than was asked for", where=self.where, expected=f"{most:,} bytes"
                )
        if self.length is not None and len(found) < self.length:
            raise _failed(self.where, f"{len(found):,} of {self.length:,} bytes")
        return bytes(found)


class Web:
    """A client that keeps to the policy. May be used from several threads.

    Args:
        policy: which addresses may be contacted.
        patience: how long they are waited for.
    """

    def __init__(self, policy: Policy = PUBLIC, patience: Patience = PATIENT) -> None:
        self.policy = policy
        self.patience = patience
        self._session = _session(policy)

    def close(self) -> None:
        """Gives back all connections."""
        self._session.close()

    @contextmanager
    def ask(self, url: str, headers: Mapping[str, str] | None = None) -> Iterator[Answer]:
        """Asks for an address and follows redirects, each of which must lead to https.

        Raises:
            TransientError: the server does not answer, or says that it cannot now.
            BuildError: the address must not be contacted, or the certificate is not valid.
        """
        where = named(url)
        with _network(where):
            response = self._last(url, where, headers or {})
        with closing(response):
            if response.status_code in _PASSING:
                raise BusyError(where, response.status_code, _seconds(response.headers.get("Retry-After")))
            yield Answer(where, response, self.patience.stall)

    def _last(self, url: str, where: str, headers: Mapping[str, str]) -> requests.Response:
        address = url
        for _ in range(MOST_REDIRECTS + 1):
            self.policy.check(address)
            response = self._session.get(
                address,
                stream=True,
                allow_redirects=False,
                timeout=(self.patience.connect, self.patience.stall),
                # Bytes are hashed as they come: nobody may pack them on the way.
                headers={"Accept-Encoding": "identity", **headers},
            )
            if not response.is_redirect:
                return response
            response.close()
            address = self._following(address, response.headers["Location"], where)
        raise BuildError(
            "too many redirects",
            where=where,
            expected=f"at most {MOST_REDIRECTS}",
            next_step="put the file into a mirror and name it with --mirror",
        )

    def _following(self, address: str, location: str, where: str) -> str:
        following = urljoin(address, location)
        # A mirror may lead on to itself, also over plain http; nobody else may lead there.
        if self.policy.trusts(following):
            allowed = origin(following) == origin(address)
        else:
            allowed = urlsplit(following).scheme == "https"
        if allowed:
            return following
        raise BuildError(
            "a redirect leaves https",
            where=where,
            got=named(following),
            next_step="put the file into a mirror and name it with --mirror",
        )


def patiently(patience: Patience, attempt: Callable[[], Result]) -> Result:
    """Tries something again, later and later, as long as its failure may pass.

    Raises:
        TransientError: the last failure.
    """
    for number in range(patience.attempts - 1):
        try:
            return attempt()
        except TransientError as error:
            asked = error.after or 0.0 if isinstance(error, BusyError) else 0.0
            time.sleep(min(patience.longest_pause, max(asked, patience.pause * 2**number)))
    return attempt()


def named(url: str) -> str:
    """An address without what may be secret: user, password and query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _seconds(retry_after: str | None) -> float | None:
    """`Retry-After` in seconds. Its other form, a date, would need a clock that agrees with the server's."""
    return float(retry_after) if retry_after is not None and retry_after.isdecimal() else None


def _failed(where: str, got: object) -> TransientError:
    return TransientError(
        "the connection failed", where=where, got=got, next_step="run the same command again"
    )


@contextmanager
def _network(where: str) -> Iterator[None]:
    """Turns what requests raises into our errors. Its own messages may hold a query, so none is shown."""
    import requests
    from urllib3.exceptions import HTTPError

    try:
        yield
    except requests.exceptions.SSLError:
        raise BuildError(
            "the certificate of the server is not valid",
            where=where,
            next_step="certificates are never passed over: use another address or a mirror",
        ) from None
    except (
        requests.exceptions.InvalidURL,
        requests.exceptions.InvalidSchema,
        requests.exceptions.MissingSchema,
        requests.exceptions.InvalidHeader,
        UnicodeError,
    ) as error:
        raise BuildError(
            "the address is not valid",
            where=where,
            got=type(error).__name__,
            next_step="put the file into a mirror and name it with --mirror",
        ) from None
    except (requests.RequestException, HTTPError, OSError) as error:
        raise _failed(where, type(error).__name__) from None


def _session(policy: Policy) -> requests.Session:
    """A session that connects through the policy. A proxy that the user has set up connects by itself."""
    from http.cookiejar import DefaultCookiePolicy

    import requests
    from requests.adapters import HTTPAdapter
    from urllib3 import PoolManager

    class Adapter(HTTPAdapter):
        def init_poolmanager(
            self, connections: int, maxsize: int, block: bool = False, **options: Any
        ) -> None:
            self.poolmanager = PoolManager(num_pools=connections, maxsize=maxsize, block=block, **options)
            # All connections ask the policy.
            self.poolmanager.pool_classes_by_scheme = _pools(policy)

    session = requests.Session()
    # A cookie would tie the requests of one file together; no publisher needs one.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = Adapter(pool_connections=MOST_CONNECTIONS, pool_maxsize=MOST_CONNECTIONS)
    for scheme in ("https://", "http://"):
        session.mount(scheme, adapter)
    return session


def _pools(policy: Policy) -> dict[str, type[HTTPConnectionPool]]:
    """Classes of connections that connect to checked addresses only."""
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _connected(policy, self)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return _connected(policy, self)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def _connected(policy: Policy, connection: HTTPConnection) -> socket.socket:
    from urllib3.exceptions import NewConnectionError
    from urllib3.util.connection import create_connection

    failure: OSError | None = None
    port = connection.port or connection.default_port or 0
    try:
        addresses = policy.addresses(connection.host.strip("[]"), port)
    except OSError as error:
        raise NewConnectionError(connection, "the name has no address") from error
    for address in addresses:
        try:
            return create_connection(
                (address, port), connection.timeout, socket_options=connection.socket_options
            )
        except OSError as error:
            failure = error
    raise NewConnectionError(connection, "no connection") from failure
