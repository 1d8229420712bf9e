"""The folders that the MCP server may read pictures from, and nothing beside them.

A name comes from a model or a stranger. It is resolved, must lie in one of the folders after that,
and is then opened part by part from the folder's own descriptor without following any link, so
that a link put there between the check and the opening leads nowhere.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from ...tools.errors import ImageError, UsageError

MAX_NAME = 1024


class Roots:
    """Folders given at the start.

    Args:
        folders: that may be read, with everything under them.
        max_bytes: of a file.

    Raises:
        UsageError: no folder, something that is none, the whole file system.
    """

    def __init__(self, folders: Sequence[str | Path], max_bytes: int = 64 * 1024 * 1024) -> None:
        if os.open not in os.supports_dir_fd or not hasattr(os, "O_NOFOLLOW"):
            raise UsageError("this system can't open files without following links.")
        self._max_bytes = max_bytes
        self._folders: list[tuple[str, int]] = []
        for folder in folders:
            real = os.path.realpath(folder)
            if not os.path.isdir(real):
                raise UsageError(f"{folder}: no such folder.", "Name a folder with pictures.")
            if real == os.path.dirname(real):
                raise UsageError("the whole file system can't be a --root.", "Name a folder in it.")
            self._folders.append((real, os.open(real, os.O_RDONLY | os.O_DIRECTORY)))

    def close(self) -> None:
        """Give back the folders' descriptors."""
        for _, descriptor in self._folders:
            os.close(descriptor)
        self._folders.clear()

    def read(self, name: str, label: str) -> tuple[str, bytes]:
        """A file's name inside its folder, and its bytes.

        Args:
            name: relative to one of the folders, or absolute inside one.
            label: what the picture is called in messages.

        Raises:
            ImageError: outside, missing, no regular file, too large. Outside and missing are told
                in the same words, so that nothing can be learnt about other folders.
        """
        if name and len(name) <= MAX_NAME and "\0" not in name:
            for folder, descriptor in self._folders:
                inside = _inside(folder, name)
                content = None if inside is None else self._read(descriptor, inside, label)
                if inside is not None and content is not None:
                    return "/".join(inside), content
        raise ImageError(
            f"{label}: no picture of that name in the folders that this server may read."
        )

    def _read(self, folder: int, inside: list[str], label: str) -> bytes | None:
        """The content; None where there is no such regular file."""
        try:
            descriptor = _open(folder, inside)
        except (OSError, ValueError):
            return None
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                return None
            if status.st_size > self._max_bytes:
                raise self._too_large(label)
            content = bytearray()
            # The file may grow while it is read; no more than the limit is ever held.
            while chunk := os.read(descriptor, min(1 << 20, self._max_bytes + 1 - len(content))):
                content += chunk
                if len(content) > self._max_bytes:
                    raise self._too_large(label)
            return bytes(content)
        except OSError:
            return None
        finally:
            os.close(descriptor)

    def _too_large(self, label: str) -> ImageError:
        return ImageError(f"{label}: larger than the limit of {self._max_bytes / 1e6:.0f} MB.")


def _inside(folder: str, name: str) -> list[str] | None:
    """The parts of a name below a folder, links resolved; None where it lies elsewhere."""
    try:
        real = os.path.realpath(os.path.join(folder, name))
        if os.path.commonpath((folder, real)) != folder or real == folder:
            return None
    except (OSError, ValueError):
        return None
    return os.path.relpath(real, folder).split(os.sep)


def _open(folder: int, parts: list[str]) -> int:
    """Open a file below a folder's descriptor; no part may be a link. Raises OSError."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    here = folder
    try:
        for part in parts[:-1]:
            deeper = os.open(part, flags | os.O_DIRECTORY, dir_fd=here)
            if here != folder:
                os.close(here)
            here = deeper
        # Without blocking: a pipe would otherwise wait for its writer for ever.
        return os.open(parts[-1], flags | os.O_NONBLOCK, dir_fd=here)
    finally:
        if here != folder:
            os.close(here)
