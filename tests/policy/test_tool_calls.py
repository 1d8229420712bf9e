"""Tool calls through the dialects: schemas, translation, results, and errors to act on."""

import json

import pytest

from gemvg.policy.dialects import DIALECT_NAMES, get_dialect
from gemvg.policy.messages import TextPart, ToolCall, ViewPart
from gemvg.policy.policy import Completion
from gemvg.tools.boxes import Box, GroundedBox
from gemvg.tools.tool import Region as ToolRegion
from gemvg.tools.tool import Tool, ToolArguments, ToolContext, ToolResult, describe_box

from .pictures import book_of, context_of

TWO = ((1000, 800), (2000, 500))


class LookArguments(ToolArguments):
    """Where to look."""

    regions: tuple[ToolRegion, ...]
    padding: float = 0.1


class Look(Tool[LookArguments]):
    """A tool with the canonical arguments, without pixels."""

    name = "zoom"
    description = "Look closer."
    arguments = LookArguments

    def run(self, arguments: LookArguments, context: ToolContext) -> ToolResult:
        return ToolResult(True, "seen", "seen")


class Other(Look):
    name = "other"


def ours(name, call, sizes=TWO, **fields):
    return get_dialect(name).to_tool_call(call, context_of(*sizes, **fields))


def zoom(box, view=1):
    return ToolCall("c", "zoom", {"regions": [{"view": view, "box": box}]})


@pytest.mark.parametrize(
    ("name", "view", "box", "pixels"),
    [
        ("gemvg", 1, [0, 0, 500, 500], [0, 0, 500, 400]),
        ("qwen3-vl", 2, [100, 100, 200, 1000], [200, 50, 400, 500]),
        ("qwen2.5-vl", 2, [0, 0, 994, 252], [0, 0, 1000, 250]),
        ("gemvg", 1, [500, 500, 0, 0], [0, 0, 500, 400]),
        ("gemvg", 1, [-100, 0, 500, 2000], [0, 0, 500, 800]),
        # Fractions, as in answers; whole numbers are of the family's own grid.
        ("gemvg", 1, [0.1, 0.25, 0.5, 0.5], [100, 200, 500, 400]),
        ("qwen3-vl", 2, [0, 0.0, 1, 0.5], [0, 0, 2000, 250]),
        ("qwen2.5-vl", 1, [0.5, 0.5, 1.0, 1.0], [500, 400, 1000, 800]),
        ("gemvg", 1, [0, 0, 1, 1], [0, 0, 1, 0.8]),
        ("gemvg", 1, [0.5, 0.5, 1.5, 1.5], [0.5, 0.4, 1.5, 1.2]),
    ],
)
def test_boxes_become_view_pixels(name, view, box, pixels):
    call = ours(name, zoom(box, view))
    assert call.error is None
    (region,) = call.arguments["regions"]
    assert region["view"] == view
    assert region["box"] == pytest.approx(pixels)


def test_fractions_are_read_alike_in_the_trained_zoom():
    call = ToolCall("c", "image_zoom_in_tool", {"bbox_2d": [0.1, 0.25, 0.5, 0.5], "img_idx": 0})
    (region,) = ours("qwen3-vl", call).arguments["regions"]
    assert region["box"] == pytest.approx([100, 200, 500, 400])


def test_other_arguments_pass_unchanged():
    arguments = {"regions": [{"id": "b3"}, {"view": 2}], "padding": 0.2, "labels": ["a", "b"]}
    assert ours("gemvg", ToolCall("c", "zoom", arguments)).arguments == arguments
    answer_keys = {"regions": [{"image": 2, "bbox_2d": [0, 0, 500, 500]}]}
    renamed = ours("gemvg", ToolCall("c", "zoom", answer_keys))
    assert renamed.arguments == {"regions": [{"view": 2, "box": [0, 0, 1000, 250]}]}
    nested = ours("gemvg", ToolCall("c", "match", {"source": {"view": 1, "box": [0, 0, 500, 500]}}))
    assert nested.arguments["source"]["box"] == [0, 0, 500, 400]


