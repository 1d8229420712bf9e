"""Places that a command is given and that can't be what they are meant for."""

from __future__ import annotations

from pathlib import Path

from ...tools.errors import UsageError


def check_file(path: Path, cure: str) -> None:
    """Raise UsageError where a folder stands in a file's place (`.`, which has no name of its own).

    Args:
        path: where a file is to be read or written.
        cure: what to name instead.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a folder.", cure)


def check_not_around(target: Path, results: Path | None = None) -> None:
    """Raise UsageError where a target is the working folder, or what is read, or one around it.

    What is written takes the place of what stands there, so `-o . --force` would take the user's
    own files away.

    Args:
        target: is written.
        results: are read.
    """
    if Path.cwd().is_relative_to(target.resolve()):
        raise UsageError(
            f"{target} is the folder that you are in, or one around it.", "Name another to make."
        )
    if results is not None and results.resolve().is_relative_to(target.resolve()):
        raise UsageError(
            f"{target} holds the results, which would be replaced.", "Name another to make."
        )
