"""Coordinates are judged by their own box, everything else by the whole answer."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gemvg.tools.errors import TrainingError
from gemvg.training.rewards.batch import ScoredBatch
from gemvg.training.rewards.presets import get_preset
from gemvg.training.rewards.rollout import BoxSet, Rollout, Sample
from gemvg.training.rft.box_credit import EVEN, SPREAD, box_credits, judged_by_box, written_boxes
from tests.training.test_hybrid_trainer import hybrid, repeated
from tests.training.toy import BOXES
from tests.training.toy import rows as toy_rows
from tests.training.toy import tokenizer as toy_tokenizer

TRUTH = BoxSet.of_rows([[1, 0, 0, 100, 100], [1, 500, 500, 600, 600], [2, 0, 0, 50, 50]])


def boxes(*rows):
    return BoxSet.of_rows(rows)


@pytest.mark.parametrize(
    ("pieces", "thought", "answered"),
    [
        (["<c8>", "<c16>", "<c24>", "<c32>", "<|im_end|>"], [], [range(4)]),
        (
            ["<think>", "<image_1>", "<c8>", "<c8>", "<c16>", "<c16>", "</think>", "<answer>",
             "<image_1>", "<c0>", "<c0>", "<c8>", "<c8>", ",", "<c8>", "<c8>", "<c16>", "<c16>"],
            [range(2, 6)],
            [range(9, 13), range(14, 18)],
        ),
        # Digits of their own and brackets that share a token with a number.
        (['[{"image', '": ', "1", ', "bbox_2d": [', "1", "2", ",", " 3", ",4", ", 56]", "}]"],
         [], [range(4, 10)]),
        (["<think>", "a thought that does not end ", "1,", "2,", "3,", "4"], [range(2, 6)], []),
        (["two", " dogs", " in", " image", " 2"], [], []),
        (["1, 2, 3"], [], []),
        (["1, 2, 3, 4, 5"], [], []),
        ([], [], []),
    ],
)  # fmt: skip
def test_corners_are_found_among_tokens(pieces, thought, answered):
    found = written_boxes(pieces)
    assert [[box.tokens for box in part] for part in found] == [thought, answered]


@pytest.mark.parametrize(
    ("pieces", "second", "image"),
    [
        (["<image_3>", "<c8>", "<c8>", "<c16>", "<c16>"], 3, 3),
        (["<c8><c8><c16><c16>"], 1, 0),
        (['{"image": ', "2", ', "bbox_2d": [', "1", "2", ",", " 3", ",4", ", 56]", "}"], 7, 2),
        (["image 1 shows", " (1,2),", "(3,4)"], 2, 1),
        (["(1,", "2),(3", ",4)"], 2, 0),
    ],
)
def test_the_second_corner_and_the_picture_of_a_box(pieces, second, image):
    (box,) = written_boxes(pieces)[1]
    assert (box.second, box.image) == (second, image)


@pytest.mark.parametrize(
    ("pieces", "numbers"),
    [
        (["<c8>", "<c16>", "<c24>", "<c1000>"], (8.0, 16.0, 24.0, 1000.0)),
        (['{"bbox_2d": [', "1", "2.5, 3", ",4, -5", "]}"], (12.5, 3.0, 4.0, -5.0)),
        (["(1,2),(3,4)"], (1.0, 2.0, 3.0, 4.0)),
    ],
)
def test_the_numbers_of_a_box_are_read_as_they_are_written(pieces, numbers):
    assert [box.numbers for box in written_boxes(pieces)[1]] == [numbers]


def said(*answers, thought=False):
    return [Rollout(answer, status="ok", thought=thought) for answer in answers]


def test_a_box_is_worth_what_it_hits_beside_all_in_its_picture():
    exact, half, astray = [1, 0, 0, 100, 100], [1, 0, 0, 100, 50], [1, 300, 0, 400, 100]
    found = box_credits(said(boxes(exact), boxes(half), boxes(astray), boxes()), TRUTH)
    assert [own.first.tolist() for own in found] == [
        pytest.approx([0.5 / SPREAD]), pytest.approx([0.0]), pytest.approx([-0.5 / SPREAD]), []
    ]  # fmt: skip
    # What is bounded is measured against boxes on the same thing; one on none bounds nothing.
    assert [own.second.tolist() for own in found] == [
        pytest.approx([0.25 / SPREAD]), pytest.approx([-0.25 / SPREAD]), [0.0], []
    ]  # fmt: skip


def test_choosing_the_right_thing_earns_as_much_as_choosing_the_wrong_one_costs():
    right, wrong = [1, 0, 0, 100, 100], [1, 300, 0, 400, 100]
    found = box_credits(said(*[boxes(right), boxes(wrong)] * 4), TRUTH)
    assert [own.first[0] for own in found] == pytest.approx([0.5 / SPREAD, -0.5 / SPREAD] * 4)


def test_what_can_still_be_named_counts_for_the_first_corner():
    hard, easy = [1, 0, 0, 100, 50], [1, 500, 500, 600, 600]
    both, skips = box_credits(said(boxes(hard, easy), boxes(easy)), TRUTH)
    # The first has .5 + 1, the other 1; each box beyond what it must be worth.
    more = (0.5 - EVEN) / 2
    assert both.first.tolist() == pytest.approx([more / SPREAD, 0.0])
    assert skips.first.tolist() == pytest.approx([-more / SPREAD])
    assert both.second.tolist() == skips.second.tolist() * 2 == [0.0, 0.0]


@pytest.mark.parametrize("chance", [0.1, 0.3, 0.7, 0.9])
def test_what_is_hard_is_worth_naming_where_the_reward_says_so(chance):
    """Two things, the first hit with this chance: naming it pays from about a half."""
    draw = np.random.default_rng(0)
    sample = Sample(BoxSet.of_rows([[1, 0, 0, 100, 100], [1, 500, 500, 600, 600]]))
    favour = {"reward": 0.0, "credit": 0.0}
    for _ in range(200):
        hits = draw.random(8) < chance
        answers = [
            boxes([1, 0, 0, 100, 75] if hit else [1, 300, 0, 400, 100], [1, 500, 500, 600, 580])
            if number % 2
            else boxes([1, 500, 500, 600, 580])
            for number, hit in enumerate(hits)
        ]
        rollouts = [Rollout(one, status="ok", well_formed=True) for one in answers]
        total = get_preset("gemvg").total(ScoredBatch(rollouts, [sample] * 8))
        credit = np.asarray([own.first[0] for own in box_credits(rollouts, sample.truth)])
        for name, worth in (("reward", total), ("credit", credit)):
            favour[name] += worth[1::2].mean() - worth[::2].mean()
    assert (favour["reward"] > 0) == (favour["credit"] > 0) == (chance > 0.5)


def test_a_second_box_on_the_same_thing_is_measured_against_what_it_could_have_hit():
    exact, near, other = [1, 0, 0, 100, 100], [1, 0, 0, 100, 90], [1, 500, 500, 600, 600]
    twice, right = box_credits(said(boxes(exact, near), boxes(exact, other)), TRUTH)
    assert twice.first[0] == pytest.approx(-right.first[0])
    assert right.first[0] == pytest.approx(0.5 / SPREAD)
    assert twice.first[1] < 0 < right.first[1]
    assert right.second.tolist() == [0.0, 0.0]


def test_where_nothing_is_left_a_corner_chooses_nothing():
    one = BoxSet.of_rows([[1, 0, 0, 100, 100]])
    exact, astray = [1, 0, 0, 100, 100], [1, 300, 0, 400, 100]
    more, plain = box_credits(said(boxes(exact, astray), boxes(exact)), one)
    assert more.first[1] == more.second[1] == 0.0
    # The box that led there is worth less than one that ended.
    assert more.first[0] == pytest.approx(-plain.first[0])
    assert plain.first[0] == pytest.approx(EVEN / 2 / SPREAD)


def test_pictures_and_ways_are_measured_apart():
    exact, other = [1, 0, 0, 100, 100], [2, 0, 0, 50, 25]
    thinking = said(boxes([1, 300, 0, 400, 100]), thought=True)
    found = box_credits([*said(boxes(exact, other)), *thinking], TRUTH)
    assert [own.first.tolist() for own in found] == [[0.0, 0.0], [0.0]]


def test_the_right_corners_in_the_wrong_picture_hit_nothing():
    found = box_credits(said(boxes([2, 500, 500, 600, 600]), boxes([2, 0, 0, 50, 50])), TRUTH)
    assert found[0].first == pytest.approx([-0.5 / SPREAD])


def test_nothing_true_tells_no_box_from_another():
    drawn = said(boxes([1, 0, 0, 9, 9]), boxes([1, 5, 5, 9, 9], [2, 0, 0, 1, 1]))
    found = box_credits(drawn, boxes())
    assert [own.tolist() for one in found for own in one] == [[0.0], [0.0], [0.0, 0.0], [0.0, 0.0]]


@settings(max_examples=60)
@given(st.lists(st.lists(st.tuples(st.integers(1, 2), st.integers(0, 90), st.integers(0, 90),
                                   st.integers(1, 60), st.integers(1, 60)), max_size=3),
                min_size=1, max_size=6))  # fmt: skip
def test_credits_are_finite_and_cancel_within_a_picture(drawn):
    answers = [boxes(*[[i, x, y, x + w, y + h] for i, x, y, w, h in rows]) for rows in drawn]
    two = BoxSet.of_rows([[1, 0, 0, 60, 100], [1, 60, 0, 150, 150]])
    found = box_credits(said(*answers), two)
    assert [len(own.first) for own in found] == [len(answer) for answer in answers]
    shown = [answer.images == 1 for answer in answers]
    begun = [own.first[here][:1] for own, here in zip(found, shown, strict=True)]
    assert np.isfinite(np.concatenate([own.first for own in found])).all()
    assert np.concatenate(begun).sum() == pytest.approx(0.0, abs=1e-9), "of first boxes"
    assert np.concatenate([own.second for own in found]).sum() == pytest.approx(0.0, abs=1e-9)
    other = [own.first[~here] for own, here in zip(found, shown, strict=True)]
    assert not np.concatenate(other).any(), "nothing is there"


def test_other_tokens_keep_the_advantage_of_their_rollout():
    pieces = {
        0: "<pad>",
        1: "<think>",
        2: "</think>",
        3: ";",
        **{n: f"<c{n}>" for n in range(10, 20)},
    }
    ids = [
        [1, 13, 10, 19, 19, 2, 3, 10, 11, 12, 13, 0],
        [3, 10, 11, 12, 19, 3, 0, 0, 0, 0, 0, 0],
        [3, 10, 11, 12, 13, 3, 10, 11, 12, 19, 0, 0],
    ]
    answers = [boxes([1, 0, 0, 100, 100]), boxes([1, 0, 0, 100, 50]), boxes([1, 0, 0, 100, 50])]
    advantages = torch.tensor([[1.0], [-1.0], [0.5]]).repeat(1, 12)
    found = judged_by_box(advantages, ids, pieces.__getitem__, said(*answers), [TRUTH] * 3, 3)
    # All three hit the same thing, so both pairs of corners are measured against the same.
    good, bad = (1 - 2 / 3) / SPREAD, (0.5 - 2 / 3) / SPREAD
    assert found[0].tolist() == pytest.approx([1, 0, 0, 0, 0, 1, 1, *[good] * 4, 1])
    assert found[1].tolist() == pytest.approx([-1, *[bad] * 4, *[-1] * 7])
    # Two boxes were written and one was read: whose corners are whose is not known.
    assert found[2].tolist() == [0.5] * 12
    assert advantages[0].tolist() == [1.0] * 12


def test_a_box_that_its_thought_named_before_is_judged_there_too():
    pieces = {0: "<think>", 1: "</think><answer>", 2: ",", 3: "<pad>",
              **{n: f"<c{n}>" for n in range(8, 1000, 8)}}  # fmt: skip
    again, elsewhere = [8, 8, 104, 104], [504, 504, 800, 800]
    ids = [[0, *again, 2, *elsewhere, 1, *again[:3], 96], [1, *elsewhere, *[3] * 10]]
    answers = [boxes([1, 0, 0, 100, 100]), boxes([1, 300, 0, 400, 100])]
    advantages = torch.zeros(2, 15)
    found = judged_by_box(advantages, ids, pieces.__getitem__, said(*answers), [TRUTH] * 2, 2)
    worth = 0.5 / SPREAD
    chosen = [worth, worth, 0, 0]
    assert found[0].tolist() == pytest.approx([0, *chosen, *[0] * 6, *chosen])
    assert found[1].tolist() == pytest.approx([0, -worth, -worth, *[0] * 12])


def test_a_thought_names_a_box_again_in_its_own_picture():
    pieces = {0: "<think>", 1: "</think>", 2: "<image_1>", 3: "<image_2>", 4: "<pad>",
              **{n: f"<c{n}>" for n in range(8, 1000, 8)}}  # fmt: skip
    box = [8, 8, 104, 104]
    ids = [[0, 2, *box, 3, *box, 1, 3, *box], [1, 2, *box, *[4] * 11]]
    answers = [boxes([2, 0, 0, 50, 50]), boxes([1, 0, 0, 9, 9])]
    rollouts = [Rollout(answers[0], status="ok"), Rollout(boxes([2, 0, 0, 50, 25]), status="ok")]
    found = judged_by_box(
        torch.zeros(2, 17), ids, pieces.__getitem__, rollouts, [TRUTH] * 2, 2
    )  # fmt: skip
    worth = 0.25 / SPREAD
    assert found[0, 2:6].tolist() == [0.0] * 4, "the answer has no box in picture 1"
    assert found[0, 7:11].tolist() == found[0, 13:17].tolist() == pytest.approx([worth] * 4)


def test_an_answer_that_can_not_be_read_keeps_its_advantages():
    advantages = torch.full((1, 4), -2.0)
    row = [[10, 11, 12, 13]]
    found = judged_by_box(advantages, row, lambda n: f"<c{n}>", [Rollout()], [TRUTH], 1)
    assert found.tolist() == advantages.tolist()


@pytest.mark.parametrize("choice", ["sampled", "both"])
def test_the_trainer_gives_boxes_their_own_credit(tmp_path, choice):
    shared = {"prefill": True, "shared_loss": True} if choice == "both" else {}
    trainer = hybrid(tmp_path, choice=choice, credit="boxes", **shared)
    stock = hybrid(tmp_path, choice=choice, **shared)
    rows = repeated(toy_rows(16, 0))
    found = []
    for one in (trainer, stock):
        one.model.train()
        torch.manual_seed(4)
        found.append(one._generate_and_score_completions([dict(row) for row in rows]))
    assert torch.equal(found[0]["completion_ids"], found[1]["completion_ids"])
    own, whole = (one["advantages"] for one in found)
    whole = whole if whole.dim() == 2 else whole.unsqueeze(1).expand_as(own)
    # A toy's box is one token, so what differs stands where a box stands and nowhere else.
    said = [
        toy_tokenizer().convert_ids_to_tokens(row) for row in found[0]["completion_ids"].tolist()
    ]
    differs = (own != whole).tolist()
    changed = [token for row, flags in zip(said, differs, strict=True)
               for token, flag in zip(row, flags, strict=True) if flag]  # fmt: skip
    assert changed and set(changed) <= set(BOXES)
    trainer.train()


def test_boxes_are_not_judged_apart_in_tool_episodes(tmp_path):
    with pytest.raises(TrainingError, match="can't be judged apart"):
        hybrid(tmp_path, credit="boxes", environment_factory=object)
