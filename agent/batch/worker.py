"""From one line of a batch to its outcome: the same wherever it runs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...tools.errors import ErrorRecord, GemvgError, ImageError, UsageError
from ...tools.images import Picture
from ..pictures import beyond_bound, load_pictures
from ..work_threads import in_work_thread
from .detection import share_detectors
from .key import line_key, settings_fingerprint
from .ledger import Known
from .line import BatchLine
from .record import Outcome, OutcomeKind, result_line
from .shelf import PictureShelf
from .waiting import Turns, take_turns, turns_of_question, without_waiting

if TYPE_CHECKING:
    from ..answer import Answer
    from ..grounding_agent import GroundingAgent
    from ..settings import AskSettings

log = logging.getLogger("gemvg.batch")

SERVER_KINDS = frozenset({"backend", "timeout"})
"""Kinds of errors that the server is to blame for, and that may pass."""

ACCESS_KINDS = frozenset({"access"})
"""Kinds of errors that every other line would meet too, until the user mends something."""


def failure_kind(error: ErrorRecord) -> OutcomeKind:
    """What a failed question means for the job: to wait, to stop, or an error of this line."""
    if error["kind"] in SERVER_KINDS:
        return "waiting"
    return "barred" if error["kind"] in ACCESS_KINDS else "error"


def default_agent(settings: AskSettings) -> GroundingAgent:
    """The agent that the settings describe."""
    return settings.make_agent()


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """All that is needed to make a worker, here or in another process; picklable.

    Attributes:
        settings: how questions are answered.
        base: what names of pictures are relative to.
        timings: keep measured seconds in the results.
        make_agent: makes the agent; a function of a module, so that it can be sent.
    """

    settings: AskSettings
    base: str = "."
    timings: bool = False
    make_agent: Callable[[AskSettings], GroundingAgent] = default_agent

    def make(self) -> LineWorker:
        """The worker; loads its policy now. Raises GemvgError where that can't be had."""
        return LineWorker(self)


class LineWorker:
    """Answers lines; any number at a time in one event loop.

    Args:
        spec: what it is made of.

    Raises:
        GemvgError: the policy or a tool can't be had.
    """

    def __init__(self, spec: WorkerSpec) -> None:
        self.spec = spec
        self.agent = spec.make_agent(spec.settings)
        share_detectors(self.agent)
        self.fingerprint = settings_fingerprint(
            spec.settings, self.agent.policy, self.agent.options.rules
        )
        if spec.timings:
            from .engine import cores

            self.agent = take_turns(self.agent, cores())
        self.shelf = PictureShelf(spec.base, fetch=spec.settings.fetcher())

    async def answer(self, line: BatchLine, known: Known) -> Outcome:
        """What becomes of a line; total: every failure is an outcome."""
        key: str | None = None
        try:
            pictures, shared = await self._pictures(line)
            digests, names = [p.digest for p in pictures], [p.source for p in pictures]
            key = line_key(self.fingerprint, line.query, digests, names)
            counts = Outcome(line.number, "known", key, shared=shared, looked=len(pictures))
            if key[:32] in (known.result, known.error):
                return counts
            answer = await self._ask(line, await self._decoded(pictures))
        except GemvgError as error:
            return self._failed(line, key, error)
        except Exception:
            log.exception("line %d failed inside", line.number)
            record: ErrorRecord = {"kind": "internal", "message": "failed inside; the log says how"}
            return Outcome(line.number, "error", key, error=record)
        if answer.error is not None:
            record = {"kind": answer.error.kind, "message": answer.error.message}
            return replace(counts, kind=failure_kind(record), error=record)
        written = result_line(line.custom_id, key, answer, timings=self.spec.timings)
        return replace(counts, kind="result", line=written)

    async def _ask(self, line: BatchLine, pictures: list[Picture]) -> Answer:
        """The answer; its seconds without those in which other questions had their turn."""
        mine = Turns()
        outer = turns_of_question.set(mine)
        try:
            answer = await self.agent.aask(line.query, pictures)
        finally:
            turns_of_question.reset(outer)
        return without_waiting(answer, mine.waited) if self.spec.timings else answer

    def _failed(self, line: BatchLine, key: str | None, error: GemvgError) -> Outcome:
        if isinstance(error, ImageError):
            gone = next((f for name in line.images if (f := self.shelf.vanished(name))), None)
            if gone is not None:
                message = f"{gone}: the folder of the pictures has vanished."
                return Outcome(line.number, "gone", error={"kind": "image", "message": message})
        record = error.as_record()
        return Outcome(line.number, failure_kind(record), key, error=record)

    async def _pictures(self, line: BatchLine) -> tuple[list[Picture], int]:
        """The line's pictures, and how many were at hand."""
        most = self.spec.settings.max_images
        if len(line.images) > most:
            raise UsageError(
                f"{len(line.images)} pictures; one question may be about {most} at most.",
                "Ask about fewer, or raise --max-images.",
            )
        shelf = self.shelf
        ready = [p for name in line.images if (p := shelf.at_hand(name)) is not None]
        if len(ready) == len(line.images):
            return ready, len(ready)
        opened = await in_work_thread(lambda: [shelf.open(name) for name in line.images])
        return opened, len(ready)

    async def _decoded(self, pictures: list[Picture]) -> list[Picture]:
        """The pictures, decoded off the event loop where they are not decoded yet."""
        if beyond_bound(pictures):
            most = self.spec.settings.max_images
            return await in_work_thread(load_pictures, pictures, max_images=most)
        fresh = [p for p in pictures if not p.decoded]
        if fresh:
            await in_work_thread(lambda: [p.pixels for p in fresh])
        return pictures

    async def aclose(self) -> None:
        """Give back the policy's connections and memory."""
        await self.agent.aclose()
