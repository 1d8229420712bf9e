"""Agreement: the same question sampled several times, to score the boxes of the first answer."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from typing import NamedTuple

from ..policy.dialect import Reading
from ..policy.policy import Request, Usage
from ..tools.errors import GemvgError
from .episode import Episode
from .scores import agreement_scored
from .state import EpisodeState
from .tool_calls import read_last_turn

TEMPERATURE = 0.7
"""Of the samples, where the episode itself is greedy."""


log = logging.getLogger("gemvg.agent")


class Sampled(NamedTuple):
    """What sampling came to.

    Attributes:
        reading: with agreement scores, where there was time for all samples.
        calls, usage, seconds: spent on the samples, those that failed or were cut off included.
    """

    reading: Reading
    calls: int = 0
    usage: Usage = Usage()
    seconds: float = 0.0


async def agreement(
    state: EpisodeState, episode: Episode, reading: Reading, request: Request
) -> Sampled:
    """A reading with agreement scores, and what the further samples cost.

    The last turn is asked again `samples - 1` times at once, with other seeds; these are no steps
    of the episode and come on top of `max_steps`. A sample that fails or can't be read says nothing
    and is left out.

    Args:
        state: for reading.
        episode: whose policy is asked.
        reading: of the answer that is kept.
        request: the last turn, as it was asked.
    """
    if not reading.boxes:
        return Sampled(reading)
    warm = request.temperature or TEMPERATURE
    base = request.seed or 0
    requests = [
        replace(request, temperature=warm, seed=base + k, on_text=None, logprobs=False)
        for k in range(1, episode.options.samples)
    ]
    taken: list[tuple[Reading, Usage]] = []
    began = time.perf_counter()
    try:
        async with asyncio.timeout(episode.remaining):
            await asyncio.gather(*(_sample(state, episode, r, taken) for r in requests))
        read = [other for other, _ in taken if other.status in ("ok", "none", "partial")]
        reading = agreement_scored(reading, read)
    except TimeoutError:
        # Scores of fewer samples than were asked for would not be comparable.
        pass
    usage = sum((used for _, used in taken), Usage())
    return Sampled(reading, len(requests), usage, time.perf_counter() - began)


async def _sample(
    state: EpisodeState,
    episode: Episode,
    request: Request,
    taken: list[tuple[Reading, Usage]],
) -> None:
    """One sample, added to those `taken`, so that what it cost is known where others take long."""
    try:
        completion = await episode.policy.complete(request)
        context = episode.read_context(state.query, state.views, completion, target=state.target)
        taken.append((read_last_turn(episode.dialect, completion, context), completion.usage))
    except GemvgError:
        return
    except Exception:
        # The answer is there already; no sample may take it away. The log keeps the traceback.
        log.exception("a sample of policy %s failed", episode.policy.name)
