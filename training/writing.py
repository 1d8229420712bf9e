"""A full disk, however the library that writes tells of it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

_TORCH = ("PytorchStreamWriter", "inline_container", "unexpected pos", "file write failed")
"""What stands in torch's messages of a file that could not be written."""


@contextmanager
def disk_errors() -> Generator[None]:
    """Within the block a file that can't be written raises OSError, whichever library wrote it.

    safetensors raises an error of its own and torch a RuntimeError. What is not about writing is
    left as it is.
    """
    from safetensors import SafetensorError

    try:
        yield
    except SafetensorError as error:
        if "Error while serializing" not in str(error):
            raise
        raise OSError(str(error)) from error
    except RuntimeError as error:
        if not any(sign in str(error) for sign in _TORCH):
            raise
        raise OSError(str(error)) from error
