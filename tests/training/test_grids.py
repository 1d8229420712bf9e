"""Dialects that write pixels of the resized picture, in training: the processor's own grid."""

import json
import random

import pytest
from PIL import Image

from gemvg.policy.dialects import get_dialect
from gemvg.policy.policy import Completion
from gemvg.tools.errors import DataError
from gemvg.training.chat import sizes_context
from gemvg.training.grids import grid_of_processor
from gemvg.training.recipe import SftPart
from gemvg.training.rewards.presets import get_preset
from gemvg.training.rft.reward_functions import GroupScorer
from gemvg.training.rows import rft_rows, sft_rows
from tests.tiny_models import processor
from tests.training.tiny_data import data_folder

DIALECT = get_dialect("qwen2.5-vl")
PART = SftPart(stage="s2", think_share=1.0, auto_share=0.0)


@pytest.fixture(scope="module")
def made():
    return processor("qwen2.5-vl")


@pytest.mark.parametrize("family", ["qwen2-vl", "qwen2.5-vl", "qwen3-vl"])
def test_the_grid_is_what_the_processor_makes(family):
    made = processor(family)
    grid_of, rng = grid_of_processor(made), random.Random(0)
    patch = made.image_processor.patch_size
    for _ in range(25):
        width, height = rng.randint(20, 700), rng.randint(20, 700)
        (grid,) = made.image_processor(
            images=[Image.new("RGB", (width, height))], return_tensors="pt"
        )["image_grid_thw"].tolist()
        assert grid_of(width, height) == (grid[2] * patch, grid[1] * patch)
    assert grid_of_processor(made.tokenizer) is None


def test_a_written_box_is_read_back_and_rewarded(tmp_path, made):
    """From the data set through the taught answer to the reward: the same pixels."""
    folder, grid_of = data_folder(tmp_path / "set", count=4), grid_of_processor(made)
    sft = sft_rows([folder], DIALECT, PART, 0, grid_of=grid_of)
    rft = rft_rows([folder], DIALECT, grid_of=grid_of)
    for row, asked in zip(sft, rft, strict=True):
        context = sizes_context(row["sizes"], grid_of)
        (found,) = DIALECT.read(Completion(row["completion"]), context).boxes
        ((image, *true),) = asked["truth"]
        frame = context.book[int(image)].frame(context.grids[int(image)])
        step = max(DIALECT.space.spacing(frame))
        assert found.image == image
        assert list(found.box) == pytest.approx(true, abs=0.51 * step)
    # Larger pictures: written numbers are those of the resized picture, not of the file.
    scorer = GroupScorer(get_preset("gemvg"), DIALECT, grid_of=grid_of)
    sizes, true = [[900, 600]], [1.0, 90.0, 60.0, 450.0, 300.0]
    width, height = grid_of(900, 600)
    assert width < 450
    box = [round(v * s) for v, s in zip([0.1, 0.1, 0.5, 0.5], [width, height] * 2, strict=True)]
    texts = [
        f"<answer>{json.dumps([{'bbox_2d': b, 'label': 'dog'}])}</answer>"
        for b in (box, [90, 60, 450, 300])
    ]
    recall = scorer.functions()[list(scorer.preset.terms).index("recall")]
    paid = recall(texts, truth=[[true]] * 2, sizes=[sizes] * 2, mode=["direct"] * 2)
    assert paid[0] > 0.95
    assert paid[1] == 0.0


def test_without_a_processor_it_is_refused_in_one_line(tmp_path):
    folder = data_folder(tmp_path / "set", count=1)
    with pytest.raises(DataError, match=r"no processor that says how it resizes.*qwen3-vl") as told:
        rft_rows([folder], DIALECT)
    assert "\n" not in str(told.value)
