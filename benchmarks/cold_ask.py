"""How long a cold `gemvg-agent ask` takes beside a cold `yolo predict` on the same two photographs.

    python benchmarks/cold_ask.py [--policy nano] [--runs 5]

Both are processes of their own, with the same detector weights (yolo26m), on photographs of
GEMVG_SHARED/photos; they take turns, so that a busy moment hits both. Then the same question is
asked again in one process: the policy's own share of a warm answer. Ends with 1 where the ratio is
above 1.5 or the share above 0.7 s.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gemvg.agent import GroundingAgent
from gemvg.tools.weights import fetch_weights

MOST_RATIO = 1.5
MOST_SHARE = 0.7
DETECTOR = "yolo26m"
QUERY = "find every person"
ANSWERED = (0, 1)
"""Exit codes of `ask`: boxes were found, or nothing like that is there."""
BIN = Path(sys.executable).parent


def seconds_of(command: list[str], folder: str, fine: tuple[int, ...] = (0,)) -> float:
    """Wall seconds of a process. Raises CalledProcessError where it ends with another code."""
    began = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=os.environ | {"GEMVG_DETECTOR": DETECTOR}, capture_output=True,
        check=False,
    )  # fmt: skip
    if done.returncode not in fine:
        done.check_returncode()
    return time.perf_counter() - began


def main() -> None:
    """Measure in turn, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--policy", default="nano")
    parser.add_argument("--runs", type=int, default=5)
    chosen = parser.parse_args()
    shared = Path(os.environ.get("GEMVG_SHARED", "../shared")).resolve()
    pictures = [str(p) for p in sorted((shared / "photos" / "images").glob("*.jpg"))[:2]]
    weights = str(fetch_weights(DETECTOR))
    ours: list[float] = []
    theirs: list[float] = []
    with tempfile.TemporaryDirectory() as work:
        listed = Path(work) / "pictures.txt"
        listed.write_text("\n".join(pictures))
        ask = [str(BIN / "gemvg-agent"), "ask", QUERY, *pictures]
        ask += ["--policy", chosen.policy, "--json"]
        predict = [str(BIN / "yolo"), "predict", f"model={weights}", f"source={listed}"]
        seconds_of(ask, work, ANSWERED), seconds_of(predict, work)
        for _ in range(chosen.runs):
            ours.append(seconds_of(ask, work, ANSWERED))
            theirs.append(seconds_of(predict, work))
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    print(
        f"cold: ask {statistics.median(ours):.2f} s, yolo predict {statistics.median(theirs):.2f} "
        f"s, ratio {ratio:.2f} (median of {chosen.runs})"
    )
    agent = GroundingAgent(chosen.policy)
    shares: list[float] = []
    for _ in range(chosen.runs + 1):
        answer = agent.ask(QUERY, pictures)
        shares.append(float(answer.usage["policy_seconds"]))
    share = statistics.median(shares[1:])
    print(
        f"warm: the policy's own share {share:.3f} s, {answer.usage['policy_calls']} calls, "
        f"status {answer.status}"
    )
    wrong = [w for w, bad in (("cold", ratio > MOST_RATIO), ("warm", share > MOST_SHARE)) if bad]
    print(f"FAILED: {', '.join(wrong)}" if wrong else "all held")
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
