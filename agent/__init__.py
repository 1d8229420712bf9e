"""The loop, the command line, and everything that other programs call.

The front door: `from gemvg.agent import GroundingAgent`. Names are loaded at their first use, so
that importing this package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .answer import Answer as Answer
    from .grounding_agent import GroundingAgent as GroundingAgent

__version__ = "0.1.0"
__all__ = ["Answer", "GroundingAgent", "__version__"]

_HOMES = {"GroundingAgent": ".grounding_agent", "Answer": ".answer"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name], __name__), name)
