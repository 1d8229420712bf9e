"""The language model of Qwen3-VL, one sequence at a time, with an attention cache.

Arithmetic as in transformers' `Qwen3VLTextModel`: Qwen3's layers, interleaved rotary positions of
three axes, deepstack features added behind the first layers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .layers import attend, rms_norm, rotate, silu
from .weights import Array

PREFIX = "model.language_model."

Cache = list[tuple[Array, Array]]
"""Keys and values of every layer, each (1, heads, length, dimension)."""


class LanguageModel:
    """See the module.

    Args:
        config: `text_config`. tensors: of the whole model, by name.
    """

    def __init__(self, config: Mapping[str, Any], tensors: Mapping[str, Array]) -> None:
        self._weights = {
            name.removeprefix(PREFIX): tensor
            for name, tensor in tensors.items()
            if name.startswith(PREFIX)
        }
        self.embedding = self._weights["embed_tokens.weight"]
        self._head = tensors.get("lm_head.weight", self.embedding)
        self._layers = int(config["num_hidden_layers"])
        self._heads = int(config["num_attention_heads"])
        self._shared = self._heads // int(config["num_key_value_heads"])
        self._dimension = int(
            config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
        )
        self._eps = float(config["rms_norm_eps"])
        rope = config["rope_parameters"]
        self._sections = [int(n) for n in rope.get("mrope_section", [24, 20, 20])]
        steps = np.arange(0, self._dimension, 2, dtype=np.float32) / self._dimension
        self._frequencies = float(rope["rope_theta"]) ** -steps

    def read(
        self,
        inputs: Array,
        positions: NDArray[np.int64],
        cache: Cache,
        shown: NDArray[np.intp] | None = None,
        deep: Sequence[Array] = (),
    ) -> tuple[Array, Cache]:
        """Logits (vocabulary,) of what follows, and the cache with what was read.

        Args:
            inputs: (length, width) embeddings of what is new.
            positions: (3, length), rotary.
            cache: of what stands before; empty where nothing does.
            shown: places in `inputs` of visual tokens.
            deep: (visual tokens, width) features for each of the first layers.
        """
        known = cache[0][0].shape[2] if cache else 0
        new = len(inputs)
        blocked = None
        if new > 1:
            at = np.arange(known + new)
            hidden = at[None, :] > at[known:, None]
            blocked = np.where(hidden, np.float32(-np.inf), np.float32(0.0))
        cos, sin = self._angles(positions)
        x, grown = inputs, Cache()
        for layer in range(self._layers):
            before = cache[layer] if cache else None
            x, kept = self._layer(x, f"layers.{layer}.", cos, sin, before, blocked)
            grown.append(kept)
            if shown is not None and layer < len(deep):
                x = x.copy()
                x[shown] += deep[layer]
        last = rms_norm(x[-1], self._weights["norm.weight"], self._eps)
        return self._head @ last, grown

    def _angles(self, positions: NDArray[np.int64]) -> tuple[Array, Array]:
        """Cos and sin (length, dimension): time, rows and columns take turns."""
        turns = positions[..., None].astype(np.float32) * self._frequencies
        mixed = turns[0]
        for axis in (1, 2):
            own = slice(axis, self._sections[axis] * 3, 3)
            mixed[:, own] = turns[axis][:, own]
        mixed = np.concatenate([mixed, mixed], axis=-1)
        return np.cos(mixed).astype(np.float32), np.sin(mixed).astype(np.float32)

    def _layer(
        self, x: Array, name: str, cos: Array, sin: Array,
        before: tuple[Array, Array] | None, blocked: Array | None,
    ) -> tuple[Array, tuple[Array, Array]]:  # fmt: skip
        w, eps, count = self._weights, self._eps, len(x)

        def heads(y: Array) -> Array:
            return y.reshape(count, -1, self._dimension).transpose(1, 0, 2)

        normed = rms_norm(x, w[f"{name}input_layernorm.weight"], eps)
        own = f"{name}self_attn."
        q = rms_norm(heads(normed @ w[f"{own}q_proj.weight"].T), w[f"{own}q_norm.weight"], eps)
        k = rms_norm(heads(normed @ w[f"{own}k_proj.weight"].T), w[f"{own}k_norm.weight"], eps)
        v = heads(normed @ w[f"{own}v_proj.weight"].T)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        if before is not None:
            k = np.concatenate([before[0][0], k], axis=1)
            v = np.concatenate([before[1][0], v], axis=1)
        seen: Array = attend(
            q, np.repeat(k, self._shared, 0), np.repeat(v, self._shared, 0), blocked
        )
        mixed = seen.transpose(1, 0, 2).reshape(count, -1) @ w[f"{own}o_proj.weight"].T
        x = np.asarray(x + mixed, np.float32)
        normed = rms_norm(x, w[f"{name}post_attention_layernorm.weight"], eps)
        gate = silu(normed @ w[f"{name}mlp.gate_proj.weight"].T)
        inner = gate * (normed @ w[f"{name}mlp.up_proj.weight"].T)
        x = np.asarray(x + inner @ w[f"{name}mlp.down_proj.weight"].T, np.float32)
        return x, (k[None], v[None])
