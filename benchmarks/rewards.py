"""Reward speed: completions a second of one core, beside a greedy reward one completion at a time.

    python benchmarks/rewards.py [--seconds 1.0]

Prints one line for 1, 10 and 50 boxes: completions per CPU second of the `gemvg` reward over groups
of eight (reading included), the same for the slow reward, and the ratio. The slow one is written
here from the description of VLM-R1's: a regular expression for the tags, `json.loads`, a plain IoU
function over all pairs, and pairs matched greedily, best first. CPU time, so other work on the
machine matters little; both are timed in turns within one run, and the best of the turns counts.
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


def slow_reward(text: str, truth: list[list[float]]) -> float:
    """Greedy F1 with IoU-weighted pairs plus format, one completion at a time."""
    found = ANSWER.search(text)
    if found is None:
        return 0.0
    try:
        items = json.loads(found.group(1))
    except json.JSONDecodeError:
        return 0.0
    pairs: list[tuple[float, int, int]] = []
    for row, item in enumerate(items):
        for column, true in enumerate(truth):
            overlap = slow_iou(item["bbox_2d"], true[1:])
            if item["image"] == true[0] and overlap >= 0.5:
                pairs.append((overlap, row, column))
    rows: set[int] = set()
    columns: set[int] = set()
    total = 0.0
    for overlap, row, column in sorted(pairs, reverse=True):
        if row not in rows and column not in columns:
            rows.add(row)
            columns.add(column)
            total += overlap
    return 1.0 + 2 * total / max(1, len(items) + len(truth))


def rate(act: Callable[[], int], seconds: float) -> float:
    """Completions per CPU second."""
    done, begun = 0, time.process_time()
    while time.process_time() - begun < seconds:
        done += act()
    return done / (time.process_time() - begun)


def compare(boxes: int, seconds: float, turns: int = 3) -> dict[str, Any]:
    """One row of the table."""
    rng = random.Random(boxes)
    asked = [question(rng, boxes) for _ in range(GROUPS)]
    preset, dialect = get_preset("gemvg"), get_dialect("gemvg")
    context = ReadContext(sizes_book(SIZES))
    spoken = [Spoken(text, "direct", context, 10 * boxes) for _, texts in asked for text in texts]
    samples = [
        sample for rows, _ in asked for sample in [Sample(BoxSet.of_rows(rows))] * GROUP
    ]  # fmt: skip
    pairs = [(text, rows) for rows, texts in asked for text in texts]

    def fast() -> int:
        score(preset, spoken, samples, dialect)
        return len(spoken)

    def slow() -> int:
        for text, rows in pairs:
            slow_reward(text, rows)
        return len(pairs)

    ours, theirs = 0.0, 0.0
    for _ in range(turns):
        ours = max(ours, rate(fast, seconds))
        theirs = max(theirs, rate(slow, seconds))
    return {"boxes": boxes, "ours": ours, "greedy": theirs, "ratio": ours / theirs}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="CPU seconds a measurement")
    given = parser.parse_args()
    print("boxes  gemvg (6 terms)/s  greedy/s  ratio")
    for boxes in (1, 10, 50):
        row = compare(boxes, given.seconds)
        print(f"{boxes:5d}  {row['ours']:17,.0f}  {row['greedy']:8,.0f}  {row['ratio']:5.1f}")


if __name__ == "__main__":
    main()
