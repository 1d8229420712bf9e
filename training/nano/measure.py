"""A nano folder on a data set, asked in every mode: what each answer is worth and what it costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from PIL import Image

from ...policy.dialect import ReadContext
from ...policy.dialects.registry import get_dialect
from ...policy.modes import Mode
from ...policy.policy import Completion
from ..chat import MODES, prompt_columns, sizes_context
from ..data.sample import Sample
from ..data.spoken import spoken
from ..data.teacher.episodes import f1
from ..rft.shared_prefill import PromptRow, Sampling, generate
from ..rows import read_folder

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


def measure(folder: str | Path, data: str | Path, limit: int | None = None) -> Iterator[Measured]:
    """Greedy answers to a data set's questions, each asked in every mode.

    Args:
        folder: an exported nano, or what finetuning made of one.
        data: a data set folder.
        limit: takes the first questions.

    Raises:
        DataError: no data set is there.
    """
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor

    model: Any = AutoModelForImageTextToText.from_pretrained(str(folder), dtype=torch.float32)
    processor: Any = AutoProcessor.from_pretrained(str(folder))
    model.eval()
    tokenizer = processor.tokenizer
    ends, pad = (int(tokenizer.eos_token_id),), int(tokenizer.pad_token_id)
    sampling = Sampling(LONGEST, ends, pad, temperature=0.0)
    found = list(islice(read_folder(data), limit))
    for first in range(0, len(found), TOGETHER):
        part = found[first : first + TOGETHER]
        asked = [_asked(sample, paths, processor) for sample, paths in part]
        written = generate(model, [row for one in asked for row in one], sampling)
        for number, (sample, _) in enumerate(part):
            for place, mode in enumerate(MODES):
                ids = written[len(MODES) * number + place]
                text = str(tokenizer.decode(ids, clean_up_tokenization_spaces=False))
                yield _judged(sample, mode, text, len(ids))


def _asked(sample: Sample, paths: Sequence[str], processor: Any) -> list[PromptRow]:
    """The prompt of every mode; all share the pictures' features."""
    dialect = get_dialect("nano")
    context = _context(sample)
    question, _ = spoken(sample, dialect, context)
    pictures = [Image.open(path).convert("RGB") for path in paths]
    pixels: Any = None
    rows: list[PromptRow] = []
    for turns in prompt_columns(question, context.book, dialect).values():
        text = processor.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        made = processor(text=[text], images=pictures, return_tensors="pt")
        pixels = made["pixel_values"] if pixels is None else pixels
        types = made["mm_token_type_ids"][0].tolist()
        rows.append(PromptRow(made["input_ids"][0].tolist(), pixels, made["image_grid_thw"], types))
    return rows


def _judged(sample: Sample, mode: Mode, text: str, tokens: int) -> Measured:
    reading = get_dialect("nano").read(Completion(text), _context(sample))
    truth = [b.grounded() for b in sample.answer]
    readable = bool(reading.boxes) or reading.status == "none"
    worth = f1(reading.boxes, truth) if readable else 0.0
    thought = bool((reading.reasoning or "").strip())
    return Measured(sample.id, str(sample.task), mode, worth, tokens, thought)


def _context(sample: Sample) -> ReadContext:
    return sizes_context([[ref.width, ref.height] for ref in sample.images])
