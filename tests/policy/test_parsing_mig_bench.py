"""The 8,552 public model answers on MIG-Bench, read and checked against their own repository's box.

Its box is all zeros where its parser found none. For Qwen2-VL that is so for 91 answers: 55 of them
hold four fractions in a list, which is a box here; 36 hold no complete box. Migician's boxes there
are stretched in y and cut off at 999.
"""

import json
import re
from collections import Counter

import pytest

from gemvg.policy.dialects import get_dialect
from gemvg.policy.parsing import asked_picture, first_box
from gemvg.policy.parsing.pictures import ORDINALS
from gemvg.policy.policy import Completion

from ..shared import SHARED, needs_shared
from .pictures import context_of

PREDICTIONS = SHARED / "mig_bench" / "predictions"
pytestmark = needs_shared


def records(model):
    for file in sorted((PREDICTIONS / model).glob("*.json")):
        yield from json.loads(file.read_text())[:-1]


def read(dialect, text, query="find it in the first image"):
    context = context_of((1000, 1000), (1000, 1000), (1000, 1000), (1000, 1000), (1000, 1000),
                         (1000, 1000), query=query)  # fmt: skip
    return get_dialect(dialect).read(Completion(text), context)


def test_every_answer_of_qwen2_vl():
    count, statuses, missing = 0, Counter(), Counter()
    for record in records("qwen2_vl"):
        count += 1
        theirs, reading = record["filter_answer"], read("qwen2-vl", record["answer"])
        statuses[reading.status] += 1
        found = first_box(record["answer"])
        if theirs == [0.0, 0.0, 0.0, 0.0]:
            missing[None if found is None else found.syntax] += 1
            continue
        assert found is not None
        assert list(found.numbers) == theirs
        # The reader orders and clips; otherwise its first box is the same one.
        x1, y1, x2, y2 = (min(v, 1000) for v in theirs)
        if x1 < x2 and y1 < y2:
            assert reading.boxes[0].box == (x1, y1, x2, y2)
            assert reading.boxes[0].score is None
    assert count == 4276
    assert missing == {"list-unit": 55, None: 36}
    assert sum(statuses.values()) == count
    assert statuses["ok"] + statuses["partial"] == 4276 - 34
    # One of the ten that deny something names a picture as a place, too: it can't be read.
    assert statuses["none"] == 9
    assert statuses["truncated"] == 2
    assert statuses["unparsable"] == 23


def test_every_answer_of_migician():
    count = 0
    for record in records("migician"):
        count += 1
        found = first_box(record["answer"])
        assert found is not None
        assert found.syntax == "points"
        a, b, c, d = found.numbers
        raw, reading = read("migician-raw", record["answer"]), read("migician", record["answer"])
        assert raw.boxes[0].box == (a, b, c, d)
        assert not raw.notes
        stretched = (min(a, 999), min(b * 1.05, 999), min(c, 999), min(d * 1.1, 999))
        theirs = [min(v, 999) for v in record["filter_answer"]]
        assert theirs == pytest.approx(stretched, abs=0.501)
        assert reading.boxes[0].box == pytest.approx(
            (a, min(b * 1.05, 1000), c, min(d * 1.1, 1000))
        )
        assert reading.notes[0] == "y stretched 1.05/1.10"
    assert count == 4276


def test_the_picture_is_the_one_that_the_answer_or_the_question_names():
    items = json.loads((SHARED / "mig_bench" / "revised_MIG_bench.json").read_text())
    by_task: dict[str, list] = {}
    for item in items:
        by_task.setdefault(item["task"], []).append(item)
    right = said = 0
    for task, group in by_task.items():
        file = next((PREDICTIONS / "migician").glob(f"Migician_{task}_*.json"))
        for item, record in zip(group, json.loads(file.read_text())[:-1], strict=True):
            if task == "group_grounding":
                (reading,) = (read("migician-raw", record["answer"], record["question"]),)
                truth = re.search(r"in the (\w+) image", item["additional_info"])
                assert truth is not None
                if "picture unclear: taken to be image 1" not in reading.notes:
                    said += 1
                    right += reading.boxes[0].image == ORDINALS[truth[1]]
                continue
            named = asked_picture(item["question"], len(item["images"]))
            nth = re.search(r"in the (\d)th image", item["question"])
            expected = {"region": 1}.get(task, int(nth[1]) if nth else 2)
            assert named == expected, item["question"]
    assert said == 189
    assert right >= 185
