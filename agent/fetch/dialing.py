"""Dialling a host: its name is resolved once, every answer must be public, one of them is dialled.

Between the check and the connection nothing is looked up again, so a name server that changes its
answer (rebinding) gains nothing. Every read and write is bounded by one deadline.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import httpcore

from .address import AddressRefused
from .networks import is_public_text

Resolver = Callable[[str, int], list[str]]
"""Host and port to addresses; raises OSError where the name is not known."""


class Deadline:
    """A moment by which everything must be done."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self, most: float | None = None) -> float:
        """Seconds left, at most `most`. Raises AddressRefused when there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise AddressRefused("the host took too long to send the picture.")
        return left if most is None else min(left, most)


def system_resolver(host: str, port: int) -> list[str]:
    """All addresses that the system knows for a host."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def resolve_public(host: str, port: int, resolver: Resolver, deadline: Deadline) -> list[str]:
    """A host's addresses, every one of them public.

    Raises:
        AddressRefused: the name is not known, one answer is not public, it took too long.
    """
    answers: list[str] = []
    done = threading.Event()

    def look_up() -> None:
        try:
            answers.extend(resolver(host, port))
        except (OSError, UnicodeError):
            answers.clear()
        done.set()

    # A system's resolver can't be told when to give up; the thread is left to end by itself.
    threading.Thread(target=look_up, name="gemvg-resolve", daemon=True).start()
    if not done.wait(deadline.left()):
        raise AddressRefused("the host's name could not be looked up in time.")
    if not answers:
        raise AddressRefused("the host's name is not known.")
    if not all(is_public_text(answer) for answer in answers):
        raise AddressRefused("the host leads to a private or reserved network.")
    return answers


class PublicDialler(httpcore.NetworkBackend):
    """Connects to public addresses only.

    Args:
        deadline: of the whole fetch.
        resolver: how names are looked up.
        connect: instead of a real connection, for tests.
    """

    def __init__(
        self,
        deadline: Deadline,
        resolver: Resolver = system_resolver,
        connect: httpcore.NetworkBackend | None = None,
    ) -> None:
        self._deadline = deadline
        self._resolver = resolver
        self._connect = connect or httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """See httpcore."""
        failure: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in resolve_public(host, port, self._resolver, self._deadline)[:4]:
            try:
                stream = self._connect.connect_tcp(
                    address, port, timeout=self._deadline.left(timeout)
                )
                return BoundedStream(stream, self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or AddressRefused("the host could not be reached.")

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        """Never."""
        raise AddressRefused("only http and https addresses are fetched.")


class BoundedStream(httpcore.NetworkStream):
    """A connection whose every step ends by the deadline, however slowly the host drips."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """See httpcore."""
        return self._stream.read(max_bytes, self._deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """See httpcore."""
        self._stream.write(buffer, self._deadline.left(timeout))

    def close(self) -> None:
        """See httpcore."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """See httpcore."""
        inner = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left(timeout))
        return BoundedStream(inner, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """See httpcore."""
        return self._stream.get_extra_info(info)
