"""The attention mask of several continuations behind one shared beginning."""

from __future__ import annotations

from typing import Any

SHARED, NOBODY = 0, -1
"""Blocks of what a whole group sees, and of padding."""


def shared_mask(blocks: Any, dtype: Any = None, also: Any = None) -> Any:
    """(B, 1, W, L) to be added to attention scores: 0 where a place may look, else very low.

    A place sees what stands before it in block `SHARED`, and in its own block. Padding (`NOBODY`)
    sees padding before it, so that no row is empty.

    Args:
        blocks: (B, L) block of every place.
        dtype: of the mask, float32 where None.
        also: (B, W) a further block that each of the last W places sees; all L look where None.
    """
    import torch

    dtype = dtype or torch.float32
    length = blocks.shape[1]
    width = length if also is None else also.shape[1]
    before = torch.ones(width, length, dtype=torch.bool, device=blocks.device).tril(length - width)
    mine, theirs = blocks[:, length - width :, None], blocks[:, None, :]
    seen = (theirs == SHARED) | (theirs == mine)
    if also is not None:
        seen |= theirs == also[:, :, None]
    allowed = before & seen
    mask = torch.zeros(allowed.shape, dtype=dtype, device=blocks.device)
    return mask.masked_fill_(~allowed, torch.finfo(dtype).min)[:, None]
