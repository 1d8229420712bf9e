"""What a reading says: status, picture, notes; in each family's own form."""

import json

import pytest

from gemvg.policy.dialect import ReadContext
from gemvg.policy.dialects import DIALECT_NAMES, get_dialect
from gemvg.policy.messages import ToolCall
from gemvg.policy.policy import Completion
from gemvg.tools.boxes import Box, GroundedBox
from gemvg.tools.tool import BoxRegistry

from .pictures import book_of, context_of

TWO = ((1000, 1000), (2000, 500))
DOG = '[{"image": 2, "bbox_2d": [100, 200, 300, 400], "label": "dog"}]'
# The grid of a 2000 x 500 picture in multiples of 28 is 1988 x 504.
GRIDDED = (100 * 2000 / 1988, 200 * 500 / 504, 300 * 2000 / 1988, 400 * 500 / 504)


def read(name, text, *, finish="stop", **fields):
    return get_dialect(name).read(
        Completion(text, finish_reason=finish), context_of(*TWO, **fields)
    )


@pytest.mark.parametrize(
    ("text", "finish", "status"),
    [
        (DOG, "stop", "ok"),
        (DOG, "length", "ok"),
        (f"<think>why</think><answer>{DOG}</answer>", "stop", "ok"),
        (f"<think>why</think><answer>{DOG}", "stop", "ok"),
        ("[]", "stop", "none"),
        ("There are none.", "stop", "none"),
        ("<think>[1, 2, 3, 4] is empty</think><answer>[]</answer>", "stop", "none"),
        (DOG[:-1] + ', {"image": 1, "bbox_2d": [1, 2', "length", "partial"),
        (DOG[:-2], "length", "partial"),
        ('[{"image": 2, "bbox_2d": [100, 200, 300, 4', "length", "truncated"),
        ('[{"image": 2, "bbox_2d": [100, 200, 300, 4', "stop", "truncated"),
        ("<think>I look at", "length", "truncated"),
        ("<think>I see [1, 2, 3, 4]", "stop", "truncated"),
        ("Let me describe the pictures", "length", "truncated"),
        ("", "length", "truncated"),
        ("", "stop", "unparsable"),
        ("A dog on a sofa.", "stop", "unparsable"),
        ("<think>done</think>", "stop", "unparsable"),
        ('[{"image": 9, "bbox_2d": [1, 2, 3, 4]}]', "stop", "unparsable"),
        ('[{"image": -1, "bbox_2d": [1, 2, 3, 4]}]', "stop", "unparsable"),
        ('[{"image": 0, "bbox_2d": [1, 2, 3, 4]}]', "stop", "unparsable"),
        ('[{"image": 1, "bbox_2d": [1, 2, 3]}]', "stop", "unparsable"),
        (DOG[:-1] + ', {"image": 9, "bbox_2d": [1, 2, 3, 4]}]', "stop", "partial"),
        (DOG[:-1] + ', {"image": 1, "bbox_2d": [1, 2, 3]}]', "stop", "partial"),
        ("(100,200),(300,400)", "stop", "ok"),
        ("(100,200),(300,400)", "length", "partial"),
        ("(100,200),(300,400)(500", "length", "partial"),
    ],
)
def test_status(text, finish, status):
    reading = read("gemvg", text, finish=finish)
    assert reading.status == status
    assert bool(reading.boxes) == (status in ("ok", "partial"))
    assert all(box.score is None for box in reading.boxes)


@pytest.mark.parametrize(
    ("name", "text", "image", "box"),
    [
        ("gemvg", DOG, 2, (200, 100, 600, 200)),
        ("gem-vg", f"<answer>{DOG}</answer>", 2, (200, 100, 600, 200)),
        ("gem-vg", "Image-2: <|box_start|>(100,200),(300,400)<|box_end|>", 2, (200, 100, 600, 200)),
        ("qwen3-vl", DOG, 2, (200, 100, 600, 200)),
        ("qwen2.5-vl", DOG, 2, GRIDDED),
        ("vlm-r1", f"<think>t</think><answer>```json\n{DOG}\n```</answer>", 2, GRIDDED),
        ("qwen2-vl", "Image-2: <|object_ref_start|>dog<|object_ref_end|>"
         "<|box_start|>(100,200),(300,400)<|box_end|>", 2, (200, 100, 600, 200)),
        ("migician", "It's in the second image. (100,200),(300,400)", 2, (200, 105, 600, 220)),
        ("migician-raw", "It's in the second image. (100,200),(300,400)", 2, (200, 100, 600, 200)),
        ("univg-r1", "<think>It has a dog.</think><answer>(100,200),(300,400)</answer>", 1,
         (100, 200, 300, 400)),
        ("gemvg", '[{"image": 2, "bbox_2d": [0.1, 0.2, 0.3, 0.4]}]', 2, (200, 100, 600, 200)),
        ("qwen2.5-vl", '[{"image": 2, "bbox_2d": [0.1, 0.2, 0.3, 0.4]}]', 2, (200, 100, 600, 200)),
    ],
)  # fmt: skip
def test_each_family(name, text, image, box):
    reading = read(name, text)
    assert reading.status == "ok"
    (found,) = reading.boxes
    assert found.image == image
    assert found.box == pytest.approx(box)


