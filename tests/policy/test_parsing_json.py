"""Boxes in JSON: whole, nested otherwise than asked, mended, cut."""

import pytest

from gemvg.policy.parsing import parse_json_boxes, parse_json_first
from gemvg.policy.parsing.pictures import LAST
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
        # The picture and the label of the object around a list.
        ('{"image": 2, "boxes": [[1, 2, 30, 40], [5, 6, 70, 80]]}', [(A, None, 2), (B, None, 2)]),
        ('{"image": 2, "label": "dog", "bboxes": [[1, 2, 30, 40]]}', [(A, "dog", 2)]),
        ('{"image": 2, "objects": [{"bbox_2d": [1, 2, 30, 40]}, '
         '{"image": 3, "bbox_2d": [5, 6, 70, 80], "label": "cat"}]}',
         [(A, None, 2), (B, "cat", 3)]),
        ('{"view": "Image 3", "answer": ["[1, 2, 30, 40]"]}', [(A, None, 3)]),
        ('{"answer": {"image": 2, "boxes": [[1, 2, 30, 40]]}}', [(A, None, 2)]),
        ('{"image": 2, "dog": [[1, 2, 30, 40]]}', [(A, "dog", 2)]),
        ('{"images": [{"image": 2, "boxes": [[1, 2, 30, 40]]}, {"image": 3, "boxes": []}]}',
         [(A, None, 2)]),
        ('{"dogs": [{"image": 2, "bbox_2d": [1, 2, 30, 40]}]}', [(A, "dogs", 2)]),
        # Objects under the names of pictures.
        ('{"image_1": {"bbox_2d": [1, 2, 30, 40]}, "image_2": {"bbox_2d": [5, 6, 70, 80]}}',
         [(A, None, 1), (B, None, 2)]),
        ('{"image 2": {"dog": [[1, 2, 30, 40]], "cat": [5, 6, 70, 80]}}',
         [(A, "dog", 2), (B, "cat", 2)]),
        ('{"2": {"objects": [{"box": [1, 2, 30, 40], "label": "dog"}]}}', [(A, "dog", 2)]),
        ('{"answer": {"image 2": {"dog": [[1, 2, 30, 40]]}}}', [(A, "dog", 2)]),
        ('{"dog": {"image 2": [1, 2, 30, 40]}}', [(A, "dog", 2)]),
        ('{"the second image": [[1, 2, 30, 40]], "first_picture": []}', [(A, None, 2)]),
        ('[{"image_2": [[1, 2, 30, 40]]}, {"image_3": []}]', [(A, None, 2)]),
        # Pictures named in words.
        ('[{"image": "second", "bbox_2d": [1, 2, 30, 40]}]', [(A, None, 2)]),
        ('[{"image": "the third one", "bbox_2d": [1, 2, 30, 40]}]', [(A, None, 3)]),
        ('[{"image": "2nd picture", "bbox_2d": [1, 2, 30, 40]}]', [(A, None, 2)]),
        ('[{"image": "picture two", "bbox_2d": [1, 2, 30, 40]}]', [(A, None, 2)]),
        ('[{"image": "image 2 of 3", "bbox_2d": [1, 2, 30, 40]}]', [(A, None, 2)]),
        ('[{"image": "the last image", "bbox_2d": [1, 2, 30, 40]}]', [(A, None, LAST)]),
        ('[{"image": "last", "bbox_2d": [1, 2, 30, 40]}]', [(A, None, LAST)]),
        ('[{"image": [2], "bbox_2d": [1, 2, 30, 40]}]', [(A, None, 2)]),
        ('[{"image": "beach", "bbox_2d": [1, 2, 30, 40]}]', [(A, None, None)]),
        ('[{"image": "images 1 and image 2", "bbox_2d": [1, 2, 30, 40]}]', [(A, None, None)]),
    ],
)  # fmt: skip
def test_a_box_lies_in_the_picture_that_is_named_around_it(text, boxes):
    parsed = parse_json_first(text)
    assert [(b.numbers, b.label, b.image) for b in parsed.boxes] == boxes
    assert not parsed.damaged


