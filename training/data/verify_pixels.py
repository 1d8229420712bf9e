"""What only pixels can say: that a close-up is its region, that a change is where it is said."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...tools.boxes import Box
from ...tools.errors import ImageError
from ...tools.images import picture_from_path
from .folder import DataFolder
from .sample import Sample
from .verify import UNREADABLE


def _pixels(folder: DataFolder, sample: Sample, image: int) -> NDArray[np.uint8]:
    """(height, width, 3) RGB."""
    return picture_from_path(folder.picture(sample.images[image - 1])).array()


def _grey(folder: DataFolder, sample: Sample, image: int) -> NDArray[np.float32]:
    import cv2

    grey = cv2.cvtColor(_pixels(folder, sample, image), cv2.COLOR_RGB2GRAY)
    return np.asarray(grey, dtype=np.float32)


def pixel_findings(folder: DataFolder, sample: Sample) -> list[str]:
    """What the pixels say against a sample; empty for tasks that they have no say in."""
    op = sample.meaning.get("op")
    if op != "region" and not (op == "changed" and sample.task == "difference"):
        return []
    import cv2

    try:
        return _region(folder, sample) if op == "region" else _difference(folder, sample)
    except ImageError as error:
        return [str(error)]
    except (*UNREADABLE, cv2.error) as error:
        # No such picture in the sample, or a picture of another size than the sample says.
        return [f"the meaning does not fit the pictures: {type(error).__name__}"]


def _region(folder: DataFolder, sample: Sample) -> list[str]:
    """The close-up must look like its box, and like no other place of any other picture."""
    import cv2

    crop = _grey(folder, sample, sample.meaning["crop"])
    stated = sample.answer[0]
    box = Box(*stated.box)
    size = (int(box.width), int(box.height))
    small = np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_AREA))
    for image in range(1, len(sample.images) + 1):
        if image == sample.meaning["crop"]:
            continue
        grey = _grey(folder, sample, image)
        if grey.shape[0] < size[1] or grey.shape[1] < size[0]:
            continue
        scores = np.asarray(cv2.matchTemplate(grey, small, cv2.TM_CCOEFF_NORMED))
        if image == stated.image:
            x, y = int(box.x1), int(box.y1)
            if float(scores[y, x]) < 0.9:
                return ["the close-up does not look like its region"]
            reach = (max(4, size[0] // 4), max(4, size[1] // 4))
            scores[
                max(0, y - reach[1]) : y + reach[1] + 1, max(0, x - reach[0]) : x + reach[0] + 1
            ] = -1
        if float(scores.max(initial=-1.0)) > 0.97:
            return [f"the close-up looks like another place of image {image} too"]
    return []


def _difference(folder: DataFolder, sample: Sample) -> list[str]:
    """Aligned pictures must differ within the stated boxes, and hardly outside them.

    In colour: another hue of the same brightness is a change that grey does not show.
    """
    first, second = (_pixels(folder, sample, k).astype(np.float32) for k in (1, 2))
    if first.shape != second.shape:
        return ["the pictures differ in size"]
    import cv2

    change = np.abs(cv2.blur(first, (5, 5)) - cv2.blur(second, (5, 5))).max(axis=2)
    outside = np.ones(change.shape, dtype=bool)
    findings: list[str] = []
    for b in sample.answer:
        x1, y1, x2, y2 = (int(v) for v in Box(*b.box).expand(0.08))
        part = (slice(max(0, y1 - 6), y2 + 7), slice(max(0, x1 - 6), x2 + 7))
        outside[part] = False
        if sample.meaning.get("moved"):
            continue
        if float(np.percentile(change[part], 95)) < 3.0:
            findings.append(f"nothing changes in {list(b.box)}")
    if outside.any() and float((change[outside] > 25.0).mean()) > 0.002:
        findings.append("something changes outside the stated boxes")
    return findings
