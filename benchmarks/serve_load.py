"""64 clients at once against a real server process, and what becomes of it when it is told to stop.

    python benchmarks/serve_load.py [--seconds 60] [--clients 64] [--parallel 2]

The policy is scripted: it zooms once and answers, so what is measured is the server itself. Every
request carries two photographs' worth of JPEG (640 x 480). Prints replies by status, the server's
own time (all but upload, waiting for a turn and the policy) as its own histogram tells it, what
a client waits, and memory over time. Then the same load runs again, SIGTERM comes in the middle of
it, and every request that the server took must have been answered. Ends with 1 if anything failed.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import io
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.light_client import LightClient

OWN_LIMIT = 0.050
"""Seconds: the 99th percentile of the server's own time must lie below."""
WARM_UP = 3.0
"""Seconds of load before anything is measured: first calls load libraries."""
GROWTH_LIMIT = 32.0
"""MiB that the second half of the run may add to the first half's peak."""

SERVER = """
import asyncio, sys
from gemvg.agent import GroundingAgent
from gemvg.agent.serve.app import make_app
from gemvg.agent.serve.options import ServeOptions
from gemvg.agent.serve.running import serve
from gemvg.policy.scripted import ScriptedPolicy
look = '<tool_call>{"name": "zoom", "arguments": {"regions": [{"view": 1, "box": [100, 100, 500, 500]}]}}</tool_call>'
found = '<answer>[{"image": 2, "bbox_2d": [0, 0, 500, 500], "label": "cat"}]</answer>'
agent = GroundingAgent(ScriptedPolicy([look, found]), tools=["zoom"])
options = ServeOptions(running=int(sys.argv[1]), waiting=int(sys.argv[2]))
serve(make_app(agent, options), "127.0.0.1", 0, options)
"""  # noqa: E501


@dataclass(slots=True)
class Load:
    """What the clients saw."""

    statuses: Counter[str] = field(default_factory=Counter[str])
    waits: list[float] = field(default_factory=list[float])
    memory: list[float] = field(default_factory=list[float])


def photograph(seed: int) -> str:
    """A 640 x 480 JPEG as a data URI."""
    import numpy as np
    from PIL import Image

    coarse = np.random.default_rng(seed).integers(0, 255, (30, 40, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(coarse).resize((640, 480)).save(buffer, "JPEG", quality=90)
    whole = buffer.getvalue()
    # A multiple of three bytes has no padding: more base64 may follow it.
    whole += bytes(-len(whole) % 3)
    return f"data:image/jpeg;base64,{base64.b64encode(whole).decode()}"


def start_server(parallel: int, waiting: int, log: Path) -> tuple[subprocess.Popen[bytes], str]:
    """The process and its base URL."""
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(parallel), str(waiting)], stderr=stderr
        )
    end = time.monotonic() + 120
    while time.monotonic() < end:
        if found := re.search(r"http://\S+", log.read_text()):
            return process, found.group().rstrip("/")
        time.sleep(0.1)
    raise SystemExit(f"the server did not start:\n{log.read_text()}")


class Bodies:
    """Endless requests, no two alike: a server that kept what it decoded would gain nothing.

    The JPEGs differ in six bytes behind their end, which change their hash and not their picture.
    """

    def __init__(self) -> None:
        self._first, self._second = photograph(1).encode(), photograph(2).encode()
        self._numbers = itertools.count()

    def next(self) -> list[bytes]:
        """The pieces of one request's JSON."""
        mark = base64.b64encode(next(self._numbers).to_bytes(6))
        start = b'{"query": "the cat", "images": ["'
        return [start, self._first, mark, b'", "', self._second, mark, b'"]}']


async def one_client(url: str, bodies: Bodies, load: Load, until: float) -> None:
    """Ask again and again; whole answers are counted by status, anything else by its name."""
    client = LightClient(url)
    while time.monotonic() < until:
        began = time.perf_counter()
        try:
            async with asyncio.timeout(60):
                status, content = await client.post("/v1/ground", bodies.next())
        except ConnectionRefusedError:
            load.statuses["not taken"] += 1
            return
        except (ConnectionError, asyncio.IncompleteReadError):
            # The connection was closed before the request was taken; the server's own count of
            # taken and finished requests tells whether that is all it was.
            load.statuses["closed"] += 1
            return
        whole = status != 200 or json.loads(content)["status"] == "ok"
        load.statuses[str(status) if whole else "broken"] += 1
        load.waits.append(time.perf_counter() - began)
        if status in (429, 503):
            await asyncio.sleep(0.2)
    client.close()


async def watch(pid: int, load: Load, until: float) -> None:
    """The process's resident memory, MiB, twice a second."""
    while time.monotonic() < until and Path(f"/proc/{pid}/status").exists():
        text = Path(f"/proc/{pid}/status").read_text()
        if found := re.search(r"VmRSS:\s+(\d+)", text):
            load.memory.append(int(found.group(1)) / 1024)
        await asyncio.sleep(0.5)


