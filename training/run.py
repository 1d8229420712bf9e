"""Run a recipe: build everything, train, resume exactly, stop cleanly, keep the last good state."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..tools.errors import OutputError, TrainingError
from ..tools.transformers_bars import without_bars
from .callbacks import CleanStop, Finite, GoodCheckpoints, Guard, JsonLog
from .cycles import CycleEnds, check_cycles, mean_of_cycles
from .loading import check_sees, load_model, load_processor, training_dialect
from .model_card import describe
from .precision import held_in, save_in
from .recipe import OptimPart, Recipe
from .recipe_kept import check_unchanged, keep_recipe
from .run_folder import (
    LAST,
    Outcome,
    last_good_checkpoint,
    last_outcome,
    put_aside,
    put_back,
    remove_half_written,
    replace_last,
    step_of,
    write_outcome,
)
from .writing import disk_errors


def run_recipe(recipe: Recipe, resume: bool = True, watchers: Sequence[Any] = ()) -> Outcome:
    """Train. With `resume`, goes on from the last good checkpoint of the same output folder.

    Without, what an earlier run left there is put into its folder `before-N`. A run that has come
    to its end takes no further step.

    `watchers` are further trainer callbacks, such as `progress.Progress`.

    Raises:
        DataError, TrainingError, OutputError, MissingDependency: one line, with the cure.
    """
    output = Path(recipe.run.output)
    begin = _begin(recipe, output, resume)
    done = last_outcome(output)
    if resume and done is not None and _ended(done, recipe.optim.steps):
        return done
    # Advice of the libraries to users of their own command lines; ours are told what matters.
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # TRL and transformers tell each other of a renamed setting at every step.
    warnings.filterwarnings("ignore", ".*gradient_checkpointing.* is deprecated", FutureWarning)
    trainer = make_trainer(recipe)
    for watcher in watchers:
        trainer.add_callback(watcher)
    with _callback(trainer, CleanStop) as stop, without_bars():
        try:
            with disk_errors():
                _train(trainer, begin, recipe.optim.steps)
                step = int(trainer.state.global_step)
                why = _callback(trainer, Guard).stopped
                if stop.signal is not None and step < recipe.optim.steps:
                    why = "a signal asked for it; the same command goes on from here"
                outcome = Outcome(output / LAST, step, why)
                _save_last(trainer, recipe, outcome)
        except OSError as error:
            kept = last_good_checkpoint(output)
            raise OutputError(
                "writing the checkpoint failed (is the disk full?).",
                f"The last good one is {kept.name if kept else 'none yet'}; the same command "
                "goes on from it.",
            ) from error
    return outcome


def _begin(recipe: Recipe, output: Path, resume: bool) -> Path | None:
    """Make the folder ready; the checkpoint to go on from, or None where a run begins anew.

    Of several processes the first alone moves and writes files.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
        if int(os.environ.get("RANK") or 0) == 0:
            if resume:
                put_back(output)
                check_unchanged(output, recipe)
                remove_half_written(output)
            else:
                put_aside(output)
            keep_recipe(output, recipe)
        begin = last_good_checkpoint(output) if resume else None
        if begin is not None and recipe.optim.cycles > 1:
            check_cycles(output, recipe.optim.steps // recipe.optim.cycles)
    except OSError as error:
        raise OutputError(f"{output}: can't be written.", "Choose another run.output.") from error
    return begin


def _ended(outcome: Outcome, steps: int) -> bool:
    """Whether a run has done all its steps."""
    return outcome.stopped is None and outcome.step >= steps


def _train(trainer: Any, begin: Path | None, steps: int) -> None:
    """The steps that are missing: transformers would take one more behind the last one."""
    if begin is not None and step_of(begin) >= steps:
        from transformers import TrainerState

        trainer.state = TrainerState.load_from_json(str(begin / "trainer_state.json"))
        trainer._load_from_checkpoint(str(begin))
        return
    trainer.train(resume_from_checkpoint=str(begin) if begin else None)


def _callback(trainer: Any, kind: type[Any]) -> Any:
    """The trainer's callback of a class."""
    return next(c for c in trainer.callback_handler.callbacks if isinstance(c, kind))


def _save_last(trainer: Any, recipe: Recipe, outcome: Outcome) -> None:
    """The final model with its processor and card, complete or not there at all."""
    folder = outcome.folder
    fresh = folder.with_name("last.new")
    whole = recipe.optim.cycles == 1 or outcome.step < recipe.optim.steps
    if whole:
        trainer.save_model(str(fresh))
    if trainer.is_world_process_zero():
        if not whole:
            mean_of_cycles(Path(recipe.run.output), recipe.optim.steps, recipe.optim.cycles, fresh)
        if held_in(recipe.model) != recipe.model.dtype:
            save_in(fresh, recipe.model.dtype)
        describe(fresh, recipe, trainer.state)
        write_outcome(fresh, outcome.step, outcome.stopped)
        replace_last(folder, fresh)


def make_trainer(recipe: Recipe) -> Any:
    """The trainer of a recipe with all its callbacks, data checked, ready to train."""
    output = Path(recipe.run.output)
    processor = load_processor(recipe.model)
    check_sees(processor, recipe.model)
    dialect = training_dialect(recipe.model)
    from transformers import PrinterCallback

    if recipe.rft is not None:
        from .rft.build import build_rft_trainer as build
    else:
        from .sft.build import build_sft_trainer as build
    with without_bars():
        trainer: Any = build(recipe, load_model(recipe.model), processor, dialect)

    trainer.remove_callback(PrinterCallback)
    for callback in (
        # A clean stop asks for a checkpoint, which `Finite` looks at before it is written.
        JsonLog(output), CleanStop(), Finite(), Guard(recipe.guard),
        GoodCheckpoints(lambda folder, state: describe(folder, recipe, state), recipe.run.keep),
    ):  # fmt: skip
        trainer.add_callback(callback)
    optim = recipe.optim
    if optim.cycles > 1:

        def save_end(folder: Path, state: Any) -> None:
            trainer.save_model(str(folder))
            if state.is_world_process_zero:
                describe(folder, recipe, state)
                write_outcome(folder, int(state.global_step), None)

        trainer.cycles = optim.cycles
        trainer.add_callback(CycleEnds(output, optim.steps // optim.cycles, save_end))
    return trainer


def _schedule(optim: OptimPart) -> str:
    """Of transformers' names: its `constant` has no warmup."""
    return (
        "constant_with_warmup" if optim.schedule == "constant" and optim.warmup else optim.schedule
    )


def common_arguments(recipe: Recipe) -> dict[str, Any]:
    """Trainer arguments that both stages share."""
    run, optim = recipe.run, recipe.optim
    if not run.cpu:
        import torch

        if not torch.cuda.is_available():
            raise TrainingError(
                "no GPU is at hand.", "To train a small model on the CPU set run.cpu=true."
            )
    return {
        "output_dir": run.output,
        "seed": run.seed,
        "data_seed": run.seed,
        "use_cpu": run.cpu,
        "bf16": recipe.model.dtype == "bfloat16",
        "max_steps": optim.steps,
        "learning_rate": optim.learning_rate,
        "per_device_train_batch_size": optim.batch,
        # Else 8: what fits, or may be packed, is what is trained on together.
        "per_device_eval_batch_size": optim.batch,
        "gradient_accumulation_steps": optim.accumulate,
        "warmup_steps": round(optim.warmup * (optim.steps // optim.cycles)),
        "lr_scheduler_type": _schedule(optim),
        "weight_decay": optim.weight_decay,
        "max_grad_norm": optim.max_grad_norm,
        "logging_steps": run.log_every,
        "save_steps": run.save_every,
        "eval_strategy": "steps" if run.eval_every and recipe.data.eval else "no",
        "eval_steps": run.eval_every,
        "report_to": ["tensorboard"] if run.tensorboard else [],
        "remove_unused_columns": False,
        "gradient_checkpointing": recipe.model.gradient_checkpointing,
        "dataloader_num_workers": 0 if run.cpu else 4,
        "disable_tqdm": True,
    }
