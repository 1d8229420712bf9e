"""A policy on an OpenAI-compatible server: vLLM, SGLang, llama.cpp, or a hosted one."""

from __future__ import annotations

import asyncio
import json
import math
import os
import time
from collections.abc import Callable, Sequence
from typing import NoReturn
from weakref import WeakKeyDictionary

import httpx

from ...tools.errors import BackendError, BackendRefused, ContextOverflow, UsageError
from ...tools.text import clean_text
from ..dialect import Dialect
from ..policy import Completion, Request, Usage
from .chat_payload import Abilities, chat_payload
from .chat_reply import Reply, event_data
from .endpoints import Endpoint, Endpoints, ServedModel
from .image_budget import VIEW_TOKENS, ImagePlan, PixelGrid, grid_of_family, plan_images
from .refusals import TooLong, refusal
from .retry import Retry, Transient
from .views_shown import EncodedViews, ImageFormat, image_needs, text_tokens

SHRINKS = (1.0, 0.75, 0.5, 0.25)
"""Shares of the room for pictures that are tried while a server finds a prompt too long."""

RESIZED = "resized-pixels"
"""Coordinates that can't be read without knowing the size that the model saw."""

EXTENDED = ("vllm", "sglang")
"""Server software that continues a given text and can keep special tokens in what it returns."""


