"""Keeping an episode apart from a LangGraph run around it.

LangGraph hands a running graph's settings to every graph that is called inside it: its
checkpointer, its callbacks, its stream. An episode inside a larger agent must have none of them:
its state would be checkpointed and its own steps would appear in the outer agent's stream.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def isolated(work: Coroutine[Any, Any, T]) -> T:
    """Await work that sees no surrounding LangGraph run; other context (tracing) stays."""
    from langchain_core.runnables.config import var_child_runnable_config

    context = contextvars.copy_context()
    context.run(var_child_runnable_config.set, None)
    task = asyncio.create_task(work, context=context)
    try:
        return await task
    finally:
        task.cancel()
