"""Every metric against brute force on small cases, and the cases that trip metrics up."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemvg.tools.boxes import Box
from gemvg.training.benchmarks.metrics.choice import pick
from gemvg.training.benchmarks.metrics.grounding_f1 import Placed, agreement
from gemvg.training.benchmarks.metrics.single_box import (
    THRESHOLDS,
    accuracy_rows,
    paired_iou,
    pooled,
)

GRID = st.integers(0, 8).map(float)
BOXES = st.builds(Box, GRID, GRID, GRID, GRID)
SIZE = st.integers(1, 5).map(float)
SOUND = st.builds(Box.from_xywh, GRID, GRID, SIZE, SIZE)
WILD = st.one_of(
    BOXES, st.builds(Box, *[st.sampled_from([math.nan, math.inf, -math.inf, 3.0])] * 4)
)


def pixel_iou(a: Box, b: Box) -> float:
    """By counting unit cells."""
    if not (a.is_valid and b.is_valid):
        return 0.0
    cells = [
        {(x, y) for x in range(int(c.x1), int(c.x2)) for y in range(int(c.y1), int(c.y2))}
        for c in (a, b)
    ]
    return len(cells[0] & cells[1]) / len(cells[0] | cells[1])


@given(st.lists(st.tuples(WILD, SOUND), max_size=12))
def test_paired_iou_by_counting_cells(pairs: list[tuple[Box, Box]]) -> None:
    left = np.asarray([p for p, _ in pairs], dtype=float).reshape(-1, 4)
    right = np.asarray([t for _, t in pairs], dtype=float).reshape(-1, 4)
    expected = [pixel_iou(p, t) for p, t in pairs]
    assert paired_iou(left, right).tolist() == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0.0, 0.3, 0.49, 0.5, 0.7, 1.0]))))
def test_accuracy_rows_by_counting(values: list[tuple[int, float]]) -> None:
    tasks = np.asarray([t for t, _ in values], dtype=np.intp)
    iou = np.asarray([v for _, v in values], dtype=float)
    rows = accuracy_rows(iou, tasks, 4)
    for task, found in enumerate(rows):
        mine = [v for t, v in values if t == task]
        assert found.n == len(mine)
        assert found.hits == tuple(sum(v >= t for v in mine) for t in THRESHOLDS)
        assert found.iou_sum == pytest.approx(sum(mine))
    micro = pooled(rows)
    assert micro.n == len(values) and micro.hits[1] == sum(v >= 0.5 for _, v in values)
    if values:
        assert micro.accuracy(0.5) == pytest.approx(100 * micro.hits[1] / len(values))


def brute_pairs(predicted: list[Placed], true: list[Placed], threshold: float) -> int:
    """The most pairs over all ways to put predictions to truths."""

    def fits(p: Placed, t: Placed) -> bool:
        return p.image == t.image and pixel_iou(p.box, t.box) >= threshold

    small, large = sorted((predicted, true), key=len)
    swap = small is not predicted
    return max(
        sum(fits(b, a) if swap else fits(a, b) for a, b in zip(small, order, strict=False))
        for order in itertools.permutations(large, len(small))
    )  # fmt: skip


PLACED = st.builds(Placed, st.integers(1, 2), BOXES)
TRUE = st.builds(Placed, st.integers(1, 2), SOUND)


@settings(max_examples=200, deadline=None)
@given(st.lists(PLACED, max_size=4), st.lists(TRUE, max_size=4), st.sampled_from([0.3, 0.5, 0.7]))
def test_agreement_by_trying_every_matching(
    predicted: list[Placed], true: list[Placed], threshold: float
) -> None:
    found = agreement(predicted, true, threshold)
    best = brute_pairs(predicted, true, threshold) if predicted and true else 0
    assert found.matched == best
    if predicted or true:
        precision = best / len(predicted) if predicted else 0.0
        recall = best / len(true) if true else 0.0
        both = precision + recall
        assert found.f1 == pytest.approx(2 * precision * recall / both if both else 0.0)
    assert 0.0 <= found.f1 <= 1.0 and found.iou >= (threshold if best else 0.0)


A, B = Box(0, 0, 10, 10), Box(20, 20, 30, 40)


@pytest.mark.parametrize(
    ("predicted", "true", "f1"),
    [
        ([], [], 1.0),
        ([], [(1, A)], 0.0),
        ([(1, A)], [], 0.0),
        ([(1, A)], [(1, A)], 1.0),
        ([(2, A)], [(1, A)], 0.0),
        ([(1, A), (1, A)], [(1, A)], 2 / 3),
        ([(1, A)], [(1, A), (2, A)], 2 / 3),
        ([(1, Box(math.nan, 0, 10, 10))], [(1, A)], 0.0),
        ([(1, Box(10, 10, 0, 0))], [(1, A)], 0.0),
        ([(1, A), (1, Box(math.inf, 0, 0, math.nan))], [(1, A)], 2 / 3),
        ([(1, B), (1, A)], [(1, A), (1, B)], 1.0),
    ],
)
def test_agreement_cases(
    predicted: list[tuple[int, Box]], true: list[tuple[int, Box]], f1: float
) -> None:
    found = agreement([Placed(*p) for p in predicted], [Placed(*t) for t in true])
    assert found.f1 == pytest.approx(f1)


def test_more_pairs_win_over_better_overlap() -> None:
    true = [Placed(1, Box(0, 0, 10, 10)), Placed(1, Box(4, 0, 14, 10))]
    # The first prediction fits both; taking its better match would leave the second without.
    predicted = [Placed(1, Box(1, 0, 11, 10)), Placed(1, Box(0, 0, 10, 9))]
    assert agreement(predicted, true, 0.5).matched == 2


OPTIONS = ("a cat", "two cats", "Image 3", "none of them")


@pytest.mark.parametrize(
    ("said", "letter"),
    [
        ("B", "B"), ("b", "B"), ("(B)", "B"), ("B.", "B"), ("B) two cats", "B"), ("**C**", "C"),
        ("The answer is (D).", "D"), ("Answer: C", "C"), ("I think it is option B because", "B"),
        ("Not A; the answer is B", "B"), ("answer is A. No, the answer is C.", "C"),
        ("two cats", "B"), ("It shows two cats.", "B"), ("a cat", "A"), ("Image 3", "C"),
        ("it must be [C]", "C"), ("A or B", None), ("", None), ("E", None), ("(E)", None),
        ("The answer is a cat.", "A"), ("The answer is two cats", "B"), ("My choice: a cat", "A"),
        ("The answer is none of them", "D"), ("Answer: A dog", "A"), ("the option is c.", "C"),
        ("The answer is a dog", None), ("The best choice is *A*", "A"),
        ("The answer is A because it is red", "A"), ("The answer is A, two cats", "A"),
        ("a cat or two cats", None), ("A dog", None), ("I see nothing", None), ("(A) or (B)", None),
    ],
)  # fmt: skip
def test_picked_letter(said: str, letter: str | None) -> None:
    assert pick(said, OPTIONS) == letter


@pytest.mark.parametrize(
    "said",
    [
        "A, B", "(A) and (C)", "B or C", "A\nB\nC", "The answer is A or B", "A. or B. both", "a, b",
        "A, B, or C", "**B** or **C**", "B / C", "B & C", "B or (C)", "C, or D.", "B and/or C",
        "The answer is (A) and (B).", "The answer is B\nC", "It could be (B) or C", "(B), (C)",
        "Option A or option B", "It is option B or C, I think", "A and C are both right",
        "B and C because both show it", "(B) two cats and (C) Image 3", "A. a cat\nB. two cats",
        "B or C would fit", "A\n\n(B)",
    ],
)  # fmt: skip
def test_several_letters_are_none(said: str) -> None:
    assert pick(said, OPTIONS) is None


@pytest.mark.parametrize(
    ("said", "letter"),
    [
        ("A. A dog and a cat", "A"), ("A because B is smaller", "A"), ("A not B", "A"),
        ("B because A is smaller", "B"), ("The answer is A, not B", "A"), ("A, not B", "A"),
        ("The answer is A, B shows a dog", "A"), ("B and C is too small", "B"), ("B, E", "B"),
        ("B and I think so", "B"), ("B, a dog", "B"), ("C, because B and D are red", "C"),
        ("A. It is nearer than (B) and (C)", "A"), ("A\nB is wrong", "A"), ("B\n\nB", "B"),
        ("The answer is A or B. No, the answer is B", "B"), ("D, none of A, B and C", "D"),
        ("C\nThe options were:\nA. a cat\nB. two cats", "C"), ("B or not, it is B", "B"),
        ("(C) Image 3, and B's tail is cut", "C"),
    ],
)  # fmt: skip
def test_a_second_letter_that_is_not_picked(said: str, letter: str) -> None:
    assert pick(said, OPTIONS) == letter


@pytest.mark.parametrize(
    ("said", "options", "letter"),
    [
        ("A and B", ("left", "right", "A and B"), "C"),
        ("(C) A and B", ("left", "right", "A and B"), "C"),
        ("B is closer to it.", ("B is closer", "A is closer"), "A"),
        ("A is closer to it.", ("B is closer", "A is closer"), "B"),
        ("B or C", ("", "", ""), None),
    ],
)
def test_options_that_name_letters(said: str, options: tuple[str, ...], letter: str | None) -> None:
    assert pick(said, options) == letter


@given(st.text(max_size=40), st.lists(st.text(max_size=8), max_size=5))
def test_picking_is_total(said: str, options: list[str]) -> None:
    found = pick(said, options)
    assert found is None or ord(found) - ord("A") < len(options)