@pytest.mark.parametrize(
    ("text", "boxes"),
    [
        ('{"answer": [{"image": 2, "bbox_2d": [1, 2, 30, 40]}],'
         ' "objects": [{"image": 3, "bbox_2d": [5, 6, 70, 80]}]}', [(A, None, 2), (B, None, 3)]),
        ('{"objects": [{"image": 3, "bbox_2d": [5, 6, 70, 80]}],'
         ' "answer": [{"image": 2, "bbox_2d": [1, 2, 30, 40]}]}', [(B, None, 3), (A, None, 2)]),
        ('[{"image": 2, "boxes": [[1, 2, 30, 40]], "detections": [{"bbox": [5, 6, 70, 80]}]}]',
         [(A, None, 2), (B, None, 2)]),
        ('{"answer": [], "objects": [{"image": 3, "bbox_2d": [5, 6, 70, 80]}]}', [(B, None, 3)]),
        ('{"answer": "It is there.", "boxes": [[1, 2, 30, 40]]}', [(A, None, None)]),
        # One box under two names is one box, in the picture that either of them names.
        ('{"answer": [{"image": 2, "bbox_2d": [1, 2, 30, 40]}],'
         ' "objects": [{"image": 2, "bbox_2d": [1, 2, 30, 40], "label": "dog"},'
         ' {"image": 3, "bbox_2d": [1, 2, 30, 40]}]}', [(A, None, 2), (A, None, 3)]),
        ('{"boxes": [[1, 2, 30, 40]], "objects": [{"image": 2, "bbox_2d": [1, 2, 30, 40]}]}',
         [(A, None, 2)]),
        ('{"answer": ["b1"], "boxes": [{"id": "b1"}, {"id": "b2"}]}',
         [(None, None, None), (None, None, None)]),
        # Names, scores and counts beside the boxes.
        ('{"objects": ["dog", "cat"], "boxes": [[1, 2, 30, 40], [5, 6, 70, 80]]}',
         [(A, None, None), (B, None, None)]),
        ('{"answer": [[1, 2, 30, 40]], "results": [0.9], "items": [{"name": "dog", "count": 1}]}',
         [(A, None, None)]),
        ('{"answer": [[1, 2, 30, 40]], "objects": 1, "results": "one dog"}', [(A, None, None)]),
    ],
)  # fmt: skip
def test_boxes_of_every_list_are_read(text, boxes):
    parsed = parse_json_first(text)
    assert [(b.numbers, b.label, b.image) for b in parsed.boxes] == boxes
    assert not parsed.damaged


def test_a_damaged_box_of_a_further_list_is_noticed():
    text = '{"answer": [[1, 2, 30, 40]], "objects": [{"bbox_2d": [5, 6, 70]}]}'
    assert parse_json_first(text).damaged


@pytest.mark.parametrize(
    "empty",
    ['"bbox_2d": []', '"bbox_2d": null', '"bbox_2d": "none"', '"bbox": "None."', '"box": ""',
     '"boxes": null', '"boxes": "none"', '"bbox_2d": null, "label": "dog"',
     '"bbox_2d": [], "id": 1', '"bbox_2d": [], "boxes": []',
     "'bbox_2d': []", "'bbox_2d': None", "'box': 'None.'"],
)  # fmt: skip
@pytest.mark.parametrize(
    ("form", "boxes"),
    [
        ('{{"image": 1, {0}}}', []),
        ('[{{"image": 1, {0}}}]', []),
        ('[{{"image": 1, {0}}}, {{"image": 2, {0}}}]', []),
        ('{{"answer": [{{"image": 1, {0}}}]}}', []),
        ('{{"image 1": {{{0}}}, "image 2": {{{0}}}}}', []),
        ('[{{"image": 1, {0}}}, {{"image": 2, "bbox_2d": [1, 2, 30, 40]}}]', [(A, 2)]),
        ('{{"image 1": {{{0}}}, "image 2": {{"bbox_2d": [1, 2, 30, 40]}}}}', [(A, 2)]),
    ],
)
def test_an_item_may_say_that_nothing_is_in_its_picture(form, empty, boxes):
    parsed = parse_json_first(form.format(empty))
    assert [(b.numbers, b.image) for b in parsed.boxes] == boxes
    assert parsed.none == (not boxes)
    assert not parsed.damaged


def test_objects_in_objects_are_followed_a_few_levels_deep_only():
    for key in ("1", "dog", "image 2", "answer"):
        deep = f'{{"{key}":' * 300 + "[1, 2, 30, 40]" + "}" * 300
        assert not parse_json_boxes(deep).boxes


