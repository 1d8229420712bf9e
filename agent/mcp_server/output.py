"""What a tool gives back to an MCP client, as structured content."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from ..answer import AnswerBox, ImageInfo


class ShownView(BaseModel):
    """A picture that comes with the result: a part of an image, at a size of its own."""

    model_config = ConfigDict(extra="forbid")

    image: int = Field(description="1-based index of the image that it shows a part of.")
    window: tuple[float, float, float, float] = Field(description="In pixels of the image.")


class ToolOutput(BaseModel):
    """Boxes are pixels of the upright image of their index."""

    model_config = ConfigDict(extra="forbid")

    images: list[ImageInfo]
    boxes: list[AnswerBox]
    views: list[ShownView]
    summary: str
