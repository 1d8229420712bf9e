"""Tool conversations about photographs, as the planner has them, written in nano's own tokens.

The planner is the teacher: what it asks the tools and which of their boxes it names is what nano is
taught to write. A conversation is kept only where its answer is right.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random
from typing import Any
from zipfile import BadZipFile

import numpy as np
from PIL import Image

from ...policy.dialect import ReadContext, Reading
from ...policy.dialects.nano import NanoDialect
from ...policy.dialects.nano_rows import SHARED, SLOTS, fact_token
from ...policy.dialects.nano_tokens import NONE
from ...policy.messages import Message, ToolCall
from ...policy.planner import Planner
from ...policy.policy import Request
from ...policy.weighing import LOOK, SURE, score_of
from ...tools.boxes import GroundedBox
from ...tools.errors import DataError, GemvgError
from ...tools.images import Picture, picture_from_image
from ...tools.tool import AnyTool, ToolContext, ToolResult
from ...tools.views import ViewBook
from ..data.teacher.episodes import f1
from ..photo_questions import Photo, PhotoQuestion, Shot, build_questions
from .stand_ins import Truth

TOOLS = ("compare", "detect", "match", "zoom")
"""The tools that are on offer in every conversation."""

MOST_TURNS = 6
WEIGHED = ("reference", "common")
"""Tasks about which nano asks for weak boxes, too; its rows tell those that may be meant."""

MOST_BOXES = 30
"""Boxes that a tool may have listed in a conversation that is kept."""

SHARES = {"retrieval": 2, "reference": 3, "common": 4}
"""How often a task is asked, against 1 of every other: most questions for what all pictures show
have more boxes than a conversation may, and a choice among several is the hardest to learn."""

_NAMED = re.compile(r"<b\d+>")

FINDERS = {"region": "match", "difference": "compare", "robust-difference": "compare"}
"""The tool that finds the answer of a task."""

PICTURES = (2, 3, 3, 4)
"""How many pictures a question has, drawn once for twenty of them."""

THUMBNAIL = 224
"""Side of the square that a picture of a conversation is kept as at most, pixels."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A question, the tool calls with what came back, and the answer, all in nano's tokens.

    Attributes:
        task: of the question. pictures: keys of its pictures, in order.
        turns: (call, result). answer: what stands after `<answer>`, without the closing tag.
        thought: what is thought before the answer; empty where nothing need be.
    """

    task: str
    question: str
    pictures: tuple[str, ...]
    turns: tuple[tuple[str, str], ...]
    answer: str
    thought: str = ""

    @property
    def last(self) -> str:
        """The last turn as nano writes it."""
        thought = f"<think>{self.thought}</think>" if self.thought else ""
        return f"{thought}<answer>{self.answer}</answer>"


def converse(
    question: str, pictures: Sequence[Picture], tools: Mapping[str, AnyTool], least: float = SURE
) -> tuple[Reading, tuple[tuple[str, str], ...], str] | None:
    """Let the planner answer; (its answer, turns, answer in nano's tokens), None where it can't.

    Calls that it makes at once are written one after the other: nano makes one at a time.

    Args:
        question: what is asked.
        pictures: about which.
        tools: by name.
        least: score of a box that nano asks of a detector.
    """
    planner, nano, book = Planner(), NanoDialect(), ViewBook(pictures)
    dialect, context = planner.dialect, ToolContext(book)
    request = Request(
        question, (), book, context.boxes, dialect.tool_specs(list(tools.values())), "direct"
    )
    reading = ReadContext(book, boxes=context.boxes, query=question)
    turns: list[tuple[str, str]] = []
    for _ in range(MOST_TURNS):
        try:
            completion = asyncio.run(planner.complete(request))
        except GemvgError:
            return None
        if not completion.tool_calls:
            answer = dialect.read(completion, reading)
            return answer, tuple(turns), named(answer.boxes, context, nano, reading)
        messages: list[Message] = [Message("assistant", (), completion.tool_calls)]
        for call in completion.tool_calls:
            ours = dialect.to_tool_call(call, reading)
            result = tools[ours.name].call(ours.arguments, context)
            messages.extend(dialect.tool_messages(call, result, book))
            if not result.ok or result.views:
                return None
            asked = as_nano_asks(ours, len(pictures), least)
            written = nano.tool_messages(asked, as_nano_sees(asked, result), book)[0].text
            if written.count("<image_") > MOST_BOXES:
                return None
            turns.append((nano.write_call(asked, reading), written))
        request = replace(request, messages=(*request.messages, *messages))
    return None


def as_nano_asks(call: ToolCall, pictures: int, least: float) -> ToolCall:
    """A call as nano makes it.

    All pictures are what a call is about that names none; how many there are need not be learnt.

    Args:
        call: the planner's.
        pictures: how many there are.
        least: score that is asked for where the planner asks for any.
    """
    everywhere = list(range(1, pictures + 1))
    arguments = {
        name: value
        for name, value in call.arguments.items()
        if value != [] and not (name == "views" and list(value or ()) == everywhere)
    }
    if arguments.get("min_score") is not None:
        arguments["min_score"] = least
    return replace(call, arguments=arguments)


def as_nano_sees(call: ToolCall, result: ToolResult) -> ToolResult:
    """What nano's call would have found: without the boxes that only the planner asked for."""
    least = call.arguments.get("min_score")
    if least is None:
        return result
    kept = tuple(named for named in result.boxes if score_of(named[1]) >= least)
    return replace(result, boxes=kept)


def named(
    boxes: Sequence[GroundedBox], context: ToolContext, nano: NanoDialect, reading: ReadContext
) -> str:
    """An answer that names the tools' boxes by their ids; in coordinates where none is meant."""
    ids = {(found.image, found.box): name for name, found in context.boxes.items()}
    parts = [
        f"<{ids[b.image, b.box]}>"
        if (b.image, b.box) in ids
        else nano.write([replace(b, label=None)], reading)
        for b in boxes
    ]
    return "".join(parts) or NONE


def renamed(photos: Sequence[Photo], names: Sequence[str], rng: Random) -> list[Photo]:
    """Photographs whose things carry other names of the list, each name another one's.

    A conversation is words alone: which names they are is not seen in a small picture, and so
    every name is learnt from few photographs.
    """
    shuffled = list(names)
    rng.shuffle(shuffled)
    other = dict(zip(names, shuffled, strict=True))
    return [
        replace(p, things=tuple(replace(t, label=other.get(t.label, t.label)) for t in p.things))
        for p in photos
    ]


class Recorder:
    """Asks the planner and keeps what was right.

    Args:
        tools: what the planner may call; they look things up in `truth`.
        truth: is told what every question's pictures hold.
    """

    def __init__(self, tools: Mapping[str, AnyTool], truth: Truth) -> None:
        self._tools, self._truth = tools, truth
        self._files: dict[str, Picture] = {}
        self.thumbnails: dict[str, Any] = {}
        self.asked = self.kept = 0

    def ask(self, question: PhotoQuestion) -> Conversation | None:
        """A question to the planner; None where its answer is not wholly right."""
        pictures = [self._picture(shot) for shot in question.shots]
        for shot, picture in zip(question.shots, pictures, strict=True):
            things = [(t.label, t.box) for t in shot.photo.things] if shot.is_file else []
            self._truth.things[picture.digest] = things
        truth = [GroundedBox(image, box) for image, box in question.truth]
        found = self.ask_about(question.task, question.query, pictures, truth)
        if found is None:
            return None
        answer, said = found
        thought = thought_of(question, answer, said)
        return None if thought is None else replace(said, thought=thought)

    def ask_about(
        self, task: str, query: str, pictures: Sequence[Picture], truth: Sequence[GroundedBox]
    ) -> tuple[Reading, Conversation] | None:
        """The planner's answer and how it came to it; None where it is not wholly right."""
        self._truth.boxes, self._truth.finder = list(truth), FINDERS.get(task, "")
        self.asked += 1
        said = converse(query, pictures, self._tools, LOOK if task in WEIGHED else SURE)
        if said is None:
            return None
        answer, turns, text = said
        if not turns or f1(answer.boxes, truth) < 1.0 or not _was_told(text, turns):
            return None
        self.kept += 1
        for picture in pictures:
            if picture.digest not in self.thumbnails:
                side = min(THUMBNAIL, max(picture.size))
                small = Image.fromarray(picture.array()).resize((side, side))
                self.thumbnails[picture.digest] = np.asarray(small, np.uint8)
        keys = tuple(picture.digest for picture in pictures)
        return answer, Conversation(task, query, keys, turns, text)

    def _picture(self, shot: Shot) -> Picture:
        """A shot's picture; a photograph's own file is decoded once."""
        name = str(shot.photo.path)
        if shot.is_file and name in self._files:
            return self._files[name]
        picture = picture_from_image(shot.render(), "photo")
        if shot.is_file:
            self._files[name] = picture
        return picture


def _was_told(answer: str, turns: Sequence[tuple[str, str]]) -> bool:
    """Whether every id of an answer stands in a result: the planner weighs some boxes otherwise."""
    told = {name for _, result in turns for name in _NAMED.findall(result)}
    return told.issuperset(_NAMED.findall(answer))


def thought_of(question: PhotoQuestion, answer: Reading, said: Conversation) -> str | None:
    """What has to be found out before boxes can be named; empty where they are read off at once.

    One of several: the token of the fact that it is told by. What all pictures show: that token and
    the label. None where the rows tell it otherwise than the answer does: that can't be learnt.
    """
    if said.answer == NONE:
        return ""
    if question.task == "common":
        slot, fact = SHARED, 0
        kinds = {b.label for b in answer.boxes if b.label}
        label = f" {min(kinds)}" if len(kinds) == 1 else ""
    elif question.order is not None:
        side, rank = question.order
        slot, fact, label = SLOTS.index(side), rank - 1, ""
    else:
        return ""
    token = fact_token(slot, fact)
    rows = [row for _, told in said.turns for row in told.split("\n")]
    meant = [row for row in rows if set(_NAMED.findall(row)) & set(_NAMED.findall(said.answer))]
    return token + label if meant and all(token in row for row in meant) else None


def record(
    photos: Sequence[Photo], recorder: Recorder, per_task: Mapping[str, int], seed: int,
    names: Sequence[str],
) -> Iterator[Conversation]:  # fmt: skip
    """Conversations about photographs, `per_task` questions of each task asked.

    Args:
        photos: of the training split.
        recorder: asks, and keeps the pictures.
        per_task: how many questions of each task are asked.
        seed: of everything.
        names: the classes of the annotation.
    """
    for task, number in per_task.items():
        made = 0
        for part in range(0, number, 20):
            rng = Random(f"{seed}:{task}:{part}")
            given = photos if task in ("region", "difference") else renamed(photos, names, rng)
            few: list[Any] = [task]
            pictures = rng.choice(PICTURES)
            for question in build_questions(
                given, min(20, number - part), part + seed, few, pictures
            ):
                kept = recorder.ask(question)
                made += 1
                if kept is not None:
                    yield kept


def write_conversations(
    folder: Path, conversations: Iterable[Conversation], recorder: Recorder
) -> int:
    """Write `conversations.jsonl` and `pictures.npz`; returns how many there are."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(asdict(one), ensure_ascii=False) for one in conversations]
    (folder / "conversations.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    np.savez_compressed(folder / "pictures.npz", **recorder.thumbnails)
    return len(lines)


def read_conversations(folder: Path) -> tuple[list[Conversation], dict[str, Any]]:
    """What `write_conversations` wrote. Raises DataError where it is not there."""
    try:
        text = (folder / "conversations.jsonl").read_text(encoding="utf-8")
        with np.load(folder / "pictures.npz") as stored:
            pictures = {name: stored[name] for name in stored.files}
        found: list[Conversation] = []
        for line in text.splitlines():
            data: dict[str, Any] = json.loads(line)
            turns = tuple((str(call), str(result)) for call, result in data["turns"])
            found.append(
                Conversation(data["task"], data["question"], tuple(data["pictures"]), turns,
                             data["answer"], data.get("thought", ""))
            )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, BadZipFile) as error:
        raise DataError(
            f"{folder}: holds no recorded conversations.", "Record them: see docs/nano.md."
        ) from error
    return found, pictures
