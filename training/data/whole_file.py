"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from ...tools.errors import GemvgError, OutputError


@contextmanager
def whole_file(path: Path) -> Generator[TextIO]:
    """A text file (UTF-8) that takes its place, on disk, when the block has ended well.

    Until then, and where the block raises, what stood there before stays; nothing is left beside.

    Raises:
        OutputError: it can't be written.
    """
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except GemvgError:
        # The block's own, some of which are OSErrors too: they are not about this file.
        raise
    except OSError as error:
        raise OutputError(f"{path}: can't be written.", "Is the disk full?") from error
    finally:
        # Still there only where something went wrong.
        with suppress(OSError):
            temporary.unlink()
