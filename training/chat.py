"""Policy messages as the chat format of transformers and TRL, and samples as training rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..policy.dialect import Dialect, ReadContext
from ..policy.messages import Message, TextPart
from ..policy.modes import Mode
from ..tools.boxes import Box, GroundedBox
from ..tools.errors import DataError
from ..tools.images import Picture
from ..tools.text import clean_text
from ..tools.tool import AnyTool, BoxRegistry
from ..tools.views import ViewBook
from .data.sample import Sample
from .data.spoken import spoken

GridOf = Callable[[int, int], tuple[float, float]]
"""(width, height) of a picture to (width, height) after the processor's resize, pixels."""

MODES: tuple[Mode, ...] = ("think", "direct", "auto")


def chat(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Messages as `{"role", "content": [{"type": "text"|"image", ...}]}`.

    Pictures stay placeholders: TRL and the processors fill them, in order, from `images`.
    """
    return [
        {
            "role": message.role,
            "content": [
                {"type": "text", "text": part.text}
                if isinstance(part, TextPart)
                else {"type": "image"}
                for part in message.parts
            ],
        }
        for message in messages
    ]


def sizes_book(sizes: Sequence[Sequence[int]]) -> ViewBook:
    """A view book of pictures known by size alone, for prompts and for reading answers.

    Args:
        sizes: (width, height) of each upright picture, pixels.
    """
    return ViewBook([Picture(f"image {k}", w, h, "") for k, (w, h) in enumerate(sizes, 1)])


def sizes_context(
    sizes: Sequence[Sequence[int]],
    grid_of: GridOf | None = None,
    boxes: Sequence[Sequence[float]] = (),
) -> ReadContext:
    """In which answers about pictures known by size alone are written and read.

    Args:
        sizes: (width, height) of each upright picture, pixels.
        grid_of: of the model's processor; needed by dialects that write resized pixels.
        boxes: that tools told before, for answers that name ids: rows `[number of the id, image,
            x1, y1, x2, y2]`, pixels.
    """
    grids = {} if grid_of is None else {k: grid_of(w, h) for k, (w, h) in enumerate(sizes, 1)}
    told = {f"b{int(name)}": GroundedBox(int(image), Box(*box)) for name, image, *box in boxes}
    return ReadContext(sizes_book(sizes), grids, BoxRegistry(told))


def prompt_columns(
    question: str, book: ViewBook, dialect: Dialect, tools: Sequence[AnyTool] = ()
) -> dict[str, list[dict[str, Any]]]:
    """The prompt of every mode: columns `prompt_think`, `prompt_direct`, `prompt_auto`."""
    views = range(1, book.image_count + 1)
    return {
        f"prompt_{mode}": chat(dialect.opening(question, book, views, mode, tools))
        for mode in MODES
    }


def picture_paths(sample: Sample, folder: Path, roots: Mapping[str, str]) -> list[str]:
    """Where a sample's pictures lie.

    Args:
        sample: of a data set.
        folder: the data set's folder.
        roots: source folders by name, from `dataset.json`; relative ones start at `folder`.

    Raises:
        DataError: a picture is of a source that is not among them.
    """
    paths: list[str] = []
    for ref in sample.images:
        if ref.root and ref.root not in roots:
            raise DataError(
                f"sample {sample.id}: dataset.json does not say where the pictures of "
                f"{clean_text(ref.root, 80)!r} are.",
                "Build the data set again.",
            )
        paths.append(str((folder / roots[ref.root] if ref.root else folder) / ref.file))
    return paths


def rft_row(
    sample: Sample,
    paths: Sequence[str],
    dialect: Dialect,
    tools: Sequence[AnyTool] = (),
    grid_of: GridOf | None = None,
) -> dict[str, Any]:
    """One row for reinforcement finetuning.

    `grid_of` tells the processor's resize to dialects that write its pixels.

    Columns: `prompt` (the auto prompt), `prompt_think`, `prompt_direct`, `prompt_auto`, `paths`,
    `sizes` ([width, height] each), `truth` (rows `[image, x1, y1, x2, y2]`, pixels),
    `truth_labels`, `boxes` (that the prompt names by ids, see `sizes_context`), `question`,
    `sample_id`, `task`.
    """
    sizes = [[ref.width, ref.height] for ref in sample.images]
    context = sizes_context(sizes, grid_of)
    question, _ = spoken(sample, dialect, context)
    prompts = prompt_columns(question, context.book, dialect, tools)
    return {
        "prompt": prompts["prompt_auto"],
        **prompts,
        "paths": list(paths),
        "sizes": sizes,
        "truth": [[float(b.image), *b.box] for b in sample.answer],
        "truth_labels": [b.label for b in sample.answer],
        "boxes": [],
        "question": question,
        "sample_id": sample.id,
        "task": str(sample.task),
    }
