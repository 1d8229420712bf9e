"""Think and answer parts, and tool calls, told apart by their tags."""

import pytest

from gemvg.policy.parsing import first_box, first_boxes, parse_tool_calls, split_parts
from gemvg.policy.parsing.tool_text import without_calls


@pytest.mark.parametrize(
    ("text", "reasoning", "answer"),
    [
        ("[1]", None, "[1]"),
        ("<answer>[1]</answer>", None, "[1]"),
        ("<think>why [9]</think><answer>[1]</answer>", "why [9]", "[1]"),
        ("<think>why</think>\n[1]", "why", "\n[1]"),
        ("why</think>[1]", "why", "[1]"),
        ("<think></think>[1]", "", "[1]"),
        ("<think>why", "why", None),
        ("<think>why <answer>[1]</answer>", "why", "[1]"),
        ("<think>why <answer>[1]</answer></think>", "why", "[1]"),
        ("<think>not <answer>[9]</answer></think>[1]", "not <answer>[9]</answer>", "[1]"),
        ("<think>a</think>b</think><answer>[1]</answer>", "a</think>b", "[1]"),
        ("<think>a</think><answer>[1]</answer></think>", "a", "[1]"),
        ("<think>a</think><answer>[1]", "a", "[1]"),
        ("<answer>[9]</answer> no, <answer>[1]</answer>", None, "[1]"),
        ("<answer>[1]</answer><answer>[9", None, "[1]"),
        ("Sure! <answer>[1]</answer> bye", None, "[1]"),
        ("[1]</answer>", None, "[1]"),
        # Answered first, and thought over afterwards.
        ("<answer>[1]</answer><think>ok</think>", "ok", "[1]"),
        ("<answer>[1]</answer>\n<think>let me check", "let me check", "[1]"),
        ("<answer>[1]</answer><think>or <answer>[9]</answer></think>", "or <answer>[9]</answer>",
         "[1]"),
        ("<answer>[1]</answer><think>or <answer>[9]</answer>", "or <answer>[9]</answer>", "[1]"),
        ("<answer>[1]</answer><think>ok</think> Done.", "ok", "[1]"),
        ("<answer>[9]</answer><think>no</think><answer>[1]</answer>", "no", "[1]"),
        ("<think>a</think><answer>[1]</answer><think>or <answer>[9]</answer></think>", "a", "[1]"),
        ("a</think><answer>[1]</answer><think>or <answer>[9]", "a", "[1]"),
        ("In <answer> tags. <think>a</think><answer>[1]", "a", "[1]"),
        ("In <answer> tags. <think>a <answer>[9]</answer></think>[1]", "a <answer>[9]</answer>",
         "[1]"),
        ("<think>a</think>[1]<think>or [9]", "a", "[1]"),
        ("a <answer>[9]</answer></think>[1]", "a <answer>[9]</answer>", "[1]"),
        ("", None, ""),
    ],
)  # fmt: skip
def test_parts(text, reasoning, answer):
    parts = split_parts(text)
    assert (parts.reasoning, parts.answer) == (reasoning, answer)
    if answer:
        assert text[parts.start :].startswith(answer)


