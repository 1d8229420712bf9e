"""The order in which questions are asked, the same however often a run was broken off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.utils.data import Sampler


class SameOrder(Sampler[int]):
    """TRL's `RepeatSampler`, which shuffles anew each time that it is gone through.

    It draws every order from one generator, so a run that goes on in its second epoch would see the
    order of the first one again. Here the orders that lie behind are drawn beforehand.

    Args:
        inner: TRL's sampler. epoch: how many epochs lie behind, asked when one begins.
    """

    def __init__(self, inner: Any, epoch: Callable[[], int]) -> None:
        self._inner = inner
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._inner)

    def __iter__(self) -> Iterator[int]:
        if self._inner.shuffle and self._inner.seed is not None:
            generator: torch.Generator = self._inner.generator
            generator.manual_seed(self._inner.seed)
            for _ in range(self._epoch()):
                torch.randperm(self._inner.num_samples, generator=generator)
        yield from self._inner
