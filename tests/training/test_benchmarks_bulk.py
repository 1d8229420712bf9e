"""Reading thousands of answers at once gives exactly what the parser gives one by one."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gemvg.policy.parsing import each_first_box, first_box
from gemvg.training.benchmarks.bulk_boxes import Quad, first_boxes
from gemvg.training.benchmarks.mig_official import official_revised
from gemvg.training.benchmarks.reading import in_thousandths
from tests.shared import SHARED

ATOMS = st.sampled_from(
    ["(1,2),(3,4)", "(10,20),(999,1000)", "((5,6),(7,8))", "[1, 2, 3, 4]", "[0.1, 0.2, 0.3, 0.4]",
     "(", ")", "[", "]", ",", " ", "<think>", "</think>", "<answer>", "</answer>", "<box>1 2 3 4",
     "</box>", "12345", "-3", "1,2,3,4", "1.", "2nd", "?", "é", "图", "\n", "\0", "{", "words",
     "(1, 2), (3, 4)", "(1,2),(3", "(12345,1),(2,3)", "<|box_start|>(1,2),(3,4)<|box_end|>",
     "(٣,٤),(٥,٦)", ".", "(1.5,2),(3,4)", "(1,2)(3,4)", "\ud800"]
)  # fmt: skip
TEXTS = st.lists(st.lists(ATOMS, max_size=7).map("".join), max_size=6)


def one_by_one(texts: list[str], whole: bool) -> list[Quad | None]:
    return [official_revised(t) if whole else first_thousandths(t) for t in texts]


def official(texts: Sequence[str]) -> list[Quad | None]:
    return [official_revised(t) for t in texts]


def first_thousandths(text: str) -> Quad | None:
    """What `in_thousandths` says of a text by itself, through the parser of single texts."""
    found = first_box(text)
    return None if found is None or found.syntax.endswith("-unit") else found.numbers


@settings(max_examples=400, deadline=None)
@given(TEXTS, st.booleans())
@example(["(1,2),(3,4)</think><answer>(5,6),(7,8)</answer>"], False)
@example(["(1,2),(3,4)\0(5,6),(7,8)"], False)
@example(["(546,0", "(1,2),(3,4)"], False)
@example(["The 1st (1,2),(3,4)", "1.(1,2),(3,4)", "1, 2 (1,2),(3,4)"], False)
def test_at_once_is_one_by_one(texts: list[str], whole: bool) -> None:
    reader = official if whole else in_thousandths
    rows = first_boxes(texts, reader, whole=whole)
    assert rows.shape == (len(texts), 4)
    for found, expected in zip(rows.tolist(), one_by_one(texts, whole), strict=True):
        if expected is None:
            assert all(math.isnan(v) for v in found)
        else:
            assert tuple(found) == expected


@settings(max_examples=300, deadline=None)
@given(TEXTS)
@example(["(1e999,2),(3,4) [1,2,3,4]", "", "[1,2,3,4] (5,6),(7,8)", "no box"])
def test_each_first_box_is_first_box(texts: list[str]) -> None:
    assert each_first_box(texts) == [first_box(t) for t in texts]


@pytest.mark.skipif(
    not (SHARED / "mig_bench" / "predictions").is_dir(), reason="published answers are not here"
)
@pytest.mark.parametrize("model", ["qwen2_vl", "migician"])
def test_every_published_answer(model: str) -> None:
    texts: list[str] = []
    for path in sorted((SHARED / "mig_bench" / "predictions" / model).glob("*.json")):
        texts += [r["answer"] for r in json.loads(path.read_bytes()) if "answer" in r]
    thought = [f"<think>see (1,2),(3,4) and [5, 6]</think>\n<answer>{t}</answer>" for t in texts]
    expected = [first_thousandths(t) or (math.nan,) * 4 for t in texts]
    assert np.array_equal(first_boxes(texts, in_thousandths), expected, equal_nan=True)
    assert np.array_equal(first_boxes(thought, in_thousandths), expected, equal_nan=True)
