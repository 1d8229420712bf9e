"""Laws that every reward term and preset keeps, and the known defects of published rewards."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemvg.tools.errors import UsageError
from gemvg.tools.geometry import iou_matrix
from gemvg.training.rewards.batch import MAX_BOXES, ScoredBatch
from gemvg.training.rewards.presets import PRESETS, get_preset
from gemvg.training.rewards.quality import banded, threshold_at, thresholded, touching
from gemvg.training.rewards.rollout import BoxSet, Rollout, Sample

ALL = sorted(PRESETS)

corner = st.floats(0, 900, allow_nan=False)
side = st.floats(1, 300, allow_nan=False)
row = st.builds(
    lambda i, x, y, w, h: (float(i), x, y, x + w, y + h),
    st.integers(1, 3), corner, corner, side, side,
)  # fmt: skip
rows = st.lists(row, max_size=7)
statuses = st.sampled_from(["ok", "none", "partial", "truncated", "unparsable"])
wild = st.floats(allow_nan=True, allow_infinity=True)
wild_rows = st.lists(st.tuples(st.integers(-2, 5).map(float), wild, wild, wild, wild), max_size=6)


def rollout(answer, **changes):
    """A well-formed direct answer of rows [image, x1, y1, x2, y2]."""
    given = {
        "answer": BoxSet.of_rows(answer),
        "status": "ok" if len(answer) else "none",
        "asked": "direct",
        "well_formed": True,
        "tokens": 40,
    }
    return Rollout(**{**given, **changes})


def total(preset, answer, truth, progress=0.0, **changes):
    """The preset's total for one rollout."""
    one = rollout(answer, **changes)
    return float(preset.total(ScoredBatch([one], [Sample(BoxSet.of_rows(truth))], progress))[0])


@pytest.mark.parametrize("name", ALL)
@given(answer=st.one_of(rows, wild_rows), truth=rows, status=statuses, progress=st.floats(0, 1),
       thought=st.booleans(), asked=st.sampled_from(["think", "direct", "auto"]))  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_terms_are_total_and_bounded(name, answer, truth, status, progress, thought, asked):
    one = rollout(answer, status=status, thought=thought, asked=asked)
    batch = ScoredBatch([one], [Sample(BoxSet.of_rows(truth))], progress)
    for values in PRESETS[name].terms.values():
        raw = values(batch)
        assert raw.shape == (1,)
        assert np.isfinite(raw).all() and (raw >= 0).all() and (raw <= 1 + 1e-9).all()


@pytest.mark.parametrize("name", ALL)
@given(answer=rows, truth=rows, progress=st.floats(0, 1), random=st.randoms())
@settings(max_examples=60, deadline=None)
def test_the_order_of_boxes_is_irrelevant(name, answer, truth, progress, random):
    preset = PRESETS[name]
    shuffled, other = list(answer), list(truth)
    random.shuffle(shuffled)
    random.shuffle(other)
    before = total(preset, answer, truth, progress)
    assert total(preset, shuffled, other, progress) == pytest.approx(before, abs=1e-9)


@pytest.mark.parametrize("name", ALL)
@given(answers=st.lists(rows, min_size=2, max_size=5), truth=rows, random=st.randoms())
@settings(max_examples=40, deadline=None)
def test_rollouts_do_not_influence_each_other(name, answers, truth, random):
    preset, sample = PRESETS[name], Sample(BoxSet.of_rows(truth))
    order = list(range(len(answers)))
    random.shuffle(order)
    group = preset.total(ScoredBatch([rollout(a) for a in answers], [sample] * len(answers)))
    mixed = preset.total(ScoredBatch([rollout(answers[i]) for i in order], [sample] * len(answers)))
    assert mixed == pytest.approx(group[order], abs=1e-9)


