"""Answering a question that another agent's model asked: its arguments in, words and boxes out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from ...tools.errors import UsageError
from ...tools.tool import explain_validation
from ..answer import Answer
from ..background import run_sync
from ..pictures import PictureSource, load_pictures
from .arguments import GroundingArguments
from .isolation import isolated
from .told import told

if TYPE_CHECKING:
    from ...tools.images import Picture
    from ..grounding_agent import GroundingAgent

Drawn = Literal["annotated", "none"]
"""Which pictures come with an artifact: those with boxes, boxes drawn in; or none."""

DRAWN_SIDE = 1024
"""Longest side of a drawn picture, pixels."""


@dataclass(frozen=True, slots=True)
class Grounding:
    """What a question came to.

    Attributes:
        text: short, for the model that asked.
        answer: the full answer; its boxes and images count the program's own list of pictures.
        pictures: all the program's pictures that were asked about, by their number.
    """

    text: str
    answer: Answer
    pictures: dict[int, Picture]

    def artifact(self, drawn: Drawn = "annotated") -> dict[str, Any]:
        """Plain data for programs: the answer, and the pictures with boxes as JPEG in base64."""
        pictures = [] if drawn == "none" else _drawn(self)
        return {"answer": self.answer.model_dump(mode="json"), "pictures": pictures}


def checked_arguments(arguments: str | bytes | dict[str, Any]) -> GroundingArguments:
    """A model's arguments, as JSON text or decoded.

    Raises:
        UsageError: they do not fit; one line that a model can act on.
    """
    try:
        if isinstance(arguments, (str, bytes)):
            return GroundingArguments.model_validate_json(arguments)
        return GroundingArguments.model_validate(arguments)
    except ValidationError as error:
        raise UsageError(explain_validation(error)) from None


async def ground(
    agent: GroundingAgent, arguments: GroundingArguments, pictures: Sequence[PictureSource]
) -> Grounding:
    """Answer; the numbers in the arguments choose among `pictures`.

    Raises:
        UsageError: a number that is no picture's, no pictures at all.
        ImageError: a picture that can't be used.
    """
    numbers = _numbers(arguments, len(pictures))
    chosen = [pictures[number - 1] for number in numbers]

    def load() -> list[Picture]:
        return load_pictures(chosen, limits=agent.limits, max_images=agent.max_images)

    loaded = await asyncio.to_thread(load)
    answer = await isolated(agent.aask(arguments.query, loaded, mode=arguments.mode))
    answer = renumbered(answer, numbers)
    return Grounding(told(answer), answer, dict(zip(numbers, loaded, strict=True)))


def call_function(
    agent: GroundingAgent, arguments: str | dict[str, Any], pictures: Sequence[PictureSource]
) -> Grounding:
    """Run one call of the function that `function_schema` describes, and wait for it.

    Args:
        agent: who answers.
        arguments: as the model wrote them: `tool_call.function.arguments`.
        pictures: what the model's numbers stand for, in order.

    Raises:
        UsageError: arguments that do not fit. ImageError: a picture that can't be used.
    """
    return run_sync(ground(agent, checked_arguments(arguments), pictures))


def renumbered(answer: Answer, numbers: Sequence[int]) -> Answer:
    """An answer about some of a list's pictures, its images and boxes counted as in the list.

    The steps stay as they were: their view numbers count what the policy saw.
    """
    if list(numbers) == list(range(1, len(numbers) + 1)):
        return answer
    images = [i.model_copy(update={"index": numbers[i.index - 1]}) for i in answer.images]
    boxes = [b.model_copy(update={"image": numbers[b.image - 1]}) for b in answer.answer]
    return answer.model_copy(update={"images": images, "answer": boxes})


def _numbers(arguments: GroundingArguments, count: int) -> list[int]:
    """The pictures that were asked for, without repeats."""
    if count == 0:
        raise UsageError("there are no pictures to look at.", "Ask the user for pictures.")
    if arguments.images is None:
        return list(range(1, count + 1))
    wrong = [number for number in arguments.images if number > count]
    if wrong:
        raise UsageError(f"there is no picture {wrong[0]}; the pictures are 1 to {count}.")
    return list(dict.fromkeys(arguments.images))


def _drawn(grounding: Grounding) -> list[dict[str, Any]]:
    from ..render.annotate import Marked, annotate
    from .encoding import jpeg_base64

    marked = [Marked(number, box) for number, box in enumerate(grounding.answer.answer)]
    drawn: list[dict[str, Any]] = []
    for number, picture in grounding.pictures.items():
        here = [m for m in marked if m.found.image == number]
        if here:
            scale = min(1.0, DRAWN_SIDE / max(picture.size))
            data = jpeg_base64(annotate(picture.pixels, here, scale))
            drawn.append({"image": number, "mime_type": "image/jpeg", "data": data})
    return drawn
