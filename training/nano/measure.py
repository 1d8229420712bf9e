"""A nano folder on a data set, asked in every mode: what each answer is worth and what it costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...policy.dialects.registry import get_dialect
from ...policy.modes import Mode
from ...policy.policy import Completion
from ...tools.boxes import Box, GroundedBox
from ..chat import MODES, sizes_context
from ..data.teacher.episodes import f1
from ..rft.shared_prefill import PromptRow
from ..rft.shared_writing import Sampling, generate
from ..rows import open_picture, rft_rows

TOGETHER = 32
"""Questions that are answered side by side, each in all modes."""

LONGEST = 192
"""Tokens of an answer at most, thinking included."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One answer.

    Attributes:
        sample: id of the question. task: of the data engine. mode: in which it was asked.
        f1: at IoU .5 in the right picture; 1 where both say that nothing is there.
        tokens: written, thinking included. thought: whether it thought.
    """

    sample: str
    task: str
    mode: Mode
    f1: float
    tokens: int
    thought: bool


@dataclass(frozen=True, slots=True)
class Written:
    """One greedy answer, as it was written.

    Attributes:
        row: of the question, from `rft_rows`. mode: in which it was asked.
        prompt: of this question in this mode. ids: tokens of the answer, its end included.
        text: what the tokens say.
    """

    row: dict[str, Any]
    mode: Mode
    prompt: PromptRow
    ids: list[int]
    text: str


def measure(folder: str | Path, data: str | Path, limit: int | None = None) -> Iterator[Measured]:
    """Greedy answers to a data set's questions, each asked in every mode.

    Args:
        folder: an exported nano, or what finetuning made of one.
        data: a data set folder, or recorded conversations (whose last turn is asked).
        limit: takes the first questions.

    Raises:
        DataError: no data set is there.
    """
    model, processor = load(folder)
    for written in write_answers(model, processor, data, limit):
        yield judge(written.row, written.mode, written.text, len(written.ids))


def load(folder: str | Path) -> tuple[Any, Any]:
    """The model in fp32, ready to answer, and its processor."""
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor

    model: Any = AutoModelForImageTextToText.from_pretrained(str(folder), dtype=torch.float32)
    return model.eval(), AutoProcessor.from_pretrained(str(folder))


def write_answers(
    model: Any, processor: Any, data: str | Path, limit: int | None = None
) -> Iterator[Written]:
    """Greedy answers to a data set's questions, those of one question in the order of `MODES`.

    Raises:
        DataError: no data set is there.
    """
    tokenizer = processor.tokenizer
    ends, pad = (int(tokenizer.eos_token_id),), int(tokenizer.pad_token_id)
    sampling = Sampling(LONGEST, ends, pad, temperature=0.0)
    rows = rft_rows([data], get_dialect("nano"), limit=limit, episodes=limit)
    for first in range(0, len(rows), TOGETHER):
        part: list[tuple[dict[str, Any], Mode, PromptRow]] = [
            (row, mode, prompt)
            for row in rows[first : first + TOGETHER]
            for mode, prompt in zip(MODES, _mode_prompts(row, processor), strict=True)
        ]
        written = generate(model, [prompt for _, _, prompt in part], sampling)
        for (row, mode, prompt), ids in zip(part, written, strict=True):
            text = str(tokenizer.decode(ids, clean_up_tokenization_spaces=False))
            yield Written(row, mode, prompt, list(ids), text)


def _mode_prompts(row: dict[str, Any], processor: Any) -> list[PromptRow]:
    """The prompt of every mode; all share the pictures' features."""
    pictures = [open_picture(path) for path in row["paths"]]
    pixels: Any = None
    prompts: list[PromptRow] = []
    for mode in MODES:
        text = processor.apply_chat_template(
            row[f"prompt_{mode}"], tokenize=False, add_generation_prompt=True
        )
        made = processor(text=[text], images=pictures, return_tensors="pt")
        pixels = made["pixel_values"] if pixels is None else pixels
        types = made["mm_token_type_ids"][0].tolist()
        ids = made["input_ids"][0].tolist()
        prompts.append(PromptRow(ids, pixels, made["image_grid_thw"], types))
    return prompts


def judge(row: dict[str, Any], mode: Mode, text: str, tokens: int) -> Measured:
    """What an answer is worth; one that can't be read is worth nothing.

    Args:
        row: of the question, from `rft_rows`.
        mode: in which it was asked.
        text: what was written.
        tokens: how many.
    """
    context = sizes_context(row["sizes"], boxes=row["boxes"])
    reading = get_dialect("nano").read(Completion(text), context)
    truth = [GroundedBox(int(image), Box(*box)) for image, *box in row["truth"]]
    readable = bool(reading.boxes) or reading.status == "none"
    worth = f1(reading.boxes, truth) if readable else 0.0
    thought = bool((reading.reasoning or "").strip())
    return Measured(row["sample_id"], row["task"], mode, worth, tokens, thought)
