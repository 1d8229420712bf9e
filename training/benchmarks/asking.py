"""Asking the agent a benchmark's questions: an item in, an outcome out, never an exception."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...policy.forwarding import ForwardingPolicy
from ...policy.modes import Mode, Strategy
from ...policy.policy import Completion, Request
from ...tools.boxes import Box
from ...tools.errors import ErrorRecord, GemvgError
from ...tools.images import Picture
from .item import Item, scale_to
from .outcome import FoundBox, Outcome

if TYPE_CHECKING:
    from ...agent.answer import Answer
    from ...agent.grounding_agent import GroundingAgent

log = logging.getLogger("gemvg.training.benchmarks")

_SAID: ContextVar[list[str] | None] = ContextVar("gemvg_benchmark_said", default=None)


class Listening(ForwardingPolicy):
    """A policy that passes everything on and keeps what was said, question by question.

    Answers tell what was read; a benchmark's record keeps the text it was read from as well.
    """

    async def complete(self, request: Request) -> Completion:
        """See `Policy.complete`."""
        completion = await self.inner.complete(request)
        said = _SAID.get()
        if said is not None and completion.text:
            said.append(completion.text)
        return completion


@dataclass(frozen=True, slots=True)
class AgentAsker:
    """Asks one agent.

    Attributes:
        agent: its policy should be a `Listening` one, or records have no raw text.
        mode, strategy, seed: of every question.
        clock: seconds; tests give one that stands still.
    """

    agent: GroundingAgent
    mode: Mode = "auto"
    strategy: Strategy = "auto"
    seed: int = 0
    clock: Callable[[], float] = time.perf_counter

    async def __call__(self, item: Item) -> Outcome:
        """The outcome of one item; a failure is one too."""
        said: list[str] = []
        token = _SAID.set(said)
        begun = self.clock()
        try:
            pictures = [source.open() for source in item.pictures]
            answer = await self.agent.aask(
                item.query, pictures, mode=self.mode, strategy=self.strategy, seed=self.seed
            )
            seconds = self.clock() - begun
            return outcome_of(item, answer, pictures, "\n".join(said), seconds)
        except GemvgError as error:
            return _failed(item, error.as_record(), said, self.clock() - begun)
        except Exception as error:
            # One item must not stop its siblings; the log keeps the traceback for us.
            log.exception("item %s failed", item.id)
            record: ErrorRecord = {"kind": "internal", "message": type(error).__name__}
            return _failed(item, record, said, self.clock() - begun)
        finally:
            _SAID.reset(token)


def _failed(item: Item, error: ErrorRecord, said: list[str], seconds: float) -> Outcome:
    return Outcome(
        item.id,
        item.task,
        status="failed",
        raw="\n".join(said),
        seconds=seconds,
        error={"kind": error["kind"], "message": error["message"]},
    )


def outcome_of(
    item: Item, answer: Answer, pictures: list[Picture], raw: str, seconds: float
) -> Outcome:
    """An answer as an outcome: its boxes from picture pixels into the item's space."""
    sizes = tuple(p.size for p in pictures)
    boxes = tuple(
        FoundBox(b.image, _into(item, b.box, sizes[b.image - 1]), b.label, b.score)
        for b in answer.answer
        if 1 <= b.image <= len(sizes)
    )
    names = ("prompt_tokens", "completion_tokens", "image_tokens", "policy_calls", "tool_calls")
    tokens = {n: int(answer.usage[n]) for n in names if isinstance(answer.usage.get(n), int)}
    return Outcome(
        id=item.id,
        task=item.task,
        status=answer.status,
        raw=raw,
        boxes=boxes,
        text=answer.text,
        mode=answer.mode.used,
        strategy=answer.strategy,
        tokens=tokens,
        sizes=sizes,
        seconds=seconds,
        error=answer.error.model_dump() if answer.error else None,
        model=answer.policy.name,
    )


def _into(item: Item, box: tuple[float, float, float, float], size: tuple[int, int]) -> Box:
    sx, sy = scale_to(item.space, size[0], size[1])
    return Box(*box).scale(sx, sy)
