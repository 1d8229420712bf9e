"""MIG-Bench and MGrounding-630k: ready questions with one box each, taken over as samples."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from ....tools.boxes import Box
from ..record import Skips
from ..sample import Demand, ImageRef, Sample, Task, TruthBox, VisualPrompt
from .base import PictureCheck, Source, numbers
from .stream import stream_arrays

_TASKS: dict[str, tuple[Task, Demand]] = {
    "common_object": ("common", "semantic"),
    "common": ("common", "semantic"),
    "diff": ("difference", "semantic"),
    "static_diff": ("difference", "semantic"),
    "view_diff": ("robust-difference", "semantic"),
    "robust_diff": ("robust-difference", "semantic"),
    "region": ("region", "spatial"),
    "region_locating": ("region", "spatial"),
    "refer_grounding": ("same-class", "semantic"),
    "refer": ("same-class", "semantic"),
    "referring_grounding": ("same-class", "semantic"),
    "group_grounding": ("retrieval", "referential"),
    "correspondence": ("correspondence", "semantic"),
    "reasoning": ("reasoning", "reasoning"),
    "free_form": ("reasoning", "reasoning"),
    "multi_view": ("multi-view", "spatial"),
    "object_tracking": ("tracking", "temporal"),
    "tracking": ("tracking", "temporal"),
}
"""Their task names and where they stand among ours."""

_WORDS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
_ORDINAL = re.compile(
    r"\b(?:(\d{1,9})(?:st|nd|rd|th)\s+(?:image|picture|photo)|(" + "|".join(_WORDS) + r")\s+"
    r"(?:image|picture|photo)|image\s*-?\s*(\d{1,9}))",
    re.IGNORECASE,
)
_MARKS = re.compile(r"<\|(?:object_ref|box)_(?:start|end)\|>")
"""One model family's own marks; samples are for all of them."""
_BOX = re.compile(r"\((\d{1,9}),\s*(\d{1,9})\),\s*\((\d{1,9}),\s*(\d{1,9})\)")


def named_images(text: str) -> list[int]:
    """1-based indexes of the pictures that a text names, in order."""
    found: list[int] = []
    for match in _ORDINAL.finditer(text):
        digits = match[1] or match[3]
        found.append(int(digits) if digits else _WORDS.index(match[2].lower()) + 1)
    return found


def read_mig(source: Source, skips: Skips) -> Iterator[Sample]:
    """Samples of `annotations` (either benchmark's JSON) with pictures below `images`.

    MIG-Bench: `answer` holds four numbers, 0-1 in the original and 0-1000 in the revised file;
    the picture is implied by the question. MGrounding-630k: `conversations` whose second turn holds
    one `(x1,y1),(x2,y2)` in 0-1000 and, in words, the picture. A box in a question points into the
    picture that is named before it.
    """
    check = PictureCheck(source.path("images"), skips)
    wanted = frozenset({"data", "annotations"})
    for number, (_, item) in enumerate(stream_arrays(source.path("annotations"), wanted)):
        if not isinstance(item, dict):
            skips.add("not an object", str(number))
            continue
        sample = _sample(item, number, source, skips, check)
        if sample is not None:
            yield sample


def _texts(item: Mapping[str, Any]) -> tuple[str, str]:
    """(question, what the answer says in words)."""
    turns = item.get("conversations")
    if isinstance(turns, list) and len(turns) >= 2:
        said = [t.get("value") if isinstance(t, dict) else None for t in turns[:2]]
        asked, answered = (text if isinstance(text, str) else "" for text in said)
        return asked.replace("<image>", "").strip(), answered
    question = item.get("question")
    # What group grounding answers in words stands in additional_info.
    return (
        question.strip() if isinstance(question, str) else "",
        str(item.get("additional_info", "")),
    )


def _numbers(item: Mapping[str, Any], said: str) -> tuple[float, ...] | None:
    """Four numbers relative to the picture, 0-1."""
    given = numbers(item.get("answer"), 4)
    if given is not None:
        scale = 1.0 if max(given) <= 1.5 else 1000.0
        return tuple(v / scale for v in given)
    found = list(_BOX.finditer(_MARKS.sub("", said)))
    # Of several boxes, each in a picture of its own, one would be half an answer.
    return tuple(int(v) / 1000.0 for v in found[0].groups()) if len(found) == 1 else None


def _asked(question: str, refs: Sequence[ImageRef]) -> tuple[str, list[VisualPrompt]]:
    """The question as samples write theirs, and what its boxes point at."""
    text = _MARKS.sub("", question)
    said, end = "", 0
    prompts: list[VisualPrompt] = []
    for match in _BOX.finditer(text):
        named = named_images(text[: match.start()])
        if not named or not 1 <= named[-1] <= len(refs):
            continue
        ref, numbers = refs[named[-1] - 1], [int(v) for v in match.groups()]
        box = Box(*(v / 1000.0 for v in numbers)).clip(1.0, 1.0).scale(ref.width, ref.height)
        x1, y1, x2, y2 = box.rounded()
        if not Box(x1, y1, x2, y2).is_valid:
            continue
        said += text[end : match.start()]
        span = (len(said), len(said) + len(str(numbers)))
        prompts.append(VisualPrompt(image=named[-1], box=(x1, y1, x2, y2), form="text", span=span))
        said, end = said + str(numbers), match.end()
    return said + text[end:], prompts


def _target(task: str, question: str, said: str, count: int, answered: bool) -> int | None:
    """The picture that the box lies in, or None where nothing says so."""
    if task.startswith("region"):
        return 1
    if task == "group_grounding" or answered:
        named = named_images(said)
        if named or task == "group_grounding":
            return named[0] if named else None
    named = named_images(question)
    if named:
        return named[-1]
    spoken = named_images(said)
    return spoken[0] if spoken else (count if task.endswith("diff") else None)


def _sample(
    item: Mapping[str, Any], number: int, source: Source, skips: Skips, check: PictureCheck
) -> Sample | None:
    task = str(item.get("task", source.options.get("task", ""))).lower()
    question, said = _texts(item)
    files = item.get("images")
    if task not in _TASKS or not question or not isinstance(files, list) or not files:
        skips.add("unknown task or empty question", f"{number}: {task}")
        return None
    refs: list[ImageRef] = []
    for file in files:
        name = str(file).removeprefix("./")
        size = check.size(name)
        if size is None:
            return None
        refs.append(ImageRef(file=name, root=source.name, width=size[0], height=size[1]))
    relative = _numbers(item, said)
    target = _target(task, question, said, len(refs), "conversations" in item)
    if relative is None or target is None or not 1 <= target <= len(refs):
        skips.add("no box or no picture named", f"{number}: {task}")
        return None
    width, height = refs[target - 1].width, refs[target - 1].height
    truth = TruthBox.of(
        target, Box.ordered(*relative).clip(1.0, 1.0).scale(width, height), "object"
    )
    # As it will be written: a box may vanish only when it is rounded.
    if not Box(*truth.box).is_valid:
        skips.add("empty box", f"{number}: {task}")
        return None
    kind, demand = _TASKS[task]
    asked, prompts = _asked(question, refs)
    try:
        return Sample(
            id=f"{source.name}-{number:06d}", task=kind, demand=demand, question=asked,
            images=refs, answer=[truth], targets="single", prompts=prompts,
            meaning={"op": "given"}, source=source.name, licence=source.licence,
            split=str(source.options.get("split", "train")),
        )  # fmt: skip
    except ValidationError:
        skips.add("no sample", f"{number}: {task}")
        return None
