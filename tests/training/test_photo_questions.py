"""Questions about photographs: same seed, same questions; answers that annotations bear out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gemvg.tools.errors import DataError
from gemvg.training.photo_questions import (
    TASKS,
    Photo,
    QuestionTask,
    build_questions,
    load_photos,
)
from tests.shared import SHARED, needs_shared

pytestmark = needs_shared


@pytest.fixture(scope="module")
def photos() -> list[Photo]:
    return [p for p in load_photos(SHARED / "photos") if p.split == "dev"]


def test_halves_do_not_overlap(photos: list[Photo]) -> None:
    everything = load_photos(SHARED / "photos")
    assert 0.4 < len(photos) / len(everything) < 0.6


def test_same_seed_same_questions(photos: list[Photo]) -> None:
    assert build_questions(photos, 5, 7) == build_questions(photos, 5, 7)
    assert build_questions(photos, 5, 7) != build_questions(photos, 5, 8)


def test_every_task_is_built(photos: list[Photo]) -> None:
    questions = build_questions(photos, 25, 1)
    assert {q.task for q in questions} == set(TASKS)
    assert len(questions) >= 150


def test_truth_follows_from_the_annotations(photos: list[Photo]) -> None:
    for question in build_questions(photos, 20, 2):
        assert "{" not in question.query and "<" not in question.query
        for image, box in question.truth:
            shot = question.shots[image - 1]
            assert box.clip(shot.photo.width, shot.photo.height).area >= 0.99 * box.area
        if question.task == "absent":
            assert question.truth == ()
        if question.task in ("reference", "region", "difference"):
            assert len(question.truth) == 1
        if question.task == "common":
            shared = frozenset[str].intersection(*(s.photo.labels for s in question.shots))
            assert len(shared) == 1


def test_edited_pictures_differ_only_where_said(photos: list[Photo]) -> None:
    import numpy as np

    for question in build_questions(photos, 4, 3, ["difference"]):
        first, second = (np.asarray(s.render(), dtype=float) for s in question.shots)
        assert first.shape == second.shape
        change = np.abs(first - second).mean(axis=2)
        x1, y1, x2, y2 = (round(v) for v in question.truth[0][1])
        inside = change[y1:y2, x1:x2].mean()
        outside = (change.sum() - change[y1:y2, x1:x2].sum()) / max(
            1, change.size - (x2 - x1) * (y2 - y1)
        )
        assert inside > 2 * outside


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("count", [0, 1, 2, 3])
@pytest.mark.parametrize("annotated", [True, False])
def test_too_few_photographs_or_labels_give_fewer_questions(
    photos: list[Photo], task: QuestionTask, count: int, annotated: bool
) -> None:
    few = [p if annotated else replace(p, things=()) for p in photos[:count]]
    needed = {"region": 2, "difference": 1}.get(task, 3)
    made = build_questions(few, 2, 0, [task])
    assert all(q.task == task and len(q.shots) in (2, 3) for q in made)
    if count < needed:
        assert not made
    if not annotated and task != "region":
        assert not made


def test_a_folder_without_annotations() -> None:
    with pytest.raises(DataError, match=r"instances\.json"):
        load_photos("/nonexistent")
