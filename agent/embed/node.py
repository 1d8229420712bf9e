"""The agent as one node of a larger LangGraph graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from langchain_core.runnables import RunnableConfig, RunnableLambda

from ..background import run_sync
from ..pictures import PictureSource
from .calling import checked_arguments, ground
from .langchain_tool import PICTURES_KEY

if TYPE_CHECKING:
    from ..grounding_agent import GroundingAgent


class GroundingState(TypedDict):
    """What the node reads and writes; a larger graph's state may hold more.

    Attributes:
        query: the question.
        images: numbers of the pictures to look at, all where it is missing.
        grounding: what the node writes: the answer as JSON-compatible data.
    """

    query: str
    images: NotRequired[list[int] | None]
    grounding: NotRequired[dict[str, Any]]


def grounding_node(
    agent: GroundingAgent, pictures: Sequence[PictureSource] | None = None
) -> RunnableLambda[GroundingState, dict[str, Any]]:
    """A node that answers `state["query"]` and writes `state["grounding"]`.

    Pictures never enter the graph's state, so its checkpoints stay small.

    Args:
        agent: who answers.
        pictures: what questions are about; None: each run brings its own in
            `config["configurable"]["pictures"]`.

    Example:
        >>> from langgraph.graph import START, StateGraph
        >>> graph = StateGraph(GroundingState)
        >>> graph.add_node("ground", grounding_node(agent))  # doctest: +SKIP
    """

    async def answer(state: GroundingState, config: RunnableConfig) -> dict[str, Any]:
        given = pictures
        if given is None:
            given = (config.get("configurable") or {}).get(PICTURES_KEY) or []
        asked = {"query": state["query"], "images": state.get("images") or None}
        grounding = await ground(agent, checked_arguments(asked), given)
        return {"grounding": grounding.answer.model_dump(mode="json")}

    def answer_now(state: GroundingState, config: RunnableConfig) -> dict[str, Any]:
        return run_sync(answer(state, config))

    return RunnableLambda(answer_now, afunc=answer, name="ground")
