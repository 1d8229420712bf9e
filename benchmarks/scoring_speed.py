"""How fast MIG-Bench is scored: all answers at once against one by one, in one run.

    python benchmarks/scoring_speed.py [--data ../shared/mig_bench] [--rounds 25]

`one by one` is a straightforward reading of the published evaluation: for each item the regular
expressions in turn, the IoU in plain Python, the counters in a dictionary, the item's record.
`at once` is what `gemvg-agent eval mig-bench` uses. Both end with the same table, and that is
checked. Two figures: from answer texts to the table, and from boxes to the table (the parsing
left out of both). The two are timed in turn, round by round, in processor time, and the median
round counts, so a busy machine disturbs both alike.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gemvg.training.benchmarks.bulk_boxes import first_boxes
from gemvg.training.benchmarks.metrics.single_box import THRESHOLDS, accuracy_rows, paired_iou
from gemvg.training.benchmarks.mig_bench import MigBench
from gemvg.training.benchmarks.reading import in_thousandths

SPELLINGS = (
    r"\((\d+),\s*(\d+)\),\s*\((\d+),\s*(\d+)\)",
    r"\[(\d+\.\d+),\s*(\d+\.\d+),\s*(\d+\.\d+),\s*(\d+\.\d+)\]",
    r"\((\d+\.\d+),(\d+\.\d+)\),\((\d+\.\d+),(\d+\.\d+)\)",
    r"\((\d+\.\d+),\s*(\d+\.\d+),\s*(\d+\.\d+),\s*(\d+\.\d+)\)",
    r"\[(\d+),\s*(\d+),\s*(\d+),\s*(\d+)\]",
    r"<box>(\d+)\s+(\d+)\s+(\d+)\s+(\d+)</box>",
)


def read_one(text: str) -> Sequence[float]:
    """The first box, spelling after spelling; zeros where there is none."""
    matches: list[Any] = []
    for spelling in SPELLINGS:
        matches = re.findall(spelling, text)
        if matches:
            break
    try:
        if len(matches) != 1:
            matches = matches[:-1]
        boxes = [list(map(int, match)) for match in matches]
        return boxes[0]
    except (IndexError, ValueError):
        return [0.0, 0.0, 0.0, 0.0]


def iou_one(truth: Sequence[float], found: Sequence[float]) -> float:
    """IoU of two boxes."""
    left, top = max(truth[0], found[0]), max(truth[1], found[1])
    right, bottom = min(truth[2], found[2]), min(truth[3], found[3])
    if right < left or bottom < top:
        return 0.0
    common = (right - left) * (bottom - top)
    area = (truth[2] - truth[0]) * (truth[3] - truth[1])
    other = (found[2] - found[0]) * (found[3] - found[1])
    return common / (area + other - common)


def one_by_one(
    tasks: list[str], truth: list[list[float]], texts: list[str], found: list[Any] | None = None
) -> dict[str, Any]:
    """Counters per task, item by item; boxes that are given are not read."""
    table: dict[str, Any] = {}
    output: list[dict[str, Any]] = []
    for k, (task, box, text) in enumerate(zip(tasks, truth, texts, strict=True)):
        read = read_one(text) if found is None else found[k]
        iou = iou_one(box, read)
        output.append(
            {"task": task, "answer": text, "filter_answer": read, "iou": iou, "groundtruth": box}
        )
        if not table.get(task):
            table[task] = {0.3: 0, 0.5: 0, 0.7: 0, "iou": 0.0, "n": 0}
        if iou >= 0.7:
            table[task][0.7] += 1
        if iou >= 0.5:
            table[task][0.5] += 1
        if iou >= 0.3:
            table[task][0.3] += 1
        table[task]["iou"] += iou
        table[task]["n"] += 1
    return table


def time_both(
    first: Callable[[], Any], second: Callable[[], Any], rounds: int
) -> tuple[float, float]:
    """Median seconds of each, timed in turn."""
    spent: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for function, times in zip((first, second), spent, strict=True):
            begun = time.process_time()
            function()
            times.append(time.process_time() - begun)
    return statistics.median(spent[0]), statistics.median(spent[1])


def measure(data: Path, model: str, rounds: int) -> float:
    """Print one model's line; returns how many times faster."""
    bench = MigBench()
    files = sorted((data / "predictions" / model).glob("*.json"))
    begun = time.process_time()
    items = bench.load(data)
    outcomes = bench.read_predictions(files, items)
    bench.score(items, outcomes)
    whole = time.process_time() - begun
    texts = [outcomes[i.id].raw for i in items]
    truth = [list(i.truth[0].box) for i in items]
    tasks = [i.task for i in items]
    names = sorted(set(tasks))
    true_boxes = np.asfortranarray(truth)
    numbers = np.asarray([names.index(t) for t in tasks], dtype=np.intp)

    def at_once(found: Any = None) -> Any:
        boxes = first_boxes(texts, in_thousandths) if found is None else found
        return accuracy_rows(paired_iou(boxes, true_boxes), numbers, len(names))

    table, rows = one_by_one(tasks, truth, texts), at_once()
    for name, row in zip(names, rows, strict=True):
        counts = tuple(table[name][t] for t in THRESHOLDS)
        if counts != row.hits or abs(table[name]["iou"] - row.iou_sum) > 1e-6:
            raise SystemExit(f"{model}, {name}: the two do not agree")
    slow, fast = time_both(lambda: one_by_one(tasks, truth, texts), at_once, rounds)
    read = [read_one(t) for t in texts]
    boxes = first_boxes(texts, in_thousandths)
    slow_boxes, fast_boxes = time_both(
        lambda: one_by_one(tasks, truth, texts, read), lambda: at_once(boxes), rounds
    )
    for words, a, b in (("texts", slow, fast), ("boxes", slow_boxes, fast_boxes)):
        print(
            f"{model}, from {words}: one by one {a * 1e3:.1f} ms, at once {b * 1e3:.2f} ms:"
            f" {a / b:.1f} times faster"
        )
    print(f"{model}: load, read and score all {len(items)} items in {whole:.2f} s")
    return slow / fast


def main() -> int:
    """Measure every model whose answers are there; 1 where one is below 20 times."""
    shared = Path(os.environ.get("GEMVG_SHARED", "../shared"))
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=shared / "mig_bench")
    parser.add_argument("--rounds", type=int, default=25)
    arguments = parser.parse_args()
    count = len(json.loads((arguments.data / "revised_MIG_bench.json").read_bytes()))
    models = sorted(p.name for p in (arguments.data / "predictions").iterdir() if p.is_dir())
    print(f"{count} items, median of {arguments.rounds} rounds")
    ratios = [measure(arguments.data, model, arguments.rounds) for model in models]
    return 0 if ratios and min(ratios) >= 20.0 else 1


if __name__ == "__main__":
    sys.exit(main())
