"""Readers are total: hypothesis on texts made of what answers are made of, and a short fuzz run."""

import importlib.util
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gemvg.policy.dialects import get_dialect
from gemvg.policy.policy import Completion
from gemvg.tools.boxes import Box, GroundedBox

from .readers import CONTEXT, check_text

PIECES = (
    "<think>", "</think>", "<answer>", "</answer>", "<tool_call>", "</tool_call>", "```json\n",
    "```", "[", "]", "{", "}", "(", ")", ",", ":", '"', "'", "\\", " ", "\n", ".", "-", "+", "e9",
    "1e999", "NaN", "Infinity", "null", "true", "0", "1", "7", "42", "999", "1000", "5000", "0.5",
    "-3", "9" * 30, '"bbox_2d"', '"label"', '"image"', '"id"', '"b1"', "answer", "name",
    "arguments", "zoom",
    '[{"image": 1, "bbox_2d": [1, 2, 30, 40], "label": "dog"}]', "(1,2),(30,40)",
    "[1, 2, 30, 40]", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>", "<|box_end|>",
    "<box>", "</box>", "<|im_end|>", "in the second image", "Image-1:", "the last picture",
    "第二张图", "none", "there is no dog", "a red kite", "x1", "y2", "\x00", "\ud7ff", "\U0001f600",
    "\u202e", "\x1b[31m",
)  # fmt: skip
answer_like = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


@settings(max_examples=400, deadline=None)
@given(st.one_of(answer_like, st.text(max_size=300)))
@example("[" * 100_000)
@example('{"a":' * 5000)
@example("[{'bbox_2d': [1, 2, 3, 4]")
@example('[{"bbox_2d": [' + "9" * 400 + ", 2, 3, 4]}]")
@example('{"name": {"name": 1}, "id": "b1"}')
def test_any_text_is_read(text):
    check_text(text)


@pytest.mark.parametrize("name", ["gemvg", "qwen2-vl", "migician", "qwen2.5-vl"])
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_what_cut_text_gives_is_a_part_of_what_whole_text_gives(name, data):
    """Boxes saved from a beginning of an answer are the answer's own first boxes."""
    dialect = get_dialect(name)
    count = data.draw(st.integers(1, 5))
    boxes = [
        GroundedBox(1 + k % 2, Box(10 + 50 * k, 10.0, 50 + 50 * k, 200.0), f"dog {k}")
        for k in range(count)
    ]
    text = dialect.write(boxes, CONTEXT)
    cut = text[: data.draw(st.integers(0, len(text)))]
    whole = dialect.read(Completion(text), CONTEXT)
    part = dialect.read(Completion(cut, finish_reason="length"), CONTEXT)
    assert [b.box for b in part.boxes] == [b.box for b in whole.boxes[: len(part.boxes)]]
    assert [b.image for b in part.boxes] == [b.image for b in whole.boxes[: len(part.boxes)]]
    assert part.status in ("partial", "truncated", "ok")
    if len(part.boxes) < count:
        assert part.status != "ok" or name in ("qwen2-vl", "migician")
    if not part.boxes:
        assert part.status == "truncated"


@settings(max_examples=200, deadline=None)
@given(answer_like, st.booleans())
def test_reasoning_never_changes_the_boxes(thought, think):
    answer = '[{"image": 2, "bbox_2d": [10, 20, 300, 400], "label": "dog"}]'
    for tag in ("<think>", "</think>", "<answer>", "</answer>", "<tool_call>"):
        thought = thought.replace(tag, "")
    text = f"<think>{thought}</think>" if think else ""
    reading = get_dialect("gemvg").read(Completion(f"{text}<answer>{answer}</answer>"), CONTEXT)
    assert [(b.image, b.label) for b in reading.boxes] == [(2, "dog")]
    assert reading.status == "ok"


def own_peak_mb() -> int:
    """The most memory that this process has ever held, MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (1024 * 1024 if sys.platform == "darwin" else 1024)


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed")
def test_a_short_fuzz_run_finds_nothing(tmp_path):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, piece in enumerate(PIECES):
        (corpus / str(number)).write_bytes(piece.encode("utf-8", "replace"))
    limits = ["-max_total_time=10", "-max_len=2048", "-timeout=20", f"-artifact_prefix={tmp_path}/"]
    # A process counts the peak of the one that it was forked from as its own: in a worker that has
    # trained a model before, libFuzzer's limit would be reached before the first text.
    limits.append(f"-rss_limit_mb={own_peak_mb() + 1024}")
    run = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.readers", *limits, str(corpus)],
        capture_output=True,
        text=True,
        timeout=200,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert "Done" in run.stderr
