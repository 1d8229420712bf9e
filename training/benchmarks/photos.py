"""Photos: six kinds of questions built from annotated photographs, scored by F1 at IoU .5.

Retrieval, common, reference, region, absent and difference questions with exact answers, any
number of boxes, none included. A box counts only in the right picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from ...tools.errors import DataError
from ...tools.images import Picture, picture_from_image
from ..data.readers.base import PictureCheck
from ..data.record import Skips
from .benchmark import (
    Benchmark,
    DataPlace,
    Row,
    Summary,
    by_task,
    is_answered,
    item_agreement,
    mean,
    status_notes,
)
from .item import FilePicture, Item, PictureSource, TrueBox
from .outcome import Outcome

if TYPE_CHECKING:
    from ..photo_questions import Photo, PhotoQuestion, Shot

PER_TASK = 50
"""Questions of each kind."""
SEED = 0
SPLIT = "test"
"""Half of the photographs, by their names; the planner was written looking at the other half."""


@dataclass(frozen=True, slots=True)
class MadePicture:
    """A picture that a question makes out of photographs; the same pixels every time."""

    shot: Shot
    name: str

    def open(self) -> Picture:
        """See `PictureSource.open`."""
        return picture_from_image(self.shot.render(), self.name)


class Photos(Benchmark):
    """See the module."""

    name: ClassVar[str] = "photos"
    title: ClassVar[str] = "Six kinds of questions about annotated photographs: F1 at IoU .5"
    primary: ClassVar[str] = "f1"
    place: ClassVar[DataPlace] = DataPlace(
        "COCO 2017 (cocodataset.org), or any photographs with COCO instance annotations",
        "instances.json and images/",
    )

    def load(self, folder: Path) -> list[Item]:
        """See `Benchmark.load`; the same photographs give the same questions.

        Kinds of questions that so few photographs or annotations can't give are left out, and
        photographs of another size than they were annotated in (turned or resized since).
        """
        from ..photo_questions import build_questions, load_photos

        self.require(folder, "instances.json")
        self.require(folder, "images")
        chosen = [p for p in load_photos(folder) if p.split == SPLIT]
        photos = [p for p in chosen if _as_annotated(p)]
        if chosen and not photos:
            raise DataError(
                f"{self.name}: the pictures of {folder} have other sizes than instances.json says.",
                "Lay them there as they were annotated.",
            )
        questions = build_questions(photos, PER_TASK, SEED)
        counts: dict[str, int] = {}
        items: list[Item] = []
        for question in questions:
            counts[question.task] = counts.get(question.task, 0) + 1
            items.append(_item(question, f"{question.task}/{counts[question.task]:03d}"))
        if not items:
            raise DataError(
                f"{self.name}: no question can be made of the {len(photos)} photographs of"
                f" {folder} that are for testing.",
                "Lay more photographs with annotated objects there; by its name, about every"
                " second one is for testing.",
            )
        return items

    def item_scores(self, item: Item, outcome: Outcome) -> dict[str, float]:
        """F1, precision and recall at IoU .5 in the right pictures."""
        found = item_agreement(item, outcome)
        if not is_answered(outcome) and not item.truth:
            # "Nothing there" has to be said; silence and failure are no answer.
            return {"f1": 0.0, "precision": 0.0, "recall": 0.0, "exact": 0.0}
        exact = float(found.matched == found.true == found.predicted)
        return {
            "f1": found.f1, "precision": found.precision, "recall": found.recall, "exact": exact,
        }  # fmt: skip

    def summarise(self, items: Sequence[Item], outcomes: Sequence[Outcome]) -> Summary:
        """See `Benchmark.summarise`; figures are means over questions."""
        names = ("f1", "precision", "recall", "exact")

        def values(indexes: Sequence[int]) -> tuple[float, ...]:
            return tuple(100.0 * mean([outcomes[k].scores[n] for k in indexes]) for n in names)

        rows = tuple(Row(t, len(ks), values(ks)) for t, ks in by_task(items).items())
        macro = tuple(mean([r.values[k] for r in rows]) for k in range(len(names)))
        micro = values(range(len(items)))
        averages = (Row("macro", len(items), macro), Row("micro", len(items), micro))
        columns = ("F1@0.5", "precision", "recall", "exact")
        notes = status_notes(outcomes)
        return Summary(columns, rows, averages, ("macro F1@0.5", macro[0]), notes)


def _as_annotated(photo: Photo) -> bool:
    """Whether a photograph's upright size is the annotation's; one that can't be read may be."""
    check = PictureCheck(photo.path.parent, Skips())
    return check.size(photo.path.name) in (None, (photo.width, photo.height))


def _item(question: PhotoQuestion, name: str) -> Item:
    pictures = tuple(_picture(s, f"{name}#{k}") for k, s in enumerate(question.shots, 1))
    truth = tuple(TrueBox(image, box) for image, box in question.truth)
    return Item(name, question.task, question.query, pictures, truth)


def _picture(shot: Shot, name: str) -> PictureSource:
    if shot.is_file:
        return FilePicture(str(shot.photo.path))
    return MadePicture(shot, name)
