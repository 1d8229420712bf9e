"""Measure `match` and `compare` on crops and changes made from the shared photographs.

    python benchmarks/matching.py match --half odd --count 40
    python benchmarks/matching.py compare --half odd --count 40
    python benchmarks/matching.py match --count 8 --kinds resize,combined   # a few minutes

The even half was used for tuning, the odd half for reporting. Prints one row per kind: for `match`
the share of crops placed in the right one of three pictures at IoU 0.5 (all crops, and those with
texture: a grey deviation of at least 10), the mean IoU, and how often a crop was "found" when its
picture was absent; for `compare` the share whose best box has IoU 0.5 with the changed object (for
`none`: the share with no box at all); objects that are annotated in several pieces are left out.
Seconds are of one core.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from matching_cases import CHANGE_KINDS, CROP_KINDS, load_photos, make_change, make_crop

from gemvg.tools.boxes import Box
from gemvg.tools.compare import Compare
from gemvg.tools.images import picture_from_array, picture_from_path
from gemvg.tools.match import Match
from gemvg.tools.tool import ToolContext, ToolResult
from gemvg.tools.views import ViewBook

TEXTURE = 10.0


def measure_match(half: str, count: int, seed: int, kinds: Sequence[str]) -> None:
    """Print the table of `match`."""
    photos = load_photos(half)
    tool = Match()
    print(f"{'kind':10} {'recall':>7} {'textured':>9} {'mean IoU':>9} {'false':>7} {'s/pair':>7}")
    rows: list[tuple[bool, bool, float, bool, float]] = []
    for kind in [k for k in CROP_KINDS if not kinds or k in kinds]:
        rng = np.random.default_rng([seed, CROP_KINDS.index(kind)])
        part = []
        for _ in range(count):
            three = [photos[i] for i in rng.choice(len(photos), 4, replace=False)]
            crop, window = make_crop(three[0].pixels(), kind, rng)
            order = [three[i] for i in rng.permutation(3)]
            start = time.thread_time()
            result = _ask_match(tool, crop, [p.path for p in order])
            absent = _ask_match(tool, crop, [p.path for p in three[1:]])
            seconds = (time.thread_time() - start) / 6
            iou = 0.0
            if result.boxes:
                best = result.boxes[0][1]
                right = order[best.image - 1] is three[0]
                iou = best.box.iou(Box(*map(float, window))) if right else 0.0
            textured = float(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).std()) >= TEXTURE
            part.append((iou >= 0.5, textured, iou, bool(absent.boxes), seconds))
        _match_row(kind, part)
        rows += part
    _match_row("all", rows)


def _ask_match(tool: Match, crop: np.ndarray, paths: Iterable[object]) -> ToolResult:
    """Where a crop (the last picture) lies in pictures of these paths."""
    pictures = [picture_from_path(str(path)) for path in paths]
    book = ViewBook([*pictures, picture_from_array(crop)])
    return tool.call({"source": {"view": len(book)}}, ToolContext(book))


def _match_row(kind: str, rows: list[tuple[bool, bool, float, bool, float]]) -> None:
    """One line of the table."""
    hit, textured, iou, false, seconds = (np.array(column) for column in zip(*rows, strict=True))
    found = iou[hit].mean() if hit.any() else 0.0
    print(
        f"{kind:10} {hit.mean():7.3f} {hit[textured].mean():9.3f} {found:9.3f} "
        f"{false.mean():7.3f} {seconds.mean():7.2f}",
        flush=True,
    )


def measure_compare(half: str, count: int, seed: int, kinds: Sequence[str]) -> None:
    """Print the table of `compare`."""
    photos = load_photos(half)
    tool = Compare()
    chosen = [k for k in CHANGE_KINDS if not kinds or k in kinds]
    print(f"{'camera':7} {'light':6} " + " ".join(f"{kind:>8}" for kind in chosen))
    for camera in (False, True):
        for light in (False, True):
            shares: list[float] = []
            for kind in chosen:
                code = [seed, CHANGE_KINDS.index(kind), int(camera), int(light)]
                rng = np.random.default_rng(code)
                good = 0
                for _ in range(count):
                    case = make_change(photos, kind, rng, light=light, camera=camera)
                    pair = [picture_from_array(case.first), picture_from_array(case.second)]
                    result = tool.call({"first": 1, "second": 2}, ToolContext(ViewBook(pair)))
                    if case.box is None:
                        good += result.ok and not result.boxes
                    elif result.boxes:
                        good += result.boxes[0][1].box.iou(Box(*case.box)) >= 0.5
                shares.append(good / count)
            words = f"{'moved' if camera else 'still':7} {'other' if light else 'same':6} "
            print(words + " ".join(f"{share:8.3f}" for share in shares), flush=True)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("match", "compare"))
    parser.add_argument("--half", choices=("even", "odd", "all"), default="odd")
    parser.add_argument("--count", type=int, default=40, help="cases per kind")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--kinds", default="", help="only these, by comma")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    measure = measure_match if arguments.what == "match" else measure_compare
    kinds = [kind for kind in arguments.kinds.split(",") if kind]
    measure(arguments.half, arguments.count, arguments.seed, kinds)


if __name__ == "__main__":
    main()
