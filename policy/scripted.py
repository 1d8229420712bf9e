"""A policy that says what it was told to say: for tests, demonstrations and measurements."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from ..tools.errors import PolicyError
from .dialect import Dialect
from .policy import Completion, Request

Said = str | Completion
Script = Sequence[Said] | Callable[[Request], Said | Awaitable[Said]]


class ScriptedPolicy:
    """Answers from a script, in the words of any dialect.

    It keeps no state between requests, so one instance serves any number of questions at once.

    Args:
        script: a list, whose n-th entry is said in the n-th turn of every conversation (the last
            one again after that); or a function of the request, which may be async.
        dialect: how the script is written; our own where it is None.
        name: for answers and reports.
    """

    backend = "scripted"

    def __init__(
        self, script: Script, dialect: Dialect | None = None, name: str = "scripted"
    ) -> None:
        if not callable(script) and len(script) == 0:
            raise PolicyError("a script needs at least one line.")
        self._script = script
        self._name = name
        self._dialect = dialect or _own_dialect()

    @property
    def name(self) -> str:
        """See `Policy.name`."""
        return self._name

    @property
    def dialect(self) -> Dialect:
        """See `Policy.dialect`."""
        return self._dialect

    async def complete(self, request: Request) -> Completion:
        """The script's next line; streamed whole where the request wants text as it comes."""
        if callable(self._script):
            said = self._script(request)
            if inspect.isawaitable(said):
                said = await said
        else:
            turn = sum(message.role == "assistant" for message in request.messages)
            said = self._script[min(turn, len(self._script) - 1)]
        completion = said if isinstance(said, Completion) else Completion(said)
        if request.on_text:
            request.on_text(completion.text)
        if completion.usage.calls == 0:
            completion = replace(completion, usage=replace(completion.usage, calls=1))
        return completion

    async def aclose(self) -> None:
        """Nothing to give back."""


def _own_dialect() -> Dialect:
    from .dialects.gemvg import GemvgDialect

    return GemvgDialect()
