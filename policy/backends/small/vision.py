"""The vision tower of Qwen3-VL: patches in, one token a merged cell out, and deepstack features.

Arithmetic as in transformers' `Qwen3VLVisionModel` (Qwen3-VL technical report, arXiv 2511.21631,
section 2); order within a picture is by merged cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .layers import ONE, attend, gelu, gelu_tanh, layer_norm, linear, rotate
from .weights import Array

PREFIX = "model.visual."


class Seen(NamedTuple):
    """Tokens (cells, width) of a picture, and what deepstack adds to the first layers, alike."""

    tokens: Array
    deep: tuple[Array, ...]


class VisionTower:
    """See the module.

    Args:
        config: `vision_config`. processor: `image_processor` of the processor's config.
        tensors: of the whole model, by name.
    """

    def __init__(
        self, config: Mapping[str, Any], processor: Mapping[str, Any], tensors: Mapping[str, Array]
    ) -> None:
        self._weights = {
            name.removeprefix(PREFIX): tensor
            for name, tensor in tensors.items()
            if name.startswith(PREFIX)
        }
        projection = self._weights["patch_embed.proj.weight"]
        self._weights["patch_embed.proj.weight"] = projection.reshape(len(projection), -1)
        self.patch, self.merge = int(config["patch_size"]), int(config["spatial_merge_size"])
        self._frames = int(config["temporal_patch_size"])
        self._heads, self._depth = int(config["num_heads"]), int(config["depth"])
        self._width = int(config["hidden_size"])
        self._deep = [int(k) for k in config["deepstack_visual_indexes"]]
        self._theta = float(config.get("rope_parameters", {}).get("rope_theta", 10_000.0))
        self._mean = np.array(processor["image_mean"], np.float32)
        self._std = np.array(processor["image_std"], np.float32)
        self._scale = np.float32(processor["rescale_factor"])

    def see(self, picture: Image.Image) -> Seen:
        """A picture whose sides are whole numbers of merged cells."""
        width, height = picture.size
        rows, columns = height // self.patch, width // self.patch
        places = self._places(rows, columns)
        x = linear(self._patches(picture, places, columns), self._weights, "patch_embed.proj")
        x = x + self._positions(places, rows, columns)
        cos, sin = self._angles(places)
        deep: list[Array] = []
        for layer in range(self._depth):
            x = self._block(x, f"blocks.{layer}.", cos, sin)
            if layer in self._deep:
                name = f"deepstack_merger_list.{self._deep.index(layer)}"
                deep.append(self._merged(x, name, after=True))
        return Seen(self._merged(x, "merger", after=False), tuple(deep))

    def _places(self, rows: int, columns: int) -> NDArray[np.int64]:
        """(patches, 2) row and column, merged cells together."""
        at = np.indices((rows, columns)).transpose(1, 2, 0)
        m = self.merge
        cells = at.reshape(rows // m, m, columns // m, m, 2).transpose(0, 2, 1, 3, 4)
        return cells.reshape(-1, 2)

    def _patches(self, picture: Image.Image, places: NDArray[np.int64], columns: int) -> Array:
        """(patches, channels * frames * patch * patch), normalized; a picture is every frame."""
        pixels = np.asarray(picture.convert("RGB"), np.float32) * self._scale
        pixels = (pixels - self._mean) / self._std
        p = self.patch
        cut = pixels.reshape(pixels.shape[0] // p, p, columns, p, 3).transpose(0, 2, 4, 1, 3)
        chosen = cut[places[:, 0], places[:, 1]]
        return np.repeat(chosen[:, :, None], self._frames, axis=2).reshape(len(places), -1)

    def _positions(self, places: NDArray[np.int64], rows: int, columns: int) -> Array:
        """The learned square of positions, stretched corner to corner over the picture."""
        table = self._weights["pos_embed.weight"]
        side = round(len(table) ** 0.5)
        grid = table.reshape(side, side, -1)
        at = places * (side - 1) / np.maximum(np.array([rows, columns]) - 1, 1)
        low = np.floor(at).astype(np.int64)
        high = np.minimum(low + 1, side - 1)
        part = (at - low).astype(np.float32)
        (y, x), (y2, x2), (fy, fx) = low.T, high.T, part.T[..., None]
        top = grid[y, x] * (ONE - fx) + grid[y, x2] * fx
        bottom = grid[y2, x] * (ONE - fx) + grid[y2, x2] * fx
        return top * (ONE - fy) + bottom * fy

    def _angles(self, places: NDArray[np.int64]) -> tuple[Array, Array]:
        """Cos and sin (patches, dimension of a head) of rows and columns."""
        quarter = self._width // self._heads // 2
        frequencies = self._theta ** -(np.arange(0, quarter, 2, dtype=np.float32) / quarter)
        turns = (places[..., None].astype(np.float32) * frequencies).reshape(len(places), -1)
        turns = np.concatenate([turns, turns], axis=-1)
        return np.cos(turns).astype(np.float32), np.sin(turns).astype(np.float32)

    def _block(self, x: Array, name: str, cos: Array, sin: Array) -> Array:
        weights, count = self._weights, len(x)
        packed = linear(layer_norm(x, weights, f"{name}norm1"), weights, f"{name}attn.qkv")
        q, k, v = packed.reshape(count, 3, self._heads, -1).transpose(1, 2, 0, 3)
        seen = attend(rotate(q, cos, sin), rotate(k, cos, sin), v)
        x = x + linear(seen.transpose(1, 0, 2).reshape(count, -1), weights, f"{name}attn.proj")
        inner = linear(layer_norm(x, weights, f"{name}norm2"), weights, f"{name}mlp.linear_fc1")
        return x + linear(gelu_tanh(inner), weights, f"{name}mlp.linear_fc2")

    def _merged(self, x: Array, name: str, *, after: bool) -> Array:
        """Patches of a cell side by side, through two layers; normed after or before that."""
        joined = self._width * self.merge**2
        if after:
            x = layer_norm(x.reshape(-1, joined), self._weights, f"{name}.norm")
        else:
            x = layer_norm(x, self._weights, f"{name}.norm").reshape(-1, joined)
        inner = gelu(linear(x, self._weights, f"{name}.linear_fc1"))
        return linear(inner, self._weights, f"{name}.linear_fc2")