@pytest.mark.parametrize(
    ("text", "query", "default", "image", "unclear"),
    [
        ("In the second image: (1,2),(30,40)", "find it in image 1", None, 2, False),
        ("It's in the first image. (1,2),(30,40)", "find the dog", 2, 2, False),
        ("(1,2),(30,40)", "find it in the second image", None, 2, False),
        ("(1,2),(30,40)", "find it in the first image", 2, 2, False),
        ("(1,2),(30,40)", "find the dog", None, 1, True),
        ('[{"bbox_2d": [1, 2, 30, 40]}]', "find the dog in image 2", None, 2, False),
        ('[{"bbox_2d": [1, 2, 30, 40], "image": 2}]', "find the dog in image 1", None, 2, False),
        ('[{"bbox_2d": [1, 2, 30, 40], "image": 1}]', "find the dog", 2, 2, False),
    ],
)
def test_which_picture(text, query, default, image, unclear):
    for name in ("migician", "univg-r1", "gemvg"):
        reading = read(name, text, query=query, default_view=default)
        assert [b.image for b in reading.boxes] == [image]
        assert any("picture unclear" in note for note in reading.notes) == unclear


def test_a_picture_that_only_the_reasoning_names():
    text = (
        "<think>Image 1 has a cat. It is in the second image.</think><answer>(1,2),(3,4)</answer>"
    )
    reading = read("univg-r1", text, query="find the dog")
    assert [b.image for b in reading.boxes] == [2]
    assert reading.notes == ("picture taken from the reasoning",)
    assert read("univg-r1", text, query="find the dog in image 1").boxes[0].image == 1


def test_a_picture_shown_alone_may_be_counted_as_the_first():
    reading = read("gemvg", '[{"bbox_2d": [1, 2, 30, 40], "image": 1}]', default_view=2)
    assert reading.notes == ("only image 2 was shown: a box in image 1 put there",)
    assert read("gemvg", '[{"bbox_2d": [1, 2, 30, 40], "image": 2}]', default_view=2).notes == ()
    reading = read("gemvg", '[{"bbox_2d": [1, 2, 30, 40], "image": 0}]', default_view=2)
    assert [b.image for b in reading.boxes] == [2]
    assert reading.notes == ("only image 2 was shown: a box in image 0 put there",)
    # Among several, counting from 0 is never guessed.
    text = '[{"bbox_2d": [1, 2, 30, 40], "image": 0}]'
    assert read("gemvg", text, default_view=2, alone=False).status == "unparsable"


@pytest.mark.parametrize(
    "label", ["picture frame {}", "picture {}", "the photo {}", "front view {}"]
)
def test_things_that_labels_number_lie_in_the_one_picture(label):
    items = [{"bbox_2d": [1, 2, 30 + k, 40], "label": label.format(k)} for k in (1, 2, 3)]
    for name in ("gemvg", "qwen3-vl"):
        for sizes, default in ((TWO[:1], None), (TWO[:1], 1), (TWO, 2)):
            context = context_of(*sizes, default_view=default)
            reading = get_dialect(name).read(Completion(json.dumps(items)), context)
            assert [b.image for b in reading.boxes] == [default or 1] * 3
            assert reading.status == "ok"


@pytest.mark.parametrize(
    ("label", "image"),
    [("dog in image 2", 2), ("dog, image 2", 2), ("image 2", 2), ("the second image: dog", 2),
     ("dog of the second picture", 2), ("picture frame 2", 1), ("front view 2", 1)],
)  # fmt: skip
def test_a_label_puts_a_box_in_a_picture_where_it_says_so(label, image):
    text = json.dumps([{"bbox_2d": [1, 2, 30, 40], "label": label}])
    assert [b.image for b in read("gemvg", text).boxes] == [image]


def test_one_picture_is_never_unclear():
    reading = get_dialect("univg-r1").read(Completion("(1,2),(30,40)"), context_of((100, 100)))
    assert (reading.boxes[0].image, reading.notes) == (1, ())


@pytest.mark.parametrize("name", ["qwen2.5-vl", "vlm-r1"])
def test_resized_pixels_are_not_guessed_without_the_grid(name):
    reading = get_dialect(name).read(Completion(DOG), ReadContext(book_of(*TWO)))
    assert (reading.status, reading.boxes) == ("unparsable", ())
    assert "grid" in reading.notes[0]
    with pytest.raises(ValueError, match="grid"):
        get_dialect(name).write([GroundedBox(1, Box(1, 2, 3, 4))], ReadContext(book_of(*TWO)))


