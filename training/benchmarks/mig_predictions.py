"""Result files of MIG-Bench's published evaluation: which answer belongs to which item.

A file is a list of `{task, question, answer, ...}` and, last, the script's own summary. It names
no item ids, so answers are put to items by their order within a task where every question
agrees, and by question and true box otherwise (a part of the benchmark, or another order).
"""

from __future__ import annotations

import math
import re
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...tools.boxes import Box
from ...tools.errors import DataError
from .bulk_boxes import first_boxes
from .item import Item, Space
from .json_file import read_json, read_json_lines
from .outcome import FoundBox, Outcome
from .reading import in_either, in_thousandths

Answer = Mapping[str, Any]


def predicted_outcomes(files: Sequence[Path], items: Sequence[Item]) -> dict[str, Outcome]:
    """Outcomes by item id; items without an answer are left out.

    Raises:
        DataError: a file is not such a results file, or an answer fits no item.
    """
    placed: list[tuple[Item, Answer, str]] = []
    answers: dict[str, list[tuple[Answer, str]]] = defaultdict(list)
    for path in files:
        for row in _rows(path):
            model = _model(path, str(row["task"]))
            answers[str(row["task"])].append((row, model))
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        groups[item.task].append(item)
    for task, rows in answers.items():
        if task in groups:
            placed.extend(_align(groups[task], rows))
    if not placed:
        raise DataError("no answer in these files belongs to an item of the chosen tasks.")
    return _outcomes(placed)


def _rows(path: Path) -> list[Answer]:
    """The answers of a file; the summary record has no answer and is left out."""
    value: Any = read_json_lines(path) if path.suffix == ".jsonl" else read_json(path)
    rows: list[Any] = list(value) if isinstance(value, list) else []
    found: list[Answer] = [r for r in rows if isinstance(r, dict) and "answer" in r]
    sound = all(isinstance(r["answer"], str) and "task" in r and "question" in r for r in found)
    if not found or not sound:
        raise DataError(f"{path}: a list of {{task, question, answer}} with text answers expected.")
    return found


def _model(path: Path, task: str) -> str:
    """The name before the task in `Migician_common_object_0630_132550.json`."""
    stem = path.stem
    return re.split(rf"[_-]{re.escape(task)}\b|[_-]{re.escape(task)}_", stem)[0] or stem


def _align(
    items: Sequence[Item], answers: Sequence[tuple[Answer, str]]
) -> list[tuple[Item, Answer, str]]:
    """Answers of one task with their items."""
    same = len(items) == len(answers) and all(
        _asks(a, i) for i, (a, _) in zip(items, answers, strict=True)
    )
    if same:
        return [(i, a, m) for i, (a, m) in zip(items, answers, strict=True)]
    waiting: dict[tuple[str, tuple[float, ...]], deque[Item]] = defaultdict(deque)
    for item in items:
        waiting[_key(str(item.extra["question"]), item.extra["written"])].append(item)
    placed: list[tuple[Item, Answer, str]] = []
    for answer, model in answers:
        queue = _waiting_for(answer, waiting)
        if not queue:
            raise DataError(
                f"{answer['task']}: an answer fits no item that is still open:"
                f" {str(answer['question'])[:80]!r}.",
                "Are the files of the same version of the benchmark, each named once?",
            )
        placed.append((queue.popleft(), answer, model))
    return placed


def _asks(answer: Answer, item: Item) -> bool:
    return str(answer["question"]).startswith(str(item.extra["question"]).strip())


def _key(question: str, truth: Sequence[float]) -> tuple[str, tuple[float, ...]]:
    return question.strip(), tuple(float(v) for v in truth)


def _waiting_for(
    answer: Answer, waiting: Mapping[tuple[str, tuple[float, ...]], deque[Item]]
) -> deque[Item] | None:
    """Items with this answer's question and true box; the prompt's format suffix is unknown."""
    truth = answer.get("groundtruth")
    asked = str(answer["question"])
    for (question, box), queue in waiting.items():
        fits = not isinstance(truth, list) or _same(truth, box)
        if queue and fits and asked.startswith(question):
            return queue
    return None


def _same(truth: Sequence[Any], box: Sequence[float]) -> bool:
    numbers = [float(v) for v in truth if isinstance(v, (int, float))]
    return len(numbers) == 4 and all(
        math.isclose(a, b, abs_tol=1e-6) for a, b in zip(numbers, box, strict=True)
    )


def _outcomes(placed: Sequence[tuple[Item, Answer, str]]) -> dict[str, Outcome]:
    raws = [str(answer["answer"]) for _, answer, _ in placed]
    space: Space = placed[0][0].space
    reader = in_thousandths if space == "relative-1000" else in_either
    quads = first_boxes(raws, reader).tolist()
    outcomes: dict[str, Outcome] = {}
    for (item, _, model), raw, quad in zip(placed, raws, quads, strict=True):
        found = _box(quad, item, space)
        outcomes[item.id] = Outcome(
            item.id,
            item.task,
            status="ok" if found else "unparsable",
            raw=raw,
            boxes=found,
            model=model,
        )
    return outcomes


def _box(quad: Sequence[float], item: Item, space: Space) -> tuple[FoundBox, ...]:
    """The box in the benchmark's space, or none; published answers are thousandths."""
    if math.isnan(quad[0]):
        return ()
    x1, y1, x2, y2 = quad if space == "relative-1000" else (v / 1000.0 for v in quad)
    return (FoundBox(item.truth[0].image, Box(x1, y1, x2, y2)),)
