"""A prompt in two parts: what all questions on a page share, and one question."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...policy.backends.chat_turns import template_messages
from ...policy.dialects.nano import IMAGES, NanoDialect, image_token
from ...policy.messages import Message, text_message
from ...policy.modes import Mode
from ..chat import sizes_book
from .questions import Page, Question

SAME_BOX = 1e-3
"""Corners (shares of the picture) of a written box and its object's differ by less together."""

_ANSWERS, _ENDS = "<|im_start|>assistant\n", "<|im_end|>"
_JOINT = "<|vision_end|>\n"


class Prompts:
    """Token ids exactly as the chat template and the processor make them.

    Args:
        tokenizer: nano's. The joint between the parts is a token of its own, so parts may be
            tokenized apart.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self._dialect = NanoDialect()
        ids = tokenizer.convert_tokens_to_ids
        self.image, self.end = ids("<|image_pad|>"), ids("<|im_end|>")
        self.pad = int(tokenizer.pad_token_id)
        self._pictures = frozenset(ids([image_token(k) for k in range(1, IMAGES + 1)]))
        self.head = lru_cache(maxsize=64)(self._head)
        self.tail = lru_cache(maxsize=16_384)(self._tail)
        self.words = lru_cache(maxsize=16_384)(self._words)

    def text(self, pictures: int, words: str, mode: Mode, tools: Sequence[str] = ()) -> str:
        """The whole prompt as text, one `<|image_pad|>` a picture."""
        book = sizes_book([(64, 64)] * pictures)
        turns = self._dialect.opening(words, book, range(1, pictures + 1), mode, ())
        if tools:
            turns = (self._dialect.tools_turn(tools), *turns)
        made: str = self.tokenizer.apply_chat_template(
            template_messages(turns), tokenize=False, add_generation_prompt=True
        )
        return made + (self._dialect.prefill(mode) or "")

    def looks(
        self, piece: Sequence[int], page: Page, question: Question
    ) -> list[NDArray[np.bool_]]:
        """For every token of an answer the visual tokens (all pictures in order) that it is about.

        They are those of the object whose box is written, from the box's picture token on; for
        other tokens, and where an object fills no cell, none.
        """
        cells = [scene.cells.reshape(-1) for scene in page.scenes]
        nothing = np.zeros(sum(map(len, cells)), bool)
        found = [nothing] * len(piece)
        if question.script:
            return found
        # The answer's boxes are the last ones that are written; a thought may name others before.
        starts = [at for at, token in enumerate(piece) if token in self._pictures]
        for at, (picture, box) in zip(
            starts[len(starts) - len(question.places) :], question.places, strict=False
        ):
            apart = np.abs(page.scenes[picture - 1].boxes - box).sum(1)
            if not len(apart) or apart.min() > SAME_BOX:
                continue
            own = [np.zeros(len(c), bool) for c in cells]
            own[picture - 1] = cells[picture - 1] == int(apart.argmin())
            for place in range(at, min(at + 5, len(piece))):
                found[place] = np.concatenate(own)
        return found

    def _head(self, pictures: int, tokens: int, tools: tuple[str, ...] = ()) -> tuple[int, ...]:
        """Ids up to the last picture's end, every picture in `tokens` places."""
        text = self.text(pictures, "find", "auto", tools)
        ids = self._words(text[: text.rindex(_JOINT) + len(_JOINT)])
        return tuple(i for one in ids for i in ([one] * tokens if one == self.image else [one]))

    def script(self, turns: Sequence[tuple[str, str]], last: str) -> tuple[tuple[str, bool], ...]:
        """What follows a prompt in a conversation with tools: (text, whether the model wrote it).

        Args:
            turns: (call, result).
            last: what ends it.
        """
        messages: list[Message] = []
        for call, result in turns:
            messages += [text_message("assistant", call), text_message("tool", result)]
        messages.append(text_message("assistant", last))
        made: str = self.tokenizer.apply_chat_template(template_messages(messages), tokenize=False)
        pieces: list[tuple[str, bool]] = []
        # The first turn begins where the prompt ends; every later one brings its own beginning.
        rest = made[len(_ANSWERS) :]
        while rest:
            own, _, rest = rest.partition(_ENDS)
            pieces.append((own + _ENDS, True))
            told, begin, rest = rest.partition(_ANSWERS)
            if begin:
                pieces.append((told + begin, False))
        return tuple(pieces)

    def _tail(self, words: str, mode: Mode) -> tuple[int, ...]:
        """Ids of one question, up to where the model goes on."""
        text = self.text(1, words, mode)
        return self._words(text[text.rindex(_JOINT) + len(_JOINT) :])

    def _words(self, text: str) -> tuple[int, ...]:
        """Ids of a text."""
        return tuple(self.tokenizer(text)["input_ids"])
