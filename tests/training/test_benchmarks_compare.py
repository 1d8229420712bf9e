"""Comparing two runs, measuring deciding, and the pages that tell of it."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemvg.tools.boxes import Box
from gemvg.tools.errors import UsageError
from gemvg.training.benchmarks.cases import draw_case, pick_cases
from gemvg.training.benchmarks.compare import by_id, compare
from gemvg.training.benchmarks.deciding import TOKENS, WORDS, measure_deciding, oracle
from gemvg.training.benchmarks.evaluate import Chosen, compare_runs, evaluated
from gemvg.training.benchmarks.item import FilePicture, Item, TrueBox
from gemvg.training.benchmarks.metrics.bootstrap import macro_difference, paired_difference
from gemvg.training.benchmarks.outcome import FoundBox, Outcome
from gemvg.training.benchmarks.plot import nice_step
from gemvg.training.benchmarks.report import compare_page, deciding_page, run_page
from tests.shared import SHARED, needs_shared


def coverage(draw: object, true: float, rounds: int, n: int) -> float:
    """Share of simulated comparisons whose 95% interval holds the true difference."""
    rng = np.random.default_rng(11)
    held = 0
    for k in range(rounds):
        a, b = draw(rng, n)  # type: ignore[operator]
        found = paired_difference(a, b, draws=800, seed=k)
        held += found.low <= true <= found.high
    return held / rounds


def right_or_wrong(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Correlated right/wrong scores; B is better by .10 in truth."""
    hard = rng.random(n)
    return (hard < 0.4).astype(float), (hard + rng.normal(0, 0.02, n) < 0.5).astype(float)


