"""From a request to tensors: the chat template, the planned pictures, the processor's own grids."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from ...tools.errors import ContextOverflow, PolicyError
from ..policy import Request
from .chat_turns import prompt_text
from .image_budget import VIEW_TOKENS, ImagePlan, PixelGrid, grid_of_family, plan_images
from .views_shown import image_needs, shown_views

SPOKEN_FOR = ("<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>",
              "<|video_pad|>")  # fmt: skip
"""Tokens that stand for pictures; a sampled one would break the positions of all that follows."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A request made ready for the model.

    Attributes:
        ids: token ids, one per position.
        key: like `ids`, with every picture's positions replaced by a number of its pixels, so that
            two prompts agree on a prefix exactly where their keys do.
        positions: rotary positions, shape (axes, 1, length), int64.
        pixels: the processor's patches of every picture, one tensor each.
        grids: the processor's (t, h, w) of every picture, in patches, shape (pictures, 3).
        starts: position of every picture's first token.
        sizes: (width, height) in pixels that the processor really made, by view index.
        image_tokens: how many positions are pictures.
    """

    ids: tuple[int, ...]
    key: tuple[int, ...]
    positions: Any
    pixels: tuple[Any, ...]
    grids: Any
    starts: tuple[int, ...]
    sizes: Mapping[int, tuple[float, float]]
    image_tokens: int


class PromptMaker:
    """Makes prompts with a model's own processor. Safe to call from several threads.

    Args:
        processor: from AutoProcessor.
        model: for its rotary positions and its context length.
        describes_tools: whether the prompt's words describe the tools, so that the template need
            not.
        view_tokens: tokens of one picture at most.
    """

    def __init__(
        self,
        processor: Any,
        model: Any,
        *,
        describes_tools: bool,
        view_tokens: int = VIEW_TOKENS,
    ) -> None:
        self.processor = processor
        self.tokenizer: Any = processor.tokenizer
        self.grid = processor_grid(processor)
        self._model = model
        self._describes_tools = describes_tools
        self._view_tokens = view_tokens
        config = model.config.get_text_config()
        self.context: int | None = getattr(config, "max_position_embeddings", None)
        self._image_id = int(getattr(model.config, "image_token_id", -1) or -1)
        # Fast tokenizers are not safe to call from two threads at once.
        self._lock = threading.Lock()

    def make(self, request: Request) -> Prompt:
        """The prompt of a request.

        Raises:
            ContextOverflow: text and pictures don't fit; the message says which picture.
        """
        with self._lock:
            text = self._text(request)
            plan = self._plan(request, text)
            pictures = [
                request.book.raster(index, image.size)
                for index, image in zip(shown_views(request.messages), plan.images, strict=True)
            ]
            inputs = self.processor(text=[text], images=pictures or None, return_tensors="pt")
        ids = [int(i) for i in inputs["input_ids"][0].tolist()]
        if self.context is not None and len(ids) + request.max_tokens > self.context:
            raise too_long(len(ids), request.max_tokens, self.context)
        return self._prompt(request, ids, inputs, pictures)

    def plan(self, request: Request) -> ImagePlan:
        """The sizes at which a request's pictures are shown."""
        with self._lock:
            return self._plan(request, self._text(request))

    def _text(self, request: Request) -> str:
        return prompt_text(self.processor, request, with_tools=not self._describes_tools)

    def _plan(self, request: Request, text: str) -> ImagePlan:
        needs = image_needs(request)
        room = None
        if self.context is not None:
            room = self.context - request.max_tokens - len(self.tokenizer(text)["input_ids"])
        return plan_images(needs, self.grid, room=room, max_tokens=self._view_tokens)

    def _prompt(
        self, request: Request, ids: list[int], inputs: Any, pictures: Sequence[Image.Image]
    ) -> Prompt:
        import torch

        grids = inputs.get("image_grid_thw")
        merge = int(getattr(self.processor.image_processor, "merge_size", 2))
        patch = float(getattr(self.processor.image_processor, "patch_size", 14))
        views = shown_views(request.messages)
        key, starts, sizes = list(ids), list[int](), dict[int, tuple[float, float]]()
        at = 0
        rows: list[list[int]] = [] if grids is None else grids.tolist()
        for view, picture, (t, h, w) in zip(views, pictures, rows, strict=True):
            at = ids.index(self._image_id, at)
            count = t * h * w // merge**2
            starts.append(at)
            key[at : at + count] = [fingerprint(picture)] * count
            sizes[view] = (w * patch, h * patch)
            at += count
        patches = [t * h * w for t, h, w in rows]
        return Prompt(
            tuple(ids),
            tuple(key),
            self._positions(inputs, grids),
            tuple(torch.split(inputs["pixel_values"], patches)) if rows else (),
            grids,
            tuple(starts),
            sizes,
            sum(patches) // merge**2,
        )

    def _positions(self, inputs: Any, grids: Any) -> Any:
        import torch

        length = inputs["input_ids"].shape[1]
        core: Any = getattr(self._model, "model", None)
        if grids is None or not hasattr(core, "get_rope_index"):
            return torch.arange(length).view(1, 1, -1).expand(3, 1, -1).contiguous()
        kinds = inputs.get("mm_token_type_ids")
        if kinds is None:
            kinds = (inputs["input_ids"] == self._image_id).int()
        positions, _ = core.get_rope_index(
            inputs["input_ids"], mm_token_type_ids=kinds, image_grid_thw=grids
        )
        return positions

    def suppressed(self) -> list[int]:
        """Ids of the tokens that must never be generated."""
        known = self.tokenizer.get_vocab()
        return [known[token] for token in SPOKEN_FOR if token in known]


def processor_grid(processor: Any) -> PixelGrid:
    """The grid of a processor's own settings (patch and merge size, bounds)."""
    picture = processor.image_processor
    patch, merge = getattr(picture, "patch_size", None), getattr(picture, "merge_size", None)
    size = getattr(picture, "size", None)
    low, high = getattr(size, "shortest_edge", None), getattr(size, "longest_edge", None)
    if isinstance(size, Mapping):
        low, high = size.get("shortest_edge"), size.get("longest_edge")
    if not all(isinstance(v, int) for v in (patch, merge, low, high)):
        return grid_of_family(type(processor).__name__.replace("_", "."))
    return PixelGrid(int(patch or 0) * int(merge or 0), int(low or 0), int(high or 0))


def fingerprint(picture: Image.Image) -> int:
    """A negative number of a picture's pixels; token ids are never negative."""
    digest = hashlib.blake2b(picture.tobytes(), digest_size=7, key=str(picture.size).encode())
    return -1 - int.from_bytes(digest.digest(), "big")


def too_long(prompt: int, answer: int, context: int) -> PolicyError:
    """That a prompt and its answer, in tokens, are more than a model's context."""
    return ContextOverflow(
        f"the question takes {prompt} tokens and its answer up to {answer}, more than the "
        f"model's context of {context}.",
        "Ask about fewer pictures at once, or allow a shorter answer (--max-tokens).",
    )
