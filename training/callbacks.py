"""What watches a run: the log, the guard against collapse, good checkpoints, a clean stop."""

from __future__ import annotations

import json
import math
import shutil
import signal
import threading
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from ..tools.errors import TrainingError
from .recipe import GuardPart
from .run_folder import COMPLETE, good_checkpoints


class JsonLog(TrainerCallback):
    """Every logged step as one line of `log.jsonl`, numbers as numbers."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "log.jsonl"
        self._first = True

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Append what was logged."""
        if state.is_world_process_zero and logs:
            with self._file.open("a", encoding="utf-8") as out:
                if self._first and _is_torn(self._file):
                    out.write("\n")
                self._first = False
                out.write(json.dumps({"step": state.global_step, **logs}, default=float) + "\n")


def _is_torn(file: Path) -> bool:
    """Whether a file's last line was cut, as by a kill: what is appended would be lost with it."""
    return file.read_bytes()[-1:] not in (b"", b"\n")


class Finite(TrainerCallback):
    """Ends a run whose weights are no numbers any more, before they are kept as its result.

    The trainer itself goes on to the end with them, and logs a loss of 0.
    """

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Look at the gradient of a step. Raises TrainingError."""
        norm = (logs or {}).get("grad_norm")
        if norm is not None and not math.isfinite(float(norm)):
            raise _lost("gradient", state.global_step)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any
    ) -> None:
        """Look at the weights that are about to be written. Raises TrainingError."""
        if control.should_save and not _all_finite(given["model"]):
            raise _lost("model", state.global_step)


def _all_finite(model: Any) -> bool:
    """Whether all weights that are trained are numbers."""
    trained = (p.detach() for p in model.parameters() if p.requires_grad)
    return all(bool(weights.isfinite().all()) for weights in trained)


def _lost(what: str, step: int) -> TrainingError:
    return TrainingError(
        f"the {what} holds values that are no numbers at step {step}.",
        "Lower optim.learning_rate, and begin anew with --no-resume.",
    )


class Guard(TrainerCallback):
    """Stops a run that has collapsed, and says why in `stopped`.

    A bound must be broken on average over the last `window` logged steps; one odd step is none.
    A run that goes on remembers those before its checkpoint, so it is stopped where it would have
    been.
    """

    def __init__(self, part: GuardPart) -> None:
        self._part = part
        self._seen: dict[str, deque[float]] = {}
        self.stopped: str | None = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Remember what the checkpoint says of the steps before it."""
        self._seen.clear()
        for logs in state.log_history:
            self._remember(logs)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Look at the log of a step."""
        self._remember(logs or {})
        self.stopped = self.stopped or self._verdict()
        if self.stopped is not None:
            control.should_training_stop = True

    def _remember(self, logs: Mapping[str, Any]) -> None:
        for name, value in logs.items():
            if isinstance(value, (int, float)):
                window = self._seen.setdefault(name, deque(maxlen=self._part.window))
                window.append(float(value))

    def _verdict(self) -> str | None:
        part = self._part
        entropy = self._mean("entropy")
        if entropy is not None and entropy < part.min_entropy:
            return f"entropy fell to {entropy:.4f}: the policy writes one answer only"
        think = self._mean("modes/auto/think_share")
        if think is not None and min(think, 1 - think) < part.min_mode_share:
            return f"the auto prompt thinks in {think:.1%} of answers: one mode has died"
        cut = self._mean("completions/clipped_ratio")
        if cut is not None and cut > part.max_cut_share:
            return f"{cut:.0%} of completions run into the token limit"
        spread = self._mean("reward_std")
        if spread is not None and spread < part.min_reward_std:
            return f"rewards differ by {spread:.1e} only: nothing is left to learn from"
        return None

    def _mean(self, name: str) -> float | None:
        window = self._seen.get(name)
        if window is None or len(window) < self._part.window:
            return None
        return sum(window) / len(window)


class GoodCheckpoints(TrainerCallback):
    """Marks a checkpoint complete after its last file, and only then removes older ones.

    The trainer's own limit removes them before: of `keep` 1, a kill between the two left none.

    Args:
        describe: says in a checkpoint's folder what it is, beside the weights.
        keep: how many stay.
    """

    def __init__(self, describe: Callable[[Path, TrainerState], None], keep: int) -> None:
        self._describe = describe
        self._keep = keep

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Finish the checkpoint of this step."""
        if not state.is_world_process_zero or args.output_dir is None:
            return
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        self._describe(folder, state)
        (folder / COMPLETE).write_text(json.dumps({"step": state.global_step}), encoding="utf-8")
        for old in good_checkpoints(folder.parent)[: -self._keep]:
            shutil.rmtree(old, ignore_errors=True)


class CleanStop(TrainerCallback):
    """SIGTERM and SIGINT end the run at the next step's end, after a checkpoint."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self._old: dict[int, Any] = {}

    def __enter__(self) -> CleanStop:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._old[number] = signal.signal(number, self._asked)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)

    def _asked(self, number: int, _frame: FrameType | None) -> None:
        if self.signal is not None:
            # The second time means now.
            raise KeyboardInterrupt
        self.signal = number

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Save and stop where a signal has come."""
        if self.signal is not None:
            control.should_save = True
            control.should_training_stop = True
