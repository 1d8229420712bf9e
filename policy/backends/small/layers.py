"""What both towers are made of, on float32 arrays whose last axis is the width."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from .weights import Array

# Python's floats would make float64 of it, in the types at least.
ONE, HALF = np.float32(1.0), np.float32(0.5)


def linear(x: Array, weights: Mapping[str, Array], name: str) -> Array:
    """The product with the weight, and the bias where there is one."""
    out = x @ weights[f"{name}.weight"].T
    bias = weights.get(f"{name}.bias")
    return out if bias is None else out + bias


def layer_norm(x: Array, weights: Mapping[str, Array], name: str, eps: float = 1e-6) -> Array:
    """Centred and scaled to unit variance."""
    centred = x - x.mean(-1, keepdims=True)
    scale = ONE / np.sqrt((centred * centred).mean(-1, keepdims=True) + np.float32(eps))
    return centred * scale * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def rms_norm(x: Array, weight: Array, eps: float) -> Array:
    """Scaled to unit root mean square."""
    scale: Array = np.sqrt((x * x).mean(-1, keepdims=True) + np.float32(eps))
    return x / scale * weight


def gelu(x: Array) -> Array:
    """The exact one."""
    scaled = x / np.float32(math.sqrt(2.0))
    error = np.fromiter(map(math.erf, scaled.ravel().tolist()), np.float32, x.size)
    return np.asarray(HALF * x * (ONE + error.reshape(x.shape)), np.float32)


def gelu_tanh(x: Array) -> Array:
    """The usual approximation."""
    inner = np.float32(math.sqrt(2.0 / math.pi)) * (x + np.float32(0.044715) * x * x * x)
    return HALF * x * (ONE + np.tanh(inner))


def silu(x: Array) -> Array:
    """The argument times its sigmoid."""
    # exp overflows to infinity for very negative x, and x / inf is the right zero.
    with np.errstate(over="ignore"):
        return x / (ONE + np.exp(-x))


def rotate(x: Array, cos: Array, sin: Array) -> Array:
    """Rotary embedding of (..., heads, length, dimension); cos and sin are (length, dimension)."""
    half = x.shape[-1] // 2
    turned = np.concatenate([-x[..., half:], x[..., :half]], axis=-1)
    return np.asarray(x * cos + turned * sin, np.float32)


def attend(q: Array, k: Array, v: Array, blocked: Array | None = None) -> Array:
    """(heads, queries, dimension) of softmax attention.

    Args:
        q: (heads, queries, dimension).
        k: (heads, keys, dimension).
        v: as `k`.
        blocked: (queries, keys), added to the scores; minus infinity where nothing may be seen.
    """
    scores = q @ k.swapaxes(-1, -2) * np.float32(q.shape[-1] ** -0.5)
    if blocked is not None:
        scores = scores + blocked
    scores = np.exp(scores - scores.max(-1, keepdims=True))
    return (scores / scores.sum(-1, keepdims=True)) @ v
