"""Running an MCP client's calls: names to pictures, the work, and text, pictures and data back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...tools.errors import GemvgError, ImageError
from ...tools.images import picture_from_bytes
from ...tools.tool import ToolContext, ToolResult
from ...tools.views import ViewBook
from ..answer import AnswerBox, ImageInfo
from ..embed.encoding import jpeg_base64
from ..embed.public_text import public_answer, public_text
from ..embed.told import told
from ..fetch.data_uri import decode_data_uri, is_data_uri
from ..pictures import load_pictures
from ..work_threads import in_work_thread
from .arguments import CompareCall, DetectCall, GroundCall, MatchCall, ZoomCall
from .output import ShownView, ToolOutput
from .roots import Roots

if TYPE_CHECKING:
    from PIL import Image

    from ...tools.images import Picture
    from ..grounding_agent import GroundingAgent

SHOWN_SIDE = 1024
"""Longest side of a picture in a result, pixels."""
MOST_SHOWN = 8
"""Pictures in one result."""
TOOL_SECONDS = 300.0


class CallFailed(GemvgError):
    """A tool could not do what was asked; the text says what to do instead."""

    kind = "tool"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call came to.

    Attributes:
        text: for the client's model. data: fits the tool's output schema. pictures: JPEG, base64.
    """

    text: str
    data: dict[str, Any]
    pictures: tuple[str, ...]


class Calls:
    """The five tools over one agent.

    Args:
        agent: who answers; its tools are those that are offered.
        roots: where pictures may be read.
    """

    def __init__(self, agent: GroundingAgent, roots: Roots) -> None:
        self.agent = agent
        self._roots = roots

    async def ground(self, call: GroundCall) -> Outcome:
        """Answer a question with boxes."""
        pictures = await self._load(call.images)
        answer = await self.agent.aask(call.query, pictures, mode=call.mode, strategy=call.strategy)
        if answer.status == "failed":
            raise CallFailed(answer.error.message if answer.error else "no answer came.")
        answer = public_answer(answer)
        drawn = await asyncio.to_thread(_annotated, pictures, answer.answer)
        return Outcome(told(answer), answer.model_dump(mode="json"), drawn)

    async def zoom(self, call: ZoomCall) -> Outcome:
        """Look closely at parts of a picture."""
        regions = [{"view": 1, "box": list(box)} for box in call.boxes]
        return await self._tool("zoom", [call.image], {"regions": regions, "padding": call.padding})

    async def detect(self, call: DetectCall) -> Outcome:
        """Find named objects."""
        arguments = {
            "labels": list(call.labels),
            "vocabulary": call.vocabulary,
            "min_score": call.min_score,
        }
        return await self._tool("detect", call.images, arguments)

    async def match(self, call: MatchCall) -> Outcome:
        """Find a part of one picture in others; the source is image 1."""
        box = None if call.box is None else list(call.box)
        views = list(range(2, len(call.images) + 2))
        arguments = {"source": {"view": 1, "box": box}, "views": views}
        return await self._tool("match", [call.source, *call.images], arguments)

    async def compare(self, call: CompareCall) -> Outcome:
        """Find what differs between two pictures."""
        arguments = {"first": 1, "second": 2, "report": call.report}
        return await self._tool("compare", [call.first, call.second], arguments)

    async def _tool(
        self, name: str, images: Sequence[str], arguments: Mapping[str, Any]
    ) -> Outcome:
        pictures = await self._load(images)
        context = ToolContext(ViewBook(pictures, max_new=self.agent.options.budgets.max_views))
        try:
            async with asyncio.timeout(TOOL_SECONDS):
                result = await in_work_thread(self.agent.tools[name].call, arguments, context)
        except TimeoutError:
            raise CallFailed("the call took too long.") from None
        if not result.ok:
            raise CallFailed(result.text)
        return await asyncio.to_thread(_outcome, result, pictures, context)

    async def _load(self, names: Sequence[str]) -> list[Picture]:
        return await asyncio.to_thread(self._load_now, names)

    def _load_now(self, names: Sequence[str]) -> list[Picture]:
        limits = self.agent.limits
        if len(names) > self.agent.max_images:
            raise ImageError(f"{len(names)} pictures; at most {self.agent.max_images} are taken.")
        pictures: list[Picture] = []
        shown: list[str] = []
        for number, name in enumerate(names, 1):
            label = f"picture {number}"
            if is_data_uri(name):
                source, content = label, decode_data_uri(name, limits.max_bytes, label)
            else:
                source, content = self._roots.read(name, label)
            # Named by number until it is known to be good: error texts repeat no path.
            pictures.append(picture_from_bytes(content, label, limits))
            shown.append(source)
        loaded = load_pictures(pictures, limits=limits, max_images=self.agent.max_images)
        for picture, source in zip(loaded, shown, strict=True):
            picture.source = source
        return loaded


def _outcome(result: ToolResult, pictures: list[Picture], context: ToolContext) -> Outcome:
    boxes = [AnswerBox.of(box) for _, box in result.boxes]
    views: list[ShownView] = []
    shown: list[str] = []
    for view in result.views[:MOST_SHOWN]:
        x1, y1, x2, y2 = view.window.rounded()
        views.append(ShownView(image=view.image, window=(x1, y1, x2, y2)))
        shown.append(jpeg_base64(context.book.raster(view.index), SHOWN_SIDE))
    if boxes:
        shown += _annotated(pictures, boxes)
    images = [
        ImageInfo(index=i, source=p.source, width=p.width, height=p.height)
        for i, p in enumerate(pictures, 1)
    ]
    summary = public_text(result.summary, 200)
    output = ToolOutput(images=images, boxes=boxes, views=views, summary=summary)
    return Outcome(
        public_text(result.text, 20_000),
        output.model_dump(mode="json"),
        tuple(shown[:MOST_SHOWN]),
    )


def _annotated(pictures: Sequence[Picture], boxes: Sequence[AnswerBox]) -> tuple[str, ...]:
    """The pictures with boxes, boxes drawn in, small enough to be sent."""
    from ..render.annotate import Marked, annotate

    marked = [Marked(number, box) for number, box in enumerate(boxes)]
    drawn: list[str] = []
    for index, picture in enumerate(pictures, 1):
        here = [m for m in marked if m.found.image == index]
        if here and len(drawn) < MOST_SHOWN:
            scale = min(1.0, SHOWN_SIDE / max(picture.size))
            scene: Image.Image = annotate(picture.pixels, here, scale)
            drawn.append(jpeg_base64(scene))
    return tuple(drawn)


def as_text(data: Mapping[str, Any]) -> str:
    """Structured content as text, for clients that read no other."""
    return json.dumps(data, ensure_ascii=False)
