"""The way from a scene to a network's input and back, with toy networks; safe loading."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn

from gemvg.tools.boxes import Box
from gemvg.tools.detectors import CachingDetector, Scene, load_detector
from gemvg.tools.detectors.letterbox import Letterbox, group_by_shape
from gemvg.tools.detectors.network import (
    MOST_BOXES,
    SAME_CLASS_OVERLAP,
    NetworkSettings,
    YoloNetwork,
    read_end_to_end,
    suppress_repeats,
)
from gemvg.tools.detectors.runtime import load_network, refused_globals, ultralytics_tasks
from gemvg.tools.errors import UsageError, WeightsError
from gemvg.tools.views import render_window

from .fake_detector import FakeDetector


class BrightSpot(nn.Module):
    """Finds the bounding box of white pixels: one dense prediction of class 1."""

    def __init__(self) -> None:
        super().__init__()
        self.stride = torch.tensor([8.0, 16.0, 32.0])
        self.shapes: list[tuple[int, ...]] = []

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor]:
        self.shapes.append(tuple(pixels.shape))
        out = torch.zeros(len(pixels), 6, 3)
        for row, picture in enumerate(pixels):
            ys, xs = torch.where(picture.mean(0) > 0.75)
            if len(xs):
                x1, x2, y1, y2 = xs.min(), xs.max() + 1, ys.min(), ys.max() + 1
                out[row, :, 0] = torch.tensor(
                    [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1, 0.1, 0.9]
                )
        return (out,)


def spot_scene(width: int, height: int, spot: Box, window: Box | None = None) -> Scene:
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    pixels[int(spot.y1) : int(spot.y2), int(spot.x1) : int(spot.x2)] = 255
    image = Image.fromarray(pixels)
    where = window or Box(0, 0, width, height)
    digest = f"{width}x{height}:{spot}"
    return Scene(digest, where, lambda size: render_window(image, where, size))


SPOTS = [
    (640, 480, Box(100, 100, 300, 200), None),
    (480, 640, Box(0, 0, 50, 640), None),
    (4000, 3000, Box(1000, 500, 3000, 2900), None),
    (64, 48, Box(10, 10, 30, 40), None),
    (1000, 50, Box(400, 10, 700, 40), None),
    (640, 480, Box(200, 150, 300, 250), Box(120.5, 90.25, 420.75, 300.5)),
]


@pytest.mark.parametrize(("width", "height", "spot", "window"), SPOTS)
def test_a_box_comes_back_where_it_is(
    width: int, height: int, spot: Box, window: Box | None
) -> None:
    network = YoloNetwork(BrightSpot(), NetworkSettings())
    scene = spot_scene(width, height, spot, window)
    ((found,),) = network.infer([scene], ("a", "b"), 0.3)
    assert (found.label, round(found.score, 3)) == ("b", 0.9)
    # One input pixel is the resolution of what a network can see.
    step = max(scene.window.width, scene.window.height) / 640
    assert found.box == pytest.approx(tuple(spot), abs=1.01 * max(step, 1.0))


def test_what_is_found_does_not_depend_on_the_company() -> None:
    scenes = [spot_scene(w, h, s, win) for w, h, s, win in SPOTS]
    network = YoloNetwork(BrightSpot(), NetworkSettings(batch=2))
    alone = [network.infer([scene], ("a", "b"), 0.3)[0] for scene in scenes]
    assert network.infer(scenes, ("a", "b"), 0.3) == alone
    assert network.infer([], ("a", "b"), 0.3) == []


def test_batches_are_bounded_and_of_one_size() -> None:
    toy = BrightSpot()
    network = YoloNetwork(toy, NetworkSettings(batch=4))
    scenes = [spot_scene(640, 480, Box(i, i, i + 50, i + 50)) for i in range(9)]
    network.infer(scenes, ("a", "b"), 0.3)
    assert sorted(shape[0] for shape in toy.shapes) == [1, 4, 4]
    assert {shape[1:] for shape in toy.shapes} == {(3, 480, 640)}


sizes = st.floats(1, 40_000, allow_nan=False)


@settings(max_examples=200, deadline=None)
@given(sizes, sizes, st.integers(1, 40).map(lambda n: n * 32))
def test_the_whole_input_content_is_the_whole_window(
    width: float, height: float, side: int
) -> None:
    fitted = Letterbox.fit(width, height, side, 32)
    window = Box(3.5, 7.25, 3.5 + width, 7.25 + height)
    (left, top), (w, h) = fitted.offset, fitted.content
    assert left >= 0
    assert left + w <= fitted.padded[0]
    assert top + h <= fitted.padded[1]
    assert max(fitted.padded) <= side
    assert fitted.padded[0] % 32 == fitted.padded[1] % 32 == 0
    back = fitted.to_window(np.asarray([[left, top, left + w, top + h]], dtype=float), window)
    assert tuple(back[0]) == pytest.approx(tuple(window), rel=1e-9)
    outside = fitted.to_window(np.asarray([[-1e6, -1e6, 1e6, 1e6]]), window)
    assert tuple(outside[0]) == pytest.approx(tuple(window), rel=1e-9)


@given(st.lists(st.tuples(sizes, sizes), max_size=30), st.integers(1, 8))
def test_grouping_loses_nobody(shapes: list[tuple[float, float]], most: int) -> None:
    boxes = [Letterbox.fit(w, h, 640, 32) for w, h in shapes]
    groups = group_by_shape(boxes, most)
    assert sorted(i for group in groups for i in group) == list(range(len(boxes)))
    assert all(len({boxes[i].padded for i in group}) == 1 for group in groups)
    assert all(len(group) <= most for group in groups)


def test_one_object_is_one_box_and_two_classes_are_two() -> None:
    boxes = np.asarray([[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 10], [20, 0, 30, 10]], float)
    order = suppress_repeats(
        boxes, np.asarray([0.5, 0.9, 0.6, 0.1]), np.asarray([1, 1, 2, 1], dtype=np.intp)
    )
    assert order == [1, 2, 3]
    assert suppress_repeats(np.empty((0, 4)), np.empty(0), np.empty(0, dtype=np.intp)) == []


def test_end_to_end_output_is_read() -> None:
    boxes, scores, classes = read_end_to_end(np.asarray([[1, 2, 3, 4, 0.5, 7]], dtype=np.float32))
    assert (boxes.tolist(), scores.tolist(), classes.tolist()) == ([[1, 2, 3, 4]], [0.5], [7])


def cached(capacity: int = 8, vocabulary: str = "closed") -> tuple[CachingDetector, FakeDetector]:
    objects = {str(i): [("dog", (0, 0, 9, 9), 0.9), ("cat", (0, 0, 5, 5), 0.1)] for i in range(20)}
    fake = FakeDetector(objects, vocabulary=vocabulary)
    return CachingDetector(fake, capacity), fake


def blank_scene(number: int, side: float = 10.0) -> Scene:
    return Scene(str(number), Box(0, 0, side, side), lambda size: Image.new("RGB", size))


def test_a_scene_is_looked_at_once_whatever_is_asked_of_it() -> None:
    detector, fake = cached()
    first = detector.detect([blank_scene(1), blank_scene(1), blank_scene(2)], ("dog",), 0.3)
    assert [[d.label for d in found] for found in first] == [["dog"], ["dog"], ["dog"]]
    assert [d.label for d in detector.detect([blank_scene(2)], (), 0.05)[0]] == ["dog", "cat"]
    assert [call[0] for call in fake.calls] == [2]
    detector.detect([blank_scene(2, 20.0), blank_scene(1)], (), 0.3)
    assert [call[0] for call in fake.calls] == [2, 1]


def test_the_memory_of_scenes_is_bounded_and_keeps_the_latest() -> None:
    detector, fake = cached(capacity=3)
    for number in (0, 1, 2, 0, 3, 0, 1):
        assert len(detector.detect([blank_scene(number)], (), 0.05)[0]) == 2
    assert len(fake.calls) == 5
    many = detector.detect([blank_scene(i) for i in range(10)], (), 0.05)
    assert all(len(found) == 2 for found in many)


def test_an_open_vocabulary_is_kept_by_its_words() -> None:
    detector, fake = cached(vocabulary="open")
    for labels in (("dog", "cat"), ("cat", "dog"), ("dog",), ("dog",)):
        detector.detect([blank_scene(1)], labels, 0.05)
    assert [call[1] for call in fake.calls] == [("cat", "dog"), ("dog",)]


def test_a_checkpoint_that_would_run_something_is_not_loaded(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return (os.system, (f"touch {tmp_path}/ran",))

    path = tmp_path / "evil.pt"
    torch.save({"model": Evil()}, path)
    assert any("system" in name for name in refused_globals(path))
    with pytest.raises(WeightsError, match="pickle names"):
        load_network(path)
    with pytest.raises(WeightsError):
        load_detector(str(path))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04" + b"\0" * 100])
def test_a_damaged_checkpoint_is_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.pt"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"broken\.pt") as caught:
        load_network(path)
    assert "\n" not in str(caught.value)


def test_a_spec_that_is_nothing_says_what_could_be() -> None:
    for spec in ("no-such-thing", "missing.pt", "a/b/c"):
        with pytest.raises(UsageError, match="yolo26m"):
            load_detector(spec)


def test_a_users_own_network_of_three_classes_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMVG_CACHE", str(tmp_path))
    torch.manual_seed(0)
    model = ultralytics_tasks().DetectionModel("yolo26n.yaml", nc=3, verbose=False).eval()
    model.names = {0: "sofa", 1: "gnu", 2: "car"}
    path = tmp_path / "mine.pt"
    torch.save({"model": model}, path)
    detector = load_detector(str(path))
    assert load_detector(str(path)) is detector
    assert (detector.vocabulary, detector.classes) == ("closed", ("sofa", "gnu", "car"))
    assert detector.resolve("couches").classes == ("sofa",)
    scene = spot_scene(640, 480, Box(100, 100, 300, 200))
    found = detector.detect([scene], ("gnu",), 0.0)[0]
    assert all(d.label == "gnu" and d.box.is_valid for d in found)


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 60))
def test_repeats_are_suppressed_as_by_torchvision(seed: int, count: int) -> None:
    import torch
    from torchvision.ops import batched_nms

    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 200, (count, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(5, 150, (count, 2))], axis=1)
    scores, classes = rng.uniform(0.01, 1, count), rng.integers(0, 3, count)
    tensors = [torch.from_numpy(part) for part in (boxes, scores, classes)]
    theirs = batched_nms(*tensors, SAME_CLASS_OVERLAP).tolist()[:MOST_BOXES]
    assert suppress_repeats(boxes, scores, classes.astype(np.intp)) == theirs