@pytest.mark.parametrize(
    ("numbers", "box", "note"),
    [
        ("300, 400, 100, 200", (100, 200, 300, 400), "corners ordered"),
        ("900, 900, 1200, 3000", (900, 900, 1000, 1000), "clamped"),
        ("-50, 10, 20, 30", (0, 10, 20, 30), "clamped"),
        ("10, 20, 10, 40", None, "empty"),
        ("1500, 1500, 1600, 1600", None, "empty"),
    ],
)
def test_mended_boxes_say_so(numbers, box, note):
    reading = read("gemvg", f'[{{"image": 1, "bbox_2d": [{numbers}]}}]')
    assert any(note in n for n in reading.notes)
    assert [b.box for b in reading.boxes] == ([] if box is None else [box])
    assert reading.status == ("unparsable" if box is None else "ok")


def test_repeated_boxes_are_merged_and_said():
    reading = read("qwen2-vl", "(1,2),(30,40)" * 5 + "(5,6),(70,80)")
    assert len(reading.boxes) == 2
    assert "repeated box merged" in reading.notes


def test_box_ids():
    boxes = BoxRegistry()
    boxes.add(GroundedBox(2, Box(1.25, 2, 3, 4), "dog", 0.9, "detector"))
    reading = read("gemvg", '[{"id": "b1"}, {"id": "B1", "label": "red dog"}]', boxes=boxes)
    assert reading.boxes[0] == GroundedBox(2, Box(1.25, 2, 3, 4), "dog", 0.9, "detector")
    assert reading.boxes[1].label == "red dog"
    missing = read("gemvg", '[{"id": "b1"}, {"id": "b7"}]', boxes=boxes)
    assert missing.status == "partial"
    assert "no box b7: dropped" in missing.notes


def test_boxes_in_a_crop_land_in_the_picture():
    context = context_of((1000, 1000), (2000, 500))
    crop = context.book.add(2, Box(1000.0, 100.0, 1500.0, 300.0), (1000, 400), "zoom")
    text = f'[{{"image": {crop.index}, "bbox_2d": [0, 500, 500, 1000]}}]'
    (found,) = get_dialect("gemvg").read(Completion(text), context).boxes
    assert (found.image, found.box) == (2, (1000.0, 200.0, 1250.0, 300.0))


def test_labels_are_made_safe():
    reading = read(
        "gemvg", '[{"image": 1, "bbox_2d": [1,2,3,4], "label": "\\u001b[31mred\\u202e x"}]'
    )
    assert reading.boxes[0].label == "red x"


def test_mode_and_reasoning():
    thought = read("gemvg", f"<think>two pictures</think><answer>{DOG}</answer>")
    assert (thought.mode, thought.reasoning) == ("think", "two pictures")
    direct = read("gemvg", f"<think>\n</think><answer>{DOG}</answer>")
    assert (direct.mode, direct.reasoning) == ("direct", None)


def test_words_of_an_answer_are_kept():
    assert read("gemvg", '{"answer": [], "text": "no dogs"}').text == "no dogs"
    assert read("gemvg", "A dog on a sofa.").text == "A dog on a sofa."
    assert read("gemvg", "[]").text is None


def test_calls_come_before_an_answer():
    call = '<tool_call>{"name": "zoom", "arguments": {}}</tool_call>'
    reading = read("gemvg", f"<think>closer</think>{call}{DOG}", turn=3)
    assert [c.name for c in reading.calls] == ["zoom"]
    assert reading.calls[0].id.startswith("text-3-")
    assert reading.boxes == ()
    assert not read("gemvg", f"<think>maybe {call}</think><answer>{DOG}</answer>").calls
    assert read("gemvg", f"<think>closer {call}").calls
    backend = Completion(call, tool_calls=(ToolCall("call_1", "detect"),))
    calls = get_dialect("gemvg").read(backend, context_of(*TWO)).calls
    assert [c.id for c in calls] == ["call_1"]


@pytest.mark.parametrize("name", DIALECT_NAMES)
def test_a_bracket_in_the_reasoning_hides_nothing(name):
    dialect, context = get_dialect(name), context_of(*TWO)
    answer = dialect.write([GroundedBox(2, Box(100, 100, 900, 400), "dog")], context)
    for thought in ("I see [ and { here", "maybe [1, 2, 3, 4] or (5,6),(7,8)", "```json [{"):
        reading = dialect.read(
            Completion(f"<think>{thought}</think><answer>{answer}</answer>"), context
        )
        assert reading.status == "ok"
        assert [b.image for b in reading.boxes] == [2]
        assert reading.mode == "think"
