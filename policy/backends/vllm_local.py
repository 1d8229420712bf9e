"""A policy in this process through vLLM's own engine, without a server."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from ...tools.errors import GemvgError, MissingDependency, PolicyError, WeightsError
from ...tools.text import clean_text
from ..dialect import Dialect
from ..policy import Completion, FinishReason, Request, Token, Usage
from .chat_turns import prompt_text
from .hf_prompt import SPOKEN_FOR, processor_grid
from .image_budget import VIEW_TOKENS, ImagePlan, plan_images
from .repetition import CUT, LONGEST, SHORTEST, TIMES
from .views_shown import image_needs, shown_views

MAX_IMAGES = 32
"""Pictures of one question that the engine is told to expect."""


class VLLMPolicy:
    """Answers with a vLLM engine in this process; concurrent requests are batched by it.

    The engine lives in an event loop of its own, on a thread of its own, so it serves callers in
    any loop. Prompts that begin alike are read once (vLLM's prefix cache).

    Args:
        source: a folder or a hub id.
        dialect: how the model writes.
        view_tokens: tokens of one picture at most.
        max_images: pictures of one question at most.
        engine_options: further arguments of vLLM's AsyncEngineArgs.

    Raises:
        MissingDependency: vLLM is not installed. WeightsError: the model can't be loaded.
    """

    backend = "vllm"

    def __init__(
        self,
        source: str,
        dialect: Dialect,
        *,
        view_tokens: int = VIEW_TOKENS,
        max_images: int = MAX_IMAGES,
        **engine_options: Any,
    ) -> None:
        try:
            from transformers import AutoProcessor
            from vllm import AsyncEngineArgs  # pyright: ignore[reportMissingImports]
        except ImportError:
            raise MissingDependency(
                "this policy needs vLLM.",
                "pip install 'gemvg-agent[vllm]', or start a vLLM server and give its address.",
            ) from None
        self._name = clean_text(Path(source).name or source, 200)
        self._dialect = dialect
        self._view_tokens = view_tokens
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        options = {"limit_mm_per_prompt": {"image": max_images}, **engine_options}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="gemvg-vllm", daemon=True
        )
        self._thread.start()
        try:
            self._processor: Any = AutoProcessor.from_pretrained(source)
            arguments: Any = AsyncEngineArgs(model=source, **options)
            starting = asyncio.run_coroutine_threadsafe(_engine(arguments), self._loop)
            self._engine: Any = starting.result()
        except (OSError, ValueError, RuntimeError) as error:
            self._stop_loop()
            raise WeightsError(
                f"vLLM can't load the model {clean_text(source, 120)}.", "Its log says why."
            ) from error
        self._grid = processor_grid(self._processor)
        self._context = int(self._engine.model_config.max_model_len)
        vocabulary: dict[str, int] = self._processor.tokenizer.get_vocab()
        self._bias = {vocabulary[t]: -100.0 for t in SPOKEN_FOR if t in vocabulary}

    @property
    def name(self) -> str:
        """The folder's or the hub id's last part."""
        return self._name

    @property
    def dialect(self) -> Dialect:
        """See `Policy.dialect`."""
        return self._dialect

    async def complete(self, request: Request) -> Completion:
        """See `Policy.complete`.

        Raises:
            ContextOverflow: the pictures don't fit. PolicyError: the engine failed.
        """
        began = time.perf_counter()
        prompt, plan = await asyncio.to_thread(self._prompt, request)
        running = asyncio.run_coroutine_threadsafe(self._generate(request, prompt), self._loop)
        try:
            last = await asyncio.wrap_future(running)
        except GemvgError:
            raise
        except Exception as error:
            raise PolicyError("vLLM failed inside; its log has the details.") from error
        return self._completion(request, plan, last, time.perf_counter() - began)

    def _prompt(self, request: Request) -> tuple[dict[str, Any], ImagePlan]:
        with self._lock:
            text = prompt_text(
                self._processor, request, with_tools=not self._dialect.tools_in_prompt
            )
            length = len(self._processor.tokenizer(text)["input_ids"])
        room = self._context - request.max_tokens - length
        plan = plan_images(
            image_needs(request), self._grid, room=room, max_tokens=self._view_tokens
        )
        pictures = [
            request.book.raster(view, image.size)
            for view, image in zip(shown_views(request.messages), plan.images, strict=True)
        ]
        prompt: dict[str, Any] = {"prompt": text}
        if pictures:
            prompt["multi_modal_data"] = {"image": pictures}
        return prompt, plan

    async def _generate(self, request: Request, prompt: dict[str, Any]) -> Any:
        """The engine's last output; cancelling ends the generation."""
        name = f"gemvg-{next(self._numbers)}"
        outputs: AsyncIterator[Any] = self._engine.generate(prompt, self._sampling(request), name)
        last: Any = None
        shown = 0
        if request.on_text is not None and request.prefill:
            request.on_text(request.prefill)
        async for output in outputs:
            last = output
            text: str = output.outputs[0].text
            if request.on_text is not None and len(text) > shown:
                request.on_text(text[shown:])
                shown = len(text)
        if last is None:
            raise PolicyError("vLLM gave no answer; its log has the details.")
        return last

    def _sampling(self, request: Request) -> Any:
        from vllm import SamplingParams  # pyright: ignore[reportMissingImports]
        from vllm.sampling_params import (  # pyright: ignore[reportMissingImports]
            RepetitionDetectionParams,
            StructuredOutputsParams,
        )

        schema = request.response_schema
        held = None
        if schema is not None:
            held = StructuredOutputsParams(json=dict(schema), disable_any_whitespace=True)
        return SamplingParams(
            max_tokens=request.max_tokens,
            temperature=request.temperature,
            seed=request.seed,
            stop=list(request.stop) or None,
            logprobs=0 if request.logprobs else None,
            skip_special_tokens=False,
            logit_bias=self._bias,
            structured_outputs=held,
            repetition_detection=RepetitionDetectionParams(LONGEST, SHORTEST, TIMES),
        )

    def _completion(
        self, request: Request, plan: ImagePlan, last: Any, seconds: float
    ) -> Completion:
        said = last.outputs[0]
        finish: FinishReason = "length" if said.finish_reason in CUT else "stop"
        usage = Usage(len(last.prompt_token_ids or ()), len(said.token_ids), plan.tokens, 1)
        return Completion(
            text=(request.prefill or "") + said.text,
            finish_reason=finish,
            tokens=self._tokens(said) if request.logprobs else None,
            grids=plan.grids,
            usage=usage,
            seconds=seconds,
            model=self._name,
        )

    def _tokens(self, said: Any) -> tuple[Token, ...]:
        end = self._processor.tokenizer.eos_token_id
        return tuple(
            Token(chances[token].decoded_token or "", min(0.0, float(chances[token].logprob)))
            for token, chances in zip(said.token_ids, said.logprobs or (), strict=False)
            if token != end
        )

    async def aclose(self) -> None:
        """Shut the engine and its thread down."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        with contextlib.suppress(AttributeError):
            self._engine.shutdown()
        self._stop_loop()

    def _stop_loop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(timeout=30)


async def _engine(arguments: Any) -> Any:
    """Made inside its loop, where its background task will run."""
    from vllm.v1.engine.async_llm import AsyncLLM  # pyright: ignore[reportMissingImports]

    return AsyncLLM.from_engine_args(arguments)
