"""What MCP clients may ask: one argument model a tool. Pictures are names or data URIs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ...policy.modes import Mode, Strategy
from ...tools.tool import Coordinate
from ...tools.zoom import MAX_REGIONS

MAX_URI = 40_000_000
PictureName = Annotated[
    str,
    Field(
        description="A picture: its path in a folder that the server may read, or a data URI.",
        min_length=1,
        max_length=MAX_URI,
    ),
]
Corners = tuple[Coordinate, Coordinate, Coordinate, Coordinate]
Pictures = Annotated[tuple[PictureName, ...], Field(min_length=1, max_length=64)]


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GroundCall(_Arguments):
    """A question about several pictures."""

    query: str = Field(description="What to look for, in words.", min_length=1, max_length=8000)
    images: Pictures = Field(description="The pictures, in order.")
    mode: Mode = Field("auto", description="think, direct, or auto.")
    strategy: Strategy = Field("auto", description="All at once, picture by picture, or auto.")


class ZoomCall(_Arguments):
    """Parts of a picture to look at closely."""

    image: PictureName
    boxes: Annotated[tuple[Corners, ...], Field(min_length=1, max_length=MAX_REGIONS)] = Field(
        description="x1, y1, x2, y2 in pixels of the upright picture."
    )
    padding: float = Field(0.1, description="Margin around each box.", ge=0.0, le=1.0)


class DetectCall(_Arguments):
    """Named objects to find."""

    images: Pictures
    labels: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=100)], ...], Field(max_length=64)
    ] = Field((), description="Names of objects; empty for everything known.")
    vocabulary: Literal["auto", "closed", "open"] = "auto"
    min_score: float | None = Field(None, ge=0.0, le=1.0)


class MatchCall(_Arguments):
    """A part of one picture to find in others."""

    source: PictureName
    box: Corners | None = Field(
        None, description="x1, y1, x2, y2 in the source, pixels; null for all of it."
    )
    images: Pictures = Field(description="The pictures to find it in.")


class CompareCall(_Arguments):
    """Two pictures of the same place."""

    first: PictureName
    second: PictureName
    report: Literal["second", "first", "both"] = Field(
        "second", description="In which picture the changes are told."
    )
