"""A small policy in this process, computed by NumPy: nothing heavy has to be imported first."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np

from ...tools.errors import PolicyError
from ...tools.text import clean_text
from ..dialect import Dialect
from ..policy import Completion, Request, Token
from .hf_rows import Row, completion_of
from .image_budget import VIEW_TOKENS, PixelGrid
from .small.model import SmallModel
from .small.weights import Array
from .transformers_local import PREFIX_TOKENS, TransformersPolicy


class NumpyPolicy:
    """Answers with a small Qwen3-VL folder (see `small.weights.is_small`), one at a time.

    The answers are those of `TransformersPolicy` over the same folder in float32. What NumPy alone
    can't do, holding an answer to a JSON schema, is left to that.

    Args:
        folder: of the model.
        dialect: how it writes.
        view_tokens: tokens of one picture at most.
        prefix_tokens: positions of prompts read before that are kept; 0 keeps none.

    Raises:
        WeightsError: a file of the folder can't be read.
    """

    backend = "numpy"

    def __init__(
        self,
        folder: Path,
        dialect: Dialect,
        *,
        view_tokens: int = VIEW_TOKENS,
        prefix_tokens: int = PREFIX_TOKENS,
    ) -> None:
        self._name = clean_text(folder.name, 200)
        self._dialect, self._folder, self._view_tokens = dialect, folder, view_tokens
        self._model = SmallModel(
            folder,
            describes_tools=dialect.tools_in_prompt,
            view_tokens=view_tokens,
            prefix_tokens=prefix_tokens,
        )
        self._one = threading.Lock()
        self._whole: TransformersPolicy | None = None
        self._closed = False

    @property
    def name(self) -> str:
        """The folder's last part."""
        return self._name

    @property
    def dialect(self) -> Dialect:
        """See `Policy.dialect`."""
        return self._dialect

    @property
    def tokenizer(self) -> Any:
        """The folder's `tokenizers.Tokenizer`."""
        return self._model.words.inner

    @property
    def grid(self) -> PixelGrid:
        """How the folder's processor cuts pictures up."""
        return self._model.grid

    @property
    def reused_tokens(self) -> int:
        """Positions that were not read again because a prompt before began alike."""
        return self._model.prefixes.reused

    async def complete(self, request: Request) -> Completion:
        """See `Policy.complete`.

        Raises:
            ContextOverflow: text and pictures don't fit.
            PolicyError: the policy was closed.
        """
        if request.response_schema is not None:
            return await (await asyncio.to_thread(self._with_grammars)).complete(request)
        gone = threading.Event()
        try:
            return await asyncio.to_thread(self._answer, request, gone)
        except asyncio.CancelledError:
            gone.set()
            raise

    def _answer(self, request: Request, gone: threading.Event) -> Completion:
        began = time.perf_counter()
        with self._one:
            if self._closed:
                raise PolicyError("the policy was closed.", "Make a new one.")
            model = self._model
            prompt = model.prompt(request)
            row = NumpyRow(request, prompt, Future(), model.words, model.ends, began)
            row.generator = np.random.default_rng(_unsigned(request.seed))
            row.position = int(prompt.positions.max())
            logits, cache = model.read(prompt)
            while True:
                token = row.choose(logits)
                row.take(token)
                if row.finish is not None or gone.is_set():
                    break
                logits, cache = model.write(token, row.position, cache)
            # A next turn of the conversation begins with what was read and written.
            written = cache[0][0].shape[2] - len(prompt.key)
            model.prefixes.add((*prompt.key, *row.ids[:written]), cache)
            return completion_of(row)

    def _with_grammars(self) -> TransformersPolicy:
        with self._one:
            if self._whole is None:
                self._whole = TransformersPolicy(
                    str(self._folder), self._dialect, view_tokens=self._view_tokens
                )
            return self._whole

    async def aclose(self) -> None:
        """Let go of the model, once the answer that is being written is done."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        with self._one:
            self._closed = True
            self._model.prefixes.clear()
            whole, self._whole = self._whole, None
        if whole is not None:
            asyncio.run(whole.aclose())


class NumpyRow(Row):
    """A row whose tokens are chosen by NumPy; the same greedy choice, other random numbers."""

    def choose(self, logits: Array) -> int:
        """See `Row.choose`."""
        chances = _log_softmax(logits)
        if self.request.temperature <= 0.0:
            token = int(logits.argmax())
        else:
            warm = np.exp(_log_softmax(logits / np.float32(self.request.temperature)))
            token = int(self.generator.choice(len(warm), p=warm / warm.sum()))
        if self.request.logprobs and token not in self.ends:
            self.tokens.append(Token(self.tokenizer.decode([token]), min(0.0, chances[token])))
        return token


def _unsigned(seed: int | None) -> int | None:
    """A seed as NumPy takes it: torch takes those below zero, too."""
    return seed if seed is None or seed >= 0 else seed % 2**64


def _log_softmax(logits: Array) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    wide = logits.astype(np.float64)
    wide -= wide.max()
    return wide - np.log(np.exp(wide).sum())