class OpenAICompatiblePolicy:
    """Answers through `POST /v1/chat/completions`.

    Pictures are resized here to whole cells of the model's grid, so the server's own processor
    leaves them as they are, and boxes in resized pixels are read in the grid that it saw.

    Args:
        urls: base addresses of servers of this one model; calls go to the least busy.
        served: the model, as `discover` found it.
        dialect: how it writes.
        grid: how its processor cuts pictures; from the names where it is None.
        api_key: sent as a bearer token; never part of a message.
        view_tokens: tokens of one picture at most.
        image_format: how pictures travel; `png` where backends are compared.
        retry: how often and how long to ask again.
        transport: instead of the network, for tests.

    Raises:
        UsageError: no address, or $GEMVG_TIMEOUT is no number of seconds.
    """

    backend = "openai"

    def __init__(
        self,
        urls: Sequence[str],
        served: ServedModel,
        dialect: Dialect,
        *,
        grid: PixelGrid | None = None,
        api_key: str | None = None,
        view_tokens: int = VIEW_TOKENS,
        image_format: ImageFormat = "jpeg",
        retry: Retry | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._endpoints = Endpoints.of(urls)
        self._served = served
        self._dialect = dialect
        self._grid = grid or grid_of_family(served.name, served.root, dialect.name)
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._view_tokens = view_tokens
        self._views = EncodedViews(image_format)
        self._retry = retry or Retry(seconds=_seconds())
        self._transport = transport
        extended = any(word in served.owner for word in EXTENDED)
        self._abilities = Abilities(prefill=extended, special_tokens=extended)
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient]
        self._clients = WeakKeyDictionary()

    @property
    def name(self) -> str:
        """The model's name on the server."""
        return clean_text(self._served.name, 200)

    @property
    def dialect(self) -> Dialect:
        """See `Policy.dialect`."""
        return self._dialect

    async def complete(self, request: Request) -> Completion:
        """See `Policy.complete`.

        Raises:
            ContextOverflow: the pictures don't fit; the message names the first that does not.
            BackendRefused: the server does not take the question; AccessRefused: it takes none.
            BackendError: the server failed after all retries. BackendTimeout: it took too long.
        """
        began = time.perf_counter()
        where = self._endpoints.all[0].where
        shown = _Shown(request.on_text) if request.on_text else None
        for share in SHRINKS:
            plan = self.plan(request, share)
            try:
                reply, prefilled = await self._retry.run(
                    lambda plan=plan: self._attempt(request, plan, shown), where
                )
            except TooLong:
                continue
            return self._completion(request, plan, reply, prefilled, time.perf_counter() - began)
        raise ContextOverflow(
            "the question and its pictures are too long for the model's context.",
            "Ask about fewer pictures at once (--strategy poll does), or give the server a longer "
            "context.",
        )

    def plan(self, request: Request, share: float = 1.0) -> ImagePlan:
        """The sizes at which a request's pictures are sent.

        Args:
            request: names the views.
            share: of the room for pictures that may be used.

        Raises:
            ContextOverflow: they don't fit.
        """
        context = self._served.context
        if context is None:
            most = max(1, round(self._view_tokens * share))
            return plan_images(image_needs(request), self._grid, max_tokens=most)
        text = text_tokens(request, with_tools=self._sends_tools)
        room = round((context - text - request.max_tokens) * share)
        needs = image_needs(request)
        return plan_images(needs, self._grid, room=room, max_tokens=self._view_tokens)

    @property
    def _sends_tools(self) -> bool:
        return not self._dialect.tools_in_prompt

    async def _attempt(
        self, request: Request, plan: ImagePlan, shown: _Shown | None
    ) -> tuple[Reply, bool]:
        """One call; asks again at once where the server lacks an ability that it was asked for."""
        while True:
            abilities = self._abilities
            content = await asyncio.to_thread(self._body, request, plan, abilities)
            prefilled = bool(request.prefill) and abilities.prefill
            if shown is not None:
                shown.restart(request.prefill or "" if prefilled else "")
            reply = Reply(on_text=shown, begun=prefilled)
            with self._endpoints.lease() as endpoint:
                weaker = await self._send(endpoint, content, reply, abilities)
            if weaker is None:
                return reply, prefilled
            self._abilities = weaker

    def _body(self, request: Request, plan: ImagePlan, abilities: Abilities) -> bytes:
        uris = self._views.uris(request.book, plan)
        payload = chat_payload(
            request, self._served.name, uris, abilities, send_tools=self._sends_tools
        )
        return json.dumps(payload, ensure_ascii=False).encode("utf-8", "replace")

    async def _send(
        self, endpoint: Endpoint, content: bytes, reply: Reply, abilities: Abilities
    ) -> Abilities | None:
        """Post a body and read the answer into `reply`; other abilities where it was refused."""
        headers = {"Content-Type": "application/json", **self._headers}
        url = f"{endpoint.url}/chat/completions"
        try:
            async with self._client().stream("POST", url, content=content, headers=headers) as got:
                if got.status_code != 200:
                    text = (await got.aread())[:65536].decode("utf-8", "replace")
                    weaker = refusal(got.status_code, got.headers, text, endpoint.where, abilities)
                    self._endpoints.answered(endpoint)
                    return weaker
                await _read(got, reply)
        except (httpx.TransportError, httpx.DecodingError):
            self._endpoints.failed(endpoint)
            _transient(f"the connection to {endpoint.where} failed.", "Check that it is running.")
        self._endpoints.answered(endpoint)
        if not reply.finished:
            _transient(f"{endpoint.where} broke off its answer.", "Its log says why.")
        return None

    def _completion(
        self, request: Request, plan: ImagePlan, reply: Reply, prefilled: bool, seconds: float
    ) -> Completion:
        if 0 < reply.prompt_tokens < plan.tokens and self._dialect.coordinates == RESIZED:
            raise BackendRefused(
                "the server makes pictures smaller than they are sent, so boxes in its pixels "
                "can't be placed.",
                "Set GEMVG_MAX_PIXELS to the max_pixels of the server's processor.",
            )
        text = reply.text()
        if prefilled and request.prefill:
            text = request.prefill + text
        turn = sum(message.role == "assistant" for message in request.messages)
        usage = Usage(reply.prompt_tokens, reply.completion_tokens, plan.tokens, 1)
        return Completion(
            text=text,
            tool_calls=reply.tool_calls(turn),
            finish_reason=reply.reason(),
            tokens=reply.scored_tokens() if request.logprobs else None,
            grids=plan.grids,
            usage=usage,
            seconds=seconds,
            model=clean_text(reply.model, 200) if reply.model else None,
        )

    def _client(self) -> httpx.AsyncClient:
        """The client of the running event loop: connections can't be shared between loops."""
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = httpx.AsyncClient(
                timeout=httpx.Timeout(None, connect=10.0),
                limits=httpx.Limits(max_connections=512, max_keepalive_connections=64),
                transport=self._transport,
            )
            self._clients[loop] = client
        return client

    async def aclose(self) -> None:
        """Close the running event loop's connections."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()


class _Shown:
    """Passes streamed text on, and says nothing twice when a broken stream is asked for again."""

    def __init__(self, on_text: Callable[[str], None]) -> None:
        self._on_text = on_text
        self._said = ""
        self._now = ""

    def restart(self, prefill: str) -> None:
        """A new attempt begins, with a text that it starts with."""
        self._now = ""
        if prefill:
            self(prefill)

    def __call__(self, piece: str) -> None:
        self._now += piece
        fresh = self._now.removeprefix(self._said)
        if len(self._now) <= len(self._said) and self._said.startswith(self._now):
            return
        if not self._now.startswith(self._said):
            # Sampled anew and different: what came before can't be taken back.
            fresh = "\n" + self._now
        self._said = self._now
        self._on_text(fresh)


async def _read(got: httpx.Response, reply: Reply) -> None:
    if got.headers.get("content-type", "").startswith("text/event-stream"):
        async for line in got.aiter_lines():
            data = event_data(line)
            if data is not None:
                reply.add(data)
        return
    body = await got.aread()
    try:
        reply.add(json.loads(body))
    except (ValueError, RecursionError):
        _transient("the server's answer is not JSON.", "Check that the address ends in /v1.")


def _transient(message: str, cure: str) -> NoReturn:
    raise Transient(BackendError(message, cure)) from None


def _seconds() -> float:
    """$GEMVG_TIMEOUT, or the default. Raises UsageError where it is no number of seconds."""
    given = os.environ.get("GEMVG_TIMEOUT") or "300"
    try:
        seconds = float(given)
    except ValueError:
        seconds = math.nan
    if not seconds > 0.0:
        raise UsageError(
            f"GEMVG_TIMEOUT is {clean_text(given, 40)!r}.", "Give a number of seconds, such as 300."
        )
    return max(1.0, seconds)
