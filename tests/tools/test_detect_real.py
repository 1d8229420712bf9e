"""A real network on real photographs, and what it leaves behind on the machine."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gemvg.tools.detect import Detect
from gemvg.tools.errors import WeightsError
from gemvg.tools.images import picture_from_path
from gemvg.tools.tool import ToolContext
from gemvg.tools.views import ViewBook
from gemvg.tools.weights import fetch_weights
from tests.shared import SHARED, needs_shared

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def weights() -> Path:
    try:
        return fetch_weights("yolo26n")
    except WeightsError as error:
        pytest.skip(f"no weights within reach: {error.message}")


@needs_shared
def test_large_objects_of_real_photographs_are_found(weights: Path) -> None:
    data = json.loads((SHARED / "photos" / "instances.json").read_text())
    names = {c["id"]: c["name"] for c in data["categories"]}
    pictures = data["images"][:12]
    book = ViewBook(
        [picture_from_path(SHARED / "photos/images" / p["file_name"]) for p in pictures]
    )
    result = Detect("yolo26n").call({}, ToolContext(book))
    assert result.ok
    found = missed = 0
    for index, picture in enumerate(pictures, 1):
        here = [box for _, box in result.boxes if box.image == index]
        assert all(b.box.clip(picture["width"], picture["height"]) == b.box for b in here)
        for truth in data["annotations"]:
            x, y, w, h = truth["bbox"]
            large = w * h > 0.05 * picture["width"] * picture["height"]
            if truth["image_id"] != picture["id"] or truth["iscrowd"] or not large:
                continue
            target = type(here[0].box)(x, y, x + w, y + h) if here else None
            label = names[truth["category_id"]]
            hit = target and any(b.label == label and b.box.iou(target) >= 0.5 for b in here)
            found, missed = found + bool(hit), missed + (not hit)
    assert found + missed > 15
    assert found / (found + missed) >= 0.6


PROBE = """
import json, os, sys
import torch
def state():
    # torch itself names the folder of its compiler when that part of it is imported.
    names = set(os.environ) - {"TORCHINDUCTOR_CACHE_DIR"}
    return torch.get_num_threads(), {name: os.environ[name] for name in names}
before = state()
from PIL import Image
opener, saver = Image.open, torch.save
import socket
def no_network(*args, **kwargs): raise SystemExit("the network was used")
socket.getaddrinfo = socket.socket.connect = no_network
from gemvg.tools.detect import Detect
from gemvg.tools.images import picture_from_image
from gemvg.tools.tool import ToolContext
from gemvg.tools.views import ViewBook
book = ViewBook([picture_from_image(Image.new("RGB", (320, 240), (9, 99, 199)))])
result = Detect("yolo26n").call({}, ToolContext(book))
print(json.dumps({
    "ok": result.ok, "text": result.text,
    "patched": Image.open is not opener or torch.save is not saver,
    "environment": before == state(),
}))
"""


def test_nothing_is_written_outside_the_cache_sent_or_changed(
    weights: Path, tmp_path: Path
) -> None:
    home, cache, work = tmp_path / "home", tmp_path / "cache", tmp_path / "work"
    (cache / "weights").mkdir(parents=True)
    (cache / "weights" / weights.name).symlink_to(weights)
    for folder in (home, work, tmp_path / "temp"):
        folder.mkdir()
    keep = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "PYTHONPATH")}
    environment = keep | {
        "HOME": str(home),
        "TMPDIR": str(tmp_path / "temp"),
        "GEMVG_CACHE": str(cache),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", PROBE], cwd=work, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["ok"], report
    assert not report["patched"]
    assert report["environment"]
    written = {p for p in tmp_path.rglob("*") if p.is_file()}
    assert {p for p in written if not p.is_relative_to(cache)} == set()
