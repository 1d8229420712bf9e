"""What a larger agent's model writes to ask a question: the one model behind every schema."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ...policy.modes import Mode

NAME = "ground_pictures"
DESCRIPTION = (
    "Find things in the pictures of this conversation and get their boxes. Ask in words about any "
    "number of pictures at once, for example 'every dog', 'the person who is in both pictures' or "
    "'what changed between picture 1 and picture 2'. The answer names picture and box, in pixels "
    "(x1, y1, x2, y2 from the top left corner), or says that nothing of the kind is there."
)


class GroundingArguments(BaseModel):
    """A question about pictures that the program holds.

    Pictures are named by number. A name or an address written by a model is never opened: which
    pictures there are is decided by the program that offers the tool.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    query: str = Field(
        description="What to look for, in words; 'picture 2' is number 2 of all the pictures.",
        min_length=1,
        max_length=8000,
    )
    images: tuple[Annotated[int, Field(ge=1, le=10_000)], ...] | None = Field(
        None,
        description="Numbers of the pictures to look at, counted from 1; null for all of them.",
        min_length=1,
        max_length=1000,
    )
    mode: Mode = Field(
        "auto",
        description="think: reason first; direct: answer at once; auto: whatever suits.",
    )
