"""The study's results: answers add up by task, gains are paired by question, room is not skill."""

import dataclasses

import pytest

from gemvg.tools.errors import DataError
from gemvg.training.nano.study import (
    paired_gain,
    plots,
    pooled,
    read_study,
    write_gains,
    write_room,
    write_table,
)
from gemvg.training.nano.study.summary import SUMMARY, WAYS, summarize
from tests.training.study_answers import answers


def test_answers_add_up_by_task_and_the_oracle_takes_the_better():
    found = [
        *answers("a", "retrieval", 0.0, 1.0, False),
        *answers("b", "retrieval", 1.0, 1.0, True),
        *answers("c", "common", 1.0, 0.5, True),
    ]
    one = summarize("sft", 0, found)
    assert one.questions == 3
    assert one.macro("direct") == pytest.approx(0.75)
    assert one.macro("think") == pytest.approx(0.75)
    assert one.macro("oracle") == pytest.approx(1.0)
    # What is right either way goes to the shorter.
    assert one.tokens["oracle"] == {"common": 40.0, "retrieval": 10.0}
    assert one.thinks == {"common": 1.0, "retrieval": 0.5}
    with pytest.raises(DataError):
        summarize("sft", 0, [])


def test_a_table_gives_means_and_ranges(tmp_path):
    for seed, worth in enumerate((0.5, 0.7)):
        for arm in ("sft", "hybrid"):
            folder = tmp_path / f"{arm}-{seed}"
            folder.mkdir()
            found = summarize(arm, seed, answers("a", "common", worth, worth, False))
            (folder / SUMMARY).write_text(found.text)
    header, *rows = write_table(read_study(tmp_path))
    assert header[0] == "arm"
    assert len(header) == 3 + 2 * len(WAYS)
    assert [row[:3] for row in rows] == [
        ["sft", "2", "0.600 (0.500-0.700)"], ["hybrid", "2", "0.600 (0.500-0.700)"],
    ]  # fmt: skip
    (tmp_path / "hybrid-0" / SUMMARY).write_text("{")
    with pytest.raises(DataError, match="no summary"):
        read_study(tmp_path)


def measured(arm, seed, worths):
    """A run whose answers to questions of two tasks are worth the same in every mode."""
    found = [
        one
        for task, own in worths.items()
        for number, worth in enumerate(own)
        for one in answers(f"{task}{number}", task, worth, worth, False)
    ]
    return summarize(arm, seed, found)


def in_auto(*runs):
    return [(run, "auto") for run in runs]


def test_a_gain_is_paired_by_question():
    """Questions differ more than arms do: unpaired, the interval would be wide."""
    base = measured("sft", 0, {"common": [0.0, 0.2, 0.5, 0.9], "absent": [0.1, 0.8]})
    more = measured("hybrid", 0, {"common": [0.1, 0.3, 0.6, 1.0], "absent": [0.2, 0.9]})
    gain = paired_gain(in_auto(more), in_auto(base))
    assert gain.mean == pytest.approx(0.1)
    assert gain.low == pytest.approx(0.1)
    assert gain.high == pytest.approx(0.1)
    assert gain.points == "+10.0 (+10.0 to +10.0)"


def test_a_gain_is_as_sure_as_questions_and_seeds_allow():
    base = measured("sft", 0, {"common": [0.0, 0.0, 0.0, 0.0]})
    some = measured("hybrid", 0, {"common": [1.0, 0.0, 0.0, 0.0]})
    gain = paired_gain(in_auto(some), in_auto(base))
    # Of four differences 1, 0, 0, 0: mean 1/4, variance 1/4, so the mean's is 1/16.
    assert gain.mean == pytest.approx(0.25)
    assert gain.high - gain.mean == pytest.approx(1.96 * 0.25)
    again = measured("hybrid", 1, {"common": [1.0, 1.0, 0.0, 0.0]})
    both = paired_gain(in_auto(some, again), in_auto(base))
    assert both.seeds == pytest.approx((0.25, 0.5))
    # Questions 1, 1/2, 0, 0: variance 11/48 of four; seeds 1/4 and 1/2: variance 1/32 of two.
    assert both.high - both.mean == pytest.approx(1.96 * (11 / 192 + 1 / 64) ** 0.5)


