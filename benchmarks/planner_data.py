"""The planner of `gemvg-agent ask` on a built data set: F1 at IoU .5, task by task.

    python benchmarks/planner_data.py FOLDER [--per-task 500] [--seconds 3600] [--policy planner]
        [--tasks retrieval,absent] [--results RESULTS.jsonl] [--detections SEEN.sqlite]

Tasks take turns, so that a run that is stopped by `--seconds` has asked about as many of each.
With `--results` every answer is written down as it comes, and a run started again goes on after
them. With `--detections` each picture, told by its content, goes through the detector once over
all runs. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from kept_detections import KeptDetections

from gemvg.agent.answer import Answer
from gemvg.agent.grounding_agent import GroundingAgent
from gemvg.tools.detectors import default_spec, load_detector
from gemvg.tools.toolbox import make_tools
from gemvg.training.data.folder import DataFolder
from gemvg.training.data.sample import TASKS, Sample
from gemvg.training.data.teacher.episodes import ask
from gemvg.training.data.view import pick


def turns(
    folder: DataFolder, per_task: int, seed: int, tasks: Collection[str] = TASKS
) -> list[Sample]:
    """`per_task` samples of each of these tasks, one of each in turn."""
    chosen = {task: pick(folder, per_task, seed, task) for task in TASKS if task in tasks}
    longest = max(map(len, chosen.values()))
    return [s[k] for k in range(longest) for s in chosen.values() if k < len(s)]


def make_agent(policy: str, detections: Path | None) -> GroundingAgent:
    """The agent as `gemvg-agent ask` makes it; its detector with a memory where one is given."""
    if detections is None:
        return GroundingAgent(policy)
    detector = KeptDetections(load_detector(default_spec()), detections)
    return GroundingAgent(policy, tools=make_tools(None, detector=detector))


def result_of(
    sample: Sample, answer: Answer | None, score: float, seconds: float
) -> dict[str, Any]:
    """One answer as a line of the results."""
    return {
        "id": sample.id, "task": sample.task, "f1": round(score, 6),
        "status": answer.status if answer else "error", "seconds": round(seconds, 3),
        "op": sample.meaning.get("op"), "pointer": [p.form for p in sample.prompts],
        "boxes": len(answer.answer) if answer else 0, "truth": len(sample.answer),
    }  # fmt: skip


def read_results(path: Path | None) -> list[dict[str, Any]]:
    """What earlier runs have written; a last line cut short by a kill is dropped."""
    if path is None or not path.is_file():
        return []
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole, encoding="utf-8")
    return [json.loads(line) for line in whole.splitlines()]


def table(results: Iterable[dict[str, Any]]) -> list[str]:
    """Markdown rows: task, samples, mean F1 with its standard error, right, not understood."""
    rows = ["| task | samples | F1@.5 | ± | wholly right | not understood |",
            "|---|---|---|---|---|---|"]  # fmt: skip
    by_task: dict[str, list[dict[str, Any]]] = {}
    for result in results:
        by_task.setdefault(result["task"], []).append(result)
    means: list[float] = []
    for task in TASKS:
        found = by_task.get(task)
        if not found:
            continue
        n, scores = len(found), [r["f1"] for r in found]
        mean = sum(scores) / n
        means.append(mean)
        error = (sum((s - mean) ** 2 for s in scores) / max(1, n - 1) / n) ** 0.5
        right = sum(s >= 1.0 for s in scores) / n
        failed = sum(r["status"] in ("failed", "error") for r in found) / n
        rows.append(f"| {task} | {n} | {mean:.3f} | {error:.3f} | {right:.3f} | {failed:.3f} |")
    macro = sum(means) / max(1, len(means))
    return [*rows, f"| macro | {sum(map(len, by_task.values()))} | {macro:.3f} | | | |"]


def main() -> None:
    """Ask, score, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--per-task", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--policy", default="planner")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tasks", default=",".join(TASKS), help="Only these, by commas.")
    parser.add_argument("--results", type=Path, help="JSON lines; a run goes on after them.")
    parser.add_argument("--detections", type=Path, help="SQLite file of what was detected.")
    given = parser.parse_args()
    folder, results = DataFolder(given.folder), read_results(given.results)
    done = {r["id"] for r in results}
    agent, start = make_agent(given.policy, given.detections), time.monotonic()
    for sample in turns(folder, given.per_task, given.seed, given.tasks.split(",")):
        if time.monotonic() - start > given.seconds:
            break
        if sample.id in done:
            continue
        began = time.process_time()
        answer, score = ask(agent, folder, sample)
        results.append(result_of(sample, answer, score, time.process_time() - began))
        if given.results:
            with given.results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(results[-1]) + "\n")
    print("\n".join(table(results)))


if __name__ == "__main__":
    main()
