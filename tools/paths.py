"""Paths as users write them."""

from __future__ import annotations

import os
from pathlib import Path


def user_path(name: str) -> Path:
    """A path whose `~` is a home folder; as it was written where that is no known user's.

    `Path.expanduser` raises there, and a name may be meant for something else than a file.
    """
    return Path(os.path.expanduser(name))