def test_an_answer_that_a_think_part_follows_is_a_whole_one():
    parts = split_parts("<answer>[1]</answer><think>ok")
    assert parts.closed
    assert parts.tagged


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ('<tool_call>{"name": "zoom", "arguments": {"a": 1}}</tool_call>', [("zoom", {"a": 1})]),
        ('<tool_call>\n{"name": "zoom", "arguments": "{\\"a\\": 1}"}\n</tool_call>',
         [("zoom", {"a": 1})]),
        ('<tool_call>{"name": "zoom", "parameters": {"a": 1}}', [("zoom", {"a": 1})]),
        ('<tool_call>{"function": {"name": "zoom", "arguments": {}}}</tool_call>', [("zoom", {})]),
        ('<tool_call>{"function": "zoom", "arguments": null}</tool_call>', [("zoom", {})]),
        ('<tool_call>```json\n{"name": "zoom"}\n```</tool_call>', [("zoom", {})]),
        ('<tool_call>[{"name": "zoom"}]</tool_call>', [("zoom", {})]),
        ('a <tool_call>{"name": "a"}</tool_call> b <tool_call>{"name": "b"}</tool_call> c',
         [("a", {}), ("b", {})]),
        ("no call here", []),
    ],
)  # fmt: skip
def test_tool_calls(text, calls):
    found = parse_tool_calls(text)
    assert [(c.name, c.arguments) for c in found] == calls
    assert all(c.error is None for c in found)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("<tool_call>{'name': zoom}</tool_call>", "not a JSON object"),
        ('<tool_call>{"name": "zoom", "argu', "cut off"),
        ("<tool_call></tool_call>", "not a JSON object"),
        ('<tool_call>"zoom"</tool_call>', "not a JSON object"),
        ('<tool_call>{"arguments": {}}</tool_call>', "names no tool"),
        ('<tool_call>{"name": 3}</tool_call>', "names no tool"),
        ('<tool_call>{"name": "zoom", "arguments": [1]}</tool_call>', "not a JSON object"),
        ('<tool_call>{"name": "zoom", "arguments": "x"}</tool_call>', "not a JSON object"),
        ("<tool_call>" + "[" * 20_000 + "</tool_call>", "not a JSON object"),
    ],
)
def test_wrong_tool_calls_say_what_is_wrong(text, word):
    (call,) = parse_tool_calls(text)
    assert word in (call.error or "")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("no call here", "no call here"),
        ('a <tool_call>{"name": "a"}</tool_call> b <tool_call>x</tool_call> c', "a  b  c"),
        ("a<tool_call>1<tool_call>2</tool_call>b</tool_call>", "ab</tool_call>"),
        ("a<tool_call>cut", "a"),
        ("<tool_call></tool_call>" * 1000 + "b", "b"),
    ],
)
def test_text_without_its_calls(text, left):
    assert without_calls(text) == left and parse_tool_calls(left) == ()


def test_calls_are_bounded():
    assert len(parse_tool_calls("<tool_call>" * 1000)) == 16


@pytest.mark.parametrize(
    ("text", "box", "syntax"),
    [
        ("(100,200),(300,400)", (0.1, 0.2, 0.3, 0.4), "points"),
        ("a dog (100, 200), (300, 400)", (0.1, 0.2, 0.3, 0.4), "points"),
        ("[0.1, 0.2, 0.3, 0.4]", (0.1, 0.2, 0.3, 0.4), "list-unit"),
        ("(0.1,0.2),(0.3,0.4)", (0.1, 0.2, 0.3, 0.4), "points-unit"),
        ("(0.1, 0.2, 0.3, 0.4)", (0.1, 0.2, 0.3, 0.4), "tuple-unit"),
        ("[100, 200, 300, 400]", (0.1, 0.2, 0.3, 0.4), "list"),
        ("<box>100 200 300 400</box>", (0.1, 0.2, 0.3, 0.4), "box-tag"),
        ("[9, 9, 9, 9] (100,200),(300,400)", (0.1, 0.2, 0.3, 0.4), "points"),
        ("<think>(9,9),(9,9)</think><answer>(100,200),(300,400)</answer>",
         (0.1, 0.2, 0.3, 0.4), "points"),
        ('[{"bbox_2d": [100, 200, 300, 400]}]', (0.1, 0.2, 0.3, 0.4), "list"),
        ("(1,1),(1,1)", (0.001, 0.001, 0.001, 0.001), "points"),
    ],
)  # fmt: skip
def test_first_box(text, box, syntax):
    found = first_box(text)
    assert found is not None
    assert found.box == pytest.approx(box)
    assert found.syntax == syntax


def test_no_first_box():
    for text in ("", "none", "(546,0", "<think>(1,2),(3,4)", "(x1,y1),(x2,y2)", "(1e9999,1),(2,3)"):
        assert first_box(text) is None, text
    boxes, syntaxes = first_boxes(["none", "(100,200),(300,400)"])
    assert boxes.shape == (2, 4)
    assert syntaxes == ["", "points"]
    assert first_boxes([])[0].shape == (0, 4)
