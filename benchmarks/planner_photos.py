"""A policy on questions about photographs: F1 at IoU 0.5 in the right picture, by task.

    python benchmarks/planner_photos.py [--split test] [--per-task 100] [--cache FOLDER]
    python benchmarks/planner_photos.py --policy runs/nano-4m/model

Builds the question set from annotated photographs (GEMVG_SHARED/photos, default ../shared), asks
the planner (or another policy) through the agent and its real tools, and prints a table. Detections
are kept in the cache folder, so that a second run is quick.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

from kept_detections import KeptDetections

from gemvg.agent.answer import Answer
from gemvg.agent.grounding_agent import GroundingAgent
from gemvg.tools.boxes import GroundedBox
from gemvg.tools.detectors import load_detector
from gemvg.tools.images import Picture, picture_from_image, picture_from_path
from gemvg.tools.toolbox import make_tools
from gemvg.training.data.teacher.episodes import score_of
from gemvg.training.photo_questions import (
    TASKS,
    PhotoQuestion,
    Shot,
    build_questions,
    load_photos,
)

FLOORS = {"retrieval": 0.80, "reference": 0.80, "common": 0.45, "region": 0.95, "absent": 0.95,
          "difference": 0.85}  # fmt: skip
MACRO_FLOOR = 0.80


def make_agent(policy: str, cache: Path) -> GroundingAgent:
    """The agent with yolo26m, whose detections are kept in the folder `cache`."""
    cache.mkdir(parents=True, exist_ok=True)
    detector = KeptDetections(load_detector("yolo26m"), cache / "detections.sqlite")
    return GroundingAgent(policy, tools=make_tools(detector=detector))


def picture(shot: Shot) -> Picture:
    """A shot as a loaded picture."""
    if shot.is_file:
        return picture_from_path(shot.photo.path)
    return picture_from_image(shot.render(), shot.photo.path.name)


def main() -> None:
    """Build, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--split", default="test", choices=["dev", "test"])
    parser.add_argument("--per-task", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--cache", default=str(Path(tempfile.gettempdir()) / "gemvg-benchmarks"))
    parser.add_argument("--policy", default="planner")
    parser.add_argument("--errors", action="store_true", help="print every question under F1 1")
    chosen = parser.parse_args()
    shared = Path(os.environ.get("GEMVG_SHARED", "../shared"))
    photos = [p for p in load_photos(shared / "photos") if p.split == chosen.split]
    tasks = [t for t in TASKS if t in chosen.tasks.split(",")]
    questions = build_questions(photos, chosen.per_task, chosen.seed, tasks)
    agent = make_agent(chosen.policy, Path(chosen.cache))
    scores: defaultdict[str, list[float]] = defaultdict(list)
    seconds: defaultdict[str, float] = defaultdict(float)
    ends: Counter[str] = Counter()
    for question in questions:
        began = time.perf_counter()
        answer = agent.ask(question.query, [picture(shot) for shot in question.shots])
        seconds[question.task] += time.perf_counter() - began
        score = score_of(answer, (GroundedBox(k, box) for k, box in question.truth))
        scores[question.task].append(score)
        handed = answer.policy.name != agent.policy.name
        ends[f"{answer.status}{', by the planner' if handed else ''}"] += 1
        if chosen.errors and score < 1.0:
            show(question, answer, score)
    report(scores, seconds, len(photos), chosen.split)
    print(", ".join(f"{number} {end}" for end, number in ends.most_common()))


def show(question: PhotoQuestion, answer: Answer, score: float) -> None:
    """A question with its pictures, its truth and what was answered."""
    names = " ".join(shot.photo.path.stem for shot in question.shots)
    print(f"{score:.2f} {question.task} [{names}] {question.query}")
    print(f"     truth {[(k, [round(v) for v in box]) for k, box in question.truth]}")
    why = answer.error.message if answer.error else answer.text
    print(f"     {[(b.image, b.label, b.score) for b in answer.answer]} {answer.status}: {why}")


def report(
    scores: dict[str, list[float]], seconds: dict[str, float], photos: int, split: str
) -> None:
    """The table, with the floor of each task and whether it holds."""
    total = sum(map(len, scores.values()))
    print(f"{split}: {photos} photographs, {total} questions")
    print(f"{'task':<12}{'n':>5}{'F1':>8}{'floor':>8}{'s each':>8}")
    means: list[float] = []
    for task, values in scores.items():
        means.append(sum(values) / len(values))
        mark = "" if means[-1] >= FLOORS[task] else "  below"
        each = seconds[task] / len(values)
        print(f"{task:<12}{len(values):>5}{means[-1]:>8.3f}{FLOORS[task]:>8.2f}{each:>8.2f}{mark}")
    print(f"{'macro':<12}{total:>5}{sum(means) / len(means):>8.3f}{MACRO_FLOOR:>8.2f}")


if __name__ == "__main__":
    main()
