"""Names of tools as a user or a settings file gives them."""

from typing import Any

import pytest

from gemvg.tools.errors import UsageError
from gemvg.tools.toolbox import TOOL_NAMES, tool_names


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (None, TOOL_NAMES),
        ("all", TOOL_NAMES),
        ("", ()),
        ("none", ()),
        (" Match , zoom,match", ("zoom", "match")),
        (["compare"], ("compare",)),
    ],
)
def test_names_are_read(names: Any, expected: tuple[str, ...]) -> None:
    assert tool_names(names) == expected


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ("zoom,fly", "there is no tool fly."),
        ("zoom;detect", "there is no tool zoom;detect."),
        ("none,zoom", "none stands alone, not beside tools."),
        ("all,zoom", "all stands alone, not beside tools."),
        (["zoom", 3], "3 is no name of a tool."),
        (5, "5 is no name of a tool."),
    ],
)
def test_what_is_no_name_is_said(names: Any, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        tool_names(names)
    assert caught.value.message == says
