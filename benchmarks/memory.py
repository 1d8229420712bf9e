"""Memory of `detect`, `match` and `compare` on ten photographs of 12 megapixels.

    python benchmarks/memory.py [--tools match,compare,detect] [--count 10] [--detector yolo26n]

The photographs are those of the shared data, enlarged to 4000 pixels a side, with noise, as JPEG.
Prints the highest resident memory of each tool beyond what the process held before (the models are
loaded and OpenCV has run once by then). `match` looks for a close-up of 100 pixels, so that every
large picture is searched in full too; `compare` compares each photograph with the next, and with
itself, relit.
"""

from __future__ import annotations

import argparse
import gc
import io
import time
from collections.abc import Callable

import cv2
import numpy as np
from matching_cases import Photo, load_photos
from overhead import _Peak, _resident  # pyright: ignore[reportPrivateUsage]
from PIL import Image

from gemvg.tools.compare import Compare
from gemvg.tools.detect import Detect
from gemvg.tools.images import Picture, picture_from_bytes
from gemvg.tools.match import Match
from gemvg.tools.tool import ToolContext, ToolResult
from gemvg.tools.views import ViewBook

SIDE = 4000
LIMIT = 1536.0


def enlarge(photo: Photo, rng: np.random.Generator) -> bytes:
    """A photograph of `SIDE` pixels, noisy as a camera's, as JPEG."""
    pixels = photo.pixels()
    factor = SIDE / max(pixels.shape[:2])
    large = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    large = cv2.add(large, rng.integers(0, 9, large.shape, dtype=np.uint8))
    return _jpeg(large)


def _jpeg(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=90)
    return out.getvalue()


def _read(encoded: list[bytes]) -> list[Picture]:
    return [picture_from_bytes(data, f"photo {k}") for k, data in enumerate(encoded, 1)]


def _close_up(encoded: bytes) -> bytes:
    """100 x 100 pixels of a photograph: the best of a few places by contrast."""
    pixels = np.asarray(Image.open(io.BytesIO(encoded)))
    height, width = pixels.shape[:2]
    places = [(x, y) for x in range(200, width - 200, 400) for y in range(200, height - 200, 400)]
    x, y = max(places, key=lambda p: float(pixels[p[1] : p[1] + 100, p[0] : p[0] + 100].std()))
    return _jpeg(pixels[y : y + 100, x : x + 100])


def ask_match(encoded: list[bytes]) -> list[ToolResult]:
    """One close-up against all photographs."""
    book = ViewBook(_read([*encoded, _close_up(encoded[-1])]))
    return [Match().call({"source": {"view": len(book)}}, ToolContext(book))]


def ask_compare(encoded: list[bytes]) -> list[ToolResult]:
    """Each photograph with the next, and the first with itself."""
    book = ViewBook(_read([*encoded, encoded[0]]))
    context = ToolContext(book)
    pairs = [(k, k + 1) for k in range(1, len(encoded))] + [(1, len(book))]
    return [Compare().call({"first": a, "second": b}, context) for a, b in pairs]


def ask_detect(spec: str) -> Callable[[list[bytes]], list[ToolResult]]:
    """Everything in all photographs at once."""
    tool = Detect(spec)
    return lambda encoded: [tool.call({}, ToolContext(ViewBook(_read(encoded))))]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tools", default="match,compare,detect")
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--detector", default="yolo26n")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    photos = load_photos("odd")[: arguments.count]
    rng = np.random.default_rng(0)
    encoded = [enlarge(photo, rng) for photo in photos]
    small = [_jpeg(photo.pixels()) for photo in photos[:2]]
    tools: dict[str, Callable[[list[bytes]], list[ToolResult]]] = {
        "match": ask_match,
        "compare": ask_compare,
        "detect": ask_detect(arguments.detector),
    }
    for name in arguments.tools.split(","):
        tools[name](small)
        gc.collect()
        before, began = _resident(), time.process_time()
        with _Peak() as peak:
            results = tools[name](encoded)
        print(
            f"{name:8} peak {peak.value - before:6.0f} MiB beyond {before:.0f} MiB "
            f"(limit {LIMIT:.0f}), {time.process_time() - began:.1f} CPU s, "
            f"{sum(len(r.boxes) for r in results)} boxes",
            flush=True,
        )


if __name__ == "__main__":
    main()
