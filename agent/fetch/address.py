"""Reading a picture's address: strictly, so that no two readers see two hosts in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import urlsplit

from ...tools.errors import ImageError, UsageError
from .networks import is_public

MAX_LENGTH = 2000
PORTS = {"http": 80, "https": 443}

_CLEAN = re.compile(r"[!#-;=?-\[\]_a-z~%]+", re.ASCII)
"""Visible ASCII without the characters that readers of addresses disagree about."""
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_NUMBER = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)", re.ASCII)
_LOCAL = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "arpa", "onion")


class AddressRefused(ImageError):
    """A picture's address that is not fetched, or that gave no picture."""

    kind = "address"


@dataclass(frozen=True, slots=True)
class Address:
    """A checked address.

    Attributes:
        scheme: http or https.
        host: in lower case, ASCII, without a closing dot; an IPv6 address without brackets.
        port: given or the scheme's own.
        target: path and query, as they are sent.
    """

    scheme: str
    host: str
    port: int
    target: str

    @property
    def url(self) -> str:
        """In one canonical form."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.target}"


def read_address(url: str) -> Address:
    """Check an address without any look at the network.

    Raises:
        AddressRefused: another scheme, user information, an odd host or number, a private network.
    """
    if len(url) > MAX_LENGTH:
        raise AddressRefused("the address is too long.")
    if not _CLEAN.fullmatch(url.lower()):
        raise AddressRefused(
            "the address holds characters that do not belong there.",
            "Write international names as xn--... and everything else as %XX.",
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressRefused("the address can't be read.") from None
    scheme = parts.scheme.lower()
    if scheme not in PORTS:
        raise AddressRefused("only http and https addresses are fetched.")
    if "@" in parts.netloc or not parts.netloc:
        raise AddressRefused("the address holds a user name, or no host.")
    if port is not None and (port == 0 or parts.netloc.endswith(":")):
        raise AddressRefused("the address holds a port that can't be.")
    host = _host(parts.netloc, (parts.hostname or "").lower())
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Address(scheme, host, port or PORTS[scheme], target)


def _host(netloc: str, host: str) -> str:
    if netloc.startswith("["):
        return _literal_6(host)
    host = host[:-1] if host.endswith(".") else host
    labels = host.split(".")
    if len(host) > 253 or "%" in host or not all(_LABEL.fullmatch(label) for label in labels):
        raise AddressRefused("the host's name can't be one.")
    if _NUMBER.fullmatch(labels[-1]):
        return _literal_4(host)
    if len(labels) < 2 or labels[-1] in _LOCAL:
        raise AddressRefused("the host's name belongs to a local network.")
    return host


def _literal_4(host: str) -> str:
    """Only four plain decimal numbers: `127.1`, `0x7f.1` and `2130706433` mean loopback to some."""
    try:
        address = IPv4Address(host)
    except ValueError:
        raise AddressRefused("the host is a number in an odd form.") from None
    if not is_public(address):
        raise AddressRefused("the address belongs to a private or reserved network.")
    return str(address)


def _literal_6(host: str) -> str:
    try:
        address = IPv6Address(host)
    except ValueError:
        raise AddressRefused("the host is a number in an odd form.") from None
    if not is_public(address):
        raise AddressRefused("the address belongs to a private or reserved network.")
    return str(address)


@dataclass(frozen=True, slots=True)
class HostList:
    """The hosts that may be asked.

    Args:
        hosts: `images.example.org`, `*.example.org` (any name under it), with `:8443` where it is
            not the scheme's own port; `*` is every public host.
    """

    hosts: tuple[str, ...]

    @classmethod
    def of(cls, hosts: Sequence[str]) -> HostList:
        """From what a user wrote. Raises UsageError for what is no host."""
        made = tuple(host.strip().lower() for host in hosts if host.strip())
        for host in made:
            name, _, port = host.partition(":")
            labels = name.removeprefix("*.").split(".") if name != "*" else []
            if not all(_LABEL.fullmatch(label) for label in labels) or (
                port and not port.isdigit()
            ):
                raise UsageError(
                    "a host that may be fetched from can't be written so.",
                    "Write images.example.org, *.example.org, example.org:8443, or * for any.",
                )
        return cls(made)

    def allows(self, address: Address) -> bool:
        """Whether the host, at its port, stands in the list."""
        return any(self._fits(entry, address) for entry in self.hosts)

    @staticmethod
    def _fits(entry: str, address: Address) -> bool:
        name, _, port = entry.partition(":")
        if address.port != (int(port) if port else PORTS[address.scheme]):
            return False
        if name == "*":
            return True
        if name.startswith("*."):
            return address.host.endswith(name[1:])
        return address.host == name
