"""TRL's own tool loop with the agent's tools, on a tiny Qwen3-VL whose words are scripted."""

import pytest
import torch

from gemvg.tools.errors import TrainingError
from gemvg.training.rft.tool_calling import prepare_tool_calls
from gemvg.training.run import make_trainer
from tests.tiny_models import processor
from tests.training.tiny_data import data_folder, rft_recipe

ZOOM = (
    '<think>look</think><tool_call>\n{"name": "zoom", "arguments": '
    '{"regions": [{"view": 1, "box": [0, 0, 200, 200]}], "padding": 0.0}}\n</tool_call>'
)
TYPO = '<tool_call>\n{"name": "zoom", "arguments": {"regins": 3}}\n</tool_call>'
NOBODY = '<tool_call>\n{"name": "fly", "arguments": {"x": 3}}\n</tool_call>'
# In the view of the upper left corner; the true box is there.
CARRIED = '<answer>[{"image": 1, "bbox_2d": [16, 16, 78, 78], "label": "dog"}]</answer>'
TURNS = [[ZOOM, TYPO, NOBODY, CARRIED], [CARRIED, ZOOM, CARRIED], [ZOOM], [CARRIED]]


@pytest.mark.slow
def test_an_episode_goes_through_the_real_tools_and_trains(tmp_path):
    torch.set_num_threads(1)
    recipe = rft_recipe(
        data_folder(tmp_path / "set", count=2), tmp_path / "run", rft__tools=["zoom"],
        rft__max_completion_tokens=900, rft__max_tool_calls=3, optim__steps=1,
    )  # fmt: skip
    trainer = make_trainer(recipe)
    words = trainer.processing_class.tokenizer
    shown, masks = [], []

    def write(prompt_ids, images, fields, num_generations, has_tool_images=False):
        texts = TURNS[len(shown)][: len(prompt_ids)]
        shown.append(([len(row) for row in images], words.batch_decode(prompt_ids)))
        return [words(f"{t}<|im_end|>", add_special_tokens=False)["input_ids"] for t in texts], None

    trainer._generate_single_turn = write
    compute = trainer.compute_loss

    def spying(model, inputs, **options):
        masks.append((inputs["tool_mask"], inputs["completion_mask"], inputs["num_images"]))
        return compute(model, inputs, **options)

    trainer.compute_loss = spying
    trainer.train()

    # The prompt tells of the tools once, in the dialect's words; results come as at inference.
    assert shown[0][1][0].count("<tools>") == 1
    assert "0 to 1000" in shown[0][1][0]
    assert shown[1][0] == [3, 2, 2]
    assert "View 3 (of image 1): <|vision_start|>" in shown[1][1][0]
    assert "Tool fly not found" in shown[1][1][2]
    assert "regins" in shown[1][1][1]

    zoomed, typo, nobody, plain = trainer.scorer.rollouts
    assert [r.tool_calls for r in (zoomed, typo, nobody, plain)] == [1, 3, 1, 0]
    assert [r.tool_errors for r in (zoomed, typo, nobody, plain)] == [0, 1, 1, 0]
    assert [r.status for r in (zoomed, typo, nobody, plain)] == ["ok"] * 4
    assert zoomed.tool_mattered
    assert zoomed.thought  # before the call, which the last turn alone does not show
    assert typo.thought
    assert not plain.tool_mattered
    assert trainer.scorer.parts["tool_use"][0] > 0

    tool_mask, completion_mask, counts = masks[0]
    assert sorted(counts) == [2, 2, 3, 4]
    own = int((tool_mask * completion_mask).sum())
    assert own == sum(rollout.tokens for rollout in trainer.scorer.rollouts)
    assert own < int(completion_mask.sum())


def test_a_template_without_tools_is_refused_in_one_line():
    made = processor("qwen2-vl")
    made.chat_template = "{% for m in messages %}{{ m.content }}{% endfor %}"
    with pytest.raises(TrainingError, match=r"no tool calls.*without rft\.tools"):
        prepare_tool_calls(made)


def test_trls_copy_of_qwen3_vls_template_is_fit():
    from trl.chat_template_utils import parse_response, qwen3_vl_chat_template

    made = processor("qwen3-vl")
    made.chat_template = qwen3_vl_chat_template
    prepare_tool_calls(made)
    prefix = made.tokenizer("<|im_start|>assistant\n", add_special_tokens=False)["input_ids"]
    ids = made.tokenizer(f"{ZOOM}<|im_end|>", add_special_tokens=False)["input_ids"]
    (call,) = parse_response(made.tokenizer, ids, prefix=prefix)["tool_calls"]
    assert call["function"]["name"] == "zoom"
    assert call["function"]["arguments"]["padding"] == 0.0
