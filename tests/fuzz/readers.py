"""What must hold for any text whatever, and a fuzzer (atheris) that looks for one that breaks it.

    python -m tests.fuzz.readers -max_total_time=600 -max_len=4096 [CORPUS_FOLDER]

Without it, hypothesis runs the same checks (`test_readers.py`).
"""

from __future__ import annotations

import math
import sys
from types import FunctionType

from gemvg.policy.dialect import Reading
from gemvg.policy.dialects import DIALECT_NAMES, get_dialect
from gemvg.policy.messages import ToolCall
from gemvg.policy.parsing import first_box
from gemvg.policy.parsing.raw import MAX_BOXES
from gemvg.policy.policy import Completion

from ..policy.pictures import context_of

DIALECTS = tuple(get_dialect(name) for name in DIALECT_NAMES)
CONTEXT = context_of((1000, 800), (333, 2000), query="find the dog in the second image")
STATUSES = ("ok", "none", "partial", "truncated", "unparsable")


def check_text(text: str) -> None:
    """Every reader on one text.

    Raises:
        AssertionError: a reading that breaks its promises. Any other exception is a defect too.
    """
    for finish in ("stop", "length"):
        for dialect in DIALECTS:
            reading = dialect.read(Completion(text, finish_reason=finish), CONTEXT)
            check_reading(reading)
            for call in reading.calls:
                translated = dialect.to_tool_call(call, CONTEXT)
                assert isinstance(translated, ToolCall)
                assert translated.id == call.id
    found = first_box(text)
    assert found is None or all(map(math.isfinite, found.box))


def check_reading(reading: Reading) -> None:
    """What a reading promises, whatever was read."""
    assert reading.status in STATUSES
    assert bool(reading.boxes) == (reading.status in ("ok", "partial"))
    assert len(reading.boxes) <= MAX_BOXES
    assert len(set(reading.boxes)) == len(reading.boxes)
    for found in reading.boxes:
        view = CONTEXT.book[found.image]
        assert found.box.is_valid
        assert found.box == found.box.clip(view.width, view.height)
        assert found.score is None
        assert found.label is None or (found.label == found.label.strip() and found.label)


def own_functions() -> list[FunctionType]:
    """The functions of the readers themselves; instrumenting everything would take minutes."""
    found: dict[int, FunctionType] = {}
    for name, module in list(sys.modules.items()):
        if not name.startswith(("gemvg.policy.parsing", "gemvg.policy.dialects")):
            continue
        for value in list(vars(module).values()):
            members = vars(value).values() if isinstance(value, type) else (value,)
            for member in members:
                if isinstance(member, FunctionType) and member.__module__ == name:
                    found[id(member)] = member
    return list(found.values())


def main() -> None:
    """Fuzz until libFuzzer's own limits end it."""
    import atheris

    def one(data: bytes) -> None:
        check_text(data.decode("utf-8", "replace"))

    for function in own_functions():
        atheris.instrument_func(function)
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
