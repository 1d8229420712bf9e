"""Robust difference: a known object under a known map, worked out by hand."""

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemvg.tools.boxes import Box
from gemvg.training.data.builders import robust
from gemvg.training.data.builders.base import Desk, Draft
from gemvg.training.data.masks import box_of
from gemvg.training.data.record import Instance, Record
from gemvg.training.data.sample import ImageRef, Sample, TruthBox
from gemvg.training.data.scenes.camera import Matrix, random_view, visible_share, warp_mask
from gemvg.training.data.scenes.edits import Change, Pair, _shows
from gemvg.training.data.shots import Shot
from gemvg.training.data.verify import verify_sample
from gemvg.training.data.verify_scene import Scene
from tests.training.data_fixtures import scene_pool

SIZE = (300, 200)
DOG = Box(80, 60, 160, 120)
CAT = Box(220, 20, 260, 60)

# A quarter larger, seen from further right and down: x' = 1.25 x - 20, y' = 1.25 y - 10.
CLOSER = np.array([[1.25, 0, -20], [0, 1.25, -10], [0, 0, 1.0]])
# Tilted away to the right: x' = x / (1 + x/1000), y' = y / (1 + x/1000).
AWAY = np.array([[1, 0, 0], [0, 1, 0], [0.001, 0, 1.0]])
# A quarter turn about the picture's middle, then down into it: x' = 250 - y, y' = x - 50.
TURNED = np.array([[0, -1, 250.0], [1, 0, -50.0], [0, 0, 1]])


def mask(box: Box) -> np.ndarray:
    found = np.zeros((SIZE[1], SIZE[0]), dtype=bool)
    found[int(box.y1) : int(box.y2), int(box.x1) : int(box.x2)] = True
    return found


def pair(kind: str) -> Pair:
    """A dog that goes, comes or turns blue, and a cat that stays."""
    plain = np.full((SIZE[1], SIZE[0], 3), 128, dtype=np.uint8)
    plain[mask(CAT)] = (20, 160, 20)
    red, blue = plain.copy(), plain.copy()
    red[mask(DOG)], blue[mask(DOG)] = (220, 30, 30), (30, 30, 220)
    cat, dog = Instance("cat", CAT), Instance("dog", DOG)
    without = Record("w", "", "w", *SIZE, objects=(cat,))
    with_dog = Record("d", "", "d", *SIZE, objects=(cat, dog))
    first, second = Shot(with_dog, red), Shot(without, plain)
    masks: list[np.ndarray | None] = [mask(CAT)]
    if kind != "removed":
        first, second = (Shot(without, plain), Shot(with_dog, red))
        masks.append(mask(DOG))
    if kind == "recoloured":
        first, second = Shot(with_dog, red), Shot(with_dog, blue)
        second.notes["recoloured"] = [DOG.rounded()]
    before = None if kind == "added" else DOG
    after = None if kind == "removed" else DOG
    return Pair(first, second, [Change(kind, "dog", before, after, mask(DOG))], masks)  # type: ignore[arg-type]


def draft(kind: str, matrix: Matrix, monkeypatch: pytest.MonkeyPatch) -> Draft | None:
    monkeypatch.setattr(robust, "changed_pair", lambda *_: pair(kind))
    monkeypatch.setattr(robust, "random_view", lambda *_: matrix)
    return robust.build(Random(3), Desk(scene_pool()))


def findings(made: Draft) -> list[str]:
    refs = [ImageRef(file=f"{k}.jpg", width=SIZE[0], height=SIZE[1]) for k in (1, 2)]
    sample = Sample(
        id="x", task="robust-difference", demand="semantic", question=made.question, images=refs,
        answer=made.answer, targets="single", meaning=made.meaning, source="s", licence="l",
    )  # fmt: skip
    notes = tuple(s.notes for s in made.shots)
    return verify_sample(sample, Scene(sample, tuple(s.record for s in made.shots), notes))


