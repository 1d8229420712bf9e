"""The hybrid trainer against stock GRPO, its slots and groups, and the traps of its backends."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from gemvg.tools.errors import TrainingError
from gemvg.training.rewards.batch import ScoredBatch
from gemvg.training.rewards.preset import Preset
from gemvg.training.rewards.presets import get_preset
from gemvg.training.rewards.rollout import BoxSet, Sample
from gemvg.training.rft.baseline import mode_shift
from gemvg.training.rft.modes import HybridShares
from gemvg.training.rft.reward_functions import GroupScorer
from tests.training import toy

PRESET = get_preset("gemvg").without("tool_use", "length")


def arguments(output, **changes):
    from trl import GRPOConfig

    given = {
        "output_dir": str(output), "per_device_train_batch_size": 8, "num_generations": 4,
        "max_completion_length": 8, "learning_rate": 1e-3, "max_steps": 2, "logging_steps": 1,
        "save_strategy": "no", "use_cpu": True, "bf16": False, "seed": 3, "report_to": [],
        "gradient_checkpointing": False, "disable_tqdm": True, "remove_unused_columns": False,
    }  # fmt: skip
    return GRPOConfig(**{**given, **changes})


def hybrid(
    output, rows=None, preset=PRESET, shares=None, bonus=0.0, prefill=False, baseline="mode",
    shared_loss=False, lora=None, choice="sampled", credit="rollout", environment_factory=None,
    choice_weight=1.0, **changes,
):  # fmt: skip
    """A hybrid trainer of a fresh toy model."""
    from datasets import Dataset

    from gemvg.training.rft.trainer import HybridGRPOTrainer

    return HybridGRPOTrainer(
        scorer=GroupScorer(preset, toy.DIALECT),
        shares=shares or HybridShares(think=0.5, direct=0.25),
        direct_bonus=bonus,
        baseline=baseline,
        choice=choice,
        choice_weight=choice_weight,
        credit=credit,
        environment_factory=environment_factory,
        shared_prefill=prefill,
        shared_loss=shared_loss,
        model=toy.model(1),
        peft_config=lora,
        args=arguments(output, **changes),
        train_dataset=Dataset.from_list(rows or toy.rows(16, 0)),
        processing_class=toy.tokenizer(),
    )


def scripted(trainer):
    """Let the trainer write in its prompt's mode; one slot of each group is right."""
    words = toy.tokenizer()

    def write(prompt_ids, images, fields, num_generations, has_tool_images=False):
        texts = words.batch_decode(prompt_ids)
        answers, begin = [], trainer.accelerator.process_index * len(texts)
        for row, text in enumerate(texts, begin):
            thinks = text.split()[-2] == "T"
            pick = (len(text) + row) % toy.PLACES
            answers.append(toy.answer_text(pick, ["s1"] if thinks else None) + " <eos>")
        return words(answers)["input_ids"], None

    trainer._generate_single_turn = write
    return trainer


def repeated(rows, group=4):
    return [dict(row) for row in rows for _ in range(group)]


def history(trainer, *names):
    return [[row[name] for name in names] for row in trainer.state.log_history if "loss" in row]


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["think", "direct"])
def test_one_mode_alone_is_stock_grpo_in_that_mode(tmp_path, mode):
    from datasets import Dataset
    from trl import GRPOTrainer

    rows = toy.rows(16, 0)
    shares = HybridShares(think=float(mode == "think"), direct=float(mode == "direct"))
    ours = hybrid(tmp_path / "ours", rows, shares=shares)
    ours.train()
    scorer = GroupScorer(PRESET, toy.DIALECT, end_ids=(1,))
    plain = [{**row, "prompt": row[f"prompt_{mode}"], "mode": mode} for row in rows]
    stock = GRPOTrainer(
        model=toy.model(1),
        reward_funcs=scorer.functions(),
        args=arguments(tmp_path / "stock", reward_weights=scorer.weights()),
        train_dataset=Dataset.from_list(plain),
        processing_class=toy.tokenizer(),
    )
    stock.train()
    names = ("loss", "reward", "reward_std", "grad_norm", "completions/mean_length")
    assert history(ours, *names) == history(stock, *names)
    for a, b in zip(ours.model.parameters(), stock.model.parameters(), strict=True):
        assert torch.equal(a, b)


