"""The MCP server itself: what it offers, and calls in, results out.

It is built on the SDK's low-level server because that leaves the reading of arguments and the
wording of every error to us: a client is told of nothing that a library said.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import mcp_types as types
from mcp.server import Server, ServerRequestContext
from mcp.shared.exceptions import MCPError
from pydantic import BaseModel, ValidationError

from ...tools.errors import GemvgError
from ...tools.tool import explain_validation
from ..answer import Answer
from ..embed.arguments import DESCRIPTION
from ..embed.public_text import public_text
from .arguments import CompareCall, DetectCall, GroundCall, MatchCall, ZoomCall
from .calls import Calls, Outcome, as_text
from .line import Line
from .output import ToolOutput
from .roots import Roots

if TYPE_CHECKING:
    from ..grounding_agent import GroundingAgent

log = logging.getLogger("gemvg.mcp")

INSTRUCTIONS = (
    "Finds things in pictures and gives their boxes, in pixels of the upright picture. Pictures "
    "are named by their path in a folder that the server was started with, or sent as data URIs."
)
_READ_ONLY = types.ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)


@dataclass(frozen=True, slots=True)
class _Offer:
    """One tool: what it is called with and what it gives."""

    name: str
    description: str
    arguments: type[BaseModel]
    output: type[BaseModel]
    run: Callable[[Any], Awaitable[Outcome]]

    def as_tool(self) -> types.Tool:
        return types.Tool(
            name=self.name,
            description=self.description,
            input_schema=self.arguments.model_json_schema(),
            output_schema=self.output.model_json_schema(mode="serialization"),
            annotations=_READ_ONLY,
        )


def make_server(agent: GroundingAgent, roots: Roots) -> Server[Any]:
    """The server of an agent, ready for stdio or streamable HTTP.

    Args:
        agent: who answers; of zoom, detect, match and compare those are offered that it has.
        roots: the folders that may be read.
    """
    from .. import __version__

    offers = _offers(Calls(agent, roots))
    line = Line()

    async def list_tools(
        context: ServerRequestContext[Any], params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[offer.as_tool() for offer in offers.values()])

    async def call_tool(
        context: ServerRequestContext[Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        offer = offers.get(params.name)
        if offer is None:
            raise MCPError(types.INVALID_PARAMS, "there is no tool of that name.")
        try:
            arguments = offer.arguments.model_validate(params.arguments or {})
            async with line.turn():
                return _result(await offer.run(arguments))
        except ValidationError as error:
            return _failure(f"The arguments do not fit: {explain_validation(error)}")
        except GemvgError as error:
            return _failure(str(error))
        except Exception:
            # The client is told that it failed; what failed stays in the log.
            log.exception("tool %s failed", offer.name)
            return _failure("the tool failed inside; the server's log has the details.")

    return Server(
        "gemvg-agent",
        version=__version__,
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def _offers(calls: Calls) -> dict[str, _Offer]:
    offered = [_Offer("ground", DESCRIPTION, GroundCall, Answer, calls.ground)]
    runs: dict[str, tuple[type[BaseModel], Callable[[Any], Awaitable[Outcome]]]] = {
        "zoom": (ZoomCall, calls.zoom),
        "detect": (DetectCall, calls.detect),
        "match": (MatchCall, calls.match),
        "compare": (CompareCall, calls.compare),
    }
    for name, tool in calls.agent.tools.items():
        if name in runs:
            arguments, run = runs[name]
            offered.append(_Offer(name, tool.description, arguments, ToolOutput, run))
    return {offer.name: offer for offer in offered}


def _result(outcome: Outcome) -> types.CallToolResult:
    content: list[types.ContentBlock] = [
        types.TextContent(type="text", text=outcome.text),
        types.TextContent(type="text", text=as_text(outcome.data)),
    ]
    for picture in outcome.pictures:
        content.append(types.ImageContent(type="image", data=picture, mime_type="image/jpeg"))
    return types.CallToolResult(content=content, structured_content=outcome.data)


def _failure(text: str) -> types.CallToolResult:
    words = types.TextContent(type="text", text=public_text(text))
    return types.CallToolResult(content=[words], is_error=True)
