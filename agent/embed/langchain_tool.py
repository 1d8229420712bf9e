"""The agent as a LangChain tool, for a prebuilt ReAct agent or any other graph."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import StructuredTool, ToolException
from pydantic import ValidationError
from pydantic.v1 import ValidationError as ValidationErrorV1

from ...tools.errors import GemvgError
from ...tools.tool import explain_validation
from ..background import run_sync
from ..pictures import PictureSource
from .arguments import DESCRIPTION, NAME, GroundingArguments
from .calling import Drawn, checked_arguments, ground
from .public_text import public_text

if TYPE_CHECKING:
    from ..grounding_agent import GroundingAgent

Pictures = Sequence[PictureSource] | Callable[[RunnableConfig], Sequence[PictureSource]]
"""The pictures, or what finds them from the run's config."""

PICTURES_KEY = "pictures"


def grounding_tool(
    agent: GroundingAgent | None = None,
    pictures: Pictures | None = None,
    *,
    name: str = NAME,
    description: str = DESCRIPTION,
    drawn: Drawn = "annotated",
) -> StructuredTool:
    """A tool that a chat model calls with a question and numbers of pictures.

    Its content is a short text for the model. Its artifact is plain data for the program:
    `{"answer": the full answer, "pictures": [{"image", "mime_type", "data"}]}`.

    Args:
        agent: who answers; one with the default policy and all tools where it is None.
        pictures: what the model may ask about, fixed; or a function of the run's config; or None:
            each run brings its own in `config["configurable"]["pictures"]`.
        name: under which the model calls it.
        description: what the model is told.
        drawn: pictures in the artifact: those with boxes, boxes drawn in; `"none"` keeps
            checkpoints of the outer agent small.
    """
    answering = _Answering(agent, pictures, drawn)

    def answer(config: RunnableConfig, **arguments: Any) -> tuple[str, dict[str, Any]]:
        return run_sync(answering.answer(config, arguments))

    async def answer_async(config: RunnableConfig, **arguments: Any) -> tuple[str, dict[str, Any]]:
        return await answering.answer(config, arguments)

    return StructuredTool.from_function(
        func=answer,
        coroutine=answer_async,
        name=name,
        description=description,
        args_schema=GroundingArguments,
        response_format="content_and_artifact",
        handle_tool_error=True,
        handle_validation_error=_misread,
    )


class _Answering:
    """The tool's own memory: who answers, and where pictures come from."""

    def __init__(
        self, agent: GroundingAgent | None, pictures: Pictures | None, drawn: Drawn
    ) -> None:
        self._agent = agent
        self._pictures = pictures
        self._drawn: Drawn = drawn

    async def answer(
        self, config: RunnableConfig, arguments: dict[str, Any]
    ) -> tuple[str, dict[str, Any]]:
        """Content and artifact; what the model can mend is a ToolException."""
        try:
            grounding = await ground(self._who(), checked_arguments(arguments), self._given(config))
            artifact = await asyncio.to_thread(grounding.artifact, self._drawn)
        except GemvgError as error:
            raise ToolException(public_text(str(error))) from error
        return grounding.text, artifact

    def _who(self) -> GroundingAgent:
        if self._agent is None:
            from ..grounding_agent import GroundingAgent

            self._agent = GroundingAgent()
        return self._agent

    def _given(self, config: RunnableConfig) -> Sequence[PictureSource]:
        if callable(self._pictures):
            return self._pictures(config)
        if self._pictures is not None:
            return self._pictures
        return (config.get("configurable") or {}).get(PICTURES_KEY) or []


def _misread(error: ValidationError | ValidationErrorV1) -> str:
    """Arguments that do not fit, in one line, without a library's own text."""
    if isinstance(error, ValidationError):
        return f"The arguments do not fit: {explain_validation(error)}"
    return "The arguments do not fit."
