"""The planner of `gemvg-agent ask` on a built data set: F1 at IoU .5, task by task.

    python benchmarks/planner_data.py FOLDER [--per-task 500] [--seconds 3600] [--policy planner]
        [--tasks retrieval,absent]

Tasks take turns, so that a run that is stopped by `--seconds` has asked about as many of each.
Prints a Markdown table and, with `--json FILE`, writes the numbers.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Collection
from pathlib import Path

from gemvg.agent.grounding_agent import GroundingAgent
from gemvg.training.data.folder import DataFolder
from gemvg.training.data.sample import TASKS, Sample
from gemvg.training.data.teacher.episodes import EpisodeReport, ask
from gemvg.training.data.view import pick


def turns(
    folder: DataFolder, per_task: int, seed: int, tasks: Collection[str] = TASKS
) -> list[Sample]:
    """`per_task` samples of each of these tasks, one of each in turn."""
    chosen = {task: pick(folder, per_task, seed, task) for task in TASKS if task in tasks}
    longest = max(map(len, chosen.values()))
    return [s[k] for k in range(longest) for s in chosen.values() if k < len(s)]


def table(report: EpisodeReport) -> list[str]:
    """Markdown rows: task, samples, mean F1, right, not understood."""
    rows = ["| task | samples | F1@.5 | wholly right | not understood |", "|---|---|---|---|---|"]
    means: list[float] = []
    for task in TASKS:
        asked = report.asked.get(task, 0)
        if not asked:
            continue
        means.append(report.f1[task] / asked)
        failed = report.statuses[task].get("failed", 0) + report.statuses[task].get("error", 0)
        right = report.kept[task] / asked
        rows.append(f"| {task} | {asked} | {means[-1]:.3f} | {right:.3f} | {failed / asked:.3f} |")
    macro = sum(means) / max(1, len(means))
    return [*rows, f"| macro | {sum(report.asked.values())} | {macro:.3f} | | |"]


def main() -> None:
    """Ask, score, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--per-task", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--policy", default="planner")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tasks", default=",".join(TASKS), help="Only these, by commas.")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    folder, report = DataFolder(given.folder), EpisodeReport()
    agent, start = GroundingAgent(given.policy), time.monotonic()
    for sample in turns(folder, given.per_task, given.seed, given.tasks.split(",")):
        if time.monotonic() - start > given.seconds:
            break
        answer, score = ask(agent, folder, sample)
        report.add(sample.task, answer.status if answer else "error", score, score >= 1.0)
    print("\n".join(table(report)))
    if given.json:
        numbers = {"asked": report.asked, "f1": report.f1, "right": report.kept}
        given.json.write_text(json.dumps(numbers | {"statuses": report.statuses}))


if __name__ == "__main__":
    main()
