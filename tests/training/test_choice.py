"""The choice of the auto prompt: how rollouts are begun, and what their first tag is worth."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gemvg.policy.dialects.registry import get_dialect
from gemvg.tools.errors import TrainingError
from gemvg.training.rft.choice import choice_advantages, openings, settled_held
from gemvg.training.rft.modes import HybridShares, begun
from tests.training import toy
from tests.training.test_hybrid_trainer import hybrid, repeated

LAYOUT = ("think", "think", "direct", "direct", "auto", "auto")


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        (LAYOUT, (None, None, None, None, "think", "direct")),
        (("auto",) * 3, ("think", "direct", "think")),
        (("think", "direct"), (None, None)),
        (HybridShares(think=0.375, direct=0.375).layout(8), (None,) * 6 + ("think", "direct")),
    ],
)
def test_auto_slots_are_begun_by_turns(layout, expected):
    assert begun(layout) == expected


def test_a_tag_is_worth_what_its_mode_is_worth_in_the_group():
    rewards = torch.tensor([[4.0, 4.0, 1.0, 1.0, 4.0, 2.5], [2.0, 2.0, 2.0, 2.0, 2.0, 2.0]])
    found = choice_advantages(rewards, torch.zeros(2, 6), LAYOUT, "none")
    # Think: (4 + 4 + 4) / 3 = 4, direct: (1 + 1 + 2.5) / 3 = 1.5, the middle: 2.75.
    assert found.tag.tolist() == [[0, 0, 0, 0, 1.25, 0], [0] * 6]
    assert found.rest.tolist() == [[0, 0, 0, 0, 0, 1.0], [0] * 6]


def test_a_forced_rollout_in_the_other_mode_says_nothing_of_its_own():
    rewards = torch.tensor([[4.0, 4.0, 0.0, 0.0, 4.0, 4.0]] * 3)
    obeyed = torch.ones(3, 6, dtype=torch.bool)
    obeyed[:, 2:4] = False
    # One of another group that obeyed; and a group without any that can be counted.
    obeyed[1, 2] = True
    obeyed[2] = False
    found = choice_advantages(rewards, torch.zeros(3, 6), LAYOUT, "none", obeyed)
    assert found.tag[0].tolist() == [0] * 6, "both modes are worth 4"
    assert found.tag[1].tolist() == pytest.approx([0, 0, 0, 0, 1.0, 0]), "direct: (0 + 4) / 2"
    assert found.tag[2].tolist() == pytest.approx([0, 0, 0, 0, 4 / 3, 0]), "nothing else is known"


@settings(max_examples=60)
@given(
    rewards=st.lists(st.floats(0, 5), min_size=12, max_size=12),
    scale=st.sampled_from(["group", "batch", "none"]),
)
def test_only_the_better_tag_is_raised_and_nothing_is_lowered(rewards, scale):
    totals = torch.tensor(rewards).view(2, 6)
    found = choice_advantages(totals, torch.zeros(2, 6), LAYOUT, scale)
    assert torch.isfinite(found.tag).all() and torch.isfinite(found.rest).all()
    assert (found.tag >= 0).all() and (found.tag[:, 4:] > 0).sum(dim=1).max() <= 1
    assert not found.tag[:, :4].any() and not found.rest[:, :4].any()


def test_equal_modes_are_told_apart_by_the_bonus_alone():
    bonus = torch.tensor([[0, 0, 0, 0, -0.5, 0.5]])
    found = choice_advantages(torch.full((1, 6), 3.0), bonus, LAYOUT, "group")
    assert found.tag.tolist() == [[0, 0, 0, 0, 0, 0.5]]


def test_where_only_auto_is_asked_its_own_rollouts_are_compared():
    rewards = torch.tensor([[1.0, 0.0, 1.0, 0.0]])
    found = choice_advantages(rewards, torch.zeros(1, 4), ("auto",) * 4, "none")
    assert found.tag.tolist() == [[0.5, 0, 0.5, 0]]
    assert not found.rest.any()


def test_a_settled_tag_is_held_and_all_else_is_not():
    log_probs = torch.tensor([[0.99, 0.99], [0.5, 0.99], [0.99, 0.99]]).log().requires_grad_()
    held = settled_held(log_probs, torch.tensor([1, 1, 0]))
    torch.testing.assert_close(held, log_probs)
    held.sum().backward()
    assert log_probs.grad.tolist() == [[0, 1], [1, 1], [1, 1]]


def test_a_dialect_without_tags_is_told_of():
    with pytest.raises(TrainingError, match="no tag for think"):
        openings(LAYOUT, get_dialect("qwen3-vl"), toy.tokenizer())


def test_rollouts_begin_with_both_tags_and_tags_have_their_own_advantage(tmp_path):
    trainer = hybrid(
        tmp_path, prefill=True, choice="both", shares=HybridShares(think=0.25, direct=0.25)
    )
    trainer.model.train()
    output = trainer._generate_and_score_completions(repeated(toy.rows(2, 0)))
    words = toy.tokenizer()
    first = words.convert_ids_to_tokens(output["completion_ids"][:, 0])
    assert first[2:4] == first[6:8] == ["<think>", "<answer>"]
    assert output["completion_ids"].shape[1] <= 8
    assert output["begun_tokens"].tolist() == [0, 0, 1, 1] * 2
    worth = output["advantages"].view(2, 4, -1)
    assert worth.shape[-1] == output["completion_ids"].shape[1]
    assert (worth[:, :2] == worth[:, :2, :1]).all(), "a forced rollout has one advantage"
    assert (worth[:, 2:, 0] >= 0).all()
    assert (worth[:, 2:, 1:] == worth[:, 2:, 1:2]).all()


def test_a_tag_counts_as_much_as_the_recipe_says(tmp_path):
    shares = HybridShares(think=0.25, direct=0.25)
    found = []
    for weight in (1.0, 4.0):
        trainer = hybrid(tmp_path, prefill=True, choice="both", shares=shares, choice_weight=weight)
        trainer.model.train()
        torch.manual_seed(4)
        output = trainer._generate_and_score_completions(repeated(toy.rows(8, 0)))
        found.append(output["advantages"].view(8, 4, -1))
    once, four_times = found
    assert once[:, 2:, 0].any()
    assert torch.allclose(four_times[:, 2:, 0], 4 * once[:, 2:, 0])
    assert torch.equal(four_times[:, :2], once[:, :2])
    assert torch.equal(four_times[:, :, 1:], once[:, :, 1:])


def test_where_the_policy_is_judged_it_begins_itself(tmp_path):
    trainer = hybrid(tmp_path, prefill=True, choice="both")
    trainer.model.eval()
    assert trainer._opened(4) == [[], [], [], []]
    trainer.model.train()
    assert any(trainer._opened(4))


def test_both_needs_generation_in_process(tmp_path):
    with pytest.raises(TrainingError, match="in process"):
        hybrid(tmp_path, prefill=False, choice="both")


def test_tags_need_room_behind_them(tmp_path):
    with pytest.raises(TrainingError, match=r"none to write.*max_completion_tokens"):
        hybrid(tmp_path, prefill=True, choice="both", max_completion_length=1)
