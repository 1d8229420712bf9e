"""Writing a data set in other tools' forms: COCO, Qwen-VL finetuning JSON, TRL columns."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Literal

from ...policy.backends.image_budget import VIEW_TOKENS, fit_size, grid_of_family
from ...policy.dialect import ReadContext
from ...policy.dialects.registry import get_dialect
from ...tools.boxes import Box
from ...tools.images import Picture
from ...tools.views import ViewBook
from .dataset import trl_row
from .folder import DataFolder
from .sample import Sample
from .spoken import spoken
from .whole_file import whole_file

Form = Literal["coco", "qwen-vl", "trl"]
FORMS: tuple[Form, ...] = ("coco", "qwen-vl", "trl")


def export(folder: DataFolder, form: Form, out: Path, dialect: str = "qwen2-vl") -> int:
    """Write a data set in a form; returns how many samples.

    Args:
        folder: the data set.
        form: `coco`: the answers as instances of the pictures asked about; `qwen-vl`: a JSON list
            of conversations; `trl`: JSON lines with `prompt`, `images`, `truth`.
        out: the file.
        dialect: how boxes are written in `qwen-vl` (a model family).

    Raises:
        OutputError: the file can't be written. UnknownDialect: no such dialect.
    """
    if form == "coco":
        return _coco(folder, out)
    if form == "trl":
        count = 0
        with whole_file(out) as file:
            for sample in folder.samples():
                file.write(json.dumps(trl_row(folder, sample), ensure_ascii=False) + "\n")
                count += 1
        return count
    return _qwen(folder, out, dialect)


def _relative(folder: DataFolder, sample: Sample, image: int, out: Path) -> str:
    """A picture's path relative to the folder of the file that names it."""
    path = folder.picture(sample.images[image - 1])
    return Path(os.path.relpath(path.resolve(), out.parent.resolve())).as_posix()


def _coco(folder: DataFolder, out: Path) -> int:
    """Every picture of every sample once per sample, with its answer boxes as annotations."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    categories: dict[str, int] = {}
    count = 0
    for sample in folder.samples():
        count += 1
        first = len(images) + 1
        for k, ref in enumerate(sample.images, 1):
            images.append(
                {
                    "id": first + k - 1,
                    "file_name": _relative(folder, sample, k, out),
                    "width": ref.width,
                    "height": ref.height,
                    "sample": sample.id,
                    "image": k,
                    "question": sample.question,
                }
            )
        for found in sample.answer:
            box = Box(*found.box)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": first + found.image - 1,
                    "category_id": categories.setdefault(found.label, len(categories) + 1),
                    "bbox": [round(v, 2) for v in (box.x1, box.y1, box.width, box.height)],
                    "area": round(box.area, 2),
                    "iscrowd": 0,
                }
            )
    names = [{"id": number, "name": label} for label, number in categories.items()]
    with whole_file(out) as file:
        json.dump({"images": images, "annotations": annotations, "categories": names}, file)
    return count


def family_context(sample: Sample, dialect: str) -> ReadContext:
    """A sample's pictures by their sizes alone; no pixels behind them.

    Families that write pixels of the resized picture get the size that their processor makes of
    it with its own bounds and at most `VIEW_TOKENS` tokens.
    """
    cells = grid_of_family(dialect)
    sizes = [fit_size(ref.width, ref.height, cells, VIEW_TOKENS) for ref in sample.images]
    return ReadContext(
        ViewBook([Picture(ref.file, ref.width, ref.height, "") for ref in sample.images]),
        {k: (float(width), float(height)) for k, (width, height) in enumerate(sizes, 1)},
        query=sample.question,
    )


def conversation(folder: DataFolder, sample: Sample, out: Path, dialect: str) -> dict[str, Any]:
    """One sample as Qwen-VL's finetuning code reads it: `image` and `conversations`."""
    speech = get_dialect(dialect)
    context = family_context(sample, dialect)
    question, trace = spoken(sample, speech, context)
    answer = speech.write([b.grounded() for b in sample.answer], context)
    if trace is not None:
        answer = f"<think>{trace}</think><answer>{answer}</answer>"
    pictures = "".join(f"Image {k}: <image>\n" for k in range(1, len(sample.images) + 1))
    return {
        "id": sample.id,
        "image": [_relative(folder, sample, k, out) for k in range(1, len(sample.images) + 1)],
        "conversations": [
            {"from": "human", "value": pictures + question},
            {"from": "gpt", "value": answer},
        ],
    }


def _qwen(folder: DataFolder, out: Path, dialect: str) -> int:
    """The list is written item by item, so that memory stays small."""
    count = 0
    with whole_file(out) as file:
        file.write("[")
        for count, sample in enumerate(folder.samples(), 1):
            item = conversation(folder, sample, out, dialect)
            file.write((",\n" if count > 1 else "\n") + json.dumps(item, ensure_ascii=False))
        file.write("\n]\n")
    return count
