"""`GroundingAgent`: a question and pictures in, boxes out. The front door for programs."""

from __future__ import annotations

import asyncio
import copy
import queue
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from ..policy.modes import Mode, Strategy
from ..tools.errors import UsageError
from ..tools.images import DEFAULT_LIMITS, ImageLimits, Picture
from ..tools.text import encodable
from .answer import Answer
from .background import run_sync, submit
from .budgets import Budgets
from .episode import Episode, EpisodeOptions, Scores
from .events import Answered, Event
from .handing_on import answer_or_hand_on, options_for
from .named_files import by_number
from .pictures import MAX_IMAGES, Fetcher, PictureSource, load_pictures
from .rules import EscalationRules, load_rules
from .work_threads import in_work_thread

if TYPE_CHECKING:
    from ..policy.policy import Policy
    from ..tools.tool import AnyTool
    from .settings import AskSettings

MAX_QUERY = 8000
"""Characters of a question."""


@dataclass(frozen=True, slots=True)
class _Choice:
    """What one question asks to be done otherwise than the agent does by default."""

    mode: Mode | None = None
    strategy: Strategy | None = None
    tools: Sequence[str] | None = None
    seed: int | None = None


class GroundingAgent:
    """Answers questions about several pictures with boxes.

    An agent holds its policy and its tools and nothing of any question, so one instance may be
    used from any number of threads and tasks at once. Agents that are given the same policy or
    tool instances share them; detectors are shared in a process in any case.

    Args:
        policy: a policy, or its name (`nano`, `planner`, a preset, a folder, a URL).
        dialect: how the model writes, where its name does not say so.
        mode, strategy: see `gemvg.policy.modes`; a single question may choose otherwise.
        tools: names (`["zoom", "detect"]`), `"none"`, tool instances, or None for all.
        budgets: what one question may spend.
        max_tokens, temperature, seed, logprobs: of every call of the policy.
        scores: where the scores of the policy's own boxes come from: `none`, `token-probability`,
            or `agreement` over `samples` answers.
        hand_to: the policy that is asked where this one does not know a word of the question, or
            says that it was not taught its kind (only nano does); None: its answer stands.
        rules: when `auto` asks again, thinking; as calibrated for the policy where it is None.
        limits, max_images: what pictures may be, and how many one question may be about.
        fetch: gets a picture's bytes from a URL; None refuses URLs.

    Raises:
        GemvgError: the policy or a tool can't be had; the message says what to do.

    Example:
        >>> agent = GroundingAgent()
        >>> answer = agent.ask("every dog", ["park.jpg", "street.jpg"])  # doctest: +SKIP
        >>> [(box.image, box.label) for box in answer.answer]  # doctest: +SKIP
        [(1, 'dog'), (2, 'dog')]
    """

    def __init__(
        self,
        policy: str | Policy = "nano",
        *,
        dialect: str | None = None,
        mode: Mode = "auto",
        strategy: Strategy = "auto",
        tools: str | Sequence[str | AnyTool] | Mapping[str, AnyTool] | None = None,
        budgets: Budgets | None = None,
        max_tokens: int = 2048,
        temperature: float = 0.0,
        seed: int = 0,
        logprobs: bool = False,
        scores: Scores = "none",
        samples: int = 5,
        hand_to: str | Policy | None = "planner",
        rules: EscalationRules | None = None,
        limits: ImageLimits = DEFAULT_LIMITS,
        max_images: int = MAX_IMAGES,
        fetch: Fetcher | None = None,
    ) -> None:
        self.policy: Policy = _policy(policy, dialect)
        self.tools: Mapping[str, AnyTool] = _tools(tools)
        self.options = EpisodeOptions(
            mode,
            strategy,
            budgets or Budgets(),
            max_tokens,
            temperature,
            seed,
            logprobs,
            scores,
            samples,
            rules or load_rules(self.policy),
        )
        self._second = None if hand_to is None else _policy(hand_to, None)
        self.limits = limits
        self.max_images = max_images
        self.fetch = fetch

    @classmethod
    def from_settings(cls, settings: AskSettings) -> GroundingAgent:
        """The agent that a command line, environment and settings file describe."""
        return settings.make_agent()

    def ask(
        self,
        query: str,
        images: Sequence[PictureSource],
        *,
        mode: Mode | None = None,
        strategy: Strategy | None = None,
        tools: Sequence[str] | None = None,
        seed: int | None = None,
    ) -> Answer:
        """Answer one question and wait for it; also inside a running event loop.

        Args:
            query: the question, in words; it may call a picture by its number or its file name.
            images: paths, encoded bytes, PIL images, arrays (height, width, 3) uint8 RGB.
            mode: otherwise than the agent's own.
            strategy: otherwise than the agent's own.
            tools: names of those of the agent's tools that may be used.
            seed: otherwise than the agent's own.

        Raises:
            UsageError: an empty question, no pictures, too many, a mode or tool that is none.
            ImageError: a picture that can't be used; the message names it.
        """
        choice = _Choice(mode, strategy, tools, seed)
        return run_sync(self._answer(query, images, choice))

    async def aask(
        self,
        query: str,
        images: Sequence[PictureSource],
        *,
        mode: Mode | None = None,
        strategy: Strategy | None = None,
        tools: Sequence[str] | None = None,
        seed: int | None = None,
    ) -> Answer:
        """`ask` for async programs; any number may run at once, cancelling one ends it."""
        return await self._answer(query, images, _Choice(mode, strategy, tools, seed))

    def stream(
        self,
        query: str,
        images: Sequence[PictureSource],
        *,
        mode: Mode | None = None,
        strategy: Strategy | None = None,
        tools: Sequence[str] | None = None,
        seed: int | None = None,
        text: bool = False,
    ) -> Iterator[Event]:
        """Answer one question and yield its events as they happen; the last is `Answered`.

        With `text` the policy's words come piece by piece too; the other arguments and the errors,
        which come at the first event, are those of `ask`.
        """
        events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        choice = _Choice(mode, strategy, tools, seed)
        future = submit(self._answer(query, images, choice, events.put, streaming=text))
        future.add_done_callback(lambda _: events.put(None))
        try:
            while (event := events.get()) is not None:
                yield event
            future.result()
        finally:
            future.cancel()

    async def astream(
        self,
        query: str,
        images: Sequence[PictureSource],
        *,
        mode: Mode | None = None,
        strategy: Strategy | None = None,
        tools: Sequence[str] | None = None,
        seed: int | None = None,
        text: bool = False,
    ) -> AsyncIterator[Event]:
        """`stream` for async programs."""
        loop = asyncio.get_running_loop()
        events: asyncio.Queue[Event | None] = asyncio.Queue()

        def put(event: Event | None) -> None:
            # Streamed text comes from whatever thread the backend generates in.
            loop.call_soon_threadsafe(events.put_nowait, event)

        choice = _Choice(mode, strategy, tools, seed)
        task = asyncio.create_task(self._answer(query, images, choice, put, streaming=text))
        task.add_done_callback(lambda _: put(None))
        try:
            while (event := await events.get()) is not None:
                yield event
            await task
        finally:
            task.cancel()

    async def aclose(self) -> None:
        """Give back the policies' connections and memory."""
        await self.policy.aclose()
        if self._second is not None:
            await self._second.aclose()

    def wrapped(self, wrap: Callable[[Policy], Policy]) -> Self:
        """An agent with the same tools whose policies, also the one it hands on to, are wrapped."""
        twin = copy.copy(self)
        twin.policy = wrap(self.policy)
        twin._second = None if self._second is None else wrap(self._second)
        return twin

    async def _answer(
        self,
        query: str,
        images: Sequence[PictureSource],
        choice: _Choice,
        emit: Callable[[Event], None] | None = None,
        *,
        streaming: bool = False,
    ) -> Answer:
        query = checked_query(query)
        options = self._chosen(choice)
        tools = self._allowed(choice.tools)
        pictures = await self._load(images)
        numbered = by_number(query, [picture.source for picture in pictures])
        began = time.perf_counter()

        async def episode_of(policy: Policy) -> Answer:
            handed, spent = policy is not self.policy, time.perf_counter() - began
            fitting = options_for(policy, options, spent) if handed else options
            episode = Episode.begin(policy, tools, pictures, fitting)
            if emit is not None:
                episode.emit, episode.streaming = emit, streaming
            return await _run(episode, numbered, len(pictures))

        answer = await answer_or_hand_on(self.policy, self._second, numbered, episode_of)
        if numbered != query:
            answer = answer.model_copy(update={"query": query})
        if emit is not None:
            emit(Answered(answer))
        return answer

    async def _load(self, images: Sequence[PictureSource]) -> list[Picture]:
        def load() -> list[Picture]:
            return load_pictures(
                images, limits=self.limits, max_images=self.max_images, fetch=self.fetch
            )

        ready = isinstance(images, (list, tuple)) and all(
            isinstance(image, Picture) for image in images
        )
        return load() if ready else await in_work_thread(load)

    def _chosen(self, choice: _Choice) -> EpisodeOptions:
        given = {
            name: value
            for name in ("mode", "strategy", "seed")
            if (value := getattr(choice, name)) is not None
        }
        return replace(self.options, **given) if given else self.options

    def _allowed(self, names: Iterable[str] | None) -> Mapping[str, AnyTool]:
        if names is None:
            return self.tools
        # As where the agent is made: a word, or several with commas between them.
        listed = names.split(",") if isinstance(names, str) else names
        wanted = [name.strip() for name in listed if name.strip() not in ("", "none")]
        unknown = [name for name in wanted if name not in self.tools]
        if unknown:
            raise UsageError(
                f"this agent has no tool {unknown[0]!r}.",
                f"It has: {', '.join(self.tools) or 'none'}.",
            )
        return {name: tool for name, tool in self.tools.items() if name in wanted}


