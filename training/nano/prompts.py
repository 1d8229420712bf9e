"""A prompt in two parts: what all questions on a page share, and one question."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ...policy.backends.chat_turns import template_messages
from ...policy.dialects.nano import NanoDialect
from ...policy.modes import Mode
from ..chat import sizes_book

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
        self.head = lru_cache(maxsize=64)(self._head)
        self.tail = lru_cache(maxsize=16_384)(self._tail)
        self.words = lru_cache(maxsize=16_384)(self._words)

    def text(self, pictures: int, words: str, mode: Mode) -> str:
        """The whole prompt as text, one `<|image_pad|>` a picture."""
        book = sizes_book([(64, 64)] * pictures)
        turns = self._dialect.opening(words, book, range(1, pictures + 1), mode, ())
        made: str = self.tokenizer.apply_chat_template(
            template_messages(turns), tokenize=False, add_generation_prompt=True
        )
        return made + (self._dialect.prefill(mode) or "")

    def _head(self, pictures: int, tokens: int) -> tuple[int, ...]:
        """Ids up to the last picture's end, every picture in `tokens` places."""
        text = self.text(pictures, "find", "auto")
        ids = self._words(text[: text.rindex(_JOINT) + len(_JOINT)])
        return tuple(i for one in ids for i in ([one] * tokens if one == self.image else [one]))

    def _tail(self, words: str, mode: Mode) -> tuple[int, ...]:
        """Ids of one question, up to where the model goes on."""
        text = self.text(1, words, mode)
        return self._words(text[text.rindex(_JOINT) + len(_JOINT) :])

    def _words(self, text: str) -> tuple[int, ...]:
        """Ids of a text."""
        return tuple(self.tokenizer(text)["input_ids"])
