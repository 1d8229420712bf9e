"""The steps of an episode on standard error, as they happen."""

from __future__ import annotations

import json
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from ...tools.text import clean_text

if TYPE_CHECKING:
    from rich.status import Status

    from ..events import Event


class LiveSteps:
    """Prints one line an event, and on a terminal what is being waited for.

    Args:
        quiet: print nothing.
        console: instead of standard error.
    """

    def __init__(self, *, quiet: bool = False, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False, soft_wrap=True)
        self._quiet = quiet
        self._status: Status | None = None

    def __enter__(self) -> LiveSteps:
        if not self._quiet and self._console.is_terminal:
            self._status = self._console.status("loading")
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def show(self, event: Event) -> None:
        """Print one event."""
        if self._quiet:
            return
        from .. import events as e

        match event:
            case e.EpisodeStarted():
                count = len(event.images)
                noun = "picture" if count == 1 else "pictures"
                self._line("asking", f"{event.policy} about {count} {noun}")
                self._wait(f"{event.policy} is working")
            case e.ModeDecided():
                self._line("mode", f"{event.mode} ({event.why}), {event.strategy}")
            case e.PolicyAnswered():
                if event.reasoning:
                    self._line("thought", clean_text(event.reasoning, 300))
            case e.ToolStarted():
                self._wait(f"{event.tool} is working")
            case e.ToolFinished():
                self._tool(event)
            case _:
                pass

    def note(self, head: str, words: str) -> None:
        """Print a line of our own."""
        if not self._quiet:
            self._line(head, words)

    def _tool(self, event: Any) -> None:
        step = event.step
        arguments = clean_text(json.dumps(step.arguments, ensure_ascii=False), 160)
        self._line(
            step.tool,
            f"{arguments} -> {step.summary} ({step.seconds:.2f} s)",
            style="cyan" if step.ok else "yellow",
        )

    def _line(self, head: str, words: str, style: str = "dim") -> None:
        text = Text(f"{clean_text(head, 40):>8}  ", style=style)
        text.append(clean_text(words, 600), style="default")
        self._console.print(text)

    def _wait(self, words: str) -> None:
        if self._status is not None:
            self._status.update(Text(clean_text(words, 80)))
