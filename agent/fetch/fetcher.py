"""Fetching a picture from an address that somebody else wrote."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from .address import Address, AddressRefused, HostList, read_address

if TYPE_CHECKING:
    import ssl

    import httpcore

    from .dialing import Deadline, Resolver

_REDIRECTS = (301, 302, 303, 307, 308)
_HEADERS = [(b"Accept", b"image/*"), (b"Accept-Encoding", b"identity"), (b"User-Agent", b"gemvg")]


@dataclass(frozen=True, slots=True)
class SafeFetcher:
    """Gets a picture's bytes from a public address; a `Fetcher` for `GroundingAgent(fetch=...)`.

    Every address, that of each redirect too, must be on the list, is read strictly, is resolved
    once with every answer public, and is dialled at the very address that was checked. No proxy,
    cookie or credential of this machine is ever used. It keeps no connection, so one instance
    serves any number of threads.

    Attributes:
        hosts: that may be asked.
        max_bytes: of a picture.
        max_seconds: for everything, redirects included.
        max_redirects: that are followed.
        resolver, network: instead of the system's, for tests.
    """

    hosts: HostList
    max_bytes: int = 32 * 1024 * 1024
    max_seconds: float = 20.0
    max_redirects: int = 3
    resolver: Resolver | None = None
    network: httpcore.NetworkBackend | None = None

    def __call__(self, url: str) -> bytes:
        """The bytes at an address; whether they are a picture is for the caller to see.

        Raises:
            AddressRefused: not allowed, not public, not there, too large, too slow. The message
                holds no address and nothing that a server said.
        """
        from .dialing import Deadline

        deadline = Deadline(self.max_seconds)
        for _ in range(self.max_redirects + 1):
            address = read_address(url.strip(" "))
            if not self.hosts.allows(address):
                raise AddressRefused("pictures may not be fetched from this host.")
            content = self._hop(address, deadline)
            if isinstance(content, bytes):
                return content
            url = _next(address, content.location)
        raise AddressRefused("the address leads on too often.")

    def _hop(self, address: Address, deadline: Deadline) -> bytes | _Onward:
        """One request: the bytes, or where it leads."""
        import httpcore

        from .dialing import PublicDialler, system_resolver

        dialler = PublicDialler(deadline, self.resolver or system_resolver, self.network)
        step = deadline.left(10.0)
        timeouts = {"connect": step, "read": step, "write": step, "pool": step}
        try:
            with (
                httpcore.ConnectionPool(
                    _tls(), network_backend=dialler, max_keepalive_connections=0
                ) as pool,
                pool.stream(
                    "GET", address.url, headers=_HEADERS, extensions={"timeout": timeouts}
                ) as response,
            ):
                return self._body(response)
        except (httpcore.TimeoutException, TimeoutError):
            raise AddressRefused("the host took too long to send the picture.") from None
        except (
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.UnsupportedProtocol,
            OSError,
        ) as error:
            if isinstance(error, AddressRefused):
                raise
            raise AddressRefused("the picture could not be fetched.") from None

    def _body(self, response: httpcore.Response) -> bytes | _Onward:
        headers = {name.lower(): value for name, value in response.headers}
        if response.status in _REDIRECTS:
            location = headers.get(b"location", b"").decode("latin-1")
            if not location:
                raise AddressRefused("the address leads on to nowhere.")
            return _Onward(location)
        if response.status != 200:
            raise AddressRefused("the host has no picture there.")
        if headers.get(b"content-encoding", b"identity").strip().lower() != b"identity":
            # Compressed, a small answer could grow beyond any limit.
            raise AddressRefused("the host sent the picture compressed, which is not taken.")
        length = headers.get(b"content-length", b"").strip()
        if length.isdigit() and (len(length) > 15 or int(length) > self.max_bytes):
            raise self._too_large()
        content = bytearray()
        for chunk in response.iter_stream():
            content += chunk
            if len(content) > self.max_bytes:
                raise self._too_large()
        if not content:
            raise AddressRefused("the host has no picture there.")
        return bytes(content)

    def _too_large(self) -> AddressRefused:
        return AddressRefused(
            f"the picture there is larger than the limit of {self.max_bytes / 1e6:.0f} MB."
        )


@dataclass(frozen=True, slots=True)
class _Onward:
    """Where a redirect leads, as the host wrote it."""

    location: str


def _next(address: Address, location: str) -> str:
    """The address of the next hop; from https it must stay https."""
    try:
        onward = urljoin(address.url, location)
    except ValueError:
        raise AddressRefused("the address leads on to nowhere.") from None
    if address.scheme == "https" and not onward.lower().startswith("https:"):
        raise AddressRefused("the address leads from https to something else.")
    return onward


@cache
def _tls() -> ssl.SSLContext:
    """The system's trust, made once: loading it takes tens of milliseconds."""
    import ssl

    return ssl.create_default_context()
