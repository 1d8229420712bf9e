"""Kills batch jobs at random points, for real; a program of its own, so that it may fork.

A job runs in a forked child (all imports are done before), which is killed with SIGKILL: after a
random time, or inside a random system call of the journal, a write being cut in the middle. It is
started again until it ends by itself; then its files are compared with those of a job that nobody
killed. Prints one JSON object.
"""

import gc
import json
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

from PIL import Image

from gemvg.agent import journal
from gemvg.agent.batch.job import run_batch
from gemvg.agent.graph import episode_graph
from gemvg.agent.settings import AskSettings
from tests.agent.batch_jobs import job, lines_of, write_lines, write_pictures

LINES, IN_FLIGHT = 24, 4
POISON = (3, 17)
OTHER = AskSettings.model_validate({"tools": "none", "seed": 1})


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def arm(name, countdown, share):
    """Have the n-th call of a system call in the journal be the last thing that happens."""
    real, left = getattr(os, name), [countdown]

    def armed(*arguments, **options):
        left[0] -= 1
        if left[0] > 0:
            return real(*arguments, **options)
        if name == "write" and len(arguments[1]) > 1:
            real(arguments[0], arguments[1][: int(len(arguments[1]) * share)])
        elif share > 0.5:
            real(*arguments, **options)
        return die()

    class Armed:
        def __getattr__(self, attribute):
            return armed if attribute == name else getattr(os, attribute)

    journal.os = Armed()


def child(folder, settings, plan):
    """Fork; run the job in the child, to its end or its death. True where it ended by itself."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            if plan and plan[0] != "time":
                arm(*plan)
            options = {"settings": settings, "retry_errors": len(plan or "") == 3}
            run_batch(job(folder, in_flight=IN_FLIGHT, window=8, **options))
            code = 0
        finally:
            os._exit(code)
    if plan and plan[0] == "time":
        time.sleep(plan[1])
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise SystemExit(f"a job failed with exit code {os.WEXITSTATUS(status)}")
    return os.WIFEXITED(status)


def plan_of(rng, seconds):
    if rng.random() < 0.5:
        return "time", rng.uniform(0.0, 0.7 * seconds)
    name = rng.choice(["write", "write", "write", "fsync", "replace", "ftruncate"])
    most = {"write": 7, "fsync": 7, "replace": 2, "ftruncate": 1}[name]
    return name, rng.randint(1, most), rng.random()


def results(folder):
    return sorted(lines_of(folder / "out.jsonl")), sorted(lines_of(folder / "out.errors.jsonl"))


def one_round(folder, whole, rng, seconds, report):
    """One job from its start, killed again and again, until it ends."""
    shutil.rmtree(folder)
    shutil.copytree(whole, folder, ignore=shutil.ignore_patterns("out*", "asked"))
    if rng.random() < 0.2:
        # Results of other settings stand in the output already and must be replaced, some of them
        # by errors: the pictures were whole then.
        shutil.copy(folder / "0.png", folder / "poison.png")
        child(folder, OTHER, None)
        shutil.copy(whole / "poison.png", folder / "poison.png")
    (folder / "asked").write_bytes(b"")
    kills = 0
    while True:
        plan = plan_of(rng, seconds)
        if child(folder, AskSettings.model_validate({"tools": "none"}), plan):
            break
        kills += 1
        report["inside_calls"] += plan[0] != "time"
    # The job that ended may have been asked to try errors again; what stands is compared.
    report["kills"] += kills
    report["rounds"] += 1
    report["recomputed"] += len(lines_of(folder / "asked")) - (LINES - len(POISON))
    report["allowed"] += kills * IN_FLIGHT
    if results(folder) != results(whole):
        report["wrong"].append(str(folder))


def main(folder, kills, seed):
    rng = random.Random(seed)
    whole, work = Path(folder) / "whole", Path(folder) / "work"
    for place in (whole, work):
        place.mkdir(parents=True)
    write_lines(whole, LINES, write_pictures(whole), POISON)
    # Its header can be read, so that its errors have keys.
    Image.effect_noise((80, 60), 50).save(whole / "poison.png")
    os.truncate(whole / "poison.png", 2000)
    with (whole / "in.jsonl").open("a") as file:
        file.write('{"custom_id": "q0", "query": "taken", "images": ["0.png"]}\nnot JSON\n')
    episode_graph()
    gc.freeze()
    os.environ["ASKED"] = str(work / "asked")
    settings = AskSettings.model_validate({"tools": "none"})
    began = time.monotonic()
    child(whole, settings, None)
    seconds = time.monotonic() - began
    report = dict.fromkeys(("kills", "inside_calls", "rounds", "recomputed", "allowed"), 0)
    report |= {"wrong": [], "results": len(results(whole)[0]), "errors": len(results(whole)[1])}
    while report["kills"] < kills:
        one_round(work, whole, rng, seconds, report)
    print(json.dumps(report | {"seconds": time.monotonic() - began}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
