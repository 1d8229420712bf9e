"""The addresses of a model's servers: checked, kept in balance, and asked what they serve."""

from __future__ import annotations

import re
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx

from ...tools.errors import AccessRefused, BackendError, UsageError
from ...tools.text import clean_text

DISCOVERY_SECONDS = 10.0
COOLING_SECONDS = 5.0

_LOGIN = re.compile(r"(//|^)[^/?#]*@")


@dataclass(slots=True)
class Endpoint:
    """One server: its base address (ending in a version such as `/v1`) and how busy it is.

    Attributes:
        in_flight: calls under way.
        failures: failed connections in a row.
        cool_until: `time.monotonic()` before which others are preferred.
    """

    url: str
    in_flight: int = 0
    failures: int = 0
    cool_until: float = 0.0

    @property
    def where(self) -> str:
        """The address without user names, passwords and queries, for messages."""
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        return f"{host}:{parts.port}" if parts.port else host


@dataclass(slots=True)
class Endpoints:
    """Several servers of one model; the least busy healthy one takes the next call."""

    all: tuple[Endpoint, ...]
    _turn: int = field(default=0)

    @classmethod
    def of(cls, urls: Sequence[str]) -> Endpoints:
        """From addresses.

        Raises:
            UsageError: none, or one that is no http or https address.
        """
        if not urls:
            raise UsageError("no server address was given.")
        return cls(tuple(Endpoint(base_url(url)) for url in urls))

    @contextmanager
    def lease(self) -> Generator[Endpoint]:
        """The server for one call; counts it as busy meanwhile."""
        now = time.monotonic()
        self._turn += 1
        count = len(self.all)
        rotated = [self.all[(self._turn + k) % count] for k in range(count)]
        chosen = min(rotated, key=lambda e: (e.cool_until > now, e.in_flight))
        chosen.in_flight += 1
        try:
            yield chosen
        finally:
            chosen.in_flight -= 1

    def failed(self, endpoint: Endpoint) -> None:
        """A connection failed: let the others go first for a while."""
        endpoint.failures += 1
        pause = COOLING_SECONDS * 2.0 ** min(endpoint.failures - 1, 4)
        endpoint.cool_until = time.monotonic() + pause

    def answered(self, endpoint: Endpoint) -> None:
        """It is healthy."""
        endpoint.failures, endpoint.cool_until = 0, 0.0


def base_url(url: str) -> str:
    """An address as the base of calls: no trailing slash or fragment, `/v1` where no path stands.

    Raises:
        UsageError: not an http or https address with a host.
    """
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        usable, parts = False, urlsplit("")
    if not usable:
        raise UsageError(
            f"{told(url)} is not a server's address.",
            "Give one such as http://localhost:8000/v1.",
        )
    path = parts.path.rstrip("/").removesuffix("/chat/completions")
    return urlunsplit((parts.scheme, parts.netloc, path or "/v1", "", ""))


def told(url: str) -> str:
    """An address as messages may show it: without a user's name and password."""
    return clean_text(_LOGIN.sub(r"\1", url), 80)


@dataclass(frozen=True, slots=True)
class ServedModel:
    """What a server says of a model.

    Attributes:
        name: as calls name it.
        context: tokens of its context, or None where the server does not say.
        owner: the word that tells the server software (`vllm`, `sglang`), or "".
        root: what it was loaded from, or "".
    """

    name: str
    context: int | None = None
    owner: str = ""
    root: str = ""


def discover(
    url: str,
    *,
    model: str | None = None,
    api_key: str | None = None,
    transport: httpx.BaseTransport | None = None,
) -> ServedModel:
    """Ask a server which model it serves.

    Args:
        url: its address.
        model: the name wanted, where it serves several.
        api_key: sent as a bearer token.
        transport: instead of the network.

    Raises:
        UsageError: no such model, or several and none named.
        AccessRefused: the key is missing or wrong.
        BackendError: no answer, or none that can be read.
    """
    endpoint = Endpoint(base_url(url))
    served = _served(_listing(endpoint, api_key, transport))
    if not served:
        raise BackendError(f"{endpoint.where} serves no model.", "Start it with one.")
    if model is not None:
        named = [entry for entry in served if entry.name == model]
        if named:
            return named[0]
    elif len({entry.root or entry.name for entry in served}) == 1:
        return served[0]
    names = ", ".join(clean_text(entry.name, 80) for entry in served[:8])
    more = f" and {len(served) - 8} more" if len(served) > 8 else ""
    wrong = "serves several models" if model is None else f"has no model {clean_text(model, 80)}"
    raise UsageError(
        f"{endpoint.where} {wrong}.", f"Name one as {told(endpoint.url)}#MODEL: {names}{more}."
    )


def _listing(endpoint: Endpoint, api_key: str | None, transport: httpx.BaseTransport | None) -> Any:
    where = endpoint.where
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    try:
        with httpx.Client(timeout=DISCOVERY_SECONDS, transport=transport) as client:
            reply = client.get(f"{endpoint.url}/models", headers=headers)
    except httpx.HTTPError:
        raise BackendError(
            f"no server answers at {where}.", "Start it, or mend the address."
        ) from None
    if reply.status_code in (401, 403):
        raise refused_key(where, reply.status_code)
    if reply.status_code != 200:
        raise BackendError(
            f"{where} does not list its models (HTTP {reply.status_code}).",
            "The address must be that of an OpenAI-compatible server, ending in /v1.",
        )
    try:
        return reply.json()
    except ValueError:
        raise BackendError(
            f"{where} is not an OpenAI-compatible server.", "Check the address."
        ) from None


def refused_key(where: str, status: int) -> AccessRefused:
    """The error of a missing or wrong key."""
    return AccessRefused(
        f"{where} refuses the key (HTTP {status}).", "Set GEMVG_API_KEY to a key that it accepts."
    )


def _served(body: Any) -> list[ServedModel]:
    entries = body.get("data") if isinstance(body, dict) else None
    served: list[ServedModel] = []
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("id"), str):
            context = entry.get("max_model_len")
            served.append(
                ServedModel(
                    entry["id"],
                    context if isinstance(context, int) and context > 0 else None,
                    str(entry.get("owned_by") or "").lower(),
                    str(entry.get("root") or ""),
                )
            )
    return served
