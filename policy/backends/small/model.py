"""A small model that is ready to answer: prompts in, one token after the other out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...policy import Request
from ..chat_turns import prompt_text
from ..hf_cache import PrefixStore
from ..hf_prompt import SPOKEN_FOR, fingerprint, too_long
from ..image_budget import PixelGrid, plan_images
from ..views_shown import image_needs, shown_views
from .language import Cache, LanguageModel
from .template import Template, Words
from .vision import Seen, VisionTower
from .weights import WEIGHTS, Array, read_settings, read_tensors


@dataclass(frozen=True, slots=True)
class SmallPrompt:
    """A request made ready.

    Attributes:
        ids: token ids, one per position. key: like `ids`, pictures told by their pixels.
        positions: (3, length), rotary. pictures: with the place where each begins.
        sizes: (width, height) in pixels as shown, by view. image_tokens: positions of pictures.
    """

    ids: tuple[int, ...]
    key: tuple[int, ...]
    positions: NDArray[np.int64]
    pictures: tuple[tuple[int, Image.Image], ...]
    sizes: Mapping[int, tuple[float, float]]
    image_tokens: int


class SmallModel:
    """See the module. Used by one thread at a time.

    Args:
        folder: of the model; see `weights.is_small`.
        describes_tools: whether the prompt's words describe the tools, so that the template need
            not.
        view_tokens: tokens of one picture at most.
        prefix_tokens: positions of prompts read before that are kept.

    Raises:
        WeightsError: a file can't be read.
    """

    def __init__(
        self, folder: Path, *, describes_tools: bool, view_tokens: int, prefix_tokens: int
    ) -> None:
        settings, tensors = read_settings(folder), read_tensors(folder / WEIGHTS)
        self.ends, self._image_id = settings.ends, settings.image_id
        self.tower = VisionTower(settings.vision, settings.processor, tensors)
        self.language = LanguageModel(settings.text, tensors)
        self.words, self._template = Words(folder), Template(folder)
        self.context = int(settings.text["max_position_embeddings"])
        size = settings.processor["size"]
        self.grid = PixelGrid(
            self.tower.patch * self.tower.merge,
            int(size["shortest_edge"]),
            int(size["longest_edge"]),
        )
        self._describes_tools, self._view_tokens = describes_tools, view_tokens
        self.prefixes = PrefixStore(prefix_tokens)
        known = self.words.get_vocab()
        self._suppressed = [known[token] for token in SPOKEN_FOR if token in known]

    def prompt(self, request: Request) -> SmallPrompt:
        """The prompt of a request.

        Raises:
            ContextOverflow: text and pictures don't fit; the message says which picture.
        """
        text = prompt_text(self._template, request, with_tools=not self._describes_tools)
        short = self.words(text)
        plan = plan_images(
            image_needs(request), self.grid,
            room=self.context - request.max_tokens - len(short), max_tokens=self._view_tokens,
        )  # fmt: skip
        views = shown_views(request.messages)
        shown = [
            request.book.raster(index, image.size)
            for index, image in zip(views, plan.images, strict=True)
        ]
        made = self._laid_out(short, list(zip(views, shown, strict=True)))
        if len(made.ids) + request.max_tokens > self.context:
            raise too_long(len(made.ids), request.max_tokens, self.context)
        return made

    def read(self, prompt: SmallPrompt) -> tuple[Array, Cache]:
        """Logits of the first token of an answer, and the cache of the prompt."""
        known, kept = self.prefixes.find(prompt.key)
        inputs = self.language.embedding[list(prompt.ids[known:])]
        seen: list[Seen] = []
        places: list[NDArray[np.intp]] = []
        for start, picture in prompt.pictures:
            if start >= known:
                seen.append(self.tower.see(picture))
                places.append(np.arange(len(seen[-1].tokens)) + start - known)
        shown = np.concatenate(places) if places else None
        deep: list[Array] = []
        if shown is not None:
            inputs[shown] = np.concatenate([one.tokens for one in seen])
            deep = [np.concatenate(part) for part in zip(*(s.deep for s in seen), strict=True)]
        logits, cache = self.language.read(
            inputs, prompt.positions[:, known:], list(kept), shown, deep
        )
        self.prefixes.add(prompt.key, cache)
        return self._allowed(logits), cache

    def write(self, token: int, position: int, cache: Cache) -> tuple[Array, Cache]:
        """Logits of what follows a token at a rotary position, and the cache with it."""
        at = np.full((3, 1), position, np.int64)
        logits, grown = self.language.read(self.language.embedding[[token]], at, cache)
        return self._allowed(logits), grown

    def _allowed(self, logits: Array) -> Array:
        logits[self._suppressed] = -np.inf
        return logits

    def _laid_out(self, short: list[int], shown: list[tuple[int, Image.Image]]) -> SmallPrompt:
        """Ids with room for every picture (by view) where its one token stands, and the rest."""
        ids: list[int] = []
        key: list[int] = []
        parts: list[NDArray[np.int64]] = []
        found: list[tuple[int, Image.Image]] = []
        waiting, now, room, cell = iter(shown), 0, 0, self.grid.factor
        for token in short:
            if token != self._image_id:
                ids.append(token)
                key.append(token)
                parts.append(np.full((3, 1), now))
                now += 1
                continue
            _, picture = next(waiting)
            rows, columns = picture.height // cell, picture.width // cell
            found.append((len(ids), picture))
            ids += [token] * (rows * columns)
            key += [fingerprint(picture)] * (rows * columns)
            room += rows * columns
            # A picture keeps one time and counts rows and columns from where it begins.
            grid = np.indices((rows, columns)).reshape(2, -1) + now
            parts.append(np.concatenate([np.full((1, rows * columns), now), grid]))
            now += max(rows, columns)
        sizes = {view: (float(p.width), float(p.height)) for view, p in shown}
        return SmallPrompt(
            tuple(ids), tuple(key), np.concatenate(parts, axis=1), tuple(found), sizes, room
        )
