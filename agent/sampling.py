"""Agreement: the same question sampled several times, to score the boxes of the first answer."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from ..policy.dialect import Reading
from ..policy.policy import Request, Usage
from ..tools.errors import GemvgError
from .episode import Episode
from .scores import agreement_scored
from .state import EpisodeState

TEMPERATURE = 0.7
"""Of the samples, where the episode itself is greedy."""


async def agreement(
    state: EpisodeState, episode: Episode, reading: Reading, request: Request
) -> tuple[Reading, Usage]:
    """A reading with agreement scores, and what the further samples cost.

    The last turn is asked again `samples - 1` times at once, with other seeds. A sample that fails
    or can't be read says nothing and is left out.

    Args:
        state: for reading.
        episode: whose policy is asked.
        reading: of the answer that is kept.
        request: the last turn, as it was asked.
    """
    if not reading.boxes:
        return reading, Usage()
    warm = request.temperature or TEMPERATURE
    base = request.seed or 0
    requests = [
        replace(request, temperature=warm, seed=base + k, on_text=None, logprobs=False)
        for k in range(1, episode.options.samples)
    ]
    try:
        async with asyncio.timeout(episode.remaining):
            results = await asyncio.gather(*(_sample(state, episode, r) for r in requests))
    except TimeoutError:
        return reading, Usage()
    taken = [result for result in results if result is not None]
    usage = sum((used for _, used in taken), Usage())
    read = [other for other, _ in taken if other.status in ("ok", "none", "partial")]
    return agreement_scored(reading, read), usage


async def _sample(
    state: EpisodeState, episode: Episode, request: Request
) -> tuple[Reading, Usage] | None:
    try:
        completion = await episode.policy.complete(request)
    except GemvgError:
        return None
    context = episode.read_context(state.query, state.views, completion, target=state.target)
    return episode.dialect.read(completion, context), completion.usage