def test_no_gain_where_the_questions_are_not_the_same():
    base = measured("sft", 0, {"common": [0.0, 1.0]})
    other = measured("hybrid", 0, {"common": [0.0, 1.0, 1.0]})
    old = dataclasses.replace(base, arm="hybrid", scores={})
    for one in (other, old, measured("hybrid", 0, {"absent": [0.0, 1.0]})):
        assert paired_gain(in_auto(one), in_auto(base)) is None
        assert len(write_gains([base, one])) == 1
    assert paired_gain([], in_auto(base)) is None


def test_arms_are_held_against_hybrid_in_the_way_that_they_were_trained_for():
    base = measured("sft", 0, {"common": [0.0, 0.2]})
    hybrid = measured("hybrid", 0, {"common": [0.6, 0.8]})
    found = [answers("a", "common", 0.9, 0.4, False), answers("b", "common", 1.0, 0.5, False)]
    think = summarize("think-only", 0, [one for own in found for one in own])
    header, *rows = write_gains([base, hybrid, think])
    assert header == ["arm", "think over sft", "direct over sft", "auto over sft", "hybrid over it"]
    assert [row[0] for row in rows] == ["hybrid", "think-only"]
    assert rows[0][3].startswith("+60.0 (")
    assert rows[0][4] == ""
    assert rows[1][1].startswith("+85.0 (")
    assert rows[1][4].startswith("-25.0 (")


def test_a_second_try_gains_where_there_is_no_choice():
    def run(seed, think, direct):
        found = measured("hybrid", seed, {"common": [0.5] * 4, "absent": [1.0] * 4})
        scores = {"think": think, "direct": direct}
        flat = {way: {"common": values, "absent": [1.0] * 4} for way, values in scores.items()}
        return dataclasses.replace(found, scores=found.scores | flat)

    first = run(0, think=[1.0, 0.0, 0.0, 0.0], direct=[0.0, 1.0, 1.0, 0.0])
    second = run(1, think=[1.0, 0.0, 0.0, 0.0], direct=[1.0, 0.0, 0.0, 1.0])
    header, row = write_room([first, second])
    assert len(header) == len(row)
    # Direct has 2 of 4; with thoughts 3 and 2. Two direct answers have all, two thoughts 1.
    assert row == ["hybrid", "0.750", "0.750", "0.750", "0.812", "1.000", "0.625"]
    assert write_room([first])[1][5:] == ["", ""]
    assert len(write_room([dataclasses.replace(first, scores={})])) == 1


def test_no_two_arms_of_a_plot_look_alike():
    assert len({plots._colour(number) for number in range(20)}) == 20


def test_sets_of_the_same_tasks_are_pooled():
    def of(arm, held, scores):
        return dataclasses.replace(measured(arm, 0, scores), held=held)

    sets = {
        "near": [of("sft", "near", {"common": [0.0, 0.0]}),
                 of("hybrid", "near", {"common": [1.0, 1.0]}),
                 of("think-only", "near", {"common": [1.0, 1.0]})],
        "far": [of("sft", "far", {"common": [0.5, 0.5]}),
                of("hybrid", "far", {"common": [0.5, 0.5]})],
        "other": [of("hybrid", "other", {"common": [1.0], "absent": [1.0]})],
    }  # fmt: skip
    found = pooled(sets)
    assert list(found) == ["near + far"]
    base, hybrid = found["near + far"]
    assert (base.arm, hybrid.arm, hybrid.questions) == ("sft", "hybrid", 4)
    gain = paired_gain(in_auto(hybrid), in_auto(base))
    # Of four differences 1, 1, 0, 0: mean 1/2, variance 1/3.
    assert gain.mean == pytest.approx(0.5)
    assert gain.high - gain.mean == pytest.approx(1.96 * (1 / 12) ** 0.5)


def test_summaries_without_scores_are_not_pooled():
    old = [dataclasses.replace(measured("sft", 0, {"common": [1.0]}), scores={}) for _ in "ab"]
    assert pooled({"a": [old[0]], "b": [old[1]]}) == {}
