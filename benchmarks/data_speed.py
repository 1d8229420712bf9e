"""How fast data sets are built, in samples per second of one core's time, and in what memory.

    python benchmarks/data_speed.py [--data DIR] [--samples 400]

Three measurements, each in a process of its own: `scenes.yaml` (pictures composed and written);
the tasks of `photos.yaml` that only combine annotations; memory while the number of samples grows.
Processor time is counted, not wall time, so that a busy machine does not change the rate much.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from gemvg.training.data.build import build
from gemvg.training.data.recipe import Recipe, load_recipe

COMBINED = ("retrieval", "common", "same-class", "correspondence", "reasoning", "absent")


def annotation_only(recipe: Recipe) -> Recipe:
    """The recipe's tasks that write no picture."""
    tasks = [
        t
        for t in recipe.tasks
        if t.task in COMBINED and t.pool == "photos" and t.options.get("forms") != ["colour"]
    ]
    return recipe.model_copy(update={"tasks": tasks})


def measure(kind: str, size: int, data: str) -> dict[str, Any]:
    """Build `size` samples in this process: rate per core, peak memory."""
    recipe = load_recipe("scenes" if kind == "scenes" else "photos")
    recipe = annotation_only(recipe) if kind == "combined" else recipe
    with tempfile.TemporaryDirectory() as folder:
        # A first small build reads the sources; what is measured is the making of samples.
        out = Path(folder)
        build(recipe.model_copy(update={"size": len(recipe.tasks)}), out / "warm", Path(data), 1)
        start, cpu = time.perf_counter(), time.process_time()
        report = build(recipe.model_copy(update={"size": size}), out / "data", Path(data), 1)
        used, wall = time.process_time() - cpu, time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "kind": kind, "samples": report.samples, "per_core_second": round(report.samples / used, 1),
        "wall_seconds": round(wall, 1), "peak_mib": round(peak, 1),
    }  # fmt: skip


def main() -> None:
    """Measure and print one JSON line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default=os.environ.get("GEMVG_SHARED", "../shared"))
    parser.add_argument("--samples", type=int, default=400)
    given = parser.parse_args()
    runs = [("scenes", given.samples), ("combined", 5 * given.samples)]
    runs += [("scenes", given.samples * k) for k in (2, 4)]
    for kind, size in runs:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            print(json.dumps(pool.apply(measure, (kind, size, given.data))), flush=True)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
