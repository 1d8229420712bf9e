"""Recorded conversations as rows of finetuning: prompts as they were taught, answers by ids."""

import numpy as np
import pytest

from gemvg.policy.dialects.nano import NanoDialect
from gemvg.policy.presets import get_preset
from gemvg.tools.errors import DataError
from gemvg.training.nano.episode_rows import episode_rows, is_recorded
from gemvg.training.nano.prompts import Prompts
from gemvg.training.nano.recording import TOOLS, Conversation, write_conversations
from gemvg.training.rewards.presets import get_preset as reward_preset
from gemvg.training.rft.reward_functions import GroupScorer
from gemvg.training.rows import check_pictures, rft_rows, with_pictures

CALL = '<tool_call>{"name": "detect", "arguments": {"labels": ["dog"]}}</tool_call>'
ROWS = "\n".join(
    [
        "<image_1><c0> dog<b2>",
        "<image_1><c8> dog<b5>",
        "<image_2><c0> dog<b3>",
        "<image_2> dog<b64>",
    ]
)
SAID = [
    Conversation("retrieval", "find every dog", ("a", "b"), ((CALL, ROWS),), "<b2><b3>"),
    Conversation("absent", "find the dog", ("b", "a"), ((CALL, "<none>"),), "<none>"),
    # What a tool has told alone is no choice; neither is a thing in nano's own coordinates.
    Conversation("scene-region", "where is it?", ("a", "b"), ((CALL, ROWS),), "<b2>"),
    Conversation("retrieval", "find it", ("a", "b"), ((CALL, ROWS),), "<image_1><c0><c0><c8><c8>"),
    Conversation("beyond", "why?", ("a", "b"), (), "<unknown>"),
]


class Kept:
    """What a recorder keeps of pictures."""

    def __init__(self):
        self.thumbnails = {
            "a": np.full((112, 224, 3), 90, np.uint8), "b": np.full((224, 224, 3), 200, np.uint8)
        }  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    write_conversations(tmp_path, SAID, Kept())
    return tmp_path


@pytest.fixture(scope="module")
def processor():
    from transformers import AutoProcessor

    return AutoProcessor.from_pretrained(str(get_preset("nano").folder))


def test_only_choices_among_what_tools_told_become_rows(folder):
    rows = episode_rows(folder)
    assert sorted(row["question"] for row in rows) == ["find every dog", "find the dog"]
    check_pictures(rows)
    assert len(episode_rows(folder, limit=1)) == 1
    assert is_recorded(folder) and not is_recorded(folder / "pictures")


def test_a_prompt_is_what_was_taught(folder, processor):
    prompts = Prompts(processor.tokenizer)
    row = next(r for r in episode_rows(folder) if r["question"] == "find every dog")
    script = "".join(text for text, _ in prompts.script(SAID[0].turns, SAID[0].last))
    taught = prompts.text(2, "find every dog", "auto", TOOLS) + script
    made = processor.apply_chat_template(
        row["prompt_auto"], tokenize=False, add_generation_prompt=True
    )
    assert taught == made + SAID[0].last + "<|im_end|>"


def test_an_answer_is_worth_the_boxes_that_it_names(folder):
    rows = [r for r in rft_rows([folder], NanoDialect()) if r["question"] == "find every dog"]
    texts = ["<b2><b3>", "<b2>", "<b5><b64>", "<none>", "<b2><b3><b3>", "<b7>"]
    scorer = GroupScorer(reward_preset("gemvg"), NanoDialect(), end_ids=[0])
    row = rows[0]
    completions = [f"<answer>{text}</answer>" for text in texts]
    columns = {name: [row[name]] * len(texts) for name in ("sizes", "boxes", "truth", "question")}
    ids = [[0]] * len(texts)
    for function in scorer.functions():
        function(completions, completion_ids=ids, mode=["direct"] * len(texts), **columns)
    assert scorer.quality.tolist() == pytest.approx([1.0, 2 / 3, 0.0, 0.0, 1.0, 0.0])
    assert scorer.rollouts[-1].status == "unparsable"


def test_conversations_and_scenes_are_one_table(folder, tmp_path):
    rows = rft_rows([folder], NanoDialect())
    table = with_pictures(rows)
    first = table[0]
    assert first["boxes"] == rows[0]["boxes"]
    assert [picture.size for picture in first["images"]] == [tuple(s) for s in first["sizes"]]
    batch = table[[0, 0]]
    assert batch["images"][0][0] is batch["images"][1][0]


def test_another_dialect_can_not_be_trained_on_them(folder):
    from gemvg.policy.dialects.registry import get_dialect

    with pytest.raises(DataError, match="nano's own tokens"):
        rft_rows([folder], get_dialect("gemvg"))
