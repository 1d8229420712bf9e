"""One loaded YOLO network: batches of scenes through it, raw boxes and scores out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..boxes import Box
from ..geometry import Floats
from .letterbox import GREY, Letterbox, group_by_shape
from .protocol import Detection, Scene

MOST_BOXES = 300
"""Detections kept for one scene; more than any photograph of the test set holds."""

SAME_CLASS_OVERLAP = 0.55
"""IoU above which two boxes of one class are one object, by F1 on COCO photographs."""


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """How a network is run.

    Attributes:
        side: the longer side of its input, pixels.
        batch: scenes a forward pass.
        device: a torch device name.
    """

    side: int = 640
    batch: int = 4
    device: str = "cpu"


def best_device() -> str:
    """`cuda` where torch has one, else `cpu`."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


class YoloNetwork:
    """A network with its settings. Not thread-safe: its owner holds a lock around `infer`.

    Args:
        network: as `load_network` gives it.
        settings: how to run it.
    """

    def __init__(self, network: Any, settings: NetworkSettings) -> None:
        self.settings = settings
        if getattr(network, "end2end", False):
            # Of a dual-head network the dense head finds more; stays on where it was cut off.
            network.end2end = False
        self.network = network.to(settings.device)
        self.stride = max(32, int(network.stride.max()))

    def infer(
        self, scenes: Sequence[Scene], names: Sequence[str], min_score: float
    ) -> list[list[Detection]]:
        """Detections of each scene, best first, in picture pixels.

        Args:
            scenes: any number; rendered batch by batch, so memory does not grow with them.
            names: of the network's classes, in order.
            min_score: the least score to keep.
        """
        side, stride = self.settings.side, self.stride
        boxes = [Letterbox.fit(s.window.width, s.window.height, side, stride) for s in scenes]
        found: list[list[Detection]] = [[] for _ in scenes]
        for members in group_by_shape(boxes, self.settings.batch):
            width, height = boxes[members[0]].padded
            canvas = np.full((len(members), height, width, 3), GREY, dtype=np.uint8)
            for row, index in enumerate(members):
                boxes[index].paste(scenes[index], canvas[row])
            outputs = self._forward(canvas)
            for row, index in enumerate(members):
                found[index] = self._decode(
                    outputs[row], boxes[index], scenes[index].window, names, min_score
                )
        return found

    def _forward(self, canvas: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Pixels (n, height, width, 3) to predictions (n, 4 + classes, anchors): xywh, scores."""
        import torch

        with torch.inference_mode():
            pixels = torch.from_numpy(canvas).to(self.settings.device)
            output = self.network(pixels.permute(0, 3, 1, 2).float().div_(255.0))
            predictions = output[0] if isinstance(output, tuple | list) else output
            return predictions.float().cpu().numpy()

    def _decode(
        self,
        output: NDArray[np.float32],
        letterbox: Letterbox,
        window: Box,
        names: Sequence[str],
        min_score: float,
    ) -> list[Detection]:
        """One scene's predictions to detections."""
        if getattr(self.network, "end2end", False):
            raw, scores, classes = read_end_to_end(output)
        else:
            raw, scores, classes = read_dense(output, len(names))
        kept = np.flatnonzero(scores >= min_score)
        kept = kept[np.argsort(-scores[kept], kind="stable")][: MOST_BOXES * 10]
        mapped = letterbox.to_window(raw[kept], window)
        solid = (mapped[:, 2] - mapped[:, 0] > 1e-3) & (mapped[:, 3] - mapped[:, 1] > 1e-3)
        mapped, kept = mapped[solid], kept[solid]
        order = suppress_repeats(mapped, scores[kept], classes[kept])
        return [
            Detection(
                Box(*map(float, mapped[i])),
                names[int(classes[kept[i]])],
                min(1.0, float(scores[kept[i]])),
            )
            for i in order
        ]


RawBoxes = tuple[Floats, Floats, NDArray[np.intp]]
"""Corners (n, 4) in input pixels, scores (n,), class indexes (n,)."""


def read_dense(output: NDArray[np.float32], classes: int) -> RawBoxes:
    """Predictions (4 + classes + extra, anchors), boxes as center and size, many to an object."""
    scores = output[4 : 4 + classes]
    center, half = output[:2].T, output[2:4].T / 2
    corners = np.concatenate([center - half, center + half], axis=1).astype(np.float64)
    return corners, scores.max(axis=0).astype(np.float64), scores.argmax(axis=0)


def read_end_to_end(output: NDArray[np.float32]) -> RawBoxes:
    """Predictions (boxes, 6 + extra): corners, score, class; one to an object."""
    wide = output.astype(np.float64)
    return wide[:, :4], wide[:, 4], wide[:, 5].astype(np.intp)


def suppress_repeats(boxes: Floats, scores: Floats, classes: NDArray[np.intp]) -> list[int]:
    """Indices of the boxes that are objects of their own, best first.

    Args:
        boxes: (n, 4), any pixels.
        scores: (n,).
        classes: (n,), class indexes.
    """
    import cv2

    if len(boxes) == 0:
        return []
    # Not torchvision's: importing that takes longer than a whole answer, and finds the same.
    sized = np.concatenate([boxes[:, :2], boxes[:, 2:4] - boxes[:, :2]], axis=1)
    kept: Sequence[int] = cv2.dnn.NMSBoxesBatched(
        sized.tolist(), scores.tolist(), classes.tolist(), -1.0, SAME_CLASS_OVERLAP
    )
    return [int(i) for i in kept[:MOST_BOXES]]
