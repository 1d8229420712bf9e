"""Locks: one writer of a file or a folder at a time, given back however the process ends."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ..tools.errors import OutputError

CLOEXEC = getattr(os, "O_CLOEXEC", 0)


def taken(fd: int) -> bool:
    """Lock an open file or folder until it is closed; True where another run holds it.

    Raises:
        OSError: its disk knows no locks.
    """
    try:
        import fcntl
    except ImportError:  # not on Windows, where an open file can't be replaced anyway
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        # Anything else is a disk that knows no locks: nobody is to be waited for.
        return True
    return False


@contextmanager
def only_writer(folder: Path) -> Generator[None]:
    """Within the block no other run that asks so writes into a folder.

    The folder itself is locked, so that no file is left in it. Where that can't be done (Windows,
    some network disks) the block is entered unlocked.

    Args:
        folder: there already.

    Raises:
        OutputError: another run is writing into it.
    """
    fd = -1
    held = False
    with contextlib.suppress(OSError):
        fd = os.open(folder, os.O_RDONLY | CLOEXEC)
        held = taken(fd)
    try:
        if held:
            raise OutputError(
                f"{folder}: another run is writing it.", "Wait for it, or choose another folder."
            )
        yield
    finally:
        if fd >= 0:
            os.close(fd)
