"""Loading and writing models without transformers' progress bars."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any


class _Hook:
    """The hook that stands while anybody wants no bars, and the one that stood before."""

    def __init__(self) -> None:
        self.users = 0
        self.before: Any = None
        self.lock = threading.Lock()

    def __call__(
        self, make: Callable[..., Any], args: Sequence[Any], options: Mapping[str, Any]
    ) -> Any:
        return make(*args, **{**options, "disable": True})


_HOOK = _Hook()


@contextmanager
def without_bars() -> Generator[None]:
    """Inside, transformers draws no bars of its own ("Loading weights"), in any thread.

    What a program has set about bars itself is left as it is, and a download from the hub, which
    can take long, is still shown. transformers must be installed.
    """
    from transformers.utils import logging

    with _HOOK.lock:
        if _HOOK.users == 0:
            _HOOK.before = logging.set_tqdm_hook(_HOOK)
        _HOOK.users += 1
    try:
        yield
    finally:
        with _HOOK.lock:
            _HOOK.users -= 1
            if _HOOK.users == 0:
                logging.set_tqdm_hook(_HOOK.before)
