"""Rows of COCO's form, and a file of them, for tests that break some."""

import json
from pathlib import Path
from typing import Any

from tests.training.data_fixtures import picture

GOOD = {"bbox": [60, 50, 30, 20], "category_id": 2, "image_id": 1}
A, B = (
    {"id": k, "file_name": f"{n}.png", "width": 100, "height": 80} for k, n in ((1, "a"), (2, "b"))
)
DOG, BIRD = {"id": 1, "name": "dog"}, {"id": 2, "name": "wild bird"}


def files(folder: Path, **parts: list[Any]) -> dict[str, Path]:
    """Pictures a.png and b.png, and a file of COCO's form with these parts."""
    for name in ("a", "b"):
        picture(folder / "images" / f"{name}.png")
    data = {"images": [A], "annotations": [GOOD], "categories": [DOG, BIRD]} | parts
    (folder / "c.json").write_text(json.dumps(data))
    return {"annotations": folder / "c.json", "images": folder / "images"}
