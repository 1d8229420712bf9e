"""A prompt in two parts: what all questions on a page share, and one question."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Any

from ...policy.backends.chat_turns import template_messages
from ...policy.dialects.nano import NanoDialect
from ...policy.dialects.nano_tokens import IDS, IMAGES, image_token
from ...policy.messages import Message, text_message
from ...policy.modes import Mode
from ..chat import sizes_book
from ..data.language.words import plural
from .tokenizer import SPACE

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

    @cached_property
    def copied(self) -> tuple[frozenset[int], frozenset[int]]:
        """Ids of words and of the names of boxes, which conversations take from before."""
        known: dict[str, int] = self.tokenizer.get_vocab()
        words = {i for token, i in known.items() if token.startswith(SPACE) and len(token) > 2}
        return frozenset(words), frozenset(known[f"<b{k}>"] for k in range(1, IDS + 1))

    def text(self, pictures: int, words: str, mode: Mode, tools: Sequence[str] = ()) -> str:
        """The whole prompt as text, one `<|image_pad|>` a picture."""
        book = sizes_book([(64, 64)] * pictures)
        turns = self._dialect.opening(words, book, range(1, pictures + 1), mode, ())
        if tools:
            turns = (self._dialect.tools_turn(tools), *turns)
        made: str = self.tokenizer.apply_chat_template(
            template_messages(turns), tokenize=False, add_generation_prompt=True
        )
        return made

    def boxes_at(self, piece: Sequence[int]) -> list[int]:
        """Where in an answer the boxes begin: places of the tokens of pictures."""
        return [at for at, token in enumerate(piece) if token in self._pictures]

    def words_at(self, tail: Sequence[int], words: str) -> int | None:
        """Place of the last of some words, or of their plural, in a question's ids."""
        for name in (words, plural(words)):
            own = self.words(name)
            for at in range(len(tail) - len(own) + 1):
                if tuple(tail[at : at + len(own)]) == own:
                    return at + len(own) - 1
        return None

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
