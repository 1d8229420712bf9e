"""Lighting: the change of colours that explains one registered picture by the other."""

from __future__ import annotations

import numpy as np

from .rasters import Bytes, Floats

SAMPLES = 20_000
ROUNDS = 6
DARK, BRIGHT = 4.0, 251.0
"""Values beyond which a channel is clipped, so that it says nothing about the light."""


def relight_to(values: Bytes, goal: Bytes, inside: np.ndarray) -> Floats:
    """A picture in the light of another: what the other would show if nothing had changed.

    Each channel of the goal is fitted by all three channels and the square and cube of its own
    (gain, white balance, gamma), by least squares that leave the worst residuals out, round by
    round; and clipped as a camera clips, so that what burns out in the goal burns out here too.

    Args:
        values: (h, w, 3) uint8, the picture to relight.
        goal: (h, w, 3) uint8, the other, registered.
        inside: (h, w) bool, where both show the scene.

    Returns:
        (h, w, 3) float32, 0 to 255.
    """
    step = max(1, int(np.sqrt(inside.sum() / SAMPLES)))
    chosen = inside[::step, ::step]
    x, y = values[::step, ::step][chosen], goal[::step, ::step][chosen].astype(np.float64)
    out = np.empty(values.shape, dtype=np.float32)
    flat = values.reshape(-1, 3)
    for channel in range(3):
        fit = _fit_channel(_basis(x, channel), y[:, channel], channel)
        mapped = flat[:, channel] if fit is None else _basis(flat, channel) @ fit
        out[..., channel] = np.clip(mapped, 0.0, 255.0).reshape(out.shape[:2])
    return out


def _basis(rgb: np.ndarray, channel: int) -> np.ndarray:
    """Columns 1, r, g, b, and the square and cube of one channel, scaled to 0 to 1; (n, 6)."""
    scaled = rgb.astype(np.float32) / np.float32(255.0)
    own = scaled[:, channel]
    return np.column_stack([np.ones(len(scaled), np.float32), scaled, own**2, own**3])


def _fit_channel(x: np.ndarray, y: np.ndarray, channel: int) -> np.ndarray | None:
    """Trimmed ridge regression; None where too few values are not clipped."""
    usable = (y > DARK) & (y < BRIGHT)
    x, y = x[usable].astype(np.float64), y[usable]
    if len(y) < 100:
        return None
    # The ridge pulls towards the light being the same, so that sparse data can't twist the curve.
    prior = np.zeros(x.shape[1])
    prior[1 + channel] = 255.0
    ridge = 1e-4 * len(y) * np.eye(x.shape[1])
    keep = np.ones(len(y), dtype=bool)
    fit = prior
    for _ in range(ROUNDS):
        a, b = x[keep], y[keep]
        fit = np.linalg.solve(a.T @ a + ridge, a.T @ b + ridge @ prior)
        residual = np.abs(x @ fit - y)
        keep = residual <= max(2.0, 2.5 * float(np.median(residual)))
    return fit