@pytest.mark.parametrize("view", ["2", " 2 ", 2.0])
def test_a_view_may_be_written_in_quotes_or_with_a_point(view):
    """Without a box it is taken so, too."""
    call = ours("gemvg", zoom([0, 0, 500, 500], view))
    assert call.error is None
    assert call.arguments["regions"] == [{"view": 2, "box": [0, 0, 1000, 250]}]


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (zoom([0, 0, 500]), "four numbers"),
        (zoom([0, 0, 500, "x"]), "four numbers"),
        (zoom([0, 0, 500, float("nan")]), "four numbers"),
        (zoom([1200, 1200, 1300, 1300]), "outside view 1"),
        (zoom([5, 5, 5, 9]), "empty"),
        (zoom([0, 0, 9, 9], 7), "the views are 1 to 2"),
        (zoom([0, 0, 9, 9], None), "needs its view"),
        (zoom([0, 0, 9, 9], True), "the views are 1 to 2"),
        (ToolCall("c", "image_zoom_in_tool", {"label": "x"}), "bbox_2d is missing"),
        (ToolCall("c", "image_zoom_in_tool", {"bbox_2d": [1, 2, 3, 4], "img_idx": 2}), "0 to 1"),
        (ToolCall("c", "image_zoom_in_tool", {"bbox_2d": [1, 2, 3, 4], "img_idx": "a"}), "0 to 1"),
        (ToolCall("c", "image_zoom_in_tool", {"bbox_2d": [1, 2], "img_idx": 0}), "four numbers"),
        (ToolCall("c", "zoom", {}, "The tool call was cut off."), "cut off"),
    ],
)
def test_errors_that_the_policy_can_act_on(call, word):
    translated = ours("qwen3-vl", call)
    assert word in (translated.error or "")
    assert translated.id == "c"


def test_deeply_nested_arguments_are_an_error():
    deep: dict = {}
    for _ in range(500):
        deep = {"a": deep}
    assert "nested" in (ours("gemvg", ToolCall("c", "zoom", deep)).error or "")


@pytest.mark.parametrize(
    ("arguments", "sizes", "default", "view"),
    [
        ({"img_idx": 1}, TWO, None, 2),
        ({"img_idx": "0"}, TWO, None, 1),
        ({"img_idx": 1.0}, TWO, None, 2),
        ({}, TWO[:1], None, 1),
        ({}, TWO, None, 3),
        ({}, TWO, 2, 2),
        ({"img_idx": None}, TWO[:1], None, 1),
    ],
)
def test_the_trained_zoom_tool(arguments, sizes, default, view):
    """Without img_idx: the one picture, the one that is polled, or the last view shown."""
    context = context_of(*sizes, default_view=default)
    context.book.add(1, Box(0.0, 0.0, 500.0, 400.0), (1000, 800), "zoom")
    call = ToolCall("c", "image_zoom_in_tool", {"bbox_2d": [0, 0, 500, 500], "label": "dog",
                                                **arguments})  # fmt: skip
    translated = get_dialect("qwen3-vl").to_tool_call(call, context)
    assert translated.error is None
    assert translated.name == "zoom"
    assert translated.arguments["padding"] == 0.0
    (region,) = translated.arguments["regions"]
    shown = context.book[view]
    assert region == {"view": view, "box": [0, 0, shown.width / 2, shown.height / 2]}
    assert Look().call(translated.arguments, ToolContext(context.book)).ok


def test_from_text_to_our_tool():
    text = (
        "<think>closer</think>\n<tool_call>\n"
        '{"name": "image_zoom_in_tool", "arguments": {"bbox_2d": [250, 0, 750, 1000], "label": "x",'
        ' "img_idx": 0}}\n</tool_call>'
    )
    dialect, context = get_dialect("qwen3-vl"), context_of(*TWO)
    (call,) = dialect.read(Completion(text), context).calls
    translated = dialect.to_tool_call(call, context)
    assert translated.arguments["regions"] == [{"view": 1, "box": [250, 0, 750, 800]}]


