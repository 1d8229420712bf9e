"""Muon for the matrices inside the towers, AdamW for everything else, one schedule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LAST_SHARE = 0.05
"""Learning rates end at this share of where they began."""

WARMUP = 0.02
"""Share of a leg in which they rise from nothing."""


def rate(progress: float) -> float:
    """Factor on the learning rates at a share (0 to 1) of a leg: a short rise, a straight fall."""
    if progress < WARMUP:
        return max(progress, WARMUP / 20) / WARMUP
    left = (1.0 - min(progress, 1.0)) / (1.0 - WARMUP)
    return LAST_SHARE + (1.0 - LAST_SHARE) * left


class TwoOptimizers:
    """Steps both optimizers and keeps their state in one dictionary.

    Args:
        named: the parameters that are trained, by name.
        muon: learning rate of matrices (Jordan et al. 2024, Muon; .01 here).
        adam: learning rate of embeddings, norms, biases, convolutions and heads.
    """

    def __init__(self, named: Mapping[str, Any], muon: float, adam: float) -> None:
        import torch

        inner = {n: p for n, p in named.items() if is_inner_matrix(n, p)}
        outer = {n: p for n, p in named.items() if n not in inner}
        self._parts: dict[str, Any] = {}
        if inner:
            self._parts["muon"] = torch.optim.Muon(list(inner.values()), lr=muon, weight_decay=0.0)
        if outer:
            self._parts["adam"] = torch.optim.AdamW(
                list(outer.values()), lr=adam, betas=(0.9, 0.95), weight_decay=0.0
            )
        self._rates = {"muon": muon, "adam": adam}
        self._all = list(named.values())

    def step(self, progress: float, clip: float) -> float:
        """Clip, step, clear; returns the gradient's norm before clipping."""
        import torch

        norm = float(torch.nn.utils.clip_grad_norm_(self._all, clip))
        for name, part in self._parts.items():
            for group in part.param_groups:
                group["lr"] = self._rates[name] * rate(progress)
            part.step()
            part.zero_grad(set_to_none=True)
        return norm

    def state_dict(self) -> dict[str, Any]:
        """Both states."""
        return {name: part.state_dict() for name, part in self._parts.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict`."""
        for name, part in self._parts.items():
            part.load_state_dict(state[name])


def is_inner_matrix(name: str, parameter: Any) -> bool:
    """True for a tower's own matrices; not for embeddings, position tables and heads."""
    outer = ("embed", "lm_head", "heads.")
    return parameter.ndim == 2 and not any(word in name for word in outer)
