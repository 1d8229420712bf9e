"""Multi-image understanding: BLINK, MuirBench and MMIU, multiple choice.

Accuracy of the picked letter, per task. An answer that picks no letter, or several, is wrong.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from ...policy.parsing import split_parts
from ...tools.errors import DataError
from .benchmark import Benchmark, DataPlace, Row, Summary, by_task, mean, status_notes
from .item import FilePicture, Item, PictureSource
from .json_file import WRONG_FORM, read_json, read_json_lines
from .metrics.choice import letters, pick
from .outcome import Outcome
from .parquet import ParquetPicture, parquet_rows

ASK = "Answer with the option's letter from the given choices directly."

_LISTED = re.compile(r"(?m)^\s*\(?([A-Z])\s*[\).:]\s*(.*?)\s*$")
_PLACE = re.compile(r"<image(?:\s*\d+)?>")


class MultipleChoice(Benchmark):
    """What the three have in common; a subclass reads its own rows."""

    primary: ClassVar[str] = "accuracy"
    pictures: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def read_row(self, row: Mapping[str, Any], folder: Path, number: int) -> Item:
        """One item from one published row."""

    def load(self, folder: Path) -> list[Item]:
        """See `Benchmark.load`."""
        items: list[Item] = []
        for path in self.found(folder):
            try:
                for row in rows_of(path, self.pictures):
                    items.append(self.read_row(row, folder, len(items) + 1))
            except DataError:
                raise
            except WRONG_FORM as error:
                raise DataError(f"{path}: not in {self.name}'s published form.") from error
        if not items:
            raise self.absent(folder)
        return items

    def found(self, folder: Path) -> list[Path]:
        """The files of the test or validation split."""
        if not folder.is_dir():
            return []
        files = [p for s in ("parquet", "jsonl", "json") for p in sorted(folder.rglob(f"*.{s}"))]
        return [p for p in files if not re.match(r"(train|dev)\b", p.stem)]

    def item_scores(self, item: Item, outcome: Outcome) -> dict[str, float]:
        """Whether the right letter was picked."""
        picked = pick(said(outcome), item.options)
        return {"accuracy": float(picked is not None and picked == item.answer)}

    def summarise(self, items: Sequence[Item], outcomes: Sequence[Outcome]) -> Summary:
        """See `Benchmark.summarise`; the headline is over all items (micro)."""
        rows: list[Row] = []
        for task, indexes in by_task(items).items():
            right = [outcomes[k].scores["accuracy"] for k in indexes]
            rows.append(Row(task, len(indexes), (100.0 * mean(right),)))
        micro = 100.0 * mean([o.scores["accuracy"] for o in outcomes])
        macro = mean([r.values[0] for r in rows])
        silent = sum(pick(said(o), i.options) is None for i, o in zip(items, outcomes, strict=True))
        notes = [*status_notes(outcomes, ("unparsable",))]
        if silent:
            notes.append(f"{silent} answers pick no option or several, and count as wrong.")
        averages = (Row("macro", len(items), (macro,)), Row("micro", len(items), (micro,)))
        return Summary(
            ("accuracy",), tuple(rows), averages, ("micro accuracy", micro), tuple(notes)
        )


class Blink(MultipleChoice):
    """BLINK (Fu et al. 2024, arXiv 2404.12390), validation split, 14 tasks."""

    name: ClassVar[str] = "blink"
    title: ClassVar[str] = "BLINK: perception questions about one to four pictures"
    pictures: ClassVar[tuple[str, ...]] = ("image_1", "image_2", "image_3", "image_4")
    place: ClassVar[DataPlace] = DataPlace(
        "BLINK-Benchmark/BLINK on the Hugging Face hub", "<task>/val-*.parquet"
    )

    def found(self, folder: Path) -> list[Path]:
        """The validation files: the test split's answers are not published."""
        return [p for p in super().found(folder) if not p.stem.startswith("test")]

    def read_row(self, row: Mapping[str, Any], folder: Path, number: int) -> Item:
        """idx, sub_task, prompt or question, choices, answer `(B)`, image_1 to image_4."""
        options = tuple(str(c) for c in row["choices"])
        cells = [row[c] for c in self.pictures if row.get(c) is not None]
        prompt = str(row.get("prompt") or "") or with_options(str(row["question"]), options)
        return Item(
            id=str(row["idx"]),
            task=str(row["sub_task"]),
            query=f"{_numbered(prompt)}\n{ASK}",
            pictures=tuple(_picture(c, folder) for c in cells),
            options=options,
            answer=_letter(row["answer"], len(options)),
        )


