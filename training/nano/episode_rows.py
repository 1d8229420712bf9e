"""Recorded conversations with tools as rows of reinforcement finetuning.

What is trained is the turn behind the tools' results: which of the boxes that were told is meant,
and whether a thought is needed to say it. The calls before it stand in the prompt, so a rollout is
one turn, as about a scene: it can be begun with both tags, and no tool need run while training.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from PIL import Image

from ...policy.dialects.nano import NanoDialect
from ...policy.dialects.nano_tokens import NONE
from ...policy.messages import Message, text_message
from ...policy.modes import Mode
from ...tools.errors import DataError
from ...tools.text import clean_text
from ..chat import MODES, chat, sizes_book
from .recording import TOOLS, Conversation, read_conversations
from .scene_calls import COMPOSED

CONVERSATIONS = "conversations.jsonl"
"""File by which a folder of recorded conversations is known."""

COLUMNS = 8
"""Stand-in boxes side by side in a picture; as many rows hold all ids that there are."""

_ROW = re.compile(r"<image_(\d+)>[^\n]*?<b(\d+)>")
_NAMED = re.compile(r"<b(\d+)>")


def is_recorded(folder: str | Path) -> bool:
    """Whether a folder holds recorded conversations."""
    return (Path(folder) / CONVERSATIONS).is_file()


def episode_rows(
    folder: str | Path, limit: int | None = None, seed: int = 0
) -> list[dict[str, Any]]:
    """Rows of the conversations in which boxes have to be chosen; see `chat.rft_row`.

    A conversation says in which picture a box of a tool lies and not where: `boxes` (rows
    `[number of the id, image, x1, y1, x2, y2]`) holds stand-ins that touch no other, so an answer
    is worth what it names.

    Args:
        folder: written by `train nano-conversations`; its pictures are unpacked there.
        limit: takes so many of them.
        seed: of which.

    Raises:
        DataError: no such folder, or it can't be written.
    """
    base = Path(folder)
    found, thumbnails = read_conversations(base)
    chosen = [one for one in found if _is_choice(one)]
    Random(seed).shuffle(chosen)
    chosen = chosen[:limit]
    paths = _unpack(base / "pictures", thumbnails, {key for one in chosen for key in one.pictures})
    return [_row(one, number, paths, thumbnails) for number, one in enumerate(chosen)]


def _is_choice(one: Conversation) -> bool:
    """Whether tools told boxes and the answer names some of them, or none."""
    told = {name for _, result in one.turns for name in _NAMED.findall(result)}
    named = _NAMED.findall(one.answer)
    meant = set(named) <= told and (bool(named) or one.answer == NONE)
    return bool(one.turns) and meant and not one.task.startswith(COMPOSED)


def _unpack(folder: Path, thumbnails: Any, keys: set[str]) -> dict[str, str]:
    """Write the pictures as files, where they are not there yet; their paths by key."""
    paths = {key: folder / f"{key}.png" for key in keys}
    try:
        folder.mkdir(exist_ok=True)
        for key, path in paths.items():
            if not path.is_file():
                Image.fromarray(thumbnails[key]).save(path)
    except OSError as error:
        shown = clean_text(str(folder), 200)
        raise DataError(f"{shown}: can't be written.", "Record into another folder.") from error
    return {key: str(path) for key, path in paths.items()}


def _row(one: Conversation, number: int, paths: dict[str, str], thumbnails: Any) -> dict[str, Any]:
    sizes = [list(thumbnails[key].shape[1::-1]) for key in one.pictures]
    boxes = _stand_ins([result for _, result in one.turns], sizes)
    places = {int(box[0]): box for box in boxes}
    named = [places[int(name)] for name in _NAMED.findall(one.answer)]
    prompts = {f"prompt_{mode}": chat(_turns(one, mode, sizes)) for mode in MODES}
    return {
        "prompt": prompts["prompt_auto"],
        **prompts,
        "paths": [paths[key] for key in one.pictures],
        "sizes": sizes,
        "boxes": boxes,
        "truth": [box[1:] for box in named],
        "truth_labels": [None for _ in named],
        "question": one.question,
        "sample_id": f"conversation-{number}",
        "task": f"photo-{one.task}",
    }


def _turns(one: Conversation, mode: Mode, sizes: Sequence[Sequence[int]]) -> list[Message]:
    """The conversation up to where the last turn begins."""
    dialect = NanoDialect()
    book, views = sizes_book(sizes), range(1, len(sizes) + 1)
    turns = [dialect.tools_turn(TOOLS), *dialect.opening(one.question, book, views, mode, ())]
    for call, result in one.turns:
        turns += [text_message("assistant", call), text_message("tool", result)]
    return turns


def _stand_ins(results: Sequence[str], sizes: Sequence[Sequence[int]]) -> list[list[float]]:
    """A box for every id that was told, in its picture, none touching another."""
    boxes: list[list[float]] = []
    for image, name in _ROW.findall("\n".join(results)):
        width, height = (side / COLUMNS for side in sizes[int(image) - 1])
        row, column = divmod(int(name) - 1, COLUMNS)
        x, y = column * width, row * height
        boxes.append([float(name), float(image), x, y, x + width, y + height])
    return boxes