@pytest.mark.parametrize("kind", ["removed", "added", "recoloured"])
@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        (CLOSER, (80.0, 65.0, 180.0, 140.0)),
        # Left side at x = 80/1.08, right at 160/1.16; top 60/1.16, bottom 120/1.08.
        (AWAY, (74.0, 52.0, 138.0, 111.0)),
        (TURNED, (130.0, 30.0, 190.0, 110.0)),
    ],
    ids=["closer", "away", "turned"],
)
def test_a_known_object_under_a_known_map(
    kind: str,
    matrix: Matrix,
    expected: tuple[float, float, float, float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = draft(kind, matrix, monkeypatch)
    assert made is not None
    (found,) = made.answer
    assert (found.image, found.box, found.label) == (2, expected, "dog")
    assert findings(made) == []
    pixels = made.shots[1].pixels
    assert pixels is not None
    x1, y1, x2, y2 = (int(v) for v in found.box)
    inside = pixels[y1 + 4 : y2 - 4, x1 + 4 : x2 - 4].reshape(-1, 3).mean(axis=0)
    strongest = {"removed": None, "added": 0, "recoloured": 2}[kind]
    if strongest is None:
        assert np.ptp(inside) < 3
    else:
        assert inside.argmax() == strongest and np.ptp(inside) > 100


@pytest.mark.parametrize("side", range(4))
@pytest.mark.parametrize("kind", ["removed", "recoloured"])
def test_a_box_a_few_pixels_off_is_found(
    kind: str, side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = draft(kind, CLOSER, monkeypatch)
    assert made is not None
    (found,) = made.answer
    moved = list(found.box)
    moved[side] += 5
    made.answer = [TruthBox.of(2, Box(*moved), "dog")]
    assert any("no valid answer" in text for text in findings(made))


def test_a_change_that_the_camera_cuts_is_not_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    cut = np.array([[1, 0, -100.0], [0, 1, 0], [0, 0, 1]])
    assert draft("removed", cut, monkeypatch) is None


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_any_object_in_a_box_stays_between_the_bounds(seed: int, ellipse: bool) -> None:
    """The checker knows the box alone; whatever fills it must pass, tips and all."""
    import cv2

    rng = Random(seed)
    matrix = random_view(rng, SIZE, (1.03, 1.25), 0.03)
    shape = np.zeros((SIZE[1], SIZE[0]), dtype=np.uint8)
    middle, axes = (rng.randint(110, 190), rng.randint(80, 120)), (rng.randint(8, 60), 30)
    if ellipse:
        cv2.ellipse(shape, middle, axes, rng.randint(0, 179), 0, 360, 1, -1)
    else:
        corners = [[rng.randint(60, 240), rng.randint(40, 160)] for _ in range(3)]
        cv2.fillPoly(shape, [np.array(corners, dtype=np.int32)], (1,))
        # A tip thinner than a pixel is seen in none: three pixels is what a mask can be held to.
        cv2.polylines(shape, [np.array(corners, dtype=np.int32)], True, (1,), 3)
    solid = shape > 0
    box, seen = box_of(solid), box_of(warp_mask(solid, matrix, SIZE))
    if box is None or seen is None or visible_share(solid, matrix, SIZE) < 0.97:
        return
    if min(box.width, box.height) < 10:
        return
    record = Record("a", "", "a", *SIZE, objects=(Instance("dog", box),))
    empty = Record("b", "", "b", *SIZE)
    made = Draft(
        "What has changed in image 2?", [Shot(record), Shot(empty, notes={"camera": matrix})],
        [TruthBox.of(2, seen, "dog")], {"op": "changed", "images": [2]},
    )  # fmt: skip
    assert [text for text in findings(made) if "box" in text] == []


def test_a_change_that_nobody_can_see_is_not_made() -> None:
    before = np.full((20, 20, 3), 100, dtype=np.uint8)
    after, solid = before.copy(), np.zeros((20, 20), dtype=bool)
    solid[5:15, 5:15] = True
    after[solid] = 96
    assert not _shows(before, after, solid)
    after[solid] = 60
    assert _shows(before, after, solid) and _shows(after, before, solid)
