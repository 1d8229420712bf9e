"""Coordinates are judged by their own box, everything else by the whole answer."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gemvg.tools.errors import TrainingError
from gemvg.training.rewards.rollout import BoxSet, Rollout
from gemvg.training.rft.box_credit import SPREAD, box_credits, corner_tokens, judged_by_box
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
    assert corner_tokens(pieces) == (thought, answered)


def test_a_box_is_measured_against_those_that_were_meant_for_the_same():
    exact, half = [1, 0, 0, 100, 100], [1, 0, 0, 100, 50]
    other = [1, 500, 500, 600, 600]
    found = box_credits([boxes(exact, other), boxes(half, other), boxes()], TRUTH)
    assert found[0] == pytest.approx([0.25 / SPREAD, 0.0])
    assert found[1] == pytest.approx([-0.25 / SPREAD, 0.0])
    assert len(found[2]) == 0


def test_a_box_that_was_meant_for_nothing_is_measured_against_all_of_its_picture():
    astray = [1, 300, 0, 400, 100]
    found = box_credits(
        [boxes([1, 0, 0, 100, 100]), boxes(astray), boxes([2, 0, 0, 50, 50])], TRUTH
    )
    assert found[1] == pytest.approx([-0.5 / SPREAD])
    assert found[0] == pytest.approx([0.0])
    assert found[2] == pytest.approx([0.0])


def test_the_right_corners_in_the_wrong_picture_hit_nothing():
    found = box_credits([boxes([2, 500, 500, 600, 600]), boxes([2, 0, 0, 50, 50])], TRUTH)
    assert found[0] == pytest.approx([-0.5 / SPREAD])


def test_nothing_true_tells_no_box_from_another():
    found = box_credits([boxes([1, 0, 0, 9, 9]), boxes([1, 5, 5, 9, 9], [2, 0, 0, 1, 1])], boxes())
    assert [own.tolist() for own in found] == [[0.0], [0.0, 0.0]]


@settings(max_examples=60)
@given(st.lists(st.lists(st.tuples(st.integers(1, 2), st.integers(0, 90), st.integers(0, 90),
                                   st.integers(1, 60), st.integers(1, 60)), max_size=3),
                min_size=1, max_size=6))  # fmt: skip
def test_credits_are_finite_and_cancel_among_those_meant_for_the_same(drawn):
    answers = [boxes(*[[i, x, y, x + w, y + h] for i, x, y, w, h in rows]) for rows in drawn]
    alone = BoxSet.of_rows([[1, 0, 0, 1000, 1000]])
    found = box_credits(answers, alone)
    assert [len(own) for own in found] == [len(answer) for answer in answers]
    assert np.isfinite(np.concatenate(found)).all()
    whole = box_credits(answers, boxes())
    assert not np.concatenate(whole).any()


def test_other_tokens_keep_the_advantage_of_their_rollout():
    pieces = {
        0: "<pad>",
        1: "<think>",
        2: "</think>",
        3: ";",
        **{n: f"<c{n}>" for n in range(10, 20)},
    }
    ids = [
        [1, 10, 10, 12, 12, 2, 3, 10, 11, 12, 13, 0],
        [3, 10, 11, 12, 19, 3, 0, 0, 0, 0, 0, 0],
        [3, 10, 11, 12, 13, 3, 10, 11, 12, 19, 0, 0],
    ]
    answers = [boxes([1, 0, 0, 100, 100]), boxes([1, 0, 0, 100, 50]), boxes([1, 0, 0, 100, 50])]
    rollouts = [Rollout(answer, status="ok") for answer in answers]
    advantages = torch.tensor([[1.0], [-1.0], [0.5]]).repeat(1, 12)
    found = judged_by_box(advantages, ids, pieces.__getitem__, rollouts, [TRUTH] * 3, 3)
    good, bad = (1 - 2 / 3) / SPREAD, (0.5 - 2 / 3) / SPREAD
    assert found[0].tolist() == pytest.approx([1, 0, 0, 0, 0, 1, 1, *[good] * 4, 1])
    assert found[1].tolist() == pytest.approx([-1, *[bad] * 4, *[-1] * 7])
    # Two boxes were written and one was read: whose corners are whose is not known.
    assert found[2].tolist() == [0.5] * 12
    assert advantages[0].tolist() == [1.0] * 12


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
    rows = repeated(toy_rows(2, 0))
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
