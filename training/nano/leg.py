"""One leg: its steps, its log, its checkpoint, its end."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, cast

from ...tools.errors import OutputError, TrainingError
from ..writing import disk_errors
from .answers import WATCHED, answer_loss
from .dense import dense_loss
from .optimizer import TwoOptimizers
from .packing import Batch
from .recipe import Leg
from .steps import Steps
from .studio import HEADS, Studio
from .tower import see

WEIGHTS, STATE = "weights.safetensors", "state.pt"
LOG_EVERY = 10
LONGEST_STEP = 60.0
"""Seconds of one step that count at most."""

Watch = Callable[[dict[str, Any]], None]


class LegRun:
    """A leg under way.

    Args:
        studio: what is trained, with the weights that the leg starts from.
        leg: how. folder: of the leg; `state.pt` in it is gone on from.
        log: file to which every logged step is added as a line. watch: is told of the same.
    """

    def __init__(self, studio: Studio, leg: Leg, folder: Path, log: Path, watch: Watch) -> None:
        self.studio, self.leg, self.folder = studio, leg, folder
        self.step, self.seconds = 0, 0.0
        self._log, self._watch = log, watch
        self.trained = {n: p for n, p in studio.parameters.items() if is_trained(n, leg)}
        for name, parameter in studio.parameters.items():
            parameter.requires_grad_(name in self.trained)
        if studio.recipe.compiled and leg.trains != "vision":
            # What a watched layer attends to is read by a hook, which compiled code would break.
            compile_layers(studio.model, WATCHED if leg.guide else ())
        self.optimizer = TwoOptimizers(self.trained, leg.muon, leg.adam)
        self._values: dict[str, list[float]] = {}

    @property
    def progress(self) -> float:
        """Share of the leg that is done, 0 to 1."""
        if self.leg.steps is not None:
            return self.step / self.leg.steps
        return self.seconds / (60.0 * (self.leg.minutes or 1.0))

    def run(self) -> bool:
        """Train to the end, or until a signal asks to stop; True where it came to its end.

        Raises:
            TrainingError: the loss is no number any more. OutputError: the disk is full.
        """
        folder, every = self.folder, 60.0 * self.leg.save_minutes
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._resume()
            last = saved = time.monotonic()
            batches = Steps(self.studio, self.leg).from_step(self.step, self.studio.recipe.workers)
            with _stopping() as stop:
                while self.progress < 1.0:
                    self._one(next(batches).to(self.studio.device))
                    now = time.monotonic()
                    # A machine that was put to sleep within a step has not trained meanwhile.
                    self.seconds += min(now - last, LONGEST_STEP)
                    last = now
                    if self.step % LOG_EVERY == 0 or self.progress >= 1.0:
                        self._write_log()
                    if stop.is_set():
                        self.save()
                        return False
                    if time.monotonic() - saved > every:
                        self.save()
                        saved = time.monotonic()
            self.studio.save(folder / WEIGHTS)
            (folder / STATE).unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(
                f"{folder}: can't be written (is the disk full?).",
                "Make room; the same command goes on from the last checkpoint.",
            ) from error
        return True

    def _one(self, batch: Batch) -> None:
        """One step."""
        import torch

        studio, leg = self.studio, self.leg
        device = studio.device.type
        low = torch.autocast(device, torch.bfloat16) if studio.recipe.bfloat16 else nullcontext()
        with low:
            tokens, deep = see(studio.model.model.visual, batch.pixels)
            loss: Any = 0.0
            if leg.trains != "language" and leg.dense > 0:
                labels = studio.labels
                words = studio.model.get_input_embeddings().weight
                spoken = words[labels.first : labels.first + labels.count]
                dense = dense_loss(studio.heads, tokens, batch, spoken, labels)
                loss = leg.dense * dense.loss
                self._note(dense=float(dense.loss.detach()), cls=dense.accuracy, iou=dense.iou)
            if leg.trains != "vision":
                answer = answer_loss(
                    studio.model, batch, tokens, deep, studio.labels, guided=leg.guide > 0
                )
                loss = loss + answer.words + leg.guide * answer.looking
                self._note(answer=float(answer.words.detach()))
                if leg.guide > 0:
                    self._note(looking=float(answer.looking))
        if not bool(torch.isfinite(loss)):
            raise TrainingError(
                f"{leg.name}: the loss is no number at step {self.step}.",
                "Lower the leg's muon and adam; the last checkpoint is kept.",
            )
        loss.backward()
        self._note(norm=self.optimizer.step(self.progress, leg.clip))
        self.step += 1

    def save(self) -> None:
        """Write what going on exactly needs: what the leg trains, the optimizers, where it is."""
        import torch

        fresh = (self.folder / STATE).with_suffix(".new")
        trained = {n: p.detach().cpu() for n, p in self.trained.items()}
        content = {
            "step": self.step, "seconds": self.seconds, "trained": trained,
            "optimizer": self.optimizer.state_dict(),
        }  # fmt: skip
        with disk_errors():
            torch.save(content, fresh)
        fresh.replace(self.folder / STATE)

    def _resume(self) -> None:
        import torch

        file = self.folder / STATE
        if not file.is_file():
            return
        content: Any = torch.load(file, map_location="cpu", weights_only=True)
        if content["trained"].keys() != self.trained.keys():
            raise TrainingError(
                f"{file}: was written by another recipe.", "Choose another output folder."
            )
        with torch.no_grad():
            for name, parameter in self.trained.items():
                parameter.copy_(content["trained"][name])
        self.optimizer.load_state_dict(content["optimizer"])
        self.step, self.seconds = int(content["step"]), float(content["seconds"])

    def _note(self, **values: float) -> None:
        for name, value in values.items():
            self._values.setdefault(name, []).append(value)

    def _write_log(self) -> None:
        """Means since the last line."""
        means = {n: round(sum(v) / len(v), 5) for n, v in self._values.items() if v}
        self._values.clear()
        line: dict[str, Any] = {
            "leg": self.leg.name, "step": self.step, "seconds": round(self.seconds, 2),
            "progress": round(self.progress, 4), "pages": self.step * self.leg.batch, **means,
        }  # fmt: skip
        with self._log.open("a", encoding="utf-8") as out:
            out.write(json.dumps(line) + "\n")
        self._watch(line)


def is_trained(name: str, leg: Leg) -> bool:
    """Whether a leg trains a parameter.

    The deepstack mergers stand between the towers and have no dense loss of their own, so they are
    trained with the language model.
    """
    vision = ".visual." in name and "deepstack" not in name
    if leg.trains == "vision":
        return vision or name.startswith(HEADS)
    return leg.trains == "joint" or not (vision or name.startswith(HEADS))


def compile_layers(model: Any, leave: Sequence[int]) -> None:
    """Have torch fuse what is between the matrix products of the language model's layers.

    Steps differ in length, so sizes are left open; each combination of what is trained compiles
    once more.
    """
    import torch

    cast("Any", torch)._dynamo.config.cache_size_limit = 64
    for number, layer in enumerate(model.model.language_model.layers):
        if number not in leave:
            layer.compile(dynamic=True)


@contextmanager
def _stopping() -> Generator[threading.Event]:
    """An event that SIGINT and SIGTERM set, so that a run stops between two steps."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    kept = {s: signal.signal(s, lambda *_: event.set()) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