class MuirBench(MultipleChoice):
    """MuirBench (Wang et al. 2024, arXiv 2406.09411), 12 tasks, half of it unanswerable twins."""

    name: ClassVar[str] = "muirbench"
    title: ClassVar[str] = "MuirBench: 12 multi-image understanding tasks"
    pictures: ClassVar[tuple[str, ...]] = ("image_list",)
    place: ClassVar[DataPlace] = DataPlace(
        "MUIRBENCH/MUIRBENCH on the Hugging Face hub", "data/test-*.parquet"
    )

    def read_row(self, row: Mapping[str, Any], folder: Path, number: int) -> Item:
        """idx, task, question, options, answer, image_list; `<image>` marks a picture's place."""
        options = tuple(str(o) for o in row["options"])
        question = _numbered(with_options(str(row["question"]), options))
        return Item(
            id=str(row["idx"]),
            task=str(row["task"]),
            query=f"{question}\n{ASK}",
            pictures=tuple(_picture(c, folder) for c in row["image_list"]),
            options=tuple("" if _PLACE.search(o) else o for o in options),
            answer=_letter(row["answer"], len(options)),
        )


class Mmiu(MultipleChoice):
    """MMIU (Meng et al. 2024, arXiv 2408.02718), 52 tasks."""

    name: ClassVar[str] = "mmiu"
    title: ClassVar[str] = "MMIU: 52 multi-image tasks, seven kinds of relations"
    place: ClassVar[DataPlace] = DataPlace(
        "FanqingM/MMIU-Benchmark on the Hugging Face hub", "all.json and the unpacked pictures"
    )

    def read_row(self, row: Mapping[str, Any], folder: Path, number: int) -> Item:
        """task, question, context or options (the options as lines), output, input_image_path."""
        context = str(row.get("context") or "")
        listed = str(row.get("options") or context)
        options = tuple(text for _, text in _LISTED.findall(listed))
        words = "\n".join(w for w in (str(row["question"]), context or listed) if w)
        return Item(
            id=f"{row['task']}/{number:05d}",
            task=str(row["task"]),
            query=f"{_numbered(words)}\n{ASK}",
            pictures=tuple(_picture(p, folder) for p in row["input_image_path"]),
            options=options,
            answer=_letter(row["output"], max(len(options), 1)),
        )


def said(outcome: Outcome) -> str:
    """The answer part of what was said."""
    answer = split_parts(outcome.raw).answer if outcome.raw else None
    return answer if answer is not None else outcome.text or ""


def with_options(question: str, options: Sequence[str]) -> str:
    """The question with its options as lettered lines."""
    lines = [f"({x}) {o}" for x, o in zip(letters(len(options)), options, strict=True)]
    return "\n".join([question, *lines])


def rows_of(path: Path, pictures: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """The rows of a Parquet, JSON Lines or JSON file."""
    if path.suffix == ".parquet":
        yield from parquet_rows(path, pictures)
    elif path.suffix == ".jsonl":
        yield from read_json_lines(path)
    else:
        value: Any = read_json(path)
        if not isinstance(value, list):
            raise DataError(f"{path}: a list of items expected.")
        yield from value


def _numbered(text: str) -> str:
    """`<image>` marks, which stand for the pictures in order, as words that name them."""
    count = 0

    def name(_: re.Match[str]) -> str:
        nonlocal count
        count += 1
        return f"Image {count}"

    return _PLACE.sub(name, text)


def _picture(cell: Any, folder: Path) -> PictureSource:
    """A picture by its path, or in its cell. Raises TypeError for anything else."""
    if isinstance(cell, str):
        return FilePicture(str(folder / cell.removeprefix("./")))
    if not isinstance(cell, ParquetPicture):
        raise TypeError("no picture")
    return cell


def _letter(value: Any, count: int) -> str:
    """The right letter; raises ValueError where the published answer is none of the options."""
    letter = str(value).strip().strip("().:").upper()[:1]
    if not letter or letter not in letters(max(count, 1)):
        raise ValueError("the published answer names no option")
    return letter