def test_groups_and_terms_may_come_in_any_order(tmp_path):
    rows = toy.rows(2, 0)
    first, second = repeated(rows[:1]), repeated(rows[1:])
    ahead = scripted(hybrid(tmp_path / "a"))._generate_and_score_completions([*first, *second])
    behind = scripted(hybrid(tmp_path / "b"))._generate_and_score_completions([*second, *first])
    assert ahead["advantages"].abs().sum() > 0
    swapped = torch.cat([behind["advantages"][4:], behind["advantages"][:4]])
    torch.testing.assert_close(ahead["advantages"], swapped)

    back = Preset("back", "", dict(reversed(PRESET.terms.items())), PRESET.weights)
    other = scripted(hybrid(tmp_path / "c", preset=back))
    again = other._generate_and_score_completions([*first, *second])
    torch.testing.assert_close(ahead["advantages"], again["advantages"])


def test_each_slot_is_asked_in_its_mode(tmp_path):
    trainer = scripted(hybrid(tmp_path))
    trainer._generate_and_score_completions(repeated(toy.rows(2, 0)))
    assert [r.asked for r in trainer.scorer.rollouts] == ["think", "think", "direct", "auto"] * 2
    assert [r.thought for r in trainer.scorer.rollouts] == [True, True, False, False] * 2


@pytest.mark.parametrize(("index", "count"), [(0, 4), (1, 4), (3, 4), (1, 6), (2, 2)])
def test_slots_follow_the_global_row(tmp_path, index, count):
    """Row r of all processes together belongs to slot r mod G, wherever a process begins."""
    from gemvg.training.rft.trainer import HybridGRPOTrainer

    layout = ("think", "think", "direct", "auto")
    fake = SimpleNamespace(layout=layout, accelerator=SimpleNamespace(process_index=index))
    found = HybridGRPOTrainer._slots(fake, count)
    assert found == [layout[r % 4] for r in range(index * count, (index + 1) * count)]


@pytest.mark.parametrize(
    ("quality", "auto_thinks", "bonus"),
    [
        ([0.9, 0.9, 0.8, 1.0], False, 0.5),  # both right: direct is the cheaper one
        ([0.9, 0.9, 0.8, 1.0], True, -0.5),
        ([0.9, 0.9, 0.8, 0.1], False, 0.0),  # a wrong answer earns nothing
        ([0.9, 0.9, 0.1, 1.0], False, 0.0),  # direct is right less often: a lucky guess
        ([0.0, 0.0, 0.1, 0.0], True, 0.0),  # nothing is right
    ],
)
def test_the_bonus_moves_choices_only(tmp_path, quality, auto_thinks, bonus):
    """Slots: think, think, direct, auto. Only the choice is paid, and only in the advantage."""
    trainer = hybrid(tmp_path, bonus=0.5)
    thought = (True, True, False, auto_thinks)
    trainer.scorer.rollouts = [SimpleNamespace(thought=t) for t in thought]
    assert trainer._bonus(torch.tensor([quality])).tolist() == [[0, 0, 0, bonus]]
    assert trainer.reward_weights[-1] == 0.0


def test_forced_modes_are_measured_against_their_own():
    """Think is right, direct can't be: no honest direct answer is pushed down for it."""
    layout = ("think", "think", "direct", "direct", "auto", "auto")
    rewards = torch.tensor([[4.0, 4.0, 1.0, 1.0, 4.0, 1.0], [4.0, 1.0, 1.0, 0.0, 1.0, 1.0]])
    stock = (rewards - rewards.mean(dim=1, keepdim=True)) / (rewards.std(dim=1)[:, None] + 1e-4)
    found = stock + mode_shift(rewards, layout, "group")
    torch.testing.assert_close(found[0, :4], torch.zeros(4))
    assert stock[0, 2] < -0.5
    # A direct prompt that is answered with thought (reward 0) loses to an honest wrong answer.
    assert found[1, 2] > 0.3 > -0.3 > found[1, 3]
    torch.testing.assert_close(found[:, 4:], stock[:, 4:])
    for alone in (("think",) * 6, ("auto",) * 6):
        assert not mode_shift(rewards, alone, "group").any()


def test_a_rollout_alone_in_its_mode_is_measured_against_the_group():
    """Against itself it is worth nothing, whatever it says: a group of two would learn nothing."""
    rewards = torch.tensor([[4.0, 1.0]])
    assert not mode_shift(rewards, ("think", "direct"), "none").any()
    shift = mode_shift(torch.tensor([[4.0, 2.0, 1.0]]), ("think", "think", "direct"), "none")
    torch.testing.assert_close(shift, torch.tensor([[-2 / 3, -2 / 3, 0.0]]))


