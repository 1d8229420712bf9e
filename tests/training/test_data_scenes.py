"""Composed scenes: boxes exact after occlusion and camera changes, colours, edits, labels."""

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemvg.tools.boxes import Box
from gemvg.training.data.builders.base import Desk
from gemvg.training.data.builders.registry import BUILDERS
from gemvg.training.data.masks import box_of
from gemvg.training.data.relations import relations
from gemvg.training.data.scenes.arrange import arrange, covers, outline
from gemvg.training.data.scenes.backgrounds import Backgrounds, texture, window
from gemvg.training.data.scenes.camera import random_view, visible_share, warp_mask
from gemvg.training.data.scenes.colour import COLOURS, colour_shares, colour_word
from gemvg.training.data.scenes.edits import changed_scene
from gemvg.training.data.scenes.plan import Layer, Plan, finish, layer_pixels, render
from gemvg.training.data.scenes.pool import ScenePool
from gemvg.training.data.scenes.sprites import SmallSprites, Sprite, tight
from gemvg.training.data.scenes.vocabulary import vocabulary
from tests.training.data_fixtures import LABELS, Shapes, scene_pool


def block(label: str, size: tuple[int, int], colour: tuple[int, int, int]) -> Sprite:
    rgba = np.full((size[1], size[0], 4), 255, dtype=np.uint8)
    rgba[..., :3] = colour
    return Sprite(label, label, rgba, "CC0-1.0")


def plan(*layers: Layer) -> Plan:
    return Plan(np.full((100, 120, 3), 128, dtype=np.uint8), layers)


def test_boxes_by_hand_after_occlusion() -> None:
    red, blue = block("a", (40, 40), (255, 0, 0)), block("b", (40, 20), (0, 0, 255))
    # Blue covers the right half of red's upper part, and all of its bottom 10 rows.
    shot = render(
        plan(Layer(red, 10, 10, 40), Layer(blue, 10, 40, 40), Layer(blue, 30, 0, 40)), "x"
    )
    assert shot is not None and shot.pixels is not None
    boxes = [o.box for o in shot.record.objects]
    assert boxes == [Box(10, 10, 50, 40), Box(10, 40, 50, 60), Box(30, 0, 70, 20)]
    assert tuple(shot.pixels[15, 15]) == (255, 0, 0) and tuple(shot.pixels[15, 35]) == (0, 0, 255)


def test_an_object_cut_by_the_edge_and_one_hidden() -> None:
    red = block("a", (40, 40), (255, 0, 0))
    shot = render(plan(Layer(red, -10, 70, 40)), "x")
    assert shot is not None and shot.record.objects[0].box == Box(0, 70, 30, 100)
    assert render(plan(Layer(red, 10, 10, 40), Layer(red, 20, 12, 40)), "x") is None
    assert render(plan(Layer(red, -35, 10, 40)), "x") is None
    assert render(plan(Layer(red, 500, 10, 40)), "x") is None


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_every_box_is_the_smallest_around_its_own_pixels(seed: int) -> None:
    shot = scene_pool().draw(Random(seed), {"dog": 2, "cup": None}, ("cat",))
    if shot is None:
        return
    assert shot.labels is not None and shot.plan is not None
    record = shot.record
    assert record.counts("dog") == 2 and not record.of("cat")
    for k, found in enumerate(record.objects):
        own = shot.labels == k + 1
        assert found.box == box_of(own)
        alone = render(shot.plan.with_layers((shot.plan.layers[k],)), "alone")
        assert alone is not None and alone.labels is not None
        whole = alone.labels == 1
        # What is seen is part of the object, and the rest of it is under later layers.
        assert not (own & ~whole).any()
        assert ((shot.labels > k + 1) | own)[whole].all()


def test_turning_keeps_the_whole_object() -> None:
    sprite = block("a", (60, 20), (9, 9, 9))
    for angle in (0.0, 30.0, 90.0):
        layer = Layer(sprite, 0, 0, 60, angle=angle)
        pixels = layer_pixels(layer)
        assert (pixels[..., 3] >= 128).sum() == pytest.approx(1200, rel=0.06)
        assert outline(layer).width == pytest.approx(pixels.shape[1], abs=2)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_a_camera_maps_masks_and_their_shares(seed: int) -> None:
    rng = Random(seed)
    mask = np.zeros((200, 260), dtype=bool)
    mask[60:120, 80:160] = True
    matrix = random_view(rng, (260, 200), (1.0, 1.8), 0.08)
    seen = warp_mask(mask, matrix, (260, 200))
    share = visible_share(mask, matrix, (260, 200))
    assert (share == 0.0) <= (not seen.any())
    # Every mapped corner of the block that is in the picture lies at its mask, to a pixel or two.
    for x, y in ((80, 60), (160, 60), (160, 120), (80, 120)):
        u, v, w = matrix @ np.array([x, y, 1.0])
        u, v = u / w, v / w
        if 4 < u < 256 and 4 < v < 196:
            around = seen[int(v) - 3 : int(v) + 4, int(u) - 3 : int(u) + 4]
            assert around.any()


@pytest.mark.parametrize(
    ("rgb", "word"),
    [((220, 20, 20), "red"), ((30, 60, 220), "blue"), ((40, 160, 50), "green"),
     ((240, 220, 30), "yellow"), ((250, 250, 250), "white"), ((10, 10, 10), "black"),
     ((128, 128, 128), "grey"), ((250, 140, 10), "orange"), ((110, 60, 25), "brown"),
     ((150, 90, 90), None)],
)  # fmt: skip
def test_colour_words(rgb: tuple[int, int, int], word: str | None) -> None:
    pixels = np.full((20, 20, 3), rgb, dtype=np.uint8)
    mask = np.ones((20, 20), dtype=bool)
    assert colour_word(colour_shares(pixels, mask)) == word


