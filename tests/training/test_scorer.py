"""Reading rollouts: the quick way says what the dialect says, and TRL's messages lose nothing."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gemvg.policy.dialect import ReadContext
from gemvg.policy.dialects import get_dialect
from gemvg.policy.policy import Completion
from gemvg.tools.toolbox import make_tools
from gemvg.training.chat import sizes_book
from gemvg.training.rewards.rollout import BoxSet
from gemvg.training.rewards.scorer import Spoken, exact_tags, read_exact, read_rollouts
from gemvg.training.rft.environment import GroundingEnvironment, as_turns
from gemvg.training.rft.written import read_written

DIALECT = get_dialect("gemvg")
CONTEXT = ReadContext(sizes_book([[640, 480], [333, 777], [50, 50]]))

number = st.integers(0, 1000)
item = st.fixed_dictionaries(
    {
        "image": st.integers(-1, 4),
        "bbox_2d": st.tuples(number, number, number, number).map(list),
        "label": st.sampled_from(["dog", "red car", "x", "", "a-b", "cat 2"]),
    }
)
odd = st.one_of(
    item, st.just({"id": "b1"}), st.just([1, 2]), st.just({"image": True, "bbox_2d": [1, 2, 3, 4]}),
    st.fixed_dictionaries({"image": st.just(1), "bbox_2d": st.lists(st.floats(0, 1000), max_size=5),
                           "label": st.just("dog")}),
)  # fmt: skip


def by_dialect(spoken):
    """The rollout as read without the quick way."""
    reading = DIALECT.read(Completion(spoken.text, finish_reason="stop"), spoken.context)
    well_formed = not reading.notes and exact_tags(spoken.text)
    return BoxSet.of(reading.boxes), reading.status, reading.mode == "think", well_formed


@given(items=st.lists(odd, max_size=6), thought=st.one_of(st.none(), st.text("ab <", max_size=9)),
       twice=st.booleans())  # fmt: skip
def test_the_quick_reading_is_the_dialects(items, thought, twice):
    body = json.dumps([*items, *items[:1]] if twice else items)
    head = "" if thought is None else f"<think>{thought}</think>\n"
    spoken = Spoken(f"{head}<answer>{body}</answer>", "auto", CONTEXT)
    (quick,) = read_exact([spoken])
    if quick is None:
        return
    answer, status, thinks, well_formed = by_dialect(spoken)
    assert (quick.status, quick.thought, quick.well_formed) == (status, thinks, well_formed)
    np.testing.assert_allclose(quick.answer.boxes, answer.boxes, atol=1e-9)
    assert quick.answer.images.tolist() == answer.images.tolist()
    assert quick.answer.labels == answer.labels


ORDINARY = json.dumps(
    [{"image": 2, "bbox_2d": [10, 20, 30, 40], "label": "red car"},
     {"image": 1, "bbox_2d": [0, 0, 1000, 5], "label": "dog"}]
)  # fmt: skip


@pytest.mark.parametrize("place", range(len(ORDINARY)))
def test_one_changed_letter_is_read_as_the_dialect_reads_it(place):
    """Each letter is left out, doubled, and replaced by one that matters in JSON."""
    head, letter, tail = ORDINARY[:place], ORDINARY[place], ORDINARY[place + 1 :]
    others = ["", letter * 2, *'0 9-.,"[]{}:e\\\u00a0\u0663']
    spoken = [Spoken(f"<answer>{head}{new}{tail}</answer>", "auto", CONTEXT) for new in others]
    for said, quick in zip(spoken, read_exact(spoken), strict=True):
        if quick is not None:
            answer, status, thinks, well_formed = by_dialect(said)
            assert (quick.status, quick.thought, quick.well_formed) == (status, thinks, well_formed)
            np.testing.assert_allclose(quick.answer.boxes, answer.boxes, atol=1e-9)
            assert quick.answer.images.tolist() == answer.images.tolist()
            assert quick.answer.labels == answer.labels


def test_answers_are_read_together_as_alone():
    """Odd ones among them, in other pictures each."""
    bodies = [ORDINARY, "[]", "[1]", ORDINARY.replace("10, 20", "010, 20"), "[ ]", ORDINARY[:-9],
              ORDINARY.replace(", ", ",")]  # fmt: skip
    small = ReadContext(sizes_book([[10, 20], [30, 40]]))
    spoken = [
        Spoken(f"<answer>{body}</answer>", "auto", context)
        for context in (CONTEXT, small, ReadContext(sizes_book([]))) for body in bodies
    ]  # fmt: skip
    together = read_exact(spoken)
    assert [r is not None for r in together[:7]] == [True, True, False, False, True, False, True]
    for said, one in zip(spoken, together, strict=True):
        (alone,) = read_exact([said])
        assert (alone is None) == (one is None)
        if one is not None:
            np.testing.assert_array_equal(one.answer.boxes, alone.answer.boxes)


def test_the_quick_reading_takes_ordinary_answers():
    text = '<answer>[{"image": 2, "bbox_2d": [10, 20, 30, 40], "label": "red car"}]</answer>'
    assert read_exact([Spoken(text, "direct", CONTEXT)])[0] is not None
    (empty,) = read_exact([Spoken("<answer>[]</answer>", "direct", CONTEXT)])
    assert empty.status == "none"


def test_a_think_part_of_an_earlier_turn_counts():
    text = "<answer>[]</answer>"
    spoken = Spoken(text, "think", CONTEXT, tool_calls=1, thought=True)
    first, second = read_rollouts([spoken, Spoken(text, "think", CONTEXT)], DIALECT)
    assert first.thought
    assert not second.thought


class Words:
    """A tokenizer whose tokens are letters."""

    def batch_decode(self, rows, skip_special_tokens=True):
        return ["".join(row) for row in rows]


def test_tools_words_are_not_the_policys():
    ids = [list("<think>x</think>CALL") + list("result") + list("done")]
    mask = [[1] * 20 + [0] * 6 + [1] * 4]
    (written,) = read_written(Words(), ids, mask, [[{"role": "assistant"}, {"role": "tool"}]])
    assert (written.text, written.tokens, written.thought, written.calls) == ("done", 24, True, 1)


def test_a_rollout_that_ends_with_a_tool_has_no_answer():
    (written,) = read_written(Words(), [list("callres")], [[1] * 4 + [0] * 3], [[]])
    assert written.text == ""


@pytest.fixture
def episode():
    made = GroundingEnvironment.offering(make_tools("zoom"), DIALECT, max_calls=3, max_views=2)()
    made.reset(images=[Image.new("RGB", (200, 100)), Image.new("RGB", (80, 80))], sample_id="s")
    return made


def region(view, *box):
    return {"view": view, "box": list(box)}


def test_a_tool_is_called_as_at_inference(episode):
    text, reference, picture, _ = episode.zoom(regions=[region(1, 250, 200, 750, 800)], padding=0.0)
    width, height = picture["image"].size
    assert width >= 100
    assert width / height == pytest.approx(100 / 60, rel=0.05)  # of a picture of 200 by 100
    assert "[250, 200, 750, 800]" in text["text"]  # told as boxes are, in thousandths
    assert reference["text"].startswith("View 3")
    assert (episode._calls, episode._refused) == (1, 0)


@pytest.mark.parametrize(
    "arguments",
    [{}, {"regions": [region(9, 0, 0, 5, 5)]}, {"regions": "no"}, {"path": "/etc/passwd"},
     {"regions": [region(1, 5, 5, 5, 5)]}],
)  # fmt: skip
def test_wrong_arguments_are_refused_and_counted(episode, arguments):
    (block,) = episode.zoom(**arguments)
    assert block["type"] == "text"
    assert (episode._calls, episode._refused) == (1, 1)


def test_budgets_hold_and_reset_gives_them_back(episode):
    whole = [region(1, 0, 0, 500, 500)]
    for _ in range(2):
        assert len(episode.zoom(regions=whole)) > 1
    assert len(episode.zoom(regions=whole)) == 1  # the third view is one too many
    assert "No tool calls are left" in episode.zoom(regions=whole)[0]["text"]
    assert (episode._calls, episode._refused) == (4, 2)
    episode.reset(images=[Image.new("RGB", (200, 100))])
    assert len(episode.zoom(regions=whole)) > 1


def test_only_the_offered_tools_are_there(episode):
    assert not any(hasattr(episode, name) for name in ("detect", "match", "compare"))


def test_views_come_in_a_user_turn():
    text, picture = {"type": "text", "text": "t"}, {"type": "image", "image": 1}
    turns = as_turns({"role": "tool", "name": "zoom", "content": [text, picture]})
    assert [turn["role"] for turn in turns] == ["tool", "user"]
    assert [turn["content"] for turn in turns] == [[text], [picture]]
    assert as_turns({"role": "tool", "name": "x", "content": "error"})[0]["content"] == "error"


def test_each_picture_is_processed_once_and_as_before():
    import torch

    from gemvg.training.rft.pictures_once import pictures_once
    from tests.tiny_models import processor

    made = processor("qwen3-vl")
    a, b = Image.new("RGB", (96, 64), "red"), Image.new("RGB", (64, 96), "blue")
    plain = made.image_processor(images=[[a, b], [a, b]], return_tensors="pt")
    seen, inner = [], made.image_processor

    class Counting(SimpleNamespace):
        merge_size = inner.merge_size

        def __call__(self, images, **options):
            seen.extend(images)
            return inner(images=images, **options)

    with pictures_once(made):
        made.image_processor._inner = Counting()
        for _ in range(2):
            again = made.image_processor(images=[[a, b], [a, b]], return_tensors="pt")
            assert torch.equal(again["pixel_values"], plain["pixel_values"])
            assert torch.equal(again["image_grid_thw"], plain["image_grid_thw"])
    assert len(seen) == 2
    assert made.image_processor is inner
