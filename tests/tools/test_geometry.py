from itertools import permutations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gemvg.tools.boxes import Box
from gemvg.tools.geometry import (
    areas,
    giou_matrix,
    iou_matrix,
    match_optimal,
)

wild = hnp.arrays(
    np.float64,
    st.tuples(st.integers(0, 5), st.just(4)),
    elements=st.floats(allow_nan=True, allow_infinity=True),
)
corners = hnp.arrays(
    np.float64, st.tuples(st.integers(1, 6), st.just(4)), elements=st.floats(0, 100)
)


def ordered(boxes: np.ndarray) -> np.ndarray:
    return np.array([Box.ordered(*row) for row in boxes]).reshape(-1, 4)


@given(wild, wild)
def test_matrices_are_total(a: np.ndarray, b: np.ndarray) -> None:
    for matrix, low in ((iou_matrix(a, b), 0.0), (giou_matrix(a, b), -1.0)):
        assert matrix.shape == (len(a), len(b))
        assert np.isfinite(matrix).all()
        assert ((matrix >= low) & (matrix <= 1.0)).all()
    assert np.isfinite(areas(a)).all()


@given(corners, corners)
def test_the_matrix_agrees_with_single_boxes(a: np.ndarray, b: np.ndarray) -> None:
    a, b = ordered(a), ordered(b)
    expected = [[Box(*x).iou(Box(*y)) for y in b] for x in a]
    assert np.allclose(iou_matrix(a, b), expected, atol=1e-9)
    assert np.allclose(iou_matrix(a, b), iou_matrix(b, a).T)
    assert (giou_matrix(a, b) <= iou_matrix(a, b) + 1e-9).all()


def test_groups_are_scored_at_once() -> None:
    rng = np.random.default_rng(0)
    a, b = np.sort(rng.random((3, 4, 4))), np.sort(rng.random((3, 5, 4)))
    assert iou_matrix(a, b).shape == (3, 4, 5)
    assert np.allclose(iou_matrix(a, b)[1], iou_matrix(a[1], b[1]))


@settings(max_examples=60)
@given(
    hnp.arrays(
        np.float64, st.tuples(st.integers(1, 4), st.integers(1, 4)), elements=st.floats(0, 1)
    ),
    st.sampled_from([0.0, 0.3, 0.5]),
)
def test_matching_is_as_good_as_brute_force(values: np.ndarray, minimum: float) -> None:
    found = match_optimal(values, minimum)
    assert len(set(found.rows)) == len(found.rows)
    assert len(set(found.cols)) == len(found.cols)
    assert np.allclose(values[found.rows, found.cols], found.values)
    allowed = values > 0 if minimum == 0 else values >= minimum
    assert allowed[found.rows, found.cols].all()
    useful = np.where(allowed, values, 0.0)
    wide = useful if useful.shape[0] <= useful.shape[1] else useful.T
    n, m = wide.shape
    best = max(sum(wide[i, p[i]] for i in range(n)) for p in permutations(range(m), n))
    assert np.isclose(found.values.sum(), best)


def test_matching_ignores_what_is_not_finite() -> None:
    found = match_optimal(np.array([[np.nan, 0.4], [np.inf, -np.inf]]))
    assert [*found.rows] == [0]
    assert [*found.cols] == [1]
    assert len(match_optimal(np.empty((0, 3))).rows) == 0
