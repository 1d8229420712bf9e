"""The views that a request shows: what they need, and their pixels at the planned sizes."""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import Sequence
from typing import Literal
from weakref import WeakKeyDictionary

from PIL import Image

from ...tools.views import ViewBook
from ..messages import Message
from ..policy import Request
from .image_budget import ImageNeed, ImagePlan

ImageFormat = Literal["jpeg", "png"]

CHARACTERS_A_TOKEN = 2.5
"""Fewer characters a token than English, JSON or digits in groups need: errs to the safe side."""

MESSAGE_TOKENS = 8
"""Marks around one turn."""


def shown_views(messages: Sequence[Message]) -> tuple[int, ...]:
    """Indexes of the views in a conversation, in order, with repeats."""
    return tuple(view for message in messages for view in message.views)


def image_needs(request: Request) -> list[ImageNeed]:
    """What each shown view needs, in the order of showing."""
    needs: list[ImageNeed] = []
    for index in shown_views(request.messages):
        view = request.book[index]
        source = request.book.picture(view.image).source
        name = source if index <= request.book.image_count else f"{view.shows} of {source}"
        needs.append(ImageNeed(index, name, view.width, view.height))
    return needs


def text_tokens(request: Request, *, with_tools: bool) -> int:
    """An upper estimate of a conversation's text tokens, where no tokenizer is at hand."""
    characters = sum(len(message.text.encode()) for message in request.messages)
    characters += len((request.prefill or "").encode())
    if with_tools:
        for spec in request.tools:
            characters += len(spec.name) + len(spec.description) + len(str(spec.parameters)) + 80
    turns = MESSAGE_TOKENS * (len(request.messages) + 2)
    return round(characters / CHARACTERS_A_TOKEN) + turns


class EncodedViews:
    """Views as data URIs at planned sizes; each is encoded once in an episode.

    Args:
        form: `jpeg` (quality 95, full colour resolution) is small and quick; `png` is exact.
    """

    def __init__(self, form: ImageFormat = "jpeg") -> None:
        self.form: ImageFormat = form
        self._made: WeakKeyDictionary[ViewBook, dict[tuple[int, tuple[int, int]], str]]
        self._made = WeakKeyDictionary()
        self._lock = threading.Lock()

    def uris(self, book: ViewBook, plan: ImagePlan) -> dict[int, str]:
        """A data URI for every view of a plan."""
        with self._lock:
            made = self._made.setdefault(book, {})
        for image in plan.images:
            key = (image.view, image.size)
            if key not in made:
                made[key] = data_uri(book.raster(image.view, image.size), self.form)
        return {image.view: made[image.view, image.size] for image in plan.images}


def data_uri(image: Image.Image, form: ImageFormat) -> str:
    """Pixels as a `data:` URI."""
    buffer = io.BytesIO()
    if form == "png":
        image.save(buffer, "PNG", compress_level=1)
    else:
        image.save(buffer, "JPEG", quality=95, subsampling=0)
    return f"data:image/{form};base64,{base64.b64encode(buffer.getvalue()).decode()}"
