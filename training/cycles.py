"""A run in cycles: the learning rate starts again, and the mean of the cycles' ends is kept."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from ..tools.errors import TrainingError
from .average import average
from .run_folder import read_outcome

SaveModel = Callable[[Path, TrainerState], None]


class RestartingSchedule:
    """For a `transformers.Trainer` class: its schedule is gone through once a cycle.

    Attributes:
        cycles: in the run; steps are divided among them evenly.
    """

    cycles: int = 1

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """The trainer's own schedule of one cycle, begun again with each."""
        own: Any = super()
        length = num_training_steps // self.cycles
        scheduler = own.create_scheduler(length, optimizer)
        if self.cycles == 1:
            return scheduler
        last = num_training_steps - 1

        def restarted(factor: Callable[[int], float]) -> Callable[[int], float]:
            return lambda step: factor(step % length if step <= last else length)

        scheduler.lr_lambdas = [restarted(factor) for factor in scheduler.lr_lambdas]
        return scheduler


class CycleEnds(TrainerCallback):
    """Keeps where each cycle ended, and lets the next one begin as a run of its own would.

    Each cycle has the whole learning rate again and AdamW's moments anew. Its end is a good model
    some way from the others', and their mean lies deeper in the valley that holds them all
    (stochastic weight averaging: Izmailov et al., "Averaging Weights Leads to Wider Optima and
    Better Generalization", UAI 2018, section 3.1; here the start is no part of the mean).

    Args:
        output: folder of the run; a cycle's end is in its folder `cycle-K`, K from 1.
        length: steps of a cycle.
        save: writes the trainer's present model into a folder, on every process of a run.
    """

    def __init__(self, output: Path, length: int, save: SaveModel) -> None:
        self._output = output
        self._length = length
        self._save = save

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any
    ) -> None:
        """Forget the moments of the cycle before; so a run that goes on from here is the same."""
        if state.global_step and state.global_step % self._length == 0:
            given["optimizer"].state.clear()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Write the model of a cycle's last step, complete or not at all."""
        number, rest = divmod(state.global_step, self._length)
        if rest:
            return
        folder = cycle_folder(self._output, number)
        fresh = folder.with_name(folder.name + ".new")
        self._save(fresh, state)
        if state.is_world_process_zero:
            shutil.rmtree(folder, ignore_errors=True)
            fresh.rename(folder)


def cycle_folder(output: Path, number: int) -> Path:
    """Where the end of a run's cycle is, from 1."""
    return output / f"cycle-{number}"


def check_cycles(output: Path, length: int) -> None:
    """Whether the cycles that a run has behind it are as long as those to come.

    Raises:
        TrainingError: one ended at another step.
    """
    for end in sorted(output.glob("cycle-*")):
        number, said = end.name.rpartition("-")[2], read_outcome(end)
        if number.isdigit() and said is not None and said.step != int(number) * length:
            raise TrainingError(
                f"{output}: {end.name} ended at step {said.step}, and now cycles have {length}.",
                "Set optim.steps and optim.cycles as they were, or train anew with --no-resume.",
            )


def mean_of_cycles(output: Path, steps: int, cycles: int, target: Path) -> Path:
    """Write the mean of the ends of a run's cycles.

    Raises:
        TrainingError: the end of a cycle is gone. OutputError, WeightsError: as for `average`.
    """
    ends = [cycle_folder(output, number) for number in range(1, cycles + 1)]
    for number, end in enumerate(ends, 1):
        said = read_outcome(end)
        if said is None or said.step != number * (steps // cycles):
            raise TrainingError(
                f"{output}: {end.name} is gone, and the run's model is the mean of its cycles.",
                "Train anew with --no-resume.",
            )
    shutil.rmtree(target, ignore_errors=True)
    return average(ends, target)