async def run_load(url: str, pid: int, clients: int, seconds: float, stop: float | None) -> Load:
    """All clients at once; with `stop`, SIGTERM after that many seconds."""
    load, until, bodies = Load(), time.monotonic() + seconds, Bodies()
    tasks = [one_client(url, bodies, load, until) for _ in range(clients)]

    async def terminate() -> None:
        if stop is not None:
            await asyncio.sleep(stop)
            os.kill(pid, signal.SIGTERM)

    await asyncio.gather(*tasks, watch(pid, load, until), terminate())
    return load


def quantile(before: str, after: str, name: str, share: float) -> tuple[float, float]:
    """(lower, upper) edge of the bucket in which a quantile of what came between lies, seconds."""

    def counts(metrics: str) -> list[tuple[float, float]]:
        found = re.findall(rf'^{name}_bucket{{le="([^"]+)"}} (\S+)', metrics, re.MULTILINE)
        return [(float(edge), float(count)) for edge, count in found]

    pairs = zip(counts(before), counts(after), strict=True)
    buckets = [(edge, late - early) for (_, early), (edge, late) in pairs]
    wanted, below = share * buckets[-1][1], 0.0
    for edge, count in buckets:
        if count >= wanted:
            return below, edge
        below = edge
    return below, float("inf")


def cpu_seconds(metrics: str) -> float:
    """Processor time that the server has used, which other programs' load does not stretch."""
    found = re.search(r"^process_cpu_seconds_total (\S+)", metrics, re.MULTILINE)
    return float(found.group(1)) if found else 0.0


def percentile(values: list[float], share: float) -> float:
    """A quantile of plain numbers."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def steady(url: str, pid: int, clients: int, seconds: float) -> list[str]:
    """The first run; what went wrong in it."""
    asyncio.run(run_load(url, pid, clients, WARM_UP, None))
    before = httpx.get(f"{url}/metrics", trust_env=False).text
    load = asyncio.run(run_load(url, pid, clients, seconds, None))
    metrics = httpx.get(f"{url}/metrics", trust_env=False).text
    total = sum(load.statuses.values())
    median = quantile(before, metrics, "gemvg_own_seconds", 0.5)
    low, high = quantile(before, metrics, "gemvg_own_seconds", 0.99)
    cpu = cpu_seconds(metrics) - cpu_seconds(before)
    half = len(load.memory) // 2
    first, second = max(load.memory[:half] or [0.0]), max(load.memory[half:] or [0.0])
    print(
        f"{clients} clients, {seconds:.0f} s: {total / seconds:.0f} replies/s", dict(load.statuses)
    )
    print(f"own time p50: {median[0] * 1e3:.0f} to {median[1] * 1e3:.0f} ms", end=", ")
    print(f"p99: {low * 1e3:.0f} to {high * 1e3:.0f} ms (must be below 50 ms)")
    share = cpu / seconds / (os.cpu_count() or 1)
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end; the server had "
        f"{share:.0%} of them"
    )
    print(f"processor time of the server: {cpu / max(1, total) * 1e3:.1f} ms a reply, all included")
    print(
        f"a client waits: p50 {percentile(load.waits, 0.5) * 1e3:.0f} ms, "
        f"p99 {percentile(load.waits, 0.99) * 1e3:.0f} ms"
    )
    print(f"memory, peak: first half {first:.0f} MiB, second half {second:.0f} MiB")
    wrong = [f"{n} x {name}" for name, n in load.statuses.items() if name not in ("200", "429")]
    if high > OWN_LIMIT:
        wrong.append("own time")
    if second - first > GROWTH_LIMIT:
        wrong.append("memory grew")
    return wrong


def stopping(
    process: subprocess.Popen[bytes], url: str, clients: int, seconds: float, log: Path
) -> list[str]:
    """The second run, ended by SIGTERM; what went wrong in it."""
    load = asyncio.run(run_load(url, process.pid, clients, seconds, seconds / 2))
    code = process.wait(60)
    said = log.read_text().strip().splitlines()[-1]
    print(f"SIGTERM under load: exit code {code}, server says {said!r}; clients saw", end=" ")
    print(dict(load.statuses))
    counts = re.search(r"(\d+) taken, (\d+) finished", said)
    wrong = [] if code == 0 else [f"exit code {code}"]
    if counts is None or counts.group(1) != counts.group(2):
        wrong.append("taken questions were not finished")
    if load.statuses["broken"]:
        wrong.append("broken answers")
    return wrong


def main() -> None:
    """Measure and judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--parallel", type=int, default=2)
    parser.add_argument("--waiting", type=int, default=64)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        process, url = start_server(given.parallel, given.waiting, log)
        try:
            wrong = steady(url, process.pid, given.clients, given.seconds)
            wrong += stopping(process, url, given.clients, min(10.0, given.seconds), log)
        finally:
            process.kill()
    print("all held" if not wrong else f"FAILED: {', '.join(wrong)}")
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
