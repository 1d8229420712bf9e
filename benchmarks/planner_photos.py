"""A policy on questions about photographs: F1 at IoU 0.5 in the right picture, by task.

    python benchmarks/planner_photos.py [--split test] [--per-task 100] [--cache FOLDER]
    python benchmarks/planner_photos.py --policy runs/nano-4m/model

Builds the question set from annotated photographs (GEMVG_SHARED/photos, default ../shared), asks
the planner (or another policy) through the real tools and loop, and prints a table. Detections of
unedited photographs are kept in the cache folder, so that a second run is quick.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gemvg.policy.dialect import ReadContext, Reading
from gemvg.policy.messages import Message
from gemvg.policy.planner import Planner
from gemvg.policy.policy import Request
from gemvg.tools.boxes import Box, boxes_array
from gemvg.tools.detect import Detect
from gemvg.tools.detectors import Detection, Detector, Scene, load_detector
from gemvg.tools.errors import GemvgError
from gemvg.tools.geometry import iou_matrix, match_optimal
from gemvg.tools.images import Picture, picture_from_image, picture_from_path
from gemvg.tools.tool import AnyTool, ToolContext
from gemvg.tools.toolbox import make_tools
from gemvg.tools.views import ViewBook
from gemvg.tools.vocabulary import Resolution
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
FLOOR_SCORE = 0.05


class DiskDetector:
    """A closed-vocabulary detector whose looks are kept on disk."""

    def __init__(self, inner: Detector, folder: Path) -> None:
        self.inner = inner
        self.folder = folder / inner.name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.name = inner.name
        self.vocabulary = inner.vocabulary
        self.classes = inner.classes
        self.default_score = inner.default_score

    def resolve(self, label: str) -> Resolution:
        """See `Detector.resolve`."""
        return self.inner.resolve(label)

    def detect(
        self, scenes: Sequence[Scene], labels: Sequence[str], min_score: float
    ) -> list[list[Detection]]:
        """See `Detector.detect`."""
        results: list[list[Detection]] = []
        for scene in scenes:
            window = "-".join(f"{v:g}" for v in scene.window)
            path = self.folder / f"{scene.digest[:24]}-{window}.json"
            if not path.is_file():
                found = self.inner.detect([scene], [], FLOOR_SCORE)[0]
                path.write_text(json.dumps([[list(d.box), d.label, d.score] for d in found]))
            everything = [Detection(Box(*b), n, s) for b, n, s in json.loads(path.read_text())]
            results.append(
                [
                    d
                    for d in everything
                    if d.score >= min_score and (not labels or d.label in labels)
                ]
            )
        return results


MOST_TURNS = 8


def ask(query: str, pictures: Sequence[Picture], tools: dict[str, AnyTool]) -> Reading | None:
    """The planner's answer, its calls run one by one; None where it has no answer."""
    planner, book = Planner(), ViewBook(pictures)
    dialect, context = planner.dialect, ToolContext(book)
    request = Request(
        query, (), book, context.boxes, dialect.tool_specs(list(tools.values())), "direct"
    )
    reading = ReadContext(book, boxes=context.boxes, query=query)
    for _ in range(MOST_TURNS):
        try:
            completion = asyncio.run(planner.complete(request))
        except GemvgError as error:
            print(f"     {error}")
            return None
        if not completion.tool_calls:
            return dialect.read(completion, reading)
        turns: list[Message] = [Message("assistant", (), completion.tool_calls)]
        for call in completion.tool_calls:
            ours = dialect.to_tool_call(call, reading)
            result = tools[ours.name].call(ours.arguments, context)
            turns.extend(dialect.tool_messages(call, result, book))
        request = replace(request, messages=(*request.messages, *turns))
    return None


class Asked:
    """Another policy through the agent; counts how its questions ended."""

    def __init__(self, policy: str, tools: dict[str, AnyTool]) -> None:
        from gemvg.agent import GroundingAgent

        self.agent = GroundingAgent(policy, tools=tools)
        self.ends: Counter[str] = Counter()

    def ask(self, query: str, pictures: Sequence[Picture]) -> Reading | None:
        """The answer, or None where there is none."""
        answer = self.agent.ask(query, list(pictures))
        handed = answer.policy.name == "planner"
        self.ends[f"{answer.status}{', by the planner' if handed else ''}"] += 1
        if answer.status not in ("ok", "partial", "none"):
            return None
        return Reading("ok", tuple(answer.boxes()), answer.text)


def f1(question: PhotoQuestion, answer: Reading | None) -> float:
    """F1 at IoU 0.5, boxes matched one to one within each picture; 1 where both are empty."""
    if answer is None:
        return 0.0
    given = [(b.image, b.box) for b in answer.boxes]
    if not given and not question.truth:
        return 1.0
    hits = 0
    for image in {i for i, _ in question.truth}:
        ours = boxes_array([b for i, b in given if i == image])
        theirs = boxes_array([b for i, b in question.truth if i == image])
        hits += len(match_optimal(iou_matrix(ours, theirs), 0.5).rows)
    return 2 * hits / (len(given) + len(question.truth))


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
    detector = DiskDetector(load_detector("yolo26m"), Path(chosen.cache))
    tools = {**make_tools(["zoom", "match", "compare"]), "detect": Detect(detector)}
    asked = None if chosen.policy == "planner" else Asked(chosen.policy, tools)
    scores: defaultdict[str, list[float]] = defaultdict(list)
    seconds: defaultdict[str, float] = defaultdict(float)
    for question in questions:
        began = time.perf_counter()
        pictures = [picture(shot) for shot in question.shots]
        answer = (
            ask(question.query, pictures, tools)
            if asked is None
            else asked.ask(question.query, pictures)
        )
        seconds[question.task] += time.perf_counter() - began
        score = f1(question, answer)
        scores[question.task].append(score)
        if chosen.errors and score < 1.0:
            names = " ".join(shot.photo.path.stem for shot in question.shots)
            boxes = [(b.image, b.label, b.score) for b in answer.boxes] if answer else None
            print(f"{score:.2f} {question.task} [{names}] {question.query}")
            print(f"     truth {[(i, [round(v) for v in b]) for i, b in question.truth]}")
            print(f"     {boxes} {answer.text if answer else 'failed'}")
    report(scores, seconds, len(photos), chosen.split)
    if asked is not None:
        print(", ".join(f"{number} {end}" for end, number in asked.ends.most_common()))


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
