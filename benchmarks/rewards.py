"""Reward speed: completions a second of one core, beside two greedy rewards in plain Python.

    python benchmarks/rewards.py [--seconds 1.0]

Prints one line for 1, 10 and 50 boxes: completions per CPU second of the `gemvg` reward over groups
of eight (reading included), the same for the greedy rewards, and the ratios. All read the same
texts. `published` works as VLM-R1's `detection_score` (arXiv 2504.07615) does: a regular expression
finds the JSON of answer and truth, a Python function gives the IoU of every pair, and the greatest
IoU among what is left is looked for anew for every match. `sorted` is the same with what a careful
author would mend: the truth is read once, and pairs are sorted once. Both see pictures: pairs of
different ones are skipped. Their scores are compared before they are timed. CPU time, so other work
on the machine matters little; all are timed in turns within one run, and the best turn counts.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections.abc import Callable
from typing import Any

from gemvg.policy.dialect import ReadContext
from gemvg.policy.dialects import get_dialect
from gemvg.training.chat import sizes_book
from gemvg.training.rewards.presets import get_preset
from gemvg.training.rewards.rollout import BoxSet, Sample
from gemvg.training.rewards.scorer import Spoken, score

SIZES = [[1000, 1000]] * 4
ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
GROUP, GROUPS = 8, 16


def question(rng: random.Random, boxes: int) -> tuple[list[list[float]], list[str]]:
    """Rows of the truth and eight answers near it, each a little wrong in its own way."""
    rows: list[list[float]] = []
    for _ in range(boxes):
        x, y = rng.randrange(0, 800), rng.randrange(0, 800)
        rows.append([rng.randint(1, 4), x, y, x + rng.randint(40, 199), y + rng.randint(40, 199)])
    answers: list[str] = []
    for copy in range(GROUP):
        items = [
            {"image": int(r[0]), "bbox_2d": [int(v) + rng.randint(0, 1 + copy) for v in r[1:]],
             "label": "dog"}
            for r in rows
        ]  # fmt: skip
        rng.shuffle(items)
        answers.append(f"<answer>{json.dumps(items)}</answer>")
    return [list(map(float, row)) for row in rows], answers


def slow_iou(a: list[float], b: list[float]) -> float:
    """IoU of two boxes, as reward scripts write it."""
    x1, y1 = max(a[0], b[0]), max(a[1], b[1])
    x2, y2 = min(a[2], b[2]), min(a[3], b[3])
    common = max(0.0, x2 - x1) * max(0.0, y2 - y1)
    total = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common
    return common / total if total > 0 else 0.0


def answer_items(text: str) -> list[dict[str, Any]]:
    """The items between the answer tags; none where the text can't be read."""
    found = ANSWER.search(text)
    if found is None:
        return []
    try:
        return list(json.loads(found.group(1)))
    except json.JSONDecodeError:
        return []


def published_reward(text: str, solution: str, bar: float = 0.5) -> float:
    """Sum of the matched IoUs, VLM-R1's way: the greatest IoU left, again and again."""
    said, true = answer_items(text), answer_items(solution)
    matrix = [
        [
            slow_iou(item["bbox_2d"], other["bbox_2d"]) if item["image"] == other["image"] else 0.0
            for other in true
        ]
        for item in said
    ]
    rows, columns = list(range(len(said))), list(range(len(true)))
    total = 0.0
    while rows and columns:
        best, best_row, best_column = -1.0, -1, -1
        for row in rows:
            for column in columns:
                if matrix[row][column] > best:
                    best, best_row, best_column = matrix[row][column], row, column
        if best < bar:
            break
        total += best
        rows.remove(best_row)
        columns.remove(best_column)
    return total


def sorted_reward(text: str, true: list[dict[str, Any]], bar: float = 0.5) -> float:
    """The same sum with the truth at hand and the pairs sorted once."""
    pairs: list[tuple[float, int, int]] = []
    for row, item in enumerate(answer_items(text)):
        for column, other in enumerate(true):
            if item["image"] == other["image"]:
                overlap = slow_iou(item["bbox_2d"], other["bbox_2d"])
                if overlap >= bar:
                    pairs.append((overlap, row, column))
    rows: set[int] = set()
    columns: set[int] = set()
    total = 0.0
    for overlap, row, column in sorted(pairs, reverse=True):
        if row not in rows and column not in columns:
            rows.add(row)
            columns.add(column)
            total += overlap
    return total


def rate(act: Callable[[], object], seconds: float) -> float:
    """Calls per CPU second."""
    done, begun = 0, time.process_time()
    while time.process_time() - begun < seconds:
        act()
        done += 1
    return done / (time.process_time() - begun)


def compare(boxes: int, seconds: float, turns: int = 3) -> dict[str, float]:
    """One row of the table: completions a second of each reward."""
    rng = random.Random(boxes)
    asked = [question(rng, boxes) for _ in range(GROUPS)]
    preset, dialect = get_preset("gemvg"), get_dialect("gemvg")
    context = ReadContext(sizes_book(SIZES))
    texts = [text for _, said in asked for text in said]
    rows = [truth for truth, said in asked for _ in said]
    spoken = [Spoken(text, "direct", context, 10 * boxes) for text in texts]
    samples = [
        sample for truth, _ in asked for sample in [Sample(BoxSet.of_rows(truth))] * GROUP
    ]  # fmt: skip
    items = [[{"image": r[0], "bbox_2d": r[1:]} for r in truth] for truth in rows]
    solutions = [f"<answer>{json.dumps(one)}</answer>" for one in items]

    rewards: dict[str, Callable[[], object]] = {
        "gemvg": lambda: score(preset, spoken, samples, dialect),
        "published": lambda: list(map(published_reward, texts, solutions)),
        "sorted": lambda: list(map(sorted_reward, texts, items)),
    }
    parts, _ = score(preset, spoken, samples, dialect)
    greedy = list(map(sorted_reward, texts, items))
    check(parts["recall"] * boxes, greedy, list(map(published_reward, texts, solutions)))
    best = dict.fromkeys(rewards, 0.0)
    for _ in range(turns):
        for name, act in rewards.items():
            best[name] = max(best[name], len(texts) * rate(act, seconds))
    return best


def check(ours: Any, careful: list[float], published: list[float]) -> None:
    """That all match the same boxes: ours at least as well, as greedy matching may fall short."""
    for optimal, one, other in zip(ours, careful, published, strict=True):
        if abs(one - other) > 1e-6 or optimal < one - 1e-6 or optimal > 1.01 * one + 1e-6:
            raise SystemExit(f"the rewards disagree: {optimal}, {one}, {other}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="CPU seconds a measurement")
    given = parser.parse_args()
    print("boxes  gemvg (6 terms)/s  published/s  ratio  sorted/s  ratio")
    for boxes in (1, 10, 50):
        row = compare(boxes, given.seconds)
        ours, published, careful = row["gemvg"], row["published"], row["sorted"]
        print(f"{boxes:5d}  {ours:17,.0f}  {published:11,.0f}  {ours / published:5.1f}"
              f"  {careful:8,.0f}  {ours / careful:5.1f}")  # fmt: skip


if __name__ == "__main__":
    main()
