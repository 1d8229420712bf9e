"""How fast batches are: the loop's own cost and memory, and the gain over a loop of single asks.

    python benchmarks/batch_speed.py scripted [--lines 20000] [--processes 2]
    python benchmarks/batch_speed.py photos [--lines 400] [--photos 100] [--detector yolo26m]

`scripted` answers lines with a scripted policy and prints lines a second, processor time a line,
and the memory of all processes in ten parts of the job. `photos` asks the embedded planner, with a
real detector, about photographs ($GEMVG_SHARED/photos), three ways in one run: one after another
with the detector's in-process cache on, as it is shipped; one after another with that cache
emptied before each question, as separate programs would; and as a batch. The answers are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import tempfile
import time
from pathlib import Path

from gemvg.agent import GroundingAgent
from gemvg.agent.batch.job import BatchJob, run_batch
from gemvg.agent.batch.runner import Summary
from gemvg.agent.export.records import read_records
from gemvg.agent.settings import AskSettings
from gemvg.policy.scripted import ScriptedPolicy

PARTS = 10
SAID = '[{"image": 1, "bbox_2d": [10, 10, 500, 500], "label": "dog"}]'


def scripted_agent(settings: AskSettings) -> GroundingAgent:
    """The agent of `scripted`; a function of a module, so that processes can make it."""
    return GroundingAgent(ScriptedPolicy([SAID]), tools=settings.tools)


def memory_mb(pids: list[int]) -> float:
    """Resident memory of processes, MB."""
    pages = 0
    for pid in pids:
        try:
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except OSError:
            continue
    return pages * os.sysconf("SC_PAGESIZE") / 1e6


def children() -> list[int]:
    """Processes that this one has started."""
    own = os.getpid()
    try:
        return [int(p) for p in Path(f"/proc/{own}/task/{own}/children").read_text().split()]
    except OSError:
        return []


class MemoryWatcher:
    """A batch's watcher that notes the memory at ten points of the job."""

    def __init__(self, lines: int) -> None:
        self._every = max(1, lines // PARTS)
        self.seen: list[float] = []
        self.began = 0.0

    def update(self, summary: Summary) -> None:
        """Note the memory where a tenth more is done; the clock starts with the first answer."""
        self.began = self.began or time.perf_counter()
        if summary.answered >= self._every * (len(self.seen) + 1):
            self.seen.append(memory_mb([os.getpid(), *children()]))

    def say(self, message: str) -> None:
        """Pass on what the job has to say."""
        print(message)


def scripted(lines: int, processes: int) -> None:
    """The agent's loop alone: rate, processor time, memory."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for number in range(50):
            Image.new("RGB", (64, 48), (number, 10, 10)).save(place / f"{number}.png")
        with (place / "in.jsonl").open("w") as file:
            for n in range(lines):
                line = {"custom_id": f"q{n}", "query": f"dog {n}", "images": [f"{n % 50}.png"]}
                file.write(json.dumps(line) + "\n")
        watcher = MemoryWatcher(lines)
        before = _cpu()
        summary = run_batch(
            BatchJob(
                str(place / "in.jsonl"),
                str(place / "out.jsonl"),
                make_agent=scripted_agent,
                processes=processes,
                in_flight=64,
            ),
            watcher,
        )
        seconds, cpu = time.perf_counter() - watcher.began, _cpu() - before
    assert summary.answered == lines
    print(f"{lines} lines, {processes} processes, load {os.getloadavg()[0]:.1f}")
    print(f"  {lines / seconds:.0f} lines/s by the clock")
    print(f"  {1000 * cpu / lines:.2f} ms of processor time a line, starting included")
    print(f"  = {len(os.sched_getaffinity(0)) * lines / cpu:.0f} lines/s were all cores free")
    print("  memory, MB: " + " ".join(f"{mb:.0f}" for mb in watcher.seen))


def _cpu() -> float:
    """Processor seconds of this process and its ended children."""
    used = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def questions(lines: int, photos: int, pictures: int, seed: int) -> list[tuple[str, list[str]]]:
    """Questions about objects that the photographs hold, as a user would ask, in random order."""
    shared = Path(os.environ.get("GEMVG_SHARED", Path(__file__).parents[1] / ".." / "shared"))
    data = json.loads((shared / "photos" / "instances.json").read_text())
    names = {c["id"]: c["name"] for c in data["categories"]}
    files = {i["id"]: i["file_name"] for i in data["images"]}
    holds: dict[int, set[str]] = {}
    for annotation in data["annotations"]:
        holds.setdefault(annotation["image_id"], set()).add(names[annotation["category_id"]])
    rng = random.Random(seed)
    chosen = sorted(rng.sample(sorted(holds), photos))
    asked: list[tuple[str, list[str]]] = []
    for number in range(lines):
        shown = [chosen[number % photos], *rng.sample(chosen, pictures - 1)]
        label = rng.choice(sorted(holds[shown[0]]))
        paths = [str((shared / "photos" / "images" / Path(files[k]).name).resolve()) for k in shown]
        asked.append((f"every {label}", list(dict.fromkeys(paths))))
    rng.shuffle(asked)
    return asked


def boxes_of(answer: object) -> list[tuple[int, str | None, list[int]]]:
    """An answer's boxes to the pixel, in order."""
    found = getattr(answer, "answer", [])
    return sorted((b.image, b.label, [round(v) for v in b.box]) for b in found)


def photos(lines: int, count: int, pictures: int, detector: str, cold: int) -> None:
    """A batch against loops of single asks."""
    from gemvg.tools.detectors import load_detector

    asked = questions(lines, count, pictures, 0)
    settings = AskSettings.model_validate({"detector": detector})
    shared = load_detector(detector)
    shared.detect([], [], 0.5)
    settings.make_agent().ask(*asked[0])
    print(f"{lines} lines, {count} photographs, {pictures} a line; load {os.getloadavg()[0]:.1f}")

    def single(part: list[tuple[str, list[str]]], *, forget: bool) -> float:
        forget_detections(shared)
        began = time.perf_counter()
        for query, paths in part:
            if forget:
                forget_detections(shared)
            answers[query, tuple(paths)] = boxes_of(settings.make_agent().ask(query, paths))
        return len(part) / (time.perf_counter() - began)

    answers: dict[tuple[str, tuple[str, ...]], object] = {}
    cold_rate = single(asked[:cold], forget=True)
    print(f"  single asks, nothing kept between them ({cold} of the lines): {cold_rate:.2f}/s")
    warm_rate = single(asked, forget=False)
    print(f"  single asks, the detector's cache on:  {warm_rate:.2f}/s")
    forget_detections(shared)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        with (place / "in.jsonl").open("w") as file:
            for n, (query, paths) in enumerate(asked):
                file.write(json.dumps({"custom_id": f"{n}", "query": query, "images": paths}))
                file.write("\n")
        job = BatchJob(str(place / "in.jsonl"), str(place / "out.jsonl"), settings)
        began = time.perf_counter()
        summary = run_batch(job)
        batch_rate = lines / (time.perf_counter() - began)
        written = {r.custom_id: boxes_of(r) for r in read_records(place / "out.jsonl")}
    print(f"  batch, cache empty at its start:       {batch_rate:.2f}/s")
    print(f"  batch : single asks, nothing kept  {batch_rate / cold_rate:.2f}")
    print(f"  batch : single asks, cache on      {batch_rate / warm_rate:.2f}")
    same = sum(written.get(f"{n}") == answers[q, tuple(p)] for n, (q, p) in enumerate(asked))
    print(f"  same boxes to the pixel: {same} of {lines}; failed: {summary.failures}")


def forget_detections(detector: object) -> None:
    """Empty the cache of a shared detector."""
    detector._kept.clear()  # type: ignore[attr-defined]


def main() -> None:
    """Run one of the two measurements."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["scripted", "photos"])
    parser.add_argument("--lines", type=int)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--photos", type=int, default=100)
    parser.add_argument("--pictures", type=int, default=2, help="pictures of one line")
    parser.add_argument("--detector", default="yolo26m")
    parser.add_argument("--cold", type=int, default=40, help="lines of the loop without caches")
    given = parser.parse_args()
    if given.what == "scripted":
        scripted(given.lines or 20_000, given.processes)
    else:
        lines = given.lines or 400
        photos(lines, given.photos, given.pictures, given.detector, min(given.cold, lines))


if __name__ == "__main__":
    main()