@pytest.mark.parametrize(
    ("text", "boxes"),
    [
        ('```json\n[{"image": 1, "bbox_2d": [1, 2, 30, 40]}]\n```\n'
         '```json\n[{"image": 2, "bbox_2d": [5, 6, 70, 80]}]\n```', [(A, 1), (B, 2)]),
        ('```json\n[{"bbox_2d": [1, 2, 30, 40]}]\n```\nImage 2:\n'
         '```json\n[{"bbox_2d": [5, 6, 70, 80]}]\n```', [(A, None), (B, 2)]),
        ('Image 1:\n```\n[[1, 2, 30, 40]]\n```\nImage 2:\n```\n[]\n```\nThat is all.', [(A, 1)]),
        ('```JSON\n{"image": 1, "boxes": [[1, 2, 30, 40]]}\n```\n'
         '```python\n{"image": 2, "boxes": [[5, 6, 70, 80]]}\n```', [(A, 1), (B, 2)]),
        ('```json [[1, 2, 30, 40]]``` and ```json [[5, 6, 70, 80]]```', [(A, None), (B, None)]),
        # One block alone, with words behind it.
        ('```json\n[{"image": 2, "bbox_2d": [1, 2, 30, 40]}]\n```\nIt lies there.', [(A, 2)]),
        # What stands outside of the blocks, or in one that is damaged or cut.
        ('```json\n[{"image": 1, "bbox_2d": [1, 2, 30, 40]}]\n```\n'
         'Also [{"image": 2, "bbox_2d": [5, 6, 70, 80]}]', [(A, 1), (B, 2)]),
        ("```json\n[{'image': 1, 'bbox_2d': [1, 2, 30, 40]}]\n```\n"
         '```json\n[{"image": 2, "bbox_2d": [5, 6, 70, 80]}]\n```', [(A, 1), (B, 2)]),
        ('```json\n[{"image": 1, "bbox_2d": [1, 2, 30, 40]}]\n```\n'
         '```json\n[{"image": 2, "bbox_2d": [5, 6, 70, 80]}, {"ima', [(A, 1), (B, 2)]),
    ],
)  # fmt: skip
def test_every_fenced_block_is_read(text, boxes):
    parsed = parse_json_first(text)
    assert [(b.numbers, b.image) for b in parsed.boxes] == boxes
    assert parsed.cut == text.endswith("ima")
    assert not parsed.damaged


def test_blocks_that_are_all_empty_say_that_nothing_is_there():
    assert parse_json_first("Image 1:\n```\n[]\n```\nImage 2:\n```\n[]\n```").none
    many = "```\n[[1, 2, 30, 40]]\n```\n" * (MAX_BOXES + 50)
    assert len(parse_json_first(many).boxes) == MAX_BOXES


@pytest.mark.parametrize(
    ("text", "boxes"),
    [
        ("[{'image': 1, 'bbox_2d': [1, 2, 30, 40], 'label': 'dog'}]", [(A, "dog", 1)]),
        ("{'image': 2, 'boxes': [[1, 2, 30, 40], [5, 6, 70, 80]]}",
         [(A, None, 2), (B, None, 2)]),
        ("{'image_1': [[1, 2, 30, 40]], 'image_2': [[5, 6, 70, 80]]}",
         [(A, None, 1), (B, None, 2)]),
        ("{'image_1': {'bbox_2d': [1, 2, 30, 40]}, 'image_2': {'bbox_2d': [5, 6, 70, 80]}}",
         [(A, None, 1), (B, None, 2)]),
        ("{'image': 2, 'objects': [{'bbox_2d': [1, 2, 30, 40], 'label': 'x'}, "
         "{'bbox_2d': [5, 6, 70, 80]}]}", [(A, "x", 2), (B, None, 2)]),
        ("[{'image': 2, 'objects': [{'bbox_2d': [1, 2, 30, 40]}]}, {'bbox_2d': [5, 6, 70, 80]}]",
         [(A, None, 2), (B, None, None)]),
        ("[{'image': 'second', 'bbox_2d': [1, 2, 30, 40]},"
         " {'bbox_2d': [5, 6, 70, 80], 'image': 'the last image'}]",
         [(A, None, 2), (B, None, LAST)]),
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
        ('[{"bbox_2d": null, "point_2d": [1, 2]}]', 0),
        ('[{"bbox_2d": [], "id": "box 3"}]', 0),
        ('[{"bbox_2d": "on the left"}]', 0),
        ("[{'bbox_2d': [1, 2, 30]}, {'bbox_2d': [1, 2, 30, 40]}]", 1),
        ("[{'bbox_2d': [1, 2, 30]}, {'bbox_2d': []}]", 0),
        ("[{'bbox_2d': 'on the left'}, {'bbox_2d': None}]", 0),
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
     '{"image_1": null, "image_2": {}}', '{"image 1": {"dog": []}, "image 2": {"dog": []}}',
     '{"results": [{"image": 1, "boxes": []}, {"image": 2, "boxes": []}]}',
     '{"images": [{"image": 1, "boxes": []}]}',
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
     '{"dogs": []}', '{"image 1": {"dog": "on the left"}}', '{"image": 2}', '{"image 1": 3}',
     '{"image 1": [], "image 2": ["on the left"]}',
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