@pytest.mark.parametrize("name", ALL)
@given(answer=rows, truth=rows, progress=st.floats(0, 1), image=st.integers(1, 3))
@settings(max_examples=80, deadline=None)
def test_an_extra_false_box_never_helps(name, answer, truth, progress, image):
    false = (float(image), 2000.0, 2000.0, 2050.0, 2040.0)  # touches nothing
    before = total(PRESETS[name], answer, truth, progress, status="ok" if answer else "none")
    after = total(PRESETS[name], [*answer, false], truth, progress, status="ok")
    assert after <= before + 1e-9


@pytest.mark.parametrize("name", ALL)
@given(box=row, others=rows, shift=st.floats(0, 1), back=st.floats(0, 1),
       progress=st.floats(0, 1))  # fmt: skip
@settings(max_examples=80, deadline=None)
def test_a_better_box_never_hurts(name, box, others, shift, back, progress):
    # The other objects lie in other pictures, so that only the pair of `box` changes.
    apart = [(10.0 + i, *o[1:]) for i, o in enumerate(others)]
    image, x1, y1, x2, y2 = box
    worse = (image, x1 + shift * (x2 - x1), y1, x2 + shift * (x2 - x1), y2)
    better_shift = shift * back
    better = (image, x1 + better_shift * (x2 - x1), y1, x2 + better_shift * (x2 - x1), y2)
    low = total(PRESETS[name], [worse, *apart], [box, *apart], progress)
    high = total(PRESETS[name], [better, *apart], [box, *apart], progress)
    assert high >= low - 1e-9


# Half of a picture wide and near each other, so that every box has several rivals.
crowded = st.builds(
    lambda i, x, y, w: (float(i), x, y, x + w, y + 50.0),
    st.integers(1, 2), st.integers(0, 6).map(float), st.integers(0, 60).map(float),
    st.integers(40, 60).map(float),
)  # fmt: skip
QUALITIES = [touching, lambda iou: iou, lambda iou: thresholded(iou, 0.3),
             lambda iou: thresholded(iou, 0.5), lambda iou: banded(iou, 0.2, 0.8)]  # fmt: skip


def brute_force(worth):
    """The greatest total of one-to-one pairs of a matrix, by trying all."""
    wide = worth if len(worth) <= worth.shape[1] else worth.T
    return max(
        (sum(wide[i, j] for i, j in enumerate(chosen))
         for chosen in permutations(range(wide.shape[1]), len(wide))),
        default=0.0,
    )  # fmt: skip


@given(answer=st.lists(st.one_of(row, crowded), max_size=6),
       truth=st.lists(st.one_of(row, crowded), max_size=6))  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_matching_equals_brute_force(answer, truth):
    batch = ScoredBatch([rollout(answer, status="ok")], [Sample(BoxSet.of_rows(truth))])
    for number, quality in enumerate(QUALITIES):
        found = batch.best_total(quality, ("test", number))
        assert found[0] == pytest.approx(brute_force(quality(batch.iou[0])), abs=1e-9)


def test_brute_force_is_asked_about_rivals():
    """The premise above: best pairs of two boxes claim the same true box, and greed loses."""
    truth = [(1, 0, 0, 50, 50), (1, 6, 0, 66, 50)]
    answer = [(1, 0, 0, 55, 50), (1, 0, 0, 46, 50)]
    batch = ScoredBatch([rollout(answer)], [Sample(BoxSet.of_rows(truth))])
    assert batch.pairs.leads.sum() == 2
    assert len(set(batch.pairs.true[batch.pairs.leads])) == 1
    assert batch.best_total(lambda iou: iou, ("raw", 0))[0] > batch.pairs.iou.max()


