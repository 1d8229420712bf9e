"""How fast answers are read: adversarial text of 64 KB, and well-formed answers of 10 boxes.

    python benchmarks/parsing.py [--json FILE]

Times are processor time, best of three, so that a busy machine disturbs them little. The yard-stick
is `json.loads` of the same 10-box answer, measured in the same run.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from gemvg.policy.dialect import ReadContext
from gemvg.policy.dialects import DIALECT_NAMES, get_dialect
from gemvg.policy.parsing import first_box, parse_json_boxes
from gemvg.policy.policy import Completion
from gemvg.tools.boxes import Box, GroundedBox
from gemvg.tools.views import ViewBook

SIZE = 65_536
LIMIT_MS = 50.0
PATTERNS = (
    "[", "{", '{"a":', "[[1,", "[1,2,3,", "(1,2),(", "(1,2),(3,4)", "[1,2,3,4],", "[1,2,3,4", '"',
    '\\"', '"\\', '"label": "', "label: '\\", "<think>", "</think>", "<answer>",
    "<think></answer><answer></think>", "<tool_call>", '<tool_call>{"name":', "1", "1 ", " ", "\n",
    "image 1 ", "in the first image ", "first ", "<|object_ref_start|>a", "<|object_ref_end|>",
    "<|box_start|>", '"id": "b1",', '{"id": "b1", "label":"x"},', "[],", "{},", "[NaN,1,2,3],",
    '{"image":1,"bbox_2d":[1,2,3,4],"label":"a"},', "{'image':1,'bbox_2d':[1,2,3,4]}", "```json\n",
    "[          ", "(1          ", "1e9", "1.", "{[", "}{", '"image":', "第一张图", "\u200d",
    "\u202e", "\x1b[31m", "there is no ", "find in the ", "a(1,2),(3,4) ",
    "image 2 a(1,2),(3,4) ", "(1,2)",
    "{[1,2,3,4]", '{"x1":1,"y1":2,"x2":3,"y2":4},', ". ", " is", "(1,", "<box>1 2 3 ",
    '{"bbox_2d":[[1,2,3,4],[5,6,7,8]]},', '"bbox_2d":', '"bbox_2d": [1,2,3,4 ',
)  # fmt: skip


def adversarial_texts() -> dict[str, str]:
    """64 KB of each pattern, deep nesting, and thousands of boxes that all differ."""
    texts = {repr(p): (p * (SIZE // len(p) + 1))[:SIZE] for p in PATTERNS}
    texts["deep list"] = "[" * (SIZE // 2) + "]" * (SIZE // 2)
    texts["deep object"] = '{"a":' * 10_000 + "1" + "}" * 10_000
    numbers = [(k % 900, k // 900, k % 900 + 5, k // 900 + 9) for k in range(4000)]
    quads = [",".join(map(str, n)) for n in numbers]
    texts["different lists"] = "[" + ",".join(f"[{q}]" for q in quads) + "]"
    texts["different items"] = str([{"image": 1, "bbox_2d": list(n)} for n in numbers[:1300]])
    texts["different JSON items"] = texts["different items"].replace("'", '"')
    texts["different corners"] = "".join(
        f"dog({a},{b}),({c},{d}) in the first image " for a, b, c, d in numbers[:1500]
    )
    return texts


def best_ms(run: Callable[[], Any], repeat: int = 3, number: int = 1) -> float:
    """Milliseconds of processor time of one run, the best of several."""
    times: list[float] = []
    for _ in range(repeat):
        begin = time.process_time()
        for _ in range(number):
            run()
        times.append((time.process_time() - begin) / number)
    return min(times) * 1e3


def worst_cases(context: ReadContext) -> list[tuple[float, str, str]]:
    """(ms, reader, text) of every adversarial text with every family's reader, slowest first."""
    rows: list[tuple[float, str, str]] = []
    for name, text in adversarial_texts().items():
        completion = Completion(text)
        for dialect in map(get_dialect, ("gemvg", "qwen2-vl", "qwen2.5-vl", "migician")):
            rows.append(
                (best_ms(lambda d=dialect, c=completion: d.read(c, context)), dialect.name, name)
            )
        rows.append((best_ms(lambda t=text: first_box(t)), "first_box", name))
    return sorted(rows, reverse=True)


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--json", type=Path, help="also write the figures to this file")
    target: Path | None = arguments.parse_args().json
    pictures: list[Any] = [
        SimpleNamespace(width=w, height=h, size=(w, h)) for w, h in ((640, 480), (1000, 333))
    ]
    context = ReadContext(ViewBook(pictures), {1: (644.0, 476.0), 2: (1008.0, 336.0)},
                          query="find the dog in the second image")  # fmt: skip
    boxes = [GroundedBox(1 + k % 2, Box(10.0 + k, 20, 130, 140), f"dog {k}") for k in range(10)]
    answer = get_dialect("gemvg").write(boxes, context)
    loads = best_ms(lambda: json.loads(answer), 5, 2000) * 1e3
    parse = best_ms(lambda: parse_json_boxes(answer), 5, 2000) * 1e3
    figures: dict[str, Any] = {"json.loads_us": loads, "parse_us": parse}
    print(f"10 boxes: json.loads {loads:.1f} us, parse {parse:.1f} us ({parse / loads:.1f}x)")
    for name in DIALECT_NAMES:
        dialect = get_dialect(name)
        completion = Completion(dialect.write(boxes, context))
        read = best_ms(lambda d=dialect, c=completion: d.read(c, context), 5, 300) * 1e3
        figures[f"read_{name}_us"] = read
        print(f"10 boxes, read to pixels, {name:<12} {read:6.1f} us ({read / loads:.1f}x)")
    rows = worst_cases(context)
    figures["worst_64kb_ms"] = rows[0][0]
    print(f"64 KB, slowest of {len(rows)} (limit {LIMIT_MS:.0f} ms):")
    for ms, reader, name in rows[:8]:
        print(f"  {ms:6.1f} ms  {reader:<11} {name}")
    if target is not None:
        target.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
