"""A policy in this process: a Qwen-VL family model through transformers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
import time
from concurrent.futures import Future, InvalidStateError
from pathlib import Path
from typing import Any
from weakref import finalize

from ...tools.errors import (
    BackendError,
    GemvgError,
    MissingDependency,
    PolicyError,
    WeightsError,
)
from ...tools.text import clean_text
from ...tools.transformers_bars import without_bars
from ..dialect import Dialect
from ..policy import Completion, Request
from .grammar import GrammarMaker
from .hf_engine import Engine
from .hf_prompt import PromptMaker
from .hf_rows import Row, completion_of
from .image_budget import VIEW_TOKENS

log = logging.getLogger("gemvg.policy")

MAX_ROWS = 8
"""Answers that are written together by default."""

PREFIX_TOKENS = 16_384
"""Positions of prompts read before that are kept by default (about 1 GB for a 7B model)."""


def load_model(source: str, device: str | None = None) -> tuple[Any, Any]:
    """A model and its processor from a folder or a hub id, on the best device.

    Raises:
        MissingDependency: transformers is not installed.
        WeightsError: they can't be found or read.
    """
    try:
        import torch
        from safetensors import SafetensorError
        from transformers import AutoModelForImageTextToText, AutoProcessor
    except ImportError:
        raise MissingDependency(
            "running a model in this process needs transformers and torch.",
            "pip install 'gemvg-agent[local]'",
        ) from None
    place = device or ("cuda" if torch.cuda.is_available() else "cpu")
    dtype: Any = torch.float32 if place == "cpu" else "auto"
    folder = Path(source).expanduser()
    local = folder.is_dir()
    where = str(folder) if local else source
    try:
        processor: Any = AutoProcessor.from_pretrained(where, local_files_only=local)
        with without_bars():
            model: Any = AutoModelForImageTextToText.from_pretrained(
                where, dtype=dtype, local_files_only=local
            )
    except (
        OSError, ValueError, TypeError, LookupError, AttributeError, ImportError, RuntimeError,
        SafetensorError,
    ) as error:  # fmt: skip
        log.debug("loading %s failed", where, exc_info=True)
        raise WeightsError(
            f"the model {clean_text(source, 120)} can't be loaded.",
            "Give a folder with config.json, safetensors and a processor, or a model's hub id "
            "and a connection to the hub.",
        ) from error
    return model.to(place).eval(), processor


class TransformersPolicy:
    """Answers with a model in this process; concurrent requests are written in one batch.

    One thread owns the model. Prompts that begin alike (the think and the direct continuation of a
    question, several samples, the next turn after a tool) are read once.

    Args:
        source: a folder or a hub id; only its name matters where `model` and `processor` are given.
        dialect: how the model writes.
        model, processor: already loaded.
        device: such as `cuda:1`; the best one where it is None.
        view_tokens: tokens of one picture at most.
        max_rows: answers written together at most.
        prefix_tokens: positions of prompts read before that are kept; 0 keeps none.
    """

    backend = "transformers"

    def __init__(
        self,
        source: str,
        dialect: Dialect,
        *,
        model: Any = None,
        processor: Any = None,
        device: str | None = None,
        view_tokens: int = VIEW_TOKENS,
        max_rows: int = MAX_ROWS,
        prefix_tokens: int = PREFIX_TOKENS,
    ) -> None:
        if model is None or processor is None:
            model, processor = load_model(source, device)
        self._name = clean_text(Path(source).name or source, 200)
        self._dialect = dialect
        self._maker = PromptMaker(
            processor, model, describes_tools=dialect.tools_in_prompt, view_tokens=view_tokens
        )
        self._grammars = GrammarMaker(self._maker.tokenizer, _vocabulary(model))
        self._ends = _end_ids(model, self._maker.tokenizer)
        self._device = model.device
        self._dispatcher = Dispatcher(
            Engine(model, self._maker.suppressed(), prefix_tokens), max_rows
        )
        finalize(self, self._dispatcher.stop)

    @property
    def name(self) -> str:
        """The folder's or the hub id's last part."""
        return self._name

    @property
    def dialect(self) -> Dialect:
        """See `Policy.dialect`."""
        return self._dialect

    @property
    def tokenizer(self) -> Any:
        """The folder's `tokenizers.Tokenizer`; None where it has a slow one."""
        return getattr(self._maker.tokenizer, "backend_tokenizer", None)

    @property
    def prompts(self) -> PromptMaker:
        """Makes this model's prompts; plans pictures."""
        return self._maker

    @property
    def reused_tokens(self) -> int:
        """Positions that were not read again because a prompt before began alike."""
        return self._dispatcher.engine.prefixes.reused

    async def complete(self, request: Request) -> Completion:
        """See `Policy.complete`.

        Raises:
            ContextOverflow: text and pictures don't fit.
            PolicyError: the model failed.
        """
        row = await asyncio.to_thread(self._row, request)
        self._dispatcher.submit(row)
        return await asyncio.wrap_future(row.future)

    def _row(self, request: Request) -> Row:
        import torch

        began = time.perf_counter()
        prompt = self._maker.make(request)
        schema = request.response_schema
        grammar = None if schema is None else self._grammars.of_schema(schema)
        generator = None
        if request.temperature > 0.0:
            generator = torch.Generator(device=self._device)
            if request.seed is None:
                generator.seed()
            else:
                generator.manual_seed(request.seed)
        future: Future[Completion] = Future()
        tokenizer = self._maker.tokenizer
        return Row(request, prompt, future, tokenizer, self._ends, began, grammar, generator)

    async def aclose(self) -> None:
        """Stop the thread and let go of the model."""
        await asyncio.to_thread(self._dispatcher.stop)