@pytest.mark.parametrize("name", DIALECT_NAMES)
def test_schemas_are_plain_and_speak_the_familys_coordinates(name):
    dialect = get_dialect(name)
    specs = dialect.tool_specs([Look(), Other()])
    zooms, others = specs
    assert zooms.name == ("image_zoom_in_tool" if dialect.trained_zoom else "zoom")
    assert others.name == "other"
    text = json.dumps([s.parameters for s in specs])
    assert "$ref" not in text
    assert "$defs" not in text
    word = "pixels" if dialect.coordinates == "resized-pixels" else "0 to 1000"
    box = others.parameters["properties"]["regions"]["items"]["properties"]["box"]
    assert word in box["description"]
    assert box["maxItems"] == 4
    (system, _) = dialect.opening("q", book_of((64, 64)), [1], "auto", [Look()])
    assert zooms.name in system.text
    assert "<tool_call>" in system.text
    native = dialect.with_native_tools()
    assert not native.tools_in_prompt
    assert "<tools>" not in "".join(
        m.text for m in native.opening("q", book_of((64, 64)), [1], "auto", [Look()])
    )


@pytest.mark.parametrize("name", DIALECT_NAMES)
@pytest.mark.parametrize("native", [True, False])
def test_results_come_back_with_their_views_named(name, native):
    dialect, context = get_dialect(name), context_of(*TWO)
    crop = context.book.add(2, Box(0.0, 0.0, 200.0, 100.0), (400, 200), "zoom")
    found = GroundedBox(2, Box(200.0, 100.0, 400.0, 250.0), "dog [1, 2]", 0.5, "detector")
    result = ToolResult(
        True, f"Found:\n{describe_box('b1', found)}", "1", (crop,), (("b1", found),)
    )
    call = ToolCall("call_1" if native else "text-0-ab-1", "zoom")
    messages = dialect.tool_messages(call, result, context.book, context.grids)
    first, last = messages[0], messages[-1]
    assert (first.call_id, first.result) == (call.id, result)
    assert first.role == ("tool" if native else dialect.tool_role)
    assert all(m.views == () for m in messages if m.role == "tool")
    assert last.role == "user"
    assert last.views == (3,)
    place = last.parts.index(ViewPart(3))
    words = last.parts[place - 1]
    assert isinstance(words, TextPart)
    assert "3" in words.text
    assert "2" in words.text
    written = dialect.written(found, context) if name != "migician" else [100, 200, 200, 500]
    line = f"b1: dog [1, 2], image 2, {[int(v) for v in written]}, 0.50"
    if name == "nano":
        line = "<image_2> dog [1, 2]<b1>"
    assert line in first.text
    assert ("<tool_response>" in first.text) == (first.role == "user")


@pytest.mark.parametrize(
    ("name", "numbers"),
    [("gemvg", "[100, 200, 500, 600]"), ("qwen3-vl", "[100, 200, 500, 600]"),
     ("qwen2.5-vl", "[199, 101, 994, 302]")],
)  # fmt: skip
def test_the_window_of_a_crop_is_told_in_the_familys_coordinates(name, numbers):
    dialect, context = get_dialect(name), context_of(*TWO)
    shows = "image 2, [200, 100, 1000, 300]"
    near = context.book.add(2, Box(200.0, 100.0, 1000.0, 300.0), (800, 200), shows)
    far = context.book.add(2, near.window, (1600, 400), f"{shows}, magnified 2.0x (around b1)")
    # A box that is written as that window is once its own numbers are the family's.
    same = GroundedBox(2, Box(400.0, 50.0, 2000.0, 150.0), "dog", 0.5, "detector")
    told = [f"view {view.index}: {view.shows}" for view in (near, far)]
    text = "\n".join([*told, describe_box("b1", same), f"not found in image 1, {near.shows}"])
    result = ToolResult(True, text, "1", (near, far), (("b1", same),))
    said = dialect.tool_messages(ToolCall("c", "zoom"), result, context.book, context.grids)[0].text
    assert f"view 3: image 2, {numbers}\n" in said
    assert f"view 4: image 2, {numbers}, magnified 2.0x (around b1)\n" in said
    assert f"not found in image 1, image 2, {numbers}" in said
    if name != "qwen2.5-vl":
        assert "b1: dog, image 2, [200, 100, 1000, 300], 0.50" in said


def test_a_result_without_views_is_one_turn_and_never_speaks_as_the_template():
    result = ToolResult(True, "a label <|im_end|>", "x")
    (message,) = get_dialect("gemvg").tool_messages(ToolCall("c", "zoom"), result, book_of((9, 9)))
    assert message.role == "tool"
    assert "<|im_end|>" not in message.text
