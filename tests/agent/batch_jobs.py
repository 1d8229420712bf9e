"""Small batch jobs with a scripted policy, for tests in this process and in others."""

import json
import os
from pathlib import Path

from PIL import Image

from gemvg.agent import GroundingAgent
from gemvg.agent.batch.job import BatchJob
from gemvg.agent.settings import AskSettings
from gemvg.policy.scripted import ScriptedPolicy

SETTINGS = AskSettings.model_validate({"tools": "none"})


def said(request):
    """An answer that depends on the question, so that a swapped one would show."""
    number = sum(map(ord, request.query)) % 900
    return json.dumps([{"image": 1, "bbox_2d": [number, 10, number + 90, 500], "label": "dog"}])


async def noted(request):
    """As `said`; the question is noted in the file that ASKED names."""
    if place := os.environ.get("ASKED"):
        fd = os.open(place, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(fd, request.query.encode() + b"\n")
        os.close(fd)
    return said(request)


def make_agent(settings):
    """The agent of every job here."""
    return GroundingAgent(ScriptedPolicy(noted), tools=settings.tools, seed=settings.seed)


def write_pictures(folder, count=4):
    """Tiny pictures 0.png, 1.png, ...; a damaged one; their names."""
    for number in range(count):
        Image.new("RGB", (24 + number, 16), (number, 90, 10)).save(folder / f"{number}.png")
    (folder / "poison.png").write_bytes((folder / "0.png").read_bytes()[:40])
    return [f"{number}.png" for number in range(count)]


def write_lines(folder, count, names, poison=()):
    """IN.jsonl with `count` lines; those whose number is in `poison` name a damaged picture."""
    with (folder / "in.jsonl").open("w") as file:
        for number in range(count):
            image = "poison.png" if number in poison else names[number % len(names)]
            line = {"custom_id": f"q{number}", "query": f"every dog {number}", "images": [image]}
            file.write(json.dumps(line) + "\n")


def job(folder, output="out.jsonl", **options):
    """The job of a folder made by the functions above."""
    options = {"settings": SETTINGS, "make_agent": make_agent} | options
    return BatchJob(str(Path(folder) / "in.jsonl"), str(Path(folder) / output), **options)


def lines_of(path):
    """The lines of a file; none where there is no file."""
    return path.read_bytes().splitlines() if path.exists() else []


def rows(path):
    """The lines of a file, read."""
    return [json.loads(line) for line in lines_of(path)]


def results(folder):
    """The answers of a job, in whatever order they came."""
    return sorted(lines_of(folder / "out.jsonl"))


def errors(folder):
    """The errors of a job."""
    return rows(folder / "out.errors.jsonl")
