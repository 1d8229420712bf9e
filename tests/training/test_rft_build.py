"""The trainer that a recipe makes: its order of questions, its adapters, what can't be a step."""

import pytest
import torch

from gemvg.tools.errors import DataError, MissingDependency
from gemvg.training.rft.sampler import SameOrder
from gemvg.training.run import make_trainer, run_recipe
from tests.training.tiny_data import data_folder, rft_recipe


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    torch.set_num_threads(1)
    return data_folder(tmp_path_factory.mktemp("data") / "set", count=3)


def test_a_later_epoch_has_its_own_order_in_whichever_process_it_begins():
    from trl.trainer.utils import RepeatSampler

    def stock():
        return RepeatSampler(list(range(9)), mini_repeat_count=2, batch_size=2, seed=4)

    whole = stock()
    orders = [list(whole) for _ in range(4)]
    assert len({tuple(order) for order in orders}) == 4
    for epoch, order in enumerate(orders):
        fresh = SameOrder(stock(), lambda behind=epoch: behind)
        assert len(fresh) == len(order)
        assert list(fresh) == order
        # Looked through twice, as when batches are skipped, it is the same.
        assert list(fresh) == order


@pytest.mark.slow
def test_fresh_adapters_write_what_their_base_writes(data, tmp_path):
    """Where pictures stand is known to the model within the adapters' wrapper alone."""
    said = []
    for lora in (None, {"rank": 4}):
        recipe = rft_recipe(data, tmp_path / str(lora), model__lora=lora)
        trainer = make_trainer(recipe)
        assert trainer._can_share()
        trainer.model.train()
        torch.manual_seed(0)
        rows = [trainer.train_dataset[0] for _ in range(4)]
        said.append(trainer._generate_and_score_completions(rows)["completion_ids"])
    assert torch.equal(*said)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"optim__batch": 16}, r"a step asks 4 questions .* and there are 3"),
        ({"optim__accumulate": 8}, r"a step asks 8 questions .* and there are 3"),
        ({"data__limit": 1, "optim__batch": 8}, "a step asks 2 questions .* and there are 1"),
    ],
)
def test_a_step_that_can_not_be_filled_is_told_of(data, tmp_path, values, said):
    """TRL takes no step at all then, and what was to be trained is saved as what was trained."""
    with pytest.raises(DataError, match=said) as told:
        run_recipe(rft_recipe(data, tmp_path, **values))
    assert "\n" not in str(told.value)
    assert not (tmp_path / "last").exists()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["server", "colocate"])
def test_vllm_that_is_not_installed_is_told_of(data, tmp_path, kind, monkeypatch):
    monkeypatch.setattr("gemvg.training.rft.build.find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match=f"rft.vllm is {kind}.*rft.vllm to off"):
        make_trainer(rft_recipe(data, tmp_path, rft__vllm=kind))