@given(answers=st.lists(st.one_of(rows, wild_rows), min_size=1, max_size=3), truth=rows)
@settings(max_examples=100, deadline=None)
def test_pairs_are_those_of_the_whole_matrix(answers, truth):
    true = BoxSet.of_rows(truth)
    batch = ScoredBatch([rollout(a, status="ok") for a in answers], [Sample(true)] * len(answers))
    for index, answer in enumerate(map(BoxSet.of_rows, answers)):
        same = (answer.images[:, None] == true.images) & (answer.images[:, None] > 0)
        whole = np.where(same, iou_matrix(answer.boxes, true.boxes), 0.0)
        found = batch.iou[index, : len(answer), : len(true)]
        np.testing.assert_allclose(found, whole, rtol=1e-12, atol=0)


TRUTH = [(1, 10, 10, 110, 110), (2, 50, 60, 90, 120), (2, 300, 300, 420, 380)]
HONEST = [(1, 12, 11, 108, 109), (2, 52, 60, 92, 118)]  # one object overlooked
ADVERSARIAL = {
    "whole pictures": ([(i, 0, 0, 640, 480) for i in (1, 2, 3)], {}),
    "a thousand boxes": (
        [(1 + k % 3, 7 * (k % 60), 5 * (k % 80), 7 * (k % 60) + 60, 5 * (k % 80) + 60)
         for k in range(1000)], {},
    ),
    "one box a hundred times": ([HONEST[0]] * 100, {}),
    "NaN": ([(1, float("nan"), 0, float("nan"), 10)], {}),
    "infinite": ([(1, -float("inf"), -float("inf"), float("inf"), float("inf"))], {}),
    "inverted": ([(1, 110, 110, 10, 10)], {}),
    "empty": ([], {}),
    "unreadable": ([], {"status": "unparsable"}),
    "cut": ([], {"status": "truncated"}),
    "right boxes, unreadable": (TRUTH, {"status": "unparsable"}),
    "wrong pictures": ([(3, *r[1:]) for r in TRUTH], {}),
    "negative pictures": ([(-1, *r[1:]) for r in TRUTH], {}),
}  # fmt: skip


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("trick", sorted(ADVERSARIAL))
def test_adversarial_answers_never_beat_an_honest_one(name, trick):
    answer, changes = ADVERSARIAL[trick]
    preset = PRESETS[name]
    # Published rewards of single-mode models want thinking; both answers get it or neither does.
    for mode in ({"asked": "direct"}, {"asked": "think", "thought": True}):
        honest = total(preset, HONEST, TRUTH, **mode)
        assert total(preset, answer, TRUTH, **{**mode, **changes}) < honest


@pytest.mark.parametrize("name", ALL)
def test_garbage_earns_nothing_where_nothing_is_there(name):
    """VLM-R1's odLength gave 1.0 to unparsable text when the truth was empty (practice: 4.3)."""
    preset = PRESETS[name]
    right = total(preset, [], [], status="none")
    garbage = total(preset, [], [], status="unparsable", well_formed=False)
    boxed = total(preset, [(1, 0, 0, 10, 10)], [])
    assert garbage == 0.0
    assert right > boxed and right > garbage


@pytest.mark.parametrize("name", ALL)
def test_one_pixel_boxes_have_an_area(name):
    tiny = [(1, 5, 5, 6, 6)]
    assert total(PRESETS[name], tiny, tiny) == pytest.approx(total(PRESETS[name], TRUTH, TRUTH))


@pytest.mark.parametrize("name", ALL)
def test_a_box_without_area_and_one_without_label_are_no_crash(name):
    flat = [(1, 5, 5, 5, 9)]
    assert total(PRESETS[name], flat, flat) <= total(PRESETS[name], TRUTH, TRUTH)


def test_matching_is_not_greedy():
    """Greedy matching takes the .83 pair first and leaves the other box nothing above the bar."""
    truth = [(1, 0, 0, 100, 100), (1, 20, 0, 120, 100)]
    answer = [(1, 9, 0, 109, 100), (1, -20, 0, 80, 100)]
    batch = ScoredBatch([rollout(answer)], [Sample(BoxSet.of_rows(truth))])
    best = batch.best_total(lambda iou: thresholded(iou, 0.5), ("t", 0.5))[0]
    assert best == pytest.approx(89 / 111 + 80 / 120)


