"""The attention mask of several continuations behind one shared beginning."""

from __future__ import annotations

from typing import Any


def shared_mask(blocks: Any, dtype: Any = None) -> Any:
    """(B, 1, L, L) to be added to attention scores: 0 where a place may look, else very low.

    A place sees what stands before it in block 0, which all share, and in its own block. Padding
    (-1) sees padding before it, so that no row is empty.

    Args:
        blocks: (B, L) block of every place.
        dtype: of the mask, float32 where None.
    """
    import torch

    dtype = dtype or torch.float32
    length = blocks.shape[1]
    before = torch.ones(length, length, dtype=torch.bool, device=blocks.device).tril()
    mine, theirs = blocks[:, :, None], blocks[:, None, :]
    allowed = before & ((theirs == 0) | (theirs == mine))
    mask = torch.zeros(allowed.shape, dtype=dtype, device=blocks.device)
    return mask.masked_fill_(~allowed, torch.finfo(dtype).min)[:, None]
