"""A run's progress for people: one line a step, on stderr, with what matters."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

SHOWN = {
    "loss": "loss",
    "reward": "reward",
    "modes/think/quality": "think",
    "modes/direct/quality": "direct",
    "modes/auto/quality": "auto",
    "modes/auto/think_share": "auto thinks",
    "completions/mean_length": "tokens",
    "entropy": "entropy",
}


class Progress(TrainerCallback):
    """Prints step, time left and the numbers of `SHOWN` that the step logged."""

    def __init__(self, console: Console, steps: int) -> None:
        self._console = console
        self._steps = steps
        self._begun = time.monotonic()
        self._first = 0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Start the clock; a resumed run counts from where it goes on."""
        self._begun, self._first = time.monotonic(), state.global_step
        if self._first:
            self._console.print(f"going on from step {self._first}")

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Print one line."""
        if not state.is_world_process_zero or not logs:
            return
        done = state.global_step - self._first
        spent = time.monotonic() - self._begun
        left = spent / done * (self._steps - state.global_step) if done else 0.0
        parts = [
            f"{word} {float(logs[key]):.3g}"
            for key, word in SHOWN.items()
            if logs.get(key) is not None
        ]
        if parts:
            self._console.print(
                f"step {state.global_step}/{self._steps}  {', '.join(parts)}  "
                f"({left / 60:.0f} min left)",
                highlight=False,
            )