GEMVG = get_preset("gemvg")


@pytest.mark.parametrize(
    ("asked", "thought", "paid"),
    [("think", True, 1), ("think", False, 0), ("direct", False, 1), ("direct", True, 0),
     ("auto", True, 1), ("auto", False, 1)],
)  # fmt: skip
def test_format_follows_the_mode(asked, thought, paid):
    batch = ScoredBatch([rollout(TRUTH, asked=asked, thought=thought)],
                        [Sample(BoxSet.of_rows(TRUTH))])  # fmt: skip
    assert GEMVG.components(batch)["format"][0] == paid


@pytest.mark.parametrize(("asked", "thought"), [("think", False), ("direct", True)])
def test_the_wrong_mode_earns_nothing(asked, thought):
    """Else a right answer that thinks under the direct prompt beats an honest wrong one."""
    assert total(GEMVG, TRUTH, TRUTH, asked=asked, thought=thought) == 0.0


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("asked", ["think", "direct"])
def test_no_preset_pays_for_the_other_mode(name, asked):
    """Else hybrid groups would train one of the modes away."""
    obeyed, not_obeyed = (
        total(PRESETS[name], TRUTH, TRUTH, asked=asked, thought=thought)
        for thought in (asked == "think", asked != "think")
    )
    assert obeyed >= not_obeyed


def test_the_bar_rises():
    assert [threshold_at(p) for p in (-1, 0, 0.5, 1, 2)] == [0.5, 0.5, 0.625, 0.75, 0.75]
    loose = [(1, 0, 0, 100, 60)]  # IoU .6 with the truth
    truth = [(1, 0, 0, 100, 100)]
    assert total(GEMVG, loose, truth, 0.0) > total(GEMVG, loose, truth, 1.0)


def test_the_image_index_is_a_multiset_f1_of_touching_boxes():
    term = GEMVG.terms["image_index"]

    def value(answer):
        return float(term(ScoredBatch([rollout(answer)], [Sample(BoxSet.of_rows(TRUTH))]))[0])

    assert value(TRUTH) == 1.0
    assert value(HONEST) == pytest.approx(2 * 2 / 5)
    assert value([(1, 10, 10, 110, 110)] * 3) == pytest.approx(2 * 1 / 6)
    assert value([(1, 500, 400, 510, 410)]) == 0.0


def test_tools_are_paid_only_when_they_carry_a_right_answer():
    def value(**changes):
        batch = ScoredBatch([rollout(changes.pop("answer", TRUTH), **changes)],
                            [Sample(BoxSet.of_rows(TRUTH))])  # fmt: skip
        return float(GEMVG.components(batch)["tool_use"][0])

    assert value(tool_calls=1, tool_mattered=True) == pytest.approx(1.0)
    assert value(tool_calls=0) == 0.0
    assert value(tool_calls=3, tool_mattered=False) == 0.0
    assert value(tool_calls=1, tool_mattered=True, tool_errors=1) == 0.0
    wrong = [(3, 0, 0, 10, 10)]
    assert value(tool_calls=1, tool_mattered=True, answer=wrong) == 0.0


def test_boxes_beyond_the_limit_still_cost():
    many = [HONEST[0]] + [(3, 0, 0, 5, 5)] * (MAX_BOXES + 500)
    few = [HONEST[0]] + [(3, 0, 0, 5, 5)] * (MAX_BOXES - 1)
    assert total(GEMVG, many, TRUTH) < total(GEMVG, few, TRUTH)


def test_ablation_and_unknown_names():
    assert "recall" not in GEMVG.without("recall").terms
    with pytest.raises(UsageError, match="Its terms"):
        GEMVG.without("beauty")
    with pytest.raises(UsageError, match="no term left"):
        GEMVG.without(*GEMVG.terms)
    with pytest.raises(UsageError, match="Known"):
        get_preset("beauty")
