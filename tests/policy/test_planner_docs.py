"""The examples of docs/planner.md are what the planner understands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gemvg.policy.planner import understand
from tests.policy.test_planner_sentences import brief

TEXT = (Path(__file__).parents[2] / "docs" / "planner.md").read_text("utf-8")
EXAMPLES = [
    (lines[i], lines[i + 1].removeprefix("> "))
    for block in re.findall(r"```text\n(.*?)```", TEXT, flags=re.DOTALL)
    for lines in [block.strip().splitlines()]
    for i in range(0, len(lines), 2)
]


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 15


@pytest.mark.parametrize(("sentence", "meaning"), EXAMPLES)
def test_example(sentence: str, meaning: str) -> None:
    count = 2 if meaning.startswith("difference") else 3
    assert brief(understand(sentence, count)) == meaning