async def _run(episode: Episode, query: str, pictures: int) -> Answer:
    from .graph import episode_graph
    from .state import EpisodeState

    state = EpisodeState(query, tuple(range(1, pictures + 1)))
    config: Any = {"recursion_limit": episode.options.budgets.recursion_limit}
    final = await episode_graph().ainvoke(state, config, context=episode)
    return final["answer"]


def checked_query(query: str) -> str:
    """The question without surrounding white space, as text that every model and file can hold.

    Raises:
        UsageError: it is empty or too long.
    """
    stripped = encodable(query.strip())
    if not stripped:
        raise UsageError("the question is empty.", "Say what to look for, such as 'every dog'.")
    if len(stripped) > MAX_QUERY:
        raise UsageError(
            f"the question has {len(stripped)} characters.", f"At most {MAX_QUERY} are taken."
        )
    return stripped


def _policy(policy: str | Policy, dialect: str | None) -> Policy:
    if not isinstance(policy, str):
        return policy
    from ..policy.registry import load_policy

    return load_policy(policy, dialect=dialect)


def _tools(
    tools: str | Sequence[str | AnyTool] | Mapping[str, AnyTool] | None,
) -> dict[str, AnyTool]:
    from ..tools.toolbox import make_tools

    if isinstance(tools, Mapping):
        return dict(tools)
    if tools is None or isinstance(tools, str):
        return make_tools(tools)
    made: dict[str, AnyTool] = {}
    for tool in tools:
        made |= make_tools([tool]) if isinstance(tool, str) else {tool.name: tool}
    return made
