"""Boxes in JSON: whole, nested otherwise than asked, mended, cut."""

import pytest

from gemvg.policy.parsing import parse_json_first
from gemvg.policy.parsing.raw import MAX_BOXES, RawBox

A, B = (1, 2, 30, 40), (5, 6, 70, 80)


@pytest.mark.parametrize(
    ("text", "boxes"),
    [
        ('[{"image": 2, "bbox_2d": [1, 2, 30, 40], "label": "dog"}]', [(A, "dog", 2)]),
        ('[{"bbox_2d": [1, 2, 30, 40]}]', [(A, None, None)]),
        ('{"bbox_2d": [1, 2, 30, 40], "label": "dog"}', [(A, "dog", None)]),
        ('{"answer": [{"image": 1, "bbox_2d": [1, 2, 30, 40]}], "text": "one"}', [(A, None, 1)]),
        ('{"objects": [{"bbox": [1, 2, 30, 40], "name": "dog"}]}', [(A, "dog", None)]),
        ("[1, 2, 30, 40]", [(A, None, None)]),
        ("[[1, 2, 30, 40], [5, 6, 70, 80]]", [(A, None, None), (B, None, None)]),
        ("[[1, 2], [30, 40]]", [(A, None, None)]),
        ('[{"bbox_2d": [[1, 2, 30, 40], [5, 6, 70, 80]], "label": "x"}]',
         [(A, "x", None), (B, "x", None)]),
        ('{"dog": [1, 2, 30, 40], "cat": [[5, 6, 70, 80]]}', [(A, "dog", None), (B, "cat", None)]),
        ('[{"box": {"x1": 1, "y1": 2, "x2": 30, "y2": 40}}]', [(A, None, None)]),
        ('[{"bbox_2d": ["1", "2", "30", "40"]}]', [(A, None, None)]),
        ('[{"bbox_2d": "(1,2),(30,40)", "image": "Image 3"}]', [(A, None, 3)]),
        ('[{"bbox_2d": [1, 2, 30, 40], "label": "dog in image 2"}]', [(A, "dog in image 2", 2)]),
        ('[{"bbox_2d": [1, 2, 30, 40], "label": null, "image": 1.0}]', [(A, None, 1)]),
        ('{"picture_1": [{"bbox_2d": [1, 2, 30, 40], "label": "dog"}], "picture_2": []}',
         [(A, "dog", 1)]),
        ('{"Image 2": [[1, 2, 30, 40], [5, 6, 70, 80]]}', [(A, None, 2), (B, None, 2)]),
        ('{"2": [1, 2, 30, 40]}', [(A, None, 2)]),
        ('[{"image": 2, "objects": [{"bbox_2d": [1, 2, 30, 40]}]}, {"image": 1, "boxes": []}]',
         [(A, None, 2)]),
        ('[[{"bbox_2d": [1, 2, 30, 40], "label": "dog"}], []]', [(A, "dog", None)]),
        ('Not in picture 1. In picture 2: ```json\n[{"bbox_2d": [1, 2, 30, 40]}]```',
         [(A, None, 2)]),
        ('In the second image: [{"bbox_2d": [1, 2, 30, 40]}]', [(A, None, 2)]),
        ('```json\n[{"bbox_2d": [1, 2, 30, 40]}]\n```', [(A, None, None)]),
        ('Here:\n```json\n[{"bbox_2d": [1, 2, 30, 40]}]\n```\nDone.', [(A, None, None)]),
        ('```\n[{"bbox_2d": [1, 2, 30, 40]}]', [(A, None, None)]),
        ('[{"bbox_2d": [1, 2, 30, 40]}]<|im_end|>', [(A, None, None)]),
    ],
)  # fmt: skip
def test_whole_answers(text, boxes):
    parsed = parse_json_first(text)
    assert [(b.numbers, b.label, b.image) for b in parsed.boxes] == boxes
    assert not parsed.cut
    assert not parsed.damaged


