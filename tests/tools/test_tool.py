from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gemvg.tools.boxes import Box, GroundedBox
from gemvg.tools.compare import Compare
from gemvg.tools.detect import Detect
from gemvg.tools.errors import GemvgError
from gemvg.tools.images import picture_from_image
from gemvg.tools.match import Match
from gemvg.tools.tool import (
    AnyTool,
    BoxRegistry,
    Region,
    ToolContext,
    ToolResult,
    describe_box,
    resolve_region,
    resolve_views,
)
from gemvg.tools.views import ViewBook
from gemvg.tools.zoom import Zoom

from .fake_detector import FakeDetector


def noise() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8))


SEEN = {
    picture_from_image(noise()).digest: [
        ("dog", (1.0, 2.0, 30.0, 40.0), 0.9),
        ("raccoon", (20.0, 0.0, 64.0, 48.0), 0.4),
    ]
}
TOOLS: list[AnyTool] = [
    Zoom(),
    Match(),
    Compare(),
    Detect(FakeDetector(SEEN), FakeDetector(SEEN, ["raccoon", "sofa"], "open", "fake-open")),
]

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["b1", "B2 ", "both", "first", "second", 1, 2, 3])
)  # fmt: skip
keys = st.sampled_from(
    [
        "regions",
        "view",
        "views",
        "box",
        "id",
        "padding",
        "source",
        "first",
        "second",
        "report",
        "labels",
        "vocabulary",
        "min_score",
    ]
) | st.text(max_size=6)
json_like = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
near = st.floats(-50, 120) | st.floats()
region = st.fixed_dictionaries(
    {},
    optional={
        "view": st.integers(-1, 5),
        "box": st.none() | st.lists(near, min_size=4, max_size=4),
        "id": st.sampled_from(["b1", "b2", "b9", ""]),
    },
)
plausible = st.fixed_dictionaries(
    {},
    optional={
        "regions": st.lists(region, max_size=3),
        "padding": st.floats(-1, 3),
        "source": region,
        "views": st.none() | st.lists(st.integers(-1, 5), max_size=3),
        "first": st.integers(-1, 5),
        "second": st.integers(-1, 5),
        "report": st.sampled_from(["first", "second", "both", "x"]),
        "labels": st.lists(
            st.sampled_from(["dog", "raccoons", "sofa", "unicorn", " ", "red couch"])
            | st.text(max_size=9),
            max_size=4,
        ),
        "vocabulary": st.sampled_from(["auto", "closed", "open", "x"]),
        "min_score": st.none() | st.floats(-0.2, 1.2),
    },
)


def small_context() -> ToolContext:
    images = [noise(), Image.new("RGB", (40, 90), (9, 9, 9)),
              Image.new("RGB", (1, 1))]  # fmt: skip
    context = ToolContext(ViewBook([picture_from_image(image) for image in images]))
    context.boxes.add(GroundedBox(1, Box(4, 4, 30, 30), "thing"))
    context.boxes.add(GroundedBox(3, Box(0.0, 0.0, 1e-7, 1.0), "speck"))
    return context


def check(tool: AnyTool, arguments: Any) -> None:
    context = small_context()
    result = tool.call(arguments, context)
    assert isinstance(result, ToolResult)
    assert result.text
    assert result.summary
    assert "failed inside" not in result.text
    for _, found in result.boxes:
        picture = context.book.picture(found.image)
        assert found.box.is_valid
        assert found.box.clip(picture.width, picture.height) == found.box
    for view in result.views:
        assert context.book[view.index] is view
        assert context.book.raster(view.index).size == (view.width, view.height)


@pytest.mark.parametrize("tool", TOOLS, ids=lambda t: t.name)
@settings(max_examples=60)
@given(json_like)
def test_no_tool_raises_on_anything(tool: AnyTool, arguments: Any) -> None:
    check(tool, arguments)


@pytest.mark.parametrize("tool", TOOLS, ids=lambda t: t.name)
@settings(max_examples=40)
@given(plausible)
def test_no_tool_raises_on_nearly_right_arguments(tool: AnyTool, arguments: Any) -> None:
    fields = tool.arguments.model_fields
    check(tool, {k: v for k, v in arguments.items() if k in fields})


@pytest.mark.parametrize("tool", TOOLS, ids=lambda t: t.name)
def test_schemas_are_closed_objects_with_descriptions(tool: AnyTool) -> None:
    schema = tool.schema()
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    assert tool.description


def test_a_tool_that_breaks_inside_is_a_failure_not_an_exception() -> None:
    class Broken(Zoom):
        def run(self, arguments: Any, context: ToolContext) -> ToolResult:
            raise ZeroDivisionError

    result = Broken().call({"regions": [{"view": 1}]}, small_context())
    assert not result.ok
    assert "failed inside" in result.text


def test_regions_resolve_or_say_what_exists() -> None:
    context = small_context()
    view, box = resolve_region(Region(id=" B1 "), context)
    assert (view.index, box) == (1, Box(4, 4, 30, 30))
    assert resolve_region(Region(view=2), context)[1] == Box(0, 0, 40, 90)
    assert resolve_region(Region(view=1, box=(70, 40, -5, 10)), context)[1] == Box(0, 10, 64, 40)
    for wrong, says in [
        (Region(id="b7"), "b1, b2"),
        (Region(view=9), "1 to 3"),
        (Region(), "name a view"),
        (Region(view=1, box=(70, 0, 90, 5)), "64 x 48"),
    ]:
        with pytest.raises(GemvgError, match=says):
            resolve_region(wrong, context)


def test_views_resolve_without_repeats() -> None:
    context = small_context()
    assert [v.index for v in resolve_views(None, context)] == [1, 2, 3]
    assert [v.index for v in resolve_views((3, 1, 3), context)] == [3, 1]
    with pytest.raises(GemvgError, match="1 to 3"):
        resolve_views((1, 4), context)


def test_ids_and_their_words() -> None:
    registry = BoxRegistry()
    found = GroundedBox(2, Box(34.2, 50, 200, 310), "dog", 0.914, "detector")
    assert registry.add(found) == "b1"
    assert registry.get("B1") is found
    assert registry.get("nothing") is None
    assert describe_box("b1", found) == "b1: dog, image 2, [34, 50, 200, 310], 0.91"


@pytest.mark.parametrize("view", [10**4000, -(10**5000), 10**6], ids=["4001", "-5001", "7"])
def test_a_view_of_many_digits_is_not_said_back(view: int) -> None:
    result = Detect(FakeDetector({})).call({"views": [view]}, small_context())
    assert result.text == "detect: no such view; the views are 1 to 3."