def continuous(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Skewed continuous scores on shared items; B is better by .05 in truth."""
    base = rng.beta(0.6, 0.8, n)
    return base, base + rng.exponential(0.05, n)


@pytest.mark.parametrize(
    ("draw", "true", "n"), [(right_or_wrong, 0.10, 200), (continuous, 0.05, 150)]
)
def test_intervals_cover_as_often_as_they_say(draw: object, true: float, n: int) -> None:
    share = coverage(draw, true, 500, n)
    # Three standard errors of 500 rounds at .95 are .029; the percentile interval of skewed
    # differences runs a little short.
    assert 0.91 <= share <= 0.985


def test_macro_interval_covers() -> None:
    rng = np.random.default_rng(5)
    held = 0
    for k in range(300):
        groups = []
        for n, gain in ((40, 0.2), (160, 0.0), (80, 0.1)):
            hard = rng.random(n)
            groups.append(((hard < 0.4) * 1.0, (hard < 0.4 + gain) * 1.0))
        found = macro_difference(groups, draws=600, seed=k)
        held += found.low <= 0.1 <= found.high
    assert 0.90 <= held / 300 <= 0.99


@given(st.lists(st.tuples(st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 1.0])), min_size=1))
def test_difference_is_exact_and_antisymmetric(pairs: list[tuple[float, float]]) -> None:
    a, b = [x for x, _ in pairs], [y for _, y in pairs]
    there, back = paired_difference(a, b, draws=200), paired_difference(b, a, draws=200)
    assert there.delta == pytest.approx(sum(b) / len(b) - sum(a) / len(a))
    assert there.low <= there.delta + 1e-9 and there.delta <= there.high + 1e-9
    assert back.delta == pytest.approx(-there.delta)
    assert 0 < there.p <= 1 and there == paired_difference(a, b, draws=200)
    if a == b:
        assert (there.low, there.high, there.p, there.verdict) == (0.0, 0.0, 1.0, "even")


def test_few_values_and_many_draw_from_the_same_distribution() -> None:
    delta = np.repeat([-1.0, 0.0, 1.0], [30, 100, 70])
    few = paired_difference(np.zeros(200), delta, draws=4000)
    jitter = delta + np.random.default_rng(0).normal(0, 1e-7, 200)
    many = paired_difference(np.zeros(200), jitter, draws=4000)
    assert (few.low, few.high) == pytest.approx((many.low, many.high), abs=0.02)


def runs(scores: dict[str, tuple[float, float]]) -> tuple[dict[str, Outcome], dict[str, Outcome]]:
    sides = [
        {n: Outcome(n, n[0], scores={"acc": pair[k]}) for n, pair in scores.items()} for k in (0, 1)
    ]
    return sides[0], sides[1]


def test_flips_and_tasks() -> None:
    a, b = runs({"x1": (0, 1), "x2": (1, 1), "y1": (1, 0), "y2": (0, 0), "y3": (0.4, 0.6)})
    b["z"] = Outcome("z", "z", scores={"acc": 1.0})
    found = compare(a, b, "acc", draws=200)
    assert [f.id for f in found.gained] == ["x1", "y3"] and [f.id for f in found.lost] == ["y1"]
    assert found.left_out == 1 and found.tasks["x"].delta == 50.0
    assert found.macro.delta == pytest.approx((50 + (20 - 100) / 3) / 2)
    assert json.loads(json.dumps(found.to_json()))["tasks"]["x"]["n"] == 2
    with pytest.raises(UsageError, match="no item in common"):
        compare({}, b, "acc")
    with pytest.raises(UsageError, match="has no score"):
        compare(a, b, "f1")


@pytest.mark.skipif(not (SHARED / "mig_bench").is_dir(), reason="published answers are not here")
def test_the_two_published_models() -> None:
    chosen = Chosen.of("mig-bench", SHARED / "mig_bench")
    folder = SHARED / "mig_bench" / "predictions"
    found = compare_runs(chosen, folder / "qwen2_vl", folder / "migician")
    verdicts = {t: d.verdict for t, d in found.tasks.items()}
    assert {t for t, v in verdicts.items() if v == "even"} == {"view_diff", "reasoning"}
    assert all(v != "worse" for v in verdicts.values())
    assert round(found.macro.delta, 2) == 25.32 and found.macro.verdict == "better"
    gained, lost = len(found.gained), len(found.lost)
    assert found.micro.delta == pytest.approx(100 * (gained - lost) / 4276)


OUTCOMES = st.lists(
    st.tuples(*[st.sampled_from([0.0, 1.0])] * 3, *[st.integers(0, 9)] * 3), min_size=1, max_size=6
)


@given(OUTCOMES)
def test_the_oracle_is_the_best_of_every_chooser(rows: list[tuple[float, ...]]) -> None:
    def run(k: int) -> dict[str, Outcome]:
        return {
            f"i{n}": Outcome(
                f"i{n}",
                f"t{n % 2}",
                scores={"acc": r[k]},
                tokens={"completion_tokens": int(r[3 + k])},
            )
            for n, r in enumerate(rows)
        }

    think, direct, auto = run(0), run(1), run(2)
    found = measure_deciding(think, direct, auto, "acc")
    ways = {w.name: w for w in found.ways}
    best = max(
        (sum(r[c] for r, c in zip(rows, choice, strict=True)),
         -sum(r[3 + c] for r, c in zip(rows, choice, strict=True)))
        for choice in itertools.product((0, 1), repeat=len(rows))
    )  # fmt: skip
    assert ways["oracle"].score == pytest.approx(100 * best[0] / len(rows))
    assert ways["oracle"].tokens == pytest.approx(-best[1] / len(rows))
    assert found.unit == TOKENS and found.headroom >= -1e-9
    chosen = oracle(think, direct, "acc")
    assert ways["oracle"].thinking == pytest.approx(
        100 * sum(o.mode == "think" for o in chosen.values()) / len(rows)
    )
    page = deciding_page(found, "x")
    assert page.count("<circle") == 4 and "nan" not in page.lower().replace("finance", "")


def test_words_stand_in_where_tokens_were_not_counted() -> None:
    think = {"a": Outcome("a", "t", raw="so I think it is here", scores={"acc": 1.0})}
    direct = {"a": Outcome("a", "t", raw="here", scores={"acc": 1.0})}
    found = measure_deciding(think, direct, None, "acc")
    assert found.unit == WORDS and [w.tokens for w in found.ways] == [6.0, 1.0, 1.0]
    assert math.isnan(found.reached) and "words an item" in deciding_page(found, "x")


@pytest.mark.parametrize(
    ("status", "tokens", "unit"),
    [
        ("failed", {}, TOKENS), ("missing", {}, TOKENS), ("ok", {}, WORDS),
        ("unparsable", {}, WORDS), ("failed", {"completion_tokens": 9}, TOKENS),
    ],
)  # fmt: skip
def test_one_failed_question_leaves_the_unit(
    status: str, tokens: dict[str, int], unit: str
) -> None:
    def run(odd: bool) -> dict[str, Outcome]:
        whole = {n: Outcome(n, "t", raw="a b", scores={"acc": 1.0},
                            tokens={"completion_tokens": 90}) for n in "wxyz"}  # fmt: skip
        bad = Outcome("x", "t", status, scores={"acc": 0.0}, tokens=tokens)
        return {**whole, "x": bad} if odd else whole

    assert measure_deciding(run(True), run(False), None, "acc").unit == unit


@pytest.mark.parametrize(
    ("rough", "step"), [(0.7, 1.0), (1.0, 1.0), (1.2, 2.0), (23, 50), (700, 1000)]
)
def test_nice_steps(rough: float, step: float) -> None:
    assert nice_step(rough) == pytest.approx(step)


EVIL = "<script>alert(1)</script>\x1b[31m\" onload='x'"


@needs_shared
def test_pages_escape_what_models_wrote_and_need_nothing_from_outside() -> None:
    chosen = Chosen.of("photos", SHARED / "photos", ["retrieval"], 3)
    outcomes = {
        i.id: Outcome(
            i.id, i.task, raw=EVIL, boxes=(FoundBox(1, Box(5, 5, 60, 90), EVIL, 0.5),), text=EVIL
        )
        for i in chosen.items
    }
    done = evaluated(chosen, outcomes, {"asked": {"policy": EVIL}}, False)
    pages = [
        run_page(chosen.benchmark, chosen.items, done.scored, done.report),
        compare_page(
            compare(by_id(done.scored.outcomes), by_id(done.scored.outcomes), "f1", draws=50),
            EVIL, EVIL,
        ),
    ]  # fmt: skip
    assert "data:image/jpeg;base64," in pages[0] and 'rect class="true"' in pages[0]
    for page in pages:
        assert "<script" not in page and "&lt;script&gt;" in page
        assert "http://" not in page and "https://" not in page
        assert "default-src 'none'" in page


def test_cases_without_pictures_are_frames(tmp_path: Path) -> None:
    truth = (TrueBox(1, Box(100, 100, 600, 600)),)
    pictures = (FilePicture(str(tmp_path / "a.jpg")), FilePicture(str(tmp_path / "b.jpg")))
    item = Item("a", "t", "q", pictures, truth, "relative-1000")
    wild = FoundBox(2, Box(0, 0, 0, 0), "x")
    case = draw_case(item, Outcome("a", "t", boxes=(wild,), scores={"acc@0.5": 0.0}), "acc@0.5")
    assert [p.data for p in case.panels] == [None, None]
    assert (case.panels[0].width, case.panels[0].height) == (320, 240)
    assert case.panels[0].marks[0].width == 160.0 and case.panels[1].marks[0].width == 0.0


def test_worst_and_best_take_turns_between_tasks() -> None:
    def outcome(name: str, score: float) -> Outcome:
        return Outcome(name, name[0], scores={"acc": float(score >= 0.5), "iou": score})

    found = [outcome("a1", 0.1), outcome("a2", 0.2), outcome("b1", 0.3), outcome("b2", 0.9),
             outcome("a3", 0.8)]  # fmt: skip
    worst, best = pick_cases(found, "acc", 2)
    assert [o.id for o in worst] == ["a1", "b1"] and [o.id for o in best] == ["b2", "a3"]
