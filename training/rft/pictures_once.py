"""Each picture of a step goes through the image processor once.

TRL tokenizes a group's G prompts with their pictures, and later asks for the same features again
for the loss: 2G passes over pixels that are G times the same picture.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any


class _Once:
    """An image processor that remembers what it made of each picture."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._made: dict[tuple[int, str], Any] = {}
        self._kept: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __call__(self, images: Any, **options: Any) -> Any:
        import torch
        from transformers import BatchFeature

        key = repr(sorted(options.items(), key=lambda item: item[0]))
        made = [self._feature(image, key, options) for image in _flat(images)]
        if not made or any(set(m) != {"pixel_values", "image_grid_thw"} for m in made):
            return self._inner(images=images, **options)
        joined = {k: torch.cat([torch.as_tensor(m[k]) for m in made]) for k in made[0]}
        return BatchFeature(joined, tensor_type=options.get("return_tensors"))

    def _feature(self, image: Any, key: str, options: dict[str, Any]) -> Any:
        # Identity is a safe key only while the picture is held.
        place = (id(image), key)
        if place not in self._made:
            self._made[place] = self._inner(images=[image], **options)
            self._kept.append(image)
        return self._made[place]


def _flat(images: Any) -> list[Any]:
    """Pictures of a picture, a list, or a list of lists with None for rows without any."""
    if images is None:
        return []
    if isinstance(images, (list, tuple)):
        rows: list[Any] = list(images)
        return [picture for row in rows for picture in _flat(row)]
    return [images]


@contextmanager
def pictures_once(processor: Any) -> Generator[None]:
    """Within the block, `processor.image_processor` sees each picture once.

    For processors whose features of a batch are those of its pictures, one after the other (the
    Qwen-VL family); others are called as they are.
    """
    inner = getattr(processor, "image_processor", None)
    if inner is None or not hasattr(inner, "merge_size"):
        yield
        return
    processor.image_processor = _Once(inner)
    try:
        yield
    finally:
        processor.image_processor = inner