def test_half_and_half_has_no_colour_word() -> None:
    pixels = np.zeros((20, 20, 3), dtype=np.uint8)
    pixels[:10] = (220, 20, 20)
    pixels[10:] = (30, 60, 220)
    assert colour_word(colour_shares(pixels, np.ones((20, 20), dtype=bool))) is None
    assert colour_word({}) is None and "grey" in COLOURS


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["removed", "added", "recoloured", "moved"]))
def test_a_changed_pair_differs_in_its_changes_only(seed: int, kind: str) -> None:
    pair = changed_scene(Random(seed), scene_pool(), [kind])  # type: ignore[list-item]
    if pair is None:
        return
    assert pair.before.pixels is not None and pair.after.pixels is not None
    changed = (pair.before.pixels != pair.after.pixels).any(axis=2)
    (change,) = pair.changes
    boxes = [b for b in (change.before, change.after) if b is not None]
    outside = changed.copy()
    for box in boxes:
        x1, y1, x2, y2 = (int(v) for v in box)
        # A soft edge reaches a pixel or two beyond the half-opaque ones.
        outside[max(0, y1 - 2) : y2 + 2, max(0, x1 - 2) : x2 + 2] = False
        assert changed[y1:y2, x1:x2].any()
    assert not outside.any()
    assert len(boxes) == (1 if kind in ("removed", "added") else 2)


def test_arrangements_keep_apart() -> None:
    sprites = [s for label in ("dog", "cat", "cup") if (s := Shapes().sprite(label, Random(1)))]
    for seed in range(30):
        layers = arrange(Random(seed), sprites, 300, 260)
        if layers is None:
            continue
        boxes = [outline(layer) for layer in layers]
        assert all(covers(a, b) == 0.0 for k, a in enumerate(boxes) for b in boxes[:k])
        assert all(b.x1 >= 0 and b.y1 >= 0 and b.x2 <= 300 and b.y2 <= 260 for b in boxes)


def test_textures_and_windows() -> None:
    for seed in range(20):
        assert texture(Random(seed), 61, 47).shape == (47, 61, 3)
        x, y, w, h = window(Random(seed), 100, 60, 1.3)
        assert x >= 0 and y >= 0 and x + w <= 100 and y + h <= 60
    pixels = texture(Random(1), 50, 40)
    assert finish(pixels, 1.3, 0.7).shape == pixels.shape


def test_tight_cuts_to_what_is_solid() -> None:
    rgba = np.zeros((50, 60, 4), dtype=np.uint8)
    rgba[10:30, 20:50] = 255
    cut = tight(rgba, 500)
    assert cut is not None and cut.shape == (20, 30, 4)
    assert tight(np.zeros((5, 5, 4), dtype=np.uint8), 9) is None


def test_small_pictures_are_the_librarys_own() -> None:
    large, small = Shapes(), SmallSprites(Shapes(), 40)
    for seed in (*range(8), *range(8)):
        label = LABELS[seed % len(LABELS)]
        wanted, got = large.sprite(label, Random(seed)), small.sprite(label, Random(seed))
        assert wanted is not None and got is not None
        assert (got.label, got.identity, got.licence) == (label, wanted.identity, wanted.licence)
        assert max(got.rgba.shape[:2]) == 40
        assert got is small.sprite(label, Random(seed))


def test_a_pool_of_one_size() -> None:
    pool = ScenePool("shapes", Shapes(), Backgrounds(), size=(96, 128))
    shots = [pool.draw(Random(seed), {LABELS[seed]: None}) for seed in range(4)]
    assert {shot.size for shot in shots if shot} == {(96, 128)}


def test_labels_that_clash() -> None:
    words = vocabulary()
    for a, b in (("dog", "hot dog"), ("dog", "poodle"), ("car", "taxi"), ("cat", "cat")):
        assert words.clash(a, b) and words.clash(b, a)
    for a, b in (("red apple", "green apple"), ("dog", "cat"), ("wine glass", "cup")):
        assert not words.clash(a, b)
    assert len(words.names) >= 300 and len(set(words.names.values())) == len(words.names)
    for label in words.names:
        assert label not in words.kin(label)


def test_relations_by_hand() -> None:
    table = relations()
    assert "couch" in table.related("chair", "use") and "chair" not in table.related("chair", "use")
    assert table.related("keyboard", "companion") == {"mouse"}
    assert table.related("tooth", "whole") == {"crocodile"}
    assert "tooth" in table.related("crocodile", "part")


def test_a_region_of_a_scene_is_no_whole_object() -> None:
    """The same object lies in scenes of all splits: close-ups of all of it would be alike."""
    for seed in range(120):
        draft = BUILDERS["region"].build(Random(seed), Desk(scene_pool(), Shapes()))
        if draft is None:
            continue
        found = draft.answer[0]
        objects = draft.shots[found.image - 1].record.objects
        assert all(o.box.iou(Box(*found.box)) < 0.9 for o in objects)


def test_a_region_is_its_pixels() -> None:
    for seed in range(60):
        draft = BUILDERS["region"].build(Random(seed), Desk(scene_pool(), Shapes()))
        if draft is None:
            continue
        found = draft.answer[0]
        x1, y1, x2, y2 = (int(v) for v in found.box)
        source = draft.shots[found.image - 1].pixels
        crop = draft.shots[draft.meaning["crop"] - 1].pixels
        assert source is not None and crop is not None
        import cv2

        small = cv2.resize(crop, (x2 - x1, y2 - y1), interpolation=cv2.INTER_AREA)
        assert np.abs(small.astype(int) - source[y1:y2, x1:x2]).mean() < 12
