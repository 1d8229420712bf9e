"""Length: an answer that rambles to the limit is worth less than one that ends."""

from __future__ import annotations

import numpy as np

from .batch import Floats, ScoredBatch


def length(batch: ScoredBatch, free: int = 256, limit: int = 1024) -> Floats:
    """1 up to `free` generated tokens, falling linearly to 0 at `limit`, (B,) in [0, 1].

    The soft overlong punishment of DAPO (arXiv 2503.14476, section 3.4) turned into a bounded
    reward. It is paid for readable answers only, so that cutting oneself short earns nothing.
    """
    tokens = np.asarray([r.tokens for r in batch.rollouts], dtype=np.float64)
    span = max(1, limit - free)
    return np.where(batch.readable, np.clip((limit - tokens) / span, 0.0, 1.0), 0.0)
