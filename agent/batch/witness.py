"""Whether a server answers at all, where the question that fails may be what it can't bear."""

from __future__ import annotations

import re
from collections.abc import Callable

from ...tools.errors import ErrorRecord, GemvgError
from ..work_threads import in_work_thread
from .engine import Engine
from .ledger import Known
from .line import BatchLine

_BUSY = re.compile(r"\(HTTP (?:429|503|529)\)")
"""A server that lists its models may still be too busy for every question."""

MOST_LISTED = 9
"""Failures that questions are blamed for because the server lists its models. A server that does
so and answers nothing is away, and must not turn a whole input into errors."""


class Witness:
    """Asks a server something neutral: a question that it has answered, or for its models.

    Args:
        engine: that asks.
        lists: whether a server lists its models, for while nothing is answered yet; None where
            there is no server.
    """

    def __init__(self, engine: Engine, lists: Callable[[], bool] | None = None) -> None:
        self._engine, self._lists = engine, lists
        self._line: BatchLine | None = None
        self._listed = 0

    def saw(self, line: BatchLine, *, now: bool) -> None:
        """Note a line that was answered, in this run (`now`) or in an earlier one."""
        if now or self._line is None:
            self._line = line

    async def answers(self, error: ErrorRecord) -> bool:
        """Whether the server is there; what it says is dropped.

        Args:
            error: how the question failed.

        Raises:
            GemvgError: the engine can't go on.
        """
        if self._line is not None:
            return (await self._engine.answer(self._line, Known())).kind == "result"
        if self._lists is None or self._listed >= MOST_LISTED or _BUSY.search(error["message"]):
            return False
        listed = await in_work_thread(self._lists)
        self._listed += listed
        return listed


def model_lists(policy: str) -> Callable[[], bool] | None:
    """Asks whether one of a policy's servers lists its models; None where it has no server.

    Args:
        policy: as `load_policy` takes it.
    """
    addresses, _, model = policy.strip().partition("#")
    urls = [url.strip() for url in addresses.split(",") if url.strip()]
    if not addresses.lower().startswith(("http://", "https://")):
        return None

    def lists() -> bool:
        from ...policy.backends.endpoints import discover
        from ...policy.registry import api_key

        for url in urls:
            try:
                discover(url, model=model or None, api_key=api_key(urls))
            except GemvgError:
                continue
            return True
        return False

    return lists
