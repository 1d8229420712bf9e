"""Running a study: every run in a process of its own, and none twice."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from ....policy.presets import get_preset
from ....tools.errors import GemvgError, OutputError, TrainingError
from ...run_folder import LAST, read_steps
from .arms import CYCLES, MEANS, SFT, Run, StudyPlan
from .summary import summarize, summary_name

Watch = Callable[[str], None]


def run_study(plan: StudyPlan, watch: Watch, jobs: int = 1) -> None:
    """Train and measure what is not measured yet; a run that was broken off goes on.

    Args:
        plan: what to run.
        watch: is told of every run that ends.
        jobs: runs side by side; each gets its share of the cores, or OMP_NUM_THREADS.

    Raises:
        GemvgError: a run failed or was stopped; nothing is written of it, and all others but those
            that begin where it ends were run.
    """
    for phase in plan.phases:
        missing = [run for run in phase if _unmeasured(plan, *run)]
        if missing:
            _run_all(plan, missing, watch, jobs)


def _run_all(plan: StudyPlan, missing: Sequence[Run], watch: Watch, jobs: int) -> None:
    """Runs that need none of each other; raises the first error once all have ended."""
    threads = int(os.environ.get("OMP_NUM_THREADS") or max(1, (os.cpu_count() or 1) // jobs))
    with ProcessPoolExecutor(jobs, get_context("spawn"), max_tasks_per_child=1) as pool:
        started = {pool.submit(_one, plan, arm, seed, threads): (arm, seed)
                   for arm, seed in missing}  # fmt: skip
        failed: list[GemvgError] = []
        try:
            for done in as_completed(started):
                try:
                    watch(done.result())
                except GemvgError as error:
                    arm, seed = started[done]
                    watch(f"{arm} {seed} failed: {error}")
                    failed.append(error)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    if failed:
        raise failed[0]


def _unmeasured(plan: StudyPlan, arm: str, seed: int) -> list[tuple[int, Path]]:
    """The held-out sets, with their numbers, on which a run was not measured yet."""
    folder = plan.folder(arm, seed)
    return [
        (number, held)
        for number, held in enumerate(plan.held)
        if not (folder / summary_name(number, held.name)).is_file()
    ]


def _one(plan: StudyPlan, arm: str, seed: int, threads: int) -> str:
    """Train a run, measure it on the held-out sets, write summaries; returns a line of each."""
    import torch

    from ..measure import measure

    torch.set_num_threads(threads)
    folder = plan.folder(arm, seed)
    model = _model(plan, arm, seed)
    curve = read_curve(folder / "log.jsonl")
    lines: list[str] = []
    for number, held in _unmeasured(plan, arm, seed):
        found = summarize(arm, seed, list(measure(model, held)), curve, held.name)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / summary_name(number, held.name)).write_text(found.text, encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{folder}: can't be written.", "Choose another output.") from error
        lines.append(found.line)
    return "\n".join(lines)


def _model(plan: StudyPlan, arm: str, seed: int) -> Path:
    """Folder of a run's model, made where it is not there yet."""
    if arm == SFT:
        return _base(plan.base)
    return _mean(plan, arm, seed) if arm in (CYCLES, *MEANS) else _trained(plan, arm, seed)


def _mean(plan: StudyPlan, arm: str, seed: int) -> Path:
    """Folder of the mean of other arms' models."""
    from ...average import average

    output = plan.folder(arm, seed) / LAST
    shutil.rmtree(output, ignore_errors=True)
    return average(plan.parts(arm, seed), output)


def _trained(plan: StudyPlan, arm: str, seed: int) -> Path:
    """Folder of a run's model, trained where it is not yet."""
    from ...nano.finetune import finetuned
    from ...run import run_recipe

    recipe, folder = plan.recipe_of(arm, seed), plan.folder(arm, seed)
    done = finetuned(folder)
    if done is not None and done.steps >= recipe.optim.steps:
        return folder / LAST
    outcome = run_recipe(recipe)
    if outcome.stopped is not None:
        raise TrainingError(
            f"the run {arm} {seed} was stopped at step {outcome.step}: {outcome.stopped}"
        )
    return outcome.folder


def _base(name: str) -> Path:
    """The folder of a base: a packaged model's, or the one that is named."""
    return get_preset("nano").folder or Path(name) if name == "nano" else Path(name)


_KEPT = {
    "reward": "reward", "tokens": "completions/mean_length", "format": "rewards/format/mean",
    "recall": "rewards/recall/mean", "precision": "rewards/precision/mean",
    "think_share": "modes/auto/think_share",
}  # fmt: skip


def read_curve(log: Path, points: int = 20) -> list[dict[str, float]]:
    """A run's log as at most `points` means over equally many steps."""
    steps = read_steps(log, "reward")
    size = max(1, -(-len(steps) // points))
    curve: list[dict[str, float]] = []
    for first in range(0, len(steps), size):
        part = steps[first : first + size]
        point = {"step": float(part[-1]["step"])}
        for name, key in _KEPT.items():
            values = [float(line[key]) for line in part if key in line]
            if values:
                point[name] = round(sum(values) / len(values), 4)
        curve.append(point)
    return curve
