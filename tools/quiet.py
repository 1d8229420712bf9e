"""Reading without the warnings of the libraries that read."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Generator
from contextlib import contextmanager


class _Filters:
    """How many are reading, and the filters that stood before the first of them."""

    def __init__(self) -> None:
        self.users = 0
        self.before: warnings.catch_warnings[None] | None = None
        self.lock = threading.Lock()


_FILTERS = _Filters()


@contextmanager
def without_warnings() -> Generator[None]:
    """Inside, no warning is shown, in any thread; a program's own filters come back afterwards.

    The filters belong to the process. Were they saved by each thread for itself, one that began
    while another was inside would put back that one's, and all warnings would stay off for good.
    """
    with _FILTERS.lock:
        if _FILTERS.users == 0:
            _FILTERS.before = warnings.catch_warnings()
            _FILTERS.before.__enter__()
            warnings.simplefilter("ignore")
        _FILTERS.users += 1
    try:
        yield
    finally:
        with _FILTERS.lock:
            _FILTERS.users -= 1
            if _FILTERS.users == 0 and _FILTERS.before is not None:
                _FILTERS.before.__exit__(None, None, None)
                _FILTERS.before = None
