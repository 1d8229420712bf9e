"""One answer being generated: its sampling, its end, its text as it grows."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..policy import Completion, FinishReason, Request, Token, Usage
from .grammar import Grammar
from .repetition import repeats


class Readied(Protocol):
    """What a row needs of a prompt that is ready: see `hf_prompt.Prompt`."""

    @property
    def ids(self) -> tuple[int, ...]:
        """Token ids."""
        ...

    @property
    def sizes(self) -> Mapping[int, tuple[float, float]]:
        """Sizes of views as shown."""
        ...

    @property
    def image_tokens(self) -> int:
        """Positions of pictures."""
        ...


@dataclass(slots=True, eq=False)
class Row:
    """One request in the batch.

    Attributes:
        request, prompt: what is asked, raw and ready.
        future: takes the completion; cancelled by a caller who has gone.
        grammar: constrains the next token, or None.
        position: rotary position of the next token.
        generator: of random numbers, for sampling.
        ids, tokens: generated so far; the latter with log-probabilities, where wanted.
        finish: why it ended, once it has. ended: whether a token of its own said so.
        failure: what the caller's own `on_text` raised, which ends the answer.
    """

    request: Request
    prompt: Readied
    future: Future[Completion]
    tokenizer: Any
    ends: frozenset[int]
    began: float
    grammar: Grammar | None = None
    generator: Any = None
    ids: list[int] = field(default_factory=list[int])
    tokens: list[Token] = field(default_factory=list[Token])
    finish: FinishReason | None = None
    ended: bool = False
    failure: Exception | None = None
    text: str = ""
    position: int = 0
    _shown: int = 0

    def choose(self, logits: Any) -> int:
        """The next token from its logits, shape (vocabulary,), float32; log-probability noted.

        The log-probability is the model's own, before temperature, as vLLM gives it; forbidden
        tokens have none.
        """
        import torch

        if self.grammar is not None:
            self.grammar.mask(logits)
        if self.request.temperature <= 0.0:
            token = int(torch.argmax(logits))
        else:
            chances = torch.softmax(logits / self.request.temperature, dim=-1)
            token = int(torch.multinomial(chances, 1, generator=self.generator))
        if self.request.logprobs:
            logprob = float(torch.log_softmax(logits, dim=-1)[token])
            if token not in self.ends:
                written: str = self.tokenizer.decode([token])
                self.tokens.append(Token(written, min(0.0, logprob)))
        return token

    def take(self, token: int) -> None:
        """Append a token and find out whether the answer ends with it."""
        self.position += 1
        if token in self.ends:
            self.finish, self.ended = "stop", True
        else:
            self.ids.append(token)
            if self.grammar is not None and not self.grammar.accept(token):
                self.finish = "stop"
            if self.finish is None and self._is_cut():
                self.finish = "length"
        if self.request.stop or self.request.on_text or self.finish:
            self._grow()

    def _is_cut(self) -> bool:
        """Whether the answer is to go no further: no room, or a loop that it won't leave."""
        return len(self.ids) >= self.request.max_tokens or repeats(self.ids)

    def _grow(self) -> None:
        text: str = self.tokenizer.decode(self.ids, clean_up_tokenization_spaces=False)
        ends = [at for stop in self.request.stop if (at := text.find(stop)) >= 0]
        if ends:
            text, self.finish = text[: min(ends)], "stop"
        self.text = text
        if self.request.on_text is not None:
            try:
                self._show(self.request.on_text, text)
            except Exception as error:
                # One caller has gone; the answers that are written beside this one go on.
                self.finish, self.failure = "stop", error

    def _show(self, on_text: Callable[[str], None], text: str) -> None:
        """Pass on what is new; half a character, or half a stop text, waits for its rest."""
        if self._shown == 0 and not self.ids[1:] and self.request.prefill:
            on_text(self.request.prefill)
        ready = len(text)
        if self.finish is None:
            ready = len(text.rstrip("\ufffd"))
            longest = max((len(stop) for stop in self.request.stop), default=1) - 1
            ready = max(self._shown, ready - longest)
        if ready > self._shown:
            on_text(text[self._shown : ready])
            self._shown = ready


def completion_of(row: Row) -> Completion:
    """What an ended row has come to; raises what its `on_text` raised."""
    if row.failure is not None:
        raise row.failure
    written = len(row.ids) + row.ended
    return Completion(
        text=(row.request.prefill or "") + row.text,
        finish_reason=row.finish or "stop",
        tokens=tuple(row.tokens) if row.request.logprobs else None,
        grids=row.prompt.sizes,
        usage=Usage(len(row.prompt.ids), written, row.prompt.image_tokens, 1),
        seconds=time.perf_counter() - row.began,
    )