@pytest.mark.parametrize("scale", ["group", "batch", "none"])
def test_the_mode_baseline_changes_nothing_else(tmp_path, scale):
    """The trainer's advantages less the shift are stock TRL's."""
    rows = repeated(toy.rows(4, 0))
    found = {}
    for baseline in ("group", "mode"):
        trainer = hybrid(tmp_path / baseline, scale_rewards=scale, baseline=baseline)
        found[baseline] = scripted(trainer)._generate_and_score_completions(rows)["advantages"]
    layout = trainer.layout
    totals = torch.tensor(PRESET.total(ScoredBatch(trainer.scorer.rollouts, [
        Sample(BoxSet.of_rows(row["truth"])) for row in rows
    ]))).float().view(-1, 4)  # fmt: skip
    shift = mode_shift(totals, layout, scale).view(-1)
    assert shift.abs().max() > 0.1
    torch.testing.assert_close(found["mode"], found["group"] + shift, atol=1e-5, rtol=1e-5)


def test_a_reward_that_is_no_number_names_its_term(tmp_path):
    broken = Preset("broken", "", {"beauty": lambda batch: batch.true * float("nan")})
    trainer = scripted(hybrid(tmp_path, preset=broken))
    with pytest.raises(TrainingError, match="reward term beauty of broken"):
        trainer._generate_and_score_completions(repeated(toy.rows(2, 0)))


def test_pictures_dropped_in_silence_stop_the_step(tmp_path):
    trainer = hybrid(tmp_path)
    with pytest.raises(TrainingError, match="without its pictures"):
        trainer._check_pictures([{"images": [object()]}], {"input_ids": 1})
    trainer._check_pictures([{"images": []}], {"input_ids": 1})
    trainer._check_pictures([{"images": [object()]}], {"pixel_values": 1})


def test_a_vllm_server_is_asked_for_one_answer_of_each_prompt(tmp_path):
    """It would else keep every G-th prompt and give a whole group the mode of its first slot."""
    trainer = hybrid(tmp_path)
    trainer.use_vllm, trainer.vllm_mode = True, "server"
    trainer._last_loaded_step = trainer.state.global_step
    asked = []

    def generate(prompts, images, num_generations, profiler):
        asked.append((len(prompts), num_generations))
        return prompts, [[4, 1] for _ in prompts], [[[0.0], [0.0]] for _ in prompts], None

    trainer.vllm_generation = SimpleNamespace(generate=generate)
    ids, _ = trainer._generate_single_turn([[2, 4]] * 8, None, {}, 4)
    assert asked == [(8, 1)]
    assert len(ids) == 8


@pytest.mark.slow
def test_two_processes_are_one(tmp_path):
    """Groups cut across processes: same slots, rewards and advantages as in one process."""
    trainer = scripted(hybrid(tmp_path / "one", bonus=0.5))
    whole = trainer._generate_and_score_completions(repeated(toy.rows(3, 0)))
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2",
         "--master-port", str(20_000 + os.getpid() % 20_000),
         "-m", "tests.training.two_processes", str(tmp_path)],
        cwd=root, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True,
        timeout=540, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    parts = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2)]
    asked = [mode for part in parts for mode in part["asked"]]
    assert asked == [rollout.asked for rollout in trainer.scorer.rollouts]
    torch.testing.assert_close(torch.cat([p["advantages"] for p in parts]), whole["advantages"])


@pytest.mark.parametrize("adapters", [False, True])
def test_a_shared_loss_trains_the_same_weights(tmp_path, adapters):
    from peft import LoraConfig

    trained = []
    for shared in (False, True):
        lora = LoraConfig(r=4, target_modules="all-linear") if adapters else None
        trainer = scripted(hybrid(tmp_path / str(shared), shared_loss=shared, lora=lora))
        assert trainer._can_share_loss() == shared
        trainer.train()
        trained.append({n: p.detach().clone() for n, p in trainer.model.named_parameters()})
    moved = 0
    for name, weight in trained[0].items():
        torch.testing.assert_close(trained[1][name], weight, atol=2e-4, rtol=1e-3)
        moved += int(not torch.equal(weight, trained[1][name]))
    # Sums in another order: were all bits the same, the stock loss would have been asked twice.
    assert moved > 0


@pytest.mark.parametrize(("progression", "recall"), [(1.0, 0.0), (0.0, 0.6)])
def test_the_bar_rises_as_far_as_it_is_told(progression, recall):
    """At the run's end a box of IoU .6 is under the risen bar (.75), over the first (.5)."""
    scorer = GroupScorer(PRESET, toy.DIALECT, progression=progression)
    text = '<answer>[{"image": 1, "bbox_2d": [0, 0, 120, 200], "label": "p"}]</answer>'
    columns = {
        "truth": [[(1, 0, 0, 200, 200)]], "truth_labels": [["p"]], "sizes": [toy.SIZES],
        "mode": ["direct"], "completion_ids": [[1]],
        "trainer_state": SimpleNamespace(global_step=9, max_steps=9),
    }  # fmt: skip
    found = dict(zip(PRESET.terms, scorer.functions(), strict=True))["recall"]([text], **columns)
    assert found == [pytest.approx(recall, abs=0.01)]
