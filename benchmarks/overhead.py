"""What the agent itself costs: the start of the command line, the loop, memory.

    python benchmarks/overhead.py            # start and loop
    python benchmarks/overhead.py --memory   # also ten 12-megapixel photographs, real detector

Times are told as ratios inside one run, because machines are shared: `--help` against the bare
imports of typer, rich and pydantic; the loop against a bare LangGraph graph of as many empty nodes.
Each figure is the median of several interleaved repeats.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import io
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable

HELP = "from gemvg.agent.cli.main import run; run(['--help'])"
BARE = "import typer, rich, pydantic"


def _seconds(code: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def start_cost(repeats: int) -> dict[str, float]:
    """`--help` against the bare imports, whole processes, interleaved."""
    _seconds(HELP)
    pairs = [(_seconds(HELP), _seconds(BARE)) for _ in range(repeats)]
    return {
        "help_seconds": statistics.median(p[0] for p in pairs),
        "bare_imports_seconds": statistics.median(p[1] for p in pairs),
        "ratio": statistics.median(p[0] for p in pairs) / statistics.median(p[1] for p in pairs),
    }


def _scripted() -> tuple[Callable[[], object], Callable[[], object]]:
    """A question of three steps, and a bare graph of as many nodes, both to be awaited."""
    import numpy as np
    from langgraph.graph import END, START, StateGraph

    from gemvg.agent import GroundingAgent
    from gemvg.agent.pictures import load_pictures
    from gemvg.agent.state import EpisodeState
    from gemvg.policy.scripted import ScriptedPolicy

    call = (
        '<tool_call>{"name": "zoom", "arguments": {"regions": [{"view": %d, '
        '"box": [100, 100, 500, 500]}]}}</tool_call>'
    )
    said = '<answer>[{"image": 3, "bbox_2d": [0, 0, 500, 500], "label": "cat"}]</answer>'
    agent = GroundingAgent(ScriptedPolicy([call % 1, call % 2, said]), tools=["zoom"])
    pictures = load_pictures([np.zeros((480, 640, 3), np.uint8)] * 2)

    async def empty(state: EpisodeState) -> dict[str, str]:
        return {"why": "nothing"}

    graph = StateGraph(EpisodeState)
    names = [f"n{k}" for k in range(9)]  # prepare decide (generate tools)x2 generate check answer
    for name in names:
        graph.add_node(name, empty)
    for before, after in zip([START, *names], [*names, END], strict=True):
        graph.add_edge(before, after)
    compiled = graph.compile()
    return (
        lambda: agent.aask("the cat", pictures),
        lambda: compiled.ainvoke(EpisodeState("the cat", (1, 2))),
    )


def loop_cost(rounds: int, questions: int = 40) -> dict[str, float]:
    """Milliseconds a three-step question, and of a bare graph of nine empty nodes."""
    ask, bare = _scripted()

    async def measure(make: Callable[[], object]) -> tuple[float, float]:
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(questions):
            await make()  # pyright: ignore[reportGeneralTypeIssues]
        done = time.process_time() - cpu, time.perf_counter() - wall
        return done[0] / questions * 1000, done[1] / questions * 1000

    async def run() -> list[tuple[tuple[float, float], tuple[float, float]]]:
        await measure(ask)
        await measure(bare)
        return [(await measure(ask), await measure(bare)) for _ in range(rounds)]

    pairs = asyncio.run(run())
    return {
        "question_ms": min(ours[1] for ours, _ in pairs),
        "question_cpu_ms": min(ours[0] for ours, _ in pairs),
        "bare_graph_ms": min(bare[1] for _, bare in pairs),
        "ratio": statistics.median(ours[1] / bare[1] for ours, bare in pairs),
    }


def _resident() -> float:
    """Resident memory of this process, MiB (Linux)."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20


class _Peak:
    """The highest resident memory while it watches, MiB."""

    def __init__(self) -> None:
        self.value = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._stop.wait(0.02):
            self.value = max(self.value, _resident())

    def __enter__(self) -> _Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def _photographs(count: int) -> list[bytes]:
    """JPEGs of 4000 x 3000, textured so that they weigh as photographs do."""
    import numpy as np
    from PIL import Image

    encoded: list[bytes] = []
    for seed in range(count):
        small = np.random.default_rng(seed).integers(0, 255, (600, 800, 3), np.uint8)
        out = io.BytesIO()
        Image.fromarray(small).resize((4000, 3000), Image.Resampling.BICUBIC).save(out, "JPEG")
        encoded.append(out.getvalue())
    return encoded


def memory_cost() -> dict[str, float]:
    """MiB beyond the loaded models at the peak of one question about ten 12-MP photographs."""
    from gemvg.agent import GroundingAgent

    agent = GroundingAgent("planner")
    photographs = _photographs(10)
    warm = agent.ask("every dog", _photographs(1))
    gc.collect()
    before = _resident()
    with _Peak() as peak:
        answer = agent.ask("every dog", photographs)
    if answer.status == "failed" or warm.status == "failed":
        raise SystemExit(f"the question failed: {answer.error or warm.error}")
    return {
        "models_mib": before,
        "peak_mib": peak.value,
        "beyond_models_mib": peak.value - before,
        "seconds": answer.seconds,
    }


def main() -> None:
    """Measure and print one JSON object; the limits that the project states stand beside it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--memory", action="store_true", help="measure memory, with the detector")
    parser.add_argument("--repeats", type=int, default=11)
    options = parser.parse_args()
    report: dict[str, dict[str, float]] = {
        "start": start_cost(options.repeats) | {"limit_ratio": 1.3},
        "loop": loop_cost(options.repeats) | {"limit_ms": 10.0},
    }
    if options.memory:
        report["memory"] = memory_cost() | {"limit_mib": 1536.0}
    rounded = {part: {k: round(v, 3) for k, v in fs.items()} for part, fs in report.items()}
    print(json.dumps(rounded, indent=2))


if __name__ == "__main__":
    main()