@pytest.mark.parametrize(
    ("text", "boxes"),
    [
        ("[{'image': 1, 'bbox_2d': [1, 2, 30, 40], 'label': 'dog'}]", [(A, "dog", 1)]),
        ('[{"bbox_2d": [1, 2, 30, 40], "label": "dog"},]', [(A, "dog", None)]),
        ('[{"bbox_2d": [1, 2, 30, 40,], "label": "dog"}]', [(A, "dog", None)]),
        ("[{'bbox_2d': [1, 2, 30, 40], 'label': 'a dog\\'s tail'}]", [(A, "a dog's tail", None)]),
        ('[{"bbox_2d": [1, 2, 30, 40], "label": "5" disc"}]', [(A, '5" disc', None)]),
        ('[{bbox_2d: [1, 2, 30, 40], label: "dog", image: 2}]', [(A, "dog", 2)]),
        ('{"bbox_2d": [1, 2, 30, 40]}\n{"bbox_2d": [5, 6, 70, 80]}',
         [(A, None, None), (B, None, None)]),
        ('Image 1:\n[{"bbox_2d": [1, 2, 30, 40]}]\nImage 2:\n'
         '[{"bbox_2d": [5, 6, 70, 80], "label": "image 9"}]',
         [(A, None, 1), (B, "image 9", 2)]),
        ('Image 1:\n[{"bbox_2d": [1, 2, 30, 40]}]\nImage 2:\n[{"bbox_2d": [5, 6, 70, 80]}]',
         [(A, None, 1), (B, None, 2)]),
    ],
)  # fmt: skip
def test_mended_answers(text, boxes):
    parsed = parse_json_first(text)
    assert [(b.numbers, b.label, b.image) for b in parsed.boxes] == boxes
    assert "JSON mended" in parsed.notes
    assert not parsed.cut
    assert not parsed.damaged


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('[{"bbox_2d": [1, 2, 30, 40], "label": "dog"}, {"bbox_2d": [5, 6, 7', 1),
        ('[{"bbox_2d": [1, 2, 30, 40], "label": "do', 1),
        ('[{"bbox_2d": [1, 2, 30, 40]}, {"bbox_2d": [5, 6, 70, 80]}, {"ima', 2),
        ('[{"bbox_2d": [1, 2, 30, 4', 0),
        ('[{"image": 1, "bb', 0),
        ('```json\n[{"bbox_2d": [1, 2, 30, 40]},', 1),
    ],
)
def test_cut_answers_keep_their_complete_boxes(text, count):
    parsed = parse_json_first(text)
    assert [b.numbers for b in parsed.boxes] == [A, B][:count]
    assert parsed.cut


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('[{"bbox_2d": [1, 2, 30]}, {"bbox_2d": [1, 2, 30, 40]}]', 1),
        ('[{"bbox_2d": [1, 2, 30, 40, 50]}, {"bbox_2d": [1, 2, 30, 40]}]', 1),
        ('[{"bbox_2d": [NaN, 2, 30, 40]}, {"bbox_2d": [1, 2, 30, 40]}]', 1),
        ('[{"bbox_2d": [1e999, 2, 30, 40]}]', 0),
        ('[{"bbox_2d": [true, 2, 30, 40]}]', 0),
        ('[{"bbox_2d": null}, {"label": "dog"}]', 0),
        ('[{"point_2d": [1, 2], "label": "dog"}]', 0),
        ("[{'bbox_2d': [1, 2, 30]}, {'bbox_2d': [1, 2, 30, 40]}]", 1),
        ('[{"bbox_2d": [1, 2, 30, 40]}, 7, "dog"]', 1),
    ],
)
def test_damaged_boxes_are_noticed_and_the_others_kept(text, count):
    parsed = parse_json_first(text)
    assert [b.numbers for b in parsed.boxes] == [A] * count
    assert parsed.damaged
    assert not parsed.none


@pytest.mark.parametrize(
    "text",
    ["[]", " [ ] ", '{"image 1": [], "image 2": []}', '[{"image": 1, "objects": []}]', "[[], []]",
     '{"answer": []}', '{"answer": null, "text": "none"}', '{"answer": "None"}',
     "```json\n[]\n```", "The list is empty: []", "None", "none.", "null", "There are none.",
     "There is no such object in the pictures.", "No difference detected.",
     "I can't find a dog in any of them.", "The dog is not visible.", "No matching object"],
)  # fmt: skip
def test_nothing_there(text):
    parsed = parse_json_first(text)
    assert parsed.none
    assert not parsed.boxes


@pytest.mark.parametrize(
    "text",
    ["", "   ", "{}", "car", "The laptop is not turned on.", "[[[[[[[[", "(x1,y1),(x2,y2)",
     "[x1, y1]",
     "A palm tree that is not present in the first image was added to the second.",
     '{"text": "two dogs"}', "3", '"none of your business', "\x00\x00"],
)  # fmt: skip
def test_neither_boxes_nor_nothing(text):
    parsed = parse_json_first(text)
    assert not parsed.none
    assert not parsed.boxes


def test_ids_of_tool_boxes():
    parsed = parse_json_first('[{"id": "b3", "label": "dog"}, {"id": " B12 "}, {"id": "7"}]')
    assert parsed.boxes == (RawBox(None, "dog", None, "b3"), RawBox(None, None, None, "b12"))
    assert parsed.damaged
    assert parse_json_first('["b1", "b2"]').boxes == (
        RawBox(None, None, None, "b1"),
        RawBox(None, None, None, "b2"),
    )
    cut = parse_json_first("[{'id': 'b4', 'label': 'dog'}, {'id': 'b")
    assert cut.boxes == (RawBox(None, "dog", None, "b4"),)
    assert cut.cut


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ('[{"bbox_2d": [0.1, 0.2, 0.5, 0.9]}]', True),
        ("[0.0, 0.17, 1.0, 0.83]", True),
        ("(0.1,0.2),(0.5,0.9)", True),
        ('[{"bbox_2d": [0, 0, 1, 1]}]', False),
        ('[{"bbox_2d": [0.5, 0.5, 20.5, 30.5]}]', False),
        ("[{'bbox_2d': [0.1, 0.2, 0.5, 0.9]}]", True),
    ],
)
def test_fractions_are_told_from_thousandths(text, unit):
    assert [b.unit for b in parse_json_first(text).boxes] == [unit]


def test_text_beside_the_boxes():
    assert parse_json_first('{"answer": [[1,2,3,4]], "text": "two dogs"}').text == "two dogs"
    assert parse_json_first('{"answer": [[1,2,3,4]], "text": "  "}').text is None


@pytest.mark.parametrize("item", ['{{"image":1,"bbox_2d":[{0},2,{1},4]}}', "[{0}, 2, {1}, 4]"])
def test_runaway_answers_are_bounded(item):
    many = "[" + ",".join(item.format(k, k + 9) for k in range(MAX_BOXES + 50)) + "]"
    for text in (many, many[:-1], many.replace('"', "'")):
        parsed = parse_json_first(text)
        assert len(parsed.boxes) == MAX_BOXES
        assert parsed.damaged
        assert any("only the first" in note for note in parsed.notes)
