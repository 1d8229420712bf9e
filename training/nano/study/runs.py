"""Running a study: every run in a process of its own, and none twice."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from ....policy.presets import get_preset
from ....tools.errors import OutputError
from .arms import SFT, StudyPlan
from .summary import SUMMARY, summarize

Watch = Callable[[str], None]


def run_study(plan: StudyPlan, watch: Watch, jobs: int = 1) -> None:
    """Train and measure what is not measured yet; a run that was broken off goes on.

    Args:
        plan: what to run.
        watch: is told of every run that ends.
        jobs: runs side by side; each gets its share of the cores, or OMP_NUM_THREADS.

    Raises:
        GemvgError: a run failed; those that ended before are kept.
    """
    missing = [one for one in plan.runs if not (plan.folder(*one) / SUMMARY).is_file()]
    if not missing:
        return
    threads = int(os.environ.get("OMP_NUM_THREADS") or max(1, (os.cpu_count() or 1) // jobs))
    with ProcessPoolExecutor(jobs, get_context("spawn"), max_tasks_per_child=1) as pool:
        started = {pool.submit(_one, plan, arm, seed, threads): (arm, seed)
                   for arm, seed in missing}  # fmt: skip
        try:
            for done in as_completed(started):
                watch(done.result())
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _one(plan: StudyPlan, arm: str, seed: int, threads: int) -> str:
    """Train a run, measure it on the held-out set, write its summary; returns a line about it."""
    import torch

    from ..measure import measure

    torch.set_num_threads(threads)
    folder = plan.folder(arm, seed)
    model = _base(plan.base)
    curve: list[dict[str, float]] = []
    if arm != SFT:
        from ...run import run_recipe

        model = run_recipe(plan.recipe_of(arm, seed)).folder
        curve = read_curve(folder / "log.jsonl")
    found = summarize(arm, seed, list(measure(model, plan.held)), curve)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(found.as_record(), indent=1)
        (folder / SUMMARY).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{folder}: can't be written.", "Choose another output.") from error
    return found.line


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
    lines: list[dict[str, Any]] = []
    if log.is_file():
        lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    steps = [line for line in lines if "reward" in line]
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
