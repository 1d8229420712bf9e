"""Attention caches: of prompts already read, and of the answers being generated together.

One layer's cache is a pair of tensors (keys, values) of shape (rows, heads, length, dimension).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

Layers = list[tuple[Any, Any]]


class PrefixStore:
    """The caches of prompts read before, by what they say: a new prompt starts from the longest.

    Think and direct continuations of one prompt, samples of one question, and the turns of a
    conversation with tools share their pictures, which are most of a prompt.

    Args:
        tokens: positions kept at most, over all entries; the least recently used go first.
    """

    def __init__(self, tokens: int) -> None:
        self._limit = tokens
        self._entries: OrderedDict[tuple[int, ...], Layers] = OrderedDict()
        self.reused = 0

    def find(self, key: tuple[int, ...]) -> tuple[int, Layers]:
        """How many positions of a prompt have been read, and their cache; at least one is left."""
        best: tuple[int, ...] = ()
        length = 0
        for entry in self._entries:
            common = _common(entry, key)
            if common > length:
                best, length = entry, common
        length = min(length, len(key) - 1)
        if length <= 0:
            return 0, []
        self._entries.move_to_end(best)
        self.reused += length
        cut = [(k[:, :, :length], v[:, :, :length]) for k, v in self._entries[best]]
        return length, cut

    def add(self, key: tuple[int, ...], layers: Layers) -> None:
        """Keep a cache of exactly these positions; what it contains is dropped."""
        if len(key) > self._limit:
            return
        for entry in [e for e in self._entries if key[: len(e)] == e]:
            del self._entries[entry]
        self._entries[key] = layers
        while sum(map(len, self._entries)) > self._limit:
            self._entries.popitem(last=False)

    def clear(self) -> None:
        """Forget all."""
        self._entries.clear()


def _common(a: tuple[int, ...], b: tuple[int, ...]) -> int:
    """Length of the common prefix."""
    limit = min(len(a), len(b))
    if a[:limit] == b[:limit]:
        return limit
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        if a[:middle] == b[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def from_cache(cache: Any) -> Layers:
    """The tensors of a DynamicCache."""
    return [(layer.keys, layer.values) for layer in cache.layers]


def to_cache(layers: Sequence[tuple[Any, Any]]) -> Any:
    """A DynamicCache of tensors; an empty one of none."""
    from transformers import DynamicCache

    return DynamicCache([tuple(layer) for layer in layers]) if layers else DynamicCache()


def growing_cache(layers: Sequence[tuple[Any, Any]], room: int = 32) -> Any:
    """A DynamicCache with room for more, so that a new token does not copy all that came before.

    Args:
        layers: keys and values so far.
        room: positions that memory is taken for at a time.
    """
    from transformers.cache_utils import DynamicLayer

    def roomy(tensor: Any, more: int) -> Any:
        rows, heads, length, width = tensor.shape
        whole = tensor.new_empty(rows, heads, length + max(room, more), width)
        whole[:, :, :length] = tensor
        return whole

    class GrowingLayer(DynamicLayer):
        """Keys and values are the first positions of larger tensors."""

        def __init__(self, keys: Any, values: Any) -> None:
            super().__init__()
            self.lazy_initialization(keys, values)
            self.keys, self.values = self.whole = (keys, values)

        def update(self, key_states: Any, value_states: Any, *_: Any, **__: Any) -> tuple[Any, Any]:
            begin, more = self.get_seq_length(), int(key_states.shape[2])
            if begin + more > self.whole[0].shape[2]:
                self.whole = (roomy(self.keys, more), roomy(self.values, more))
            for whole, new in zip(self.whole, (key_states, value_states), strict=True):
                whole[:, :, begin : begin + more] = new
            self.keys, self.values = (whole[:, :, : begin + more] for whole in self.whole)
            return self.keys, self.values

    cache = to_cache([])
    cache.layers = [GrowingLayer(keys, values) for keys, values in layers]
    return cache


def stackable(config: Any) -> bool:
    """Whether every layer keeps all its keys, so that rows can be cut and stacked."""
    text = config.get_text_config()
    kinds = getattr(text, "layer_types", None) or ["full_attention"]
    return all(kind == "full_attention" for kind in kinds)


def stack(parts: Sequence[Layers]) -> tuple[Layers, list[int]]:
    """Rows of different lengths as one batch, padded on the left.

    Returns:
        The layers, and how many rows of padding each part got.
    """
    import torch

    longest = max(part[0][0].shape[2] for part in parts)
    pads = [longest - part[0][0].shape[2] for part in parts]

    def padded(tensor: Any, pad: int) -> Any:
        return torch.nn.functional.pad(tensor, (0, 0, pad, 0)) if pad else tensor

    layers = [
        (
            torch.cat([padded(part[at][0], pad) for part, pad in zip(parts, pads, strict=True)]),
            torch.cat([padded(part[at][1], pad) for part, pad in zip(parts, pads, strict=True)]),
        )
        for at in range(len(parts[0]))
    ]
    return layers, pads


def select(layers: Layers, rows: Sequence[int], start: int) -> Layers:
    """Some rows of a batch, from a position on, in memory of their own."""
    chosen = list(rows)
    return [(k[chosen, :, start:], v[chosen, :, start:]) for k, v in layers]