class Dispatcher:
    """The thread that owns the model: takes rows in, writes all answers, hands them out."""

    def __init__(self, engine: Engine, max_rows: int) -> None:
        self.engine = engine
        self._max_rows = max_rows if engine.stackable else 1
        self._queue: queue.SimpleQueue[Row | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._stopped = False

    def submit(self, row: Row) -> None:
        """Let a row be answered.

        Raises:
            PolicyError: the policy was closed.
        """
        with self._lock:
            if self._stopped:
                raise PolicyError("the policy was closed.", "Make a new one.")
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="gemvg-transformers", daemon=True
                )
                self._thread.start()
            self._queue.put(row)

    def stop(self) -> None:
        """End the thread; what it was writing fails."""
        with self._lock:
            self._stopped = True
            thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            if thread is not threading.current_thread():
                thread.join()

    def _run(self) -> None:
        engine = self.engine
        while True:
            try:
                room = self._max_rows - len(engine.batch.rows)
                if not engine.busy or (room > 0 and not self._queue.empty()):
                    starting = self._queue.get()
                    if starting is None:
                        break
                    if not starting.future.cancelled():
                        self._start(starting)
                    continue
                for row in engine.step():
                    _finish(row)
            except Exception as error:
                # Whatever the model raised, the callers must hear of it and the next be served.
                log.exception("the model failed")
                _fail(engine.abandon(), _inside(error))
        _fail(engine.abandon(), PolicyError("the policy was closed."))

    def _start(self, row: Row) -> None:
        """Read a row's prompt; where that fails, the answers being written are left as they are."""
        try:
            self.engine.start(row)
        except Exception as error:
            log.exception("the model failed on a prompt")
            # What was kept of other prompts is memory that may have been wanting.
            self.engine.prefixes.clear()
            _fail([row], _inside(error))
            return
        if row.finish is not None:
            _finish(row)


def _finish(row: Row) -> None:
    if row.failure is not None:
        _fail([row], row.failure)
        return
    with contextlib.suppress(InvalidStateError):
        # Cancelled a moment ago: nobody waits for it.
        row.future.set_result(completion_of(row))


def _fail(rows: list[Row], error: Exception) -> None:
    for row in rows:
        with contextlib.suppress(InvalidStateError):
            row.future.set_exception(error)


def _inside(error: Exception) -> GemvgError:
    if isinstance(error, GemvgError):
        return error
    if type(error).__name__ == "OutOfMemoryError" or isinstance(error, MemoryError):
        return BackendError(
            "the model ran out of memory.", "Ask about fewer pictures at once, or fewer at a time."
        )
    return PolicyError("the model failed inside; the log has the details.")


def _vocabulary(model: Any) -> int:
    return int(model.get_output_embeddings().weight.shape[0])


def _end_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """Every token that ends an answer."""
    ends = getattr(model.generation_config, "eos_token_id", None)
    listed = ends if isinstance(ends, list) else [ends]
    return frozenset(int(i) for i in (*listed, tokenizer.eos_token_id) if i is not None)
