"""Making the tools by name. A tool's own libraries are loaded at its first call, not here."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any

from .errors import UsageError
from .text import clean_text
from .tool import AnyTool

TOOL_NAMES = ("zoom", "detect", "match", "compare")
"""Every tool, in the order in which policies are told of them."""

_HOMES = {
    "zoom": (".zoom", "Zoom"),
    "detect": (".detect", "Detect"),
    "match": (".match", "Match"),
    "compare": (".compare", "Compare"),
}


def tool_names(names: str | Iterable[str] | None) -> tuple[str, ...]:
    """Names as given on a command line (`zoom,detect`, `none`, `all`) or as a list, checked.

    Args:
        names: None means all.

    Returns:
        The names without repeats, in the fixed order.

    Raises:
        UsageError: a name that is no tool's, or no names at all (a settings file holds anything).
    """
    if names is None:
        return TOOL_NAMES
    given = _given(names)
    wanted = {name.strip().lower() for name in given if name.strip()}
    if wanted <= {"none"}:
        return ()
    if wanted == {"all"}:
        return TOOL_NAMES
    unknown = sorted(wanted - set(TOOL_NAMES))
    if unknown and unknown[0] in ("all", "none"):
        raise UsageError(
            f"{unknown[0]} stands alone, not beside tools.",
            f"The tools are {', '.join(TOOL_NAMES)}.",
        )
    if unknown:
        raise UsageError(
            f"there is no tool {clean_text(unknown[0], 40)}.",
            f"The tools are {', '.join(TOOL_NAMES)}, or none.",
        )
    return tuple(name for name in TOOL_NAMES if name in wanted)


def _given(names: Any) -> list[str]:
    """The names, one by one."""
    if isinstance(names, str):
        return names.split(",")
    given: list[Any] = list(names) if isinstance(names, Iterable) else [names]
    wrong = [name for name in given if not isinstance(name, str)]
    if wrong:
        raise UsageError(
            f"{clean_text(str(wrong[0]), 40)} is no name of a tool.",
            f"The tools are {', '.join(TOOL_NAMES)}, or none.",
        )
    return given


def make_tools(names: str | Iterable[str] | None = None, **detector: Any) -> dict[str, AnyTool]:
    """Tools by name, ready to be shared between episodes and threads.

    Args:
        names: see `tool_names`.
        detector: options of `Detect` (its models, its device), passed on as they are.

    Raises:
        UsageError: a name that is no tool's.
    """
    made: dict[str, AnyTool] = {}
    for name in tool_names(names):
        module, title = _HOMES[name]
        cls = getattr(import_module(module, __package__), title)
        made[name] = cls(**detector) if name == "detect" else cls()
    return made
