"""Answering a question that another agent's model asked: its arguments in, words and boxes out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from ...tools.errors import GemvgError, UsageError
from ...tools.images import Picture
from ...tools.tool import explain_validation
from ..answer import Answer, AnswerBox, ErrorInfo, ImageInfo
from ..background import run_sync
from ..grounding_agent import checked_query
from ..named_files import by_number
from ..pictures import PictureSource, load_pictures
from .arguments import GroundingArguments
from .isolation import isolated
from .numbering import Numbering
from .told import told

if TYPE_CHECKING:
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
    query = checked_query(arguments.query)
    numbering = Numbering(numbers, len(pictures))
    asked = numbering.inward(by_number(query, [_name(picture) for picture in pictures]))
    if asked is None:
        # The question names a picture that is not among these, or in words whose new numbers are
        # not sure. Over the whole list every word means what the program's model meant by it.
        _check_count(agent, numbers, len(pictures))
        asked, numbering = query, Numbering(tuple(range(1, len(pictures) + 1)), len(pictures))
    loaded = await asyncio.to_thread(_load, agent, pictures, numbering)
    answer = await isolated(agent.aask(asked, list(loaded.values()), mode=arguments.mode))
    answer = confined(renumbered(answer, numbering), numbers)
    answer = answer.model_copy(update={"query": query})
    return Grounding(told(answer), answer, {number: loaded[number] for number in numbers})


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


def renumbered(answer: Answer, numbering: Numbering) -> Answer:
    """An answer about some of a list's pictures, its images, boxes and words as in the list.

    The steps stay as they were: their view numbers count what the policy saw.
    """
    if numbering.same:
        return answer
    numbers, outward = numbering.numbers, numbering.outward
    changes: dict[str, Any] = {
        "images": [_relisted(image, numbering) for image in answer.images],
        "answer": [b.model_copy(update={"image": numbers[b.image - 1]}) for b in answer.answer],
        "text": answer.text and outward(answer.text),
        "reasoning": answer.reasoning and outward(answer.reasoning),
    }
    if answer.error is not None:
        message = outward(answer.error.message)
        changes["error"] = ErrorInfo(kind=answer.error.kind, message=message)
    return answer.model_copy(update=changes)


def _relisted(image: ImageInfo, numbering: Numbering) -> ImageInfo:
    number, source = numbering.numbers[image.index - 1], image.source
    if source in (f"<{kind} {image.index}>" for kind in ("bytes", "image", "array")):
        source = numbering.shown(source)
    return image.model_copy(update={"index": number, "source": source})


def confined(answer: Answer, numbers: Sequence[int]) -> Answer:
    """An answer about a whole list with what it says of these of its pictures only."""
    images = {image.index: image for image in answer.images}
    if set(images) == set(numbers):
        return answer
    boxes = [box for box in answer.answer if box.image in numbers]
    changes: dict[str, Any] = {"images": [images[n] for n in numbers], "answer": boxes}
    if len(boxes) < len(answer.answer):
        changes["text"] = f"{_left_out(answer.answer, numbers)} {answer.text or ''}".strip()
        if answer.status == "ok" and not boxes:
            changes["status"] = "none"
    return answer.model_copy(update=changes)


def _left_out(boxes: Sequence[AnswerBox], numbers: Sequence[int]) -> str:
    """Without it `none` would be all that is said where the wrong pictures were chosen."""
    elsewhere = sorted({box.image for box in boxes} - set(numbers))
    return (
        f"Boxes in pictures that were not to be looked at are left out: "
        f"picture {', picture '.join(map(str, elsewhere))}."
    )


def _load(
    agent: GroundingAgent, pictures: Sequence[PictureSource], numbering: Numbering
) -> dict[int, Picture]:
    """The pictures by their number in the list. Raises GemvgError with the list's numbers."""
    chosen = [pictures[number - 1] for number in numbering.numbers]
    try:
        loaded = load_pictures(
            chosen,
            limits=agent.limits,
            max_images=agent.max_images,
            # The list is the program's own, so that its addresses are what the agent may fetch.
            fetch=agent.fetch,
        )
    except GemvgError as error:
        raise type(error)(numbering.shown(error.message), error.cure) from error
    return dict(zip(numbering.numbers, loaded, strict=True))


def _name(picture: PictureSource) -> str:
    """What a question may call a picture: its file's name, where it has one."""
    if isinstance(picture, Picture):
        return picture.source
    return str(picture) if isinstance(picture, (str, Path)) else ""


def _numbers(arguments: GroundingArguments, count: int) -> tuple[int, ...]:
    """The pictures that were asked for, without repeats."""
    if count == 0:
        raise UsageError("there are no pictures to look at.", "Ask the user for pictures.")
    if arguments.images is None:
        return tuple(range(1, count + 1))
    wrong = [number for number in arguments.images if number > count]
    if wrong:
        raise UsageError(f"there is no picture {wrong[0]}; the pictures are 1 to {count}.")
    return tuple(dict.fromkeys(arguments.images))


def _check_count(agent: GroundingAgent, numbers: Sequence[int], count: int) -> None:
    """Raises UsageError where a list is longer than one question may be, and its part is not."""
    if len(numbers) <= agent.max_images < count:
        raise UsageError(
            "the question speaks of pictures that are not to be looked at, or not by number.",
            "Write 'picture 2', and name every picture that it speaks of in images.",
        )


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
